"""The layout of docs/decisions and its budgets, held by a test from the first commit."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import sparring

SOURCE = Path(sparring.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST_FUNCTION, LONGEST_FILE = 60, 400
BUDGETS = {"step.py": 60, "run.py": 250}  # files with a budget of their own


def test_imports_point_one_way() -> None:
    ran = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"],
        cwd=SOURCE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= BUDGETS.get(path.name, LONGEST_FILE)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert code_lines(node) <= LONGEST_FUNCTION, f"{node.name} is too long"


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a body; what tells users about it (signature, docstring) may be as long as it must."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]


def test_import_loads_no_torch() -> None:
    code = "import sys, sparring; dir(sparring); print('torch' in sys.modules, 'numpy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False"]


def test_the_command_line_answers_help_without_torch() -> None:
    code = """
import sys, sparring.cli
try:
    sparring.cli.main(["train", "--help"])
except SystemExit:
    pass
print("torch" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split()[-1] == "False"


def test_no_module_hides_a_verb() -> None:
    for module in pkgutil.walk_packages([str(SOURCE)], "sparring."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in sparring.__all__:
        assert not isinstance(getattr(sparring, name), type(sys)), f"sparring.{name} is a module"
    for verb in ("train", "load", "bench"):
        assert callable(getattr(sparring, verb))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trainn'"):
        sparring.trainn  # noqa: B018
