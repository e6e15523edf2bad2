"""SP409: oscillation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import played, wobble


def bad() -> list[Case]:
    """D and G chase each other at a steady beat."""
    return [
        Case("every iteration, a beat of 80", _fast, "history"),
        Case("every 100th iteration, a slow beat", _slow, "history"),
    ]


def good() -> list[Case]:
    """Movement without a beat, or without a chase."""
    return [
        Case("a slow wander", _wander, "history"),
        Case("a beat in both at once, as of a schedule", _together, "history"),
        Case("one wave, not three", _one_wave, "history"),
    ]


def _fast(folder: Path) -> dict[str, Any]:
    beat = 1.2 * np.sin(2 * np.pi * np.arange(900) / 80)
    return played(1.2 + beat, -1.2 - beat, rows=900, seed=1)


def _slow(folder: Path) -> dict[str, Any]:
    beat = 0.9 * np.sin(2 * np.pi * np.arange(500) / 45)
    return played(1.1 + beat, -1.1 - beat, rows=500, every=100, seed=2)


def _wander(folder: Path) -> dict[str, Any]:
    level = 1.2 + wobble(900, 3, 0.5, 0.99)
    return played(level, -level, rows=900, seed=3)


def _together(folder: Path) -> dict[str, Any]:
    beat = 0.3 * np.sin(2 * np.pi * np.arange(900) / 90)
    return played(1.0 - beat, -1.0 - 0.5 * beat, rows=900, seed=4)


def _one_wave(folder: Path) -> dict[str, Any]:
    beat = 0.8 * np.sin(2 * np.pi * np.arange(600) / 500)
    return played(1.2 + beat, -1.2 - beat, rows=600, seed=5)
