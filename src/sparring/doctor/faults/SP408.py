"""SP408: generator-target-flipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import played


def bad() -> list[Case]:
    """G is rewarded for being recognised."""
    return [
        Case("binary cross-entropy", _bce, "history"),
        Case("every 100th iteration, an average, the loss not told", _average, "history"),
        Case("hinge", _hinge, "history"),
    ]


def good() -> list[Case]:
    """Both losses are low, as far as the same score allows; least squares are lower still."""
    return [
        Case("a sound game", _sound, "history"),
        Case("an average of two terms", _average_sound, "history"),
        Case("least squares, the loss not told", _squares, "history"),
        Case("a G far ahead of a D that pays for it", _paid, "history"),
    ]


def _bce(folder: Path) -> dict[str, Any]:
    level = np.linspace(1.0, 7.0, 600)
    return played(level, -level, flipped=True)


def _average(folder: Path) -> dict[str, Any]:
    return played(6.0, -7.0, flipped=True, average=True, rows=300, every=100, seed=2, told=False)


def _hinge(folder: Path) -> dict[str, Any]:
    return played(1.5, -1.5, loss="hinge", flipped=True, every=10, seed=3)


def _sound(folder: Path) -> dict[str, Any]:
    return played(1.0, -1.0, seed=4)


def _average_sound(folder: Path) -> dict[str, Any]:
    return played(0.8, -0.6, average=True, every=50, seed=5, told=False)


def _squares(folder: Path) -> dict[str, Any]:
    return played(0.75, 0.25, loss="least-squares", spread=0.15, seed=6, told=False, every=100)


def _paid(folder: Path) -> dict[str, Any]:
    return played(2.0, 0.1, every=20, seed=7)
