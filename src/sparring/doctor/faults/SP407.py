"""SP407: wrong-network-updated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import recorded


def bad() -> list[Case]:
    """A step moves the other network too."""
    return [
        Case("one optimiser for both", _shared, "history"),
        Case("G in D's step, every 20th iteration", _g_in_d, "history"),
    ]


def good() -> list[Case]:
    """Each step moves its own."""
    return [
        Case("sound", _sound, "history"),
        Case("rounding", _rounding, "history"),
    ]


def _shared(folder: Path) -> dict[str, Any]:
    return recorded(d_moved_in_d_step=3e-3, d_moved_in_g_step=3e-3, g_moved_in_g_step=2e-3)


def _g_in_d(folder: Path) -> dict[str, Any]:
    return recorded(every=20, g_moved_in_d_step=1e-4, g_moved_in_g_step=2e-3)


def _sound(folder: Path) -> dict[str, Any]:
    return recorded(d_moved_in_d_step=3e-3, d_moved_in_g_step=0.0, g_moved_in_d_step=0.0)


def _rounding(folder: Path) -> dict[str, Any]:
    return recorded(d_moved_in_d_step=3e-3, d_moved_in_g_step=1e-12)
