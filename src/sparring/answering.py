"""How the command line answers: text, or one JSON document on standard output."""

from __future__ import annotations

import json
from typing import Any


def answer(as_json: bool, found: dict[str, Any], text: str) -> None:
    """Prints a result; "ok" is true where `found` does not say otherwise."""
    print(json.dumps({"ok": True} | found) if as_json else text)


def examples(lines: str) -> str:
    """Lines as the end of a help page."""
    return "Examples:\n" + "\n".join(f"  {line}" for line in lines.strip().splitlines())
