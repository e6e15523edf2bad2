"""SP609: checkerboard-artefact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._quality import evaluated, ramp
from sparring.doctor.faults._running import wobble


def bad() -> list[Case]:
    """A grid lies over the pictures, and stays."""
    return [
        Case("forty times its neighbours", _forty, "history"),
        Case("growing", _growing, "history"),
    ]


def good() -> list[Case]:
    """Grids that fade, and grids that reals have."""
    return [
        Case("a young generator", _fades, "history"),
        Case("fading slowly", _slowly, "history"),
        Case("pixel art", _pixels, "history"),
    ]


def _forty(folder: Path) -> dict[str, Any]:
    return evaluated(checkerboard=40.0 * np.exp(wobble(10, 1, 0.1)))


def _growing(folder: Path) -> dict[str, Any]:
    return evaluated(checkerboard=ramp(3.0, 60.0))


def _fades(folder: Path) -> dict[str, Any]:
    return evaluated(checkerboard=ramp(200.0, 2.0))


def _slowly(folder: Path) -> dict[str, Any]:
    return evaluated(checkerboard=ramp(200.0, 40.0))


def _pixels(folder: Path) -> dict[str, Any]:
    return evaluated(checkerboard=30.0, checkerboard_reals=28.0)
