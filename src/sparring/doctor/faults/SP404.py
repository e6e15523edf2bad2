"""SP404: generator-gradient-vanished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import recorded, wobble


def bad() -> list[Case]:
    """G's gradient sinks to next to nothing."""
    return [
        Case("slowly", _slowly, "history"),
        Case("at once, every 100th iteration", _at_once, "history"),
    ]


def good() -> list[Case]:
    """A gradient that shrinks as training settles, or is small from the start."""
    return [
        Case("to a tenth", _settles, "history"),
        Case("small from the start", _small, "history"),
        Case("gone for a few iterations", _briefly, "history"),
    ]


def _slowly(folder: Path) -> dict[str, Any]:
    norm = 2.0 * np.exp(-np.linspace(0, 12, 400) + wobble(400, 1))
    return recorded(g_gradient=norm)


def _at_once(folder: Path) -> dict[str, Any]:
    norm = np.where(np.arange(400) < 200, 0.7, 1e-5) * np.exp(wobble(400, 2))
    return recorded(every=100, g_gradient=norm)


def _settles(folder: Path) -> dict[str, Any]:
    norm = 2.0 * np.exp(-np.linspace(0, 2.3, 400) + wobble(400, 3))
    return recorded(g_gradient=norm)


def _small(folder: Path) -> dict[str, Any]:
    return recorded(g_gradient=1e-5, d_gradient=0.2)


def _briefly(folder: Path) -> dict[str, Any]:
    norm = 2.0 * np.exp(wobble(400, 4))
    norm[200:210] = 1e-6
    return recorded(g_gradient=norm)
