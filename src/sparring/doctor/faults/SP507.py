"""SP507: optimiser-shock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import recorded, wobble


def bad() -> list[Case]:
    """A gradient far above what Adam is used to."""
    return [
        Case("D's, once", _once, "history"),
        Case("G's, in sparse rows", _sparse, "history"),
    ]


def good() -> list[Case]:
    """The ratio wavers round 1; it is large in the first steps."""
    return [
        Case("sound", _sound, "history"),
        Case("the first steps", _first, "history"),
    ]


def _once(folder: Path) -> dict[str, Any]:
    ratio = np.exp(wobble(400, 1, 0.15))
    ratio[300] = 7.0
    return recorded(d_shock=ratio)


def _sparse(folder: Path) -> dict[str, Any]:
    ratio = np.exp(wobble(300, 2, 0.15))
    ratio[[120, 121, 200]] = 6.0
    return recorded(rows=300, every=20, g_shock=ratio)


def _sound(folder: Path) -> dict[str, Any]:
    return recorded(d_shock=np.exp(wobble(400, 3, 0.15)), g_shock=1.0)


def _first(folder: Path) -> dict[str, Any]:
    ratio = np.exp(wobble(400, 4, 0.15))
    ratio[:10] = 5.0
    return recorded(start=0, d_shock=ratio)
