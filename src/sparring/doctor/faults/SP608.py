"""SP608: quality-regressed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._quality import evaluated, ramp
from sparring.doctor.faults._running import wobble


def bad() -> list[Case]:
    """It was better before."""
    return [
        Case("slowly worse", _slowly, "history"),
        Case("worse at once, and so it stays", _at_once, "history"),
    ]


def good() -> list[Case]:
    """Runs that waver, settle, or recover."""
    return [
        Case("a plateau with noise", _plateau, "history"),
        Case("worse for a while", _recovers, "history"),
        Case("near the floor, within the noise", _floor, "history"),
    ]


def _slowly(folder: Path) -> dict[str, Any]:
    return evaluated(value=[2.0, 1.2, 0.8, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4])


def _at_once(folder: Path) -> dict[str, Any]:
    return evaluated(value=[2.0, 1.2, 0.8, 0.6, 0.5, 0.45, 0.44, 1.5, 1.6, 1.4])


def _plateau(folder: Path) -> dict[str, Any]:
    return evaluated(n=20, value=np.maximum(0.4, ramp(2.0, 0.1, 20)) * (1 + wobble(20, 5, 0.05)))


def _recovers(folder: Path) -> dict[str, Any]:
    return evaluated(value=[2.0, 1.2, 0.8, 0.6, 0.9, 0.9, 0.8, 0.58, 0.5, 0.45])


def _floor(folder: Path) -> dict[str, Any]:
    return evaluated(value=0.003 + wobble(10, 6, 0.002), noise=0.002)
