"""SP601: mode-collapse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._quality import evaluated, ramp
from sparring.doctor.faults._running import recorded, wobble


def bad() -> list[Case]:
    """All pictures become one."""
    return [
        Case("late, after it was well", _late, "history"),
        Case("before step 1,000, after it was well", _early, "history"),
        Case("from the start, by what each batch shows", _batches, "history"),
    ]


def good() -> list[Case]:
    """A young generator, and data of few colours."""
    return [
        Case("gray at first, every 100 steps", _young, "history"),
        Case("narrow, but far from one picture", _narrow, "history"),
        Case("one evaluation that went wrong", _once, "history"),
        Case("batches of which some are alike", _some, "history"),
    ]


def _late(folder: Path) -> dict[str, Any]:
    return evaluated(spread=[0.5, 0.7, 0.8, 0.8, 0.6, 0.3, 0.06, 0.04, 0.03, 0.03])


def _early(folder: Path) -> dict[str, Any]:
    return evaluated(every=120, spread=[0.4, 0.5, 0.4, 0.07, 0.05, 0.04, 0.04, 0.03, 0.03, 0.03])


def _batches(folder: Path) -> dict[str, Any]:
    return recorded(rows=400, every=5, g_spread=0.04 * np.exp(wobble(400, 1)))


def _young(folder: Path) -> dict[str, Any]:
    return evaluated(n=20, every=100, spread=np.minimum(0.9, ramp(0.01, 1.5, 20)))


def _narrow(folder: Path) -> dict[str, Any]:
    return evaluated(spread=0.3)


def _once(folder: Path) -> dict[str, Any]:
    return evaluated(spread=[0.8, 0.8, 0.8, 0.8, 0.05, 0.8, 0.8, 0.8, 0.8, 0.8])


def _some(folder: Path) -> dict[str, Any]:
    spread = 0.8 * np.exp(wobble(400, 2))
    spread[::9] = 0.02
    return recorded(rows=400, every=5, g_spread=spread)
