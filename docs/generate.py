"""Writes the pages that are made from the code: docs/cli.txt and docs/rules. A test fails when they are stale.

python docs/generate.py
"""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from sparring.cli import app
from sparring.doctor.catalogue import rules
from sparring.doctor.explaining import page

DOCS = Path(__file__).parent
VERBS = (
    "train", "sample", "export", "measure", "check", "diagnose", "data", "explain", "rules", "recipes", "report",
    "watch", "film", "bench",
)  # fmt: skip


def cli_text() -> str:
    """What `sparring --help` and every verb's `--help` print, 110 columns wide."""
    pages = []
    for words in ([], *([verb] for verb in VERBS)):
        text = io.StringIO()
        app.help_print(words, console=Console(file=text, width=110, force_terminal=False, color_system=None))
        lines = [line.rstrip() for line in text.getvalue().splitlines()]
        pages.append("\n".join([f"$ {' '.join(['sparring', *words])} --help", *lines]).rstrip())
    return "\n\n".join(pages) + "\n"


def rule_pages() -> dict[str, str]:
    """The page of each rule, and one that lists them, by file name."""
    found = {f"{rule.code}.md": page(rule) for rule in rules().values()}
    lines = ["# The doctor's rules", "", "| code | name | severity | |", "|---|---|---|---|"]
    lines += [f"| [{r.code}]({r.code}.md) | {r.name} | {r.severity} | {r.title} |" for r in rules().values()]
    return found | {"README.md": "\n".join(lines) + "\n"}


def pages() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    return {DOCS / "cli.txt": cli_text()} | {DOCS / "rules" / name: text for name, text in rule_pages().items()}


if __name__ == "__main__":
    (DOCS / "rules").mkdir(exist_ok=True)
    for path, content in pages().items():
        path.write_text(content, encoding="utf-8")
    for path in (DOCS / "rules").glob("*.md"):
        if path not in pages():
            path.unlink()
