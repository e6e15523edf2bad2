"""SP508: steps-rewound."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import played


def bad() -> list[Case]:
    """The training goes back again and again."""
    return [
        Case("the counter goes back nine times", _back, "history"),
        Case("a checkpoint is loaded in every iteration", _loads, "history"),
    ]


def good() -> list[Case]:
    """A resume or two."""
    return [
        Case("never", _never, "history"),
        Case("one resume", _resume, "history"),
    ]


def _back(folder: Path) -> dict[str, Any]:
    run = played(1.0, -1.0)
    jumps = tuple((1000 + 60 * i, 1000 + 60 * i - 50) for i in range(1, 10))
    return run | {"history": dataclasses.replace(run["history"], rewinds=jumps)}


def _loads(folder: Path) -> dict[str, Any]:
    run = played(1.0, -1.0, seed=1)
    loads = tuple((step, "checkpoint loaded") for step in range(1000, 1400))
    return run | {"history": dataclasses.replace(run["history"], events=loads)}


def _never(folder: Path) -> dict[str, Any]:
    return played(1.0, -1.0, seed=2)


def _resume(folder: Path) -> dict[str, Any]:
    run = played(1.0, -1.0, seed=3)
    return run | {
        "history": dataclasses.replace(run["history"], rewinds=((1300, 1250),), events=((1250, "checkpoint loaded"),))
    }
