"""SP611: augmentation-leak."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._quality import evaluated


def bad() -> list[Case]:
    """Holes of an augmentation are in the samples."""
    return [
        Case("cutout", _cutout, "history"),
        Case("translation, every 300 steps", _translation, "history"),
    ]


def good() -> list[Case]:
    """Gray places of other origin."""
    return [
        Case("reals have them, too", _reals, "history"),
        Case("early", _early, "history"),
    ]


def _cutout(folder: Path) -> dict[str, Any]:
    return evaluated(leak=[0.0, 0.05, 0.2, 0.4, 0.5, 0.55, 0.6, 0.6, 0.6, 0.6])


def _translation(folder: Path) -> dict[str, Any]:
    return evaluated(every=300, leak=0.8)


def _reals(folder: Path) -> dict[str, Any]:
    return evaluated(leak=0.3, leak_reals=0.28)


def _early(folder: Path) -> dict[str, Any]:
    return evaluated(leak=[0.6, 0.2, 0.05, 0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01])
