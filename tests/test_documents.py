"""README and docs are true: their code runs, their commands parse, their tables name what is there."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sparring.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text()) if kind == language]


WITH_PYTHON = [page for page in PAGES if blocks(page, "python")]


def test_there_are_blocks_to_run() -> None:
    assert ROOT / "README.md" in WITH_PYTHON


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_python_block_runs(page: Path, tmp_path: Path) -> None:
    """All blocks of a page one after the other, in an empty folder, warnings as errors."""
    code = "\n".join(blocks(page, "python"))
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_is_one(page: Path) -> None:
    """`sparring ...` parses, `make ...` is a target; a command in a table's cell counts too."""
    lines = [line[2:] for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ ")]
    lines += re.findall(r"^\| `(sparring [^`]+)`", page.read_text(), re.M)
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[0] == "sparring":
            app.parse_args(words[1:], exit_on_error=False, print_error=False)
        elif words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.M), words
        else:
            assert words[0] in ("pip", "python") or "pip" in words, line


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_readme_names_every_source_file() -> None:
    named = set(re.findall(r"`([\w/]+\.py)`", (ROOT / "README.md").read_text()))
    source = ROOT / "src" / "sparring"
    # A file a rule, its faults, a log format: tables list these, the README names their folders.
    listed = ("doctor/rules/", "doctor/faults/", "doctor/readers/")
    there = {name for p in source.rglob("*.py") if not (name := str(p.relative_to(source))).startswith(listed)}
    assert there - named == set()
    assert named - there == set()


def test_generated_pages_are_fresh() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    there = set((ROOT / "docs" / "rules").glob("*.md")) | {ROOT / "docs" / "cli.txt"}
    assert there == set(generate.pages()), "run: python docs/generate.py"
    for path, text in generate.pages().items():
        assert path.read_text() == text, f"{path.name} is stale; run: python docs/generate.py"


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_every_example_runs(example: Path, tmp_path: Path) -> None:
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-W", "error", example], cwd=tmp_path, capture_output=True, text=True, env=env, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout
