"""Each rule's planted fault and its healthy neighbours: SPxxx.py with bad() and good(). Tests; what explain shows."""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import CodeType
from typing import Any


@dataclass(frozen=True)
class Case:
    """Something to be examined.

    Attributes:
        name: what it is, in a few words ("Keras, a functional model").
        build: (an empty folder) -> the arguments of the verb that examines it.
        verb: "check" (two networks), "data" (a folder of pictures) or "history" (the numbers of a training that ran).
        also: codes of errors and warnings that rightly come with this fault.
    """

    name: str
    build: Callable[[Path], dict[str, Any]]
    verb: str = "check"
    also: tuple[str, ...] = ()


def has_faults(code: str) -> bool:
    """Whether the faults of a rule are written down."""
    return find_spec(f"{__name__}.{code}") is not None


def bad(code: str) -> list[Case]:
    """Cases in which a rule must speak, in at least two disguises where it looks at networks."""
    return list(importlib.import_module(f"{__name__}.{code}").bad())


def good(code: str) -> list[Case]:
    """Cases on which no rule may raise an error or a warning."""
    return list(importlib.import_module(f"{__name__}.{code}").good())


def source(case: Case) -> str:
    """The program of a case, for people to read."""
    parts: dict[str, str] = {}
    _gather(case.build, parts)
    *helpers, own = parts.values()
    return "\n\n\n".join([*(text for text in helpers if text.count("\n") < _LONG), own])


_LONG = 25  # lines: what makes up a whole log says no more to a reader than its name


def _gather(build: Any, parts: dict[str, str]) -> None:
    """Adds the source of what a function calls of these files, and then its own, each once."""
    if build.__name__ in parts:
        return
    parts[build.__name__] = ""  # it may call itself
    code = getattr(build, "__code__", None)
    for name in _names(code) if code is not None else ():
        used = build.__globals__.get(name)
        if getattr(used, "__module__", "").startswith(__name__) and (inspect.isfunction(used) or inspect.isclass(used)):
            _gather(used, parts)
    del parts[build.__name__]
    parts[build.__name__] = textwrap.dedent(inspect.getsource(build)).strip()


def _names(code: CodeType) -> list[str]:
    """Names that a function and those within it look up, in the order in which they first stand there."""
    within = [name for const in code.co_consts if isinstance(const, CodeType) for name in _names(const)]
    return list(dict.fromkeys([*code.co_names, *within]))
