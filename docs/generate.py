"""Writes the pages that are made from the code: docs/cli.txt. A test fails when they are stale.

python docs/generate.py
"""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from sparring.cli import app

DOCS = Path(__file__).parent
VERBS = ("train", "sample", "measure", "recipes", "bench")


def cli_text() -> str:
    """What `sparring --help` and every verb's `--help` print, 110 columns wide."""
    pages = []
    for words in ([], *([verb] for verb in VERBS)):
        text = io.StringIO()
        app.help_print(words, console=Console(file=text, width=110, force_terminal=False, color_system=None))
        lines = [line.rstrip() for line in text.getvalue().splitlines()]
        pages.append("\n".join([f"$ {' '.join(['sparring', *words])} --help", *lines]).rstrip())
    return "\n\n".join(pages) + "\n"


if __name__ == "__main__":
    (DOCS / "cli.txt").write_text(cli_text(), encoding="utf-8")
