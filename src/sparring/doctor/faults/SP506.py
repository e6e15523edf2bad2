"""SP506: update-out-of-band."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import recorded


def bad() -> list[Case]:
    """Steps out of all proportion to the weights."""
    return [
        Case("D's a fifth of its weights", _large, "history"),
        Case("G's a millionth, every 50th iteration", _small, "history"),
    ]


def good() -> list[Case]:
    """Steps within the band, and ones that sink with a schedule."""
    return [
        Case("sound", _sound, "history"),
        Case("a schedule to 0", _schedule, "history"),
    ]


def _large(folder: Path) -> dict[str, Any]:
    return recorded(d_moved_in_d_step=0.2, g_moved_in_g_step=2e-3)


def _small(folder: Path) -> dict[str, Any]:
    return recorded(every=50, g_moved_in_g_step=1e-6, d_moved_in_d_step=2e-3)


def _sound(folder: Path) -> dict[str, Any]:
    return recorded(d_moved_in_d_step=4e-3, g_moved_in_g_step=5e-4)


def _schedule(folder: Path) -> dict[str, Any]:
    return recorded(d_moved_in_d_step=2e-3 * np.linspace(1, 0.001, 400) ** 2)
