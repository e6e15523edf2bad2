"""Each rule's planted fault and its healthy neighbours: SPxxx.py with bad() and good(). Tests; what explain shows."""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
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
    return textwrap.dedent(inspect.getsource(case.build))
