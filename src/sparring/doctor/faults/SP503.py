"""SP503: loss-drift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import played, wobble


def bad() -> list[Case]:
    """G's loss climbs out of its level."""
    return [
        Case("every iteration", _climbs, "history"),
        Case("every 100th iteration, at the end only", _late, "history"),
    ]


def good() -> list[Case]:
    """It keeps its level; noise with memory is no drift."""
    return [
        Case("sound", _sound, "history"),
        Case("noise with memory", _memory, "history"),
    ]


def _climbs(folder: Path) -> dict[str, Any]:
    level = np.linspace(1.0, 3.0, 500)
    return played(level, -level, rows=500)


def _late(folder: Path) -> dict[str, Any]:
    fake = -1.0 - 3.0 * np.clip(np.arange(400) / 100 - 3, 0, 1)
    return played(1.2, fake, rows=400, every=100, seed=1)


def _sound(folder: Path) -> dict[str, Any]:
    return played(1.0, -1.0, rows=1500, seed=2)


def _memory(folder: Path) -> dict[str, Any]:
    level = 1.0 + wobble(800, 3, 0.15, 0.8)
    return played(level, -level, rows=800, seed=3)
