"""SP504: gradient-exploding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import recorded, wobble


def bad() -> list[Case]:
    """A gradient grows without end."""
    return [
        Case("D's, past 100", _past, "history"),
        Case("G's, ten times what it was and rising, every 10th iteration", _rising, "history"),
    ]


def good() -> list[Case]:
    """Gradients with freaks, and ones that settle higher."""
    return [
        Case("sound", _sound, "history"),
        Case("a freak batch now and then", _freaks, "history"),
        Case("a level five times higher", _higher, "history"),
    ]


def _past(folder: Path) -> dict[str, Any]:
    norm = 2.0 * np.exp(np.linspace(0, 8.0, 400) + wobble(400, 1))
    return recorded(d_gradient=norm, g_gradient=1.0)


def _rising(folder: Path) -> dict[str, Any]:
    norm = 0.3 * np.exp(np.linspace(0, 6.5, 400) + wobble(400, 2))
    return recorded(every=10, g_gradient=norm)


def _sound(folder: Path) -> dict[str, Any]:
    return recorded(d_gradient=4.0, g_gradient=1.0)


def _freaks(folder: Path) -> dict[str, Any]:
    norm = 3.0 * np.exp(wobble(400, 3))
    norm[[100, 250]] = 900.0
    return recorded(d_gradient=norm)


def _higher(folder: Path) -> dict[str, Any]:
    norm = np.where(np.arange(400) < 100, 1.0, 5.0) * np.exp(wobble(400, 4))
    return recorded(d_gradient=norm)
