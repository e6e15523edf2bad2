"""SP406: generator-not-updated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import recorded


def bad() -> list[Case]:
    """G's step changes nothing of G."""
    return [
        Case("from the start", _always, "history"),
        Case("from the middle on, every 50th iteration", _later, "history"),
        Case("and the other step does: crossed", _crossed, "history", also=("SP407",)),
    ]


def good() -> list[Case]:
    """G moves in its own step; or does not at the very start of a schedule."""
    return [
        Case("sound", _sound, "history"),
        Case("a first step with a rate of 0", _first, "history"),
    ]


def _always(folder: Path) -> dict[str, Any]:
    return recorded(g_moved_in_g_step=0.0, d_moved_in_d_step=2e-3)


def _later(folder: Path) -> dict[str, Any]:
    moved = np.where(np.arange(400) < 200, 3e-3, 0.0)
    return recorded(every=50, g_moved_in_g_step=moved)


def _crossed(folder: Path) -> dict[str, Any]:
    return recorded(g_moved_in_g_step=0.0, g_moved_in_d_step=2e-3)


def _sound(folder: Path) -> dict[str, Any]:
    return recorded(g_moved_in_g_step=2e-3, d_moved_in_d_step=2e-3, g_moved_in_d_step=0.0)


def _first(folder: Path) -> dict[str, Any]:
    moved = np.full(400, 2e-3)
    moved[0] = 0.0
    return recorded(start=0, g_moved_in_g_step=moved)
