"""SP607: memorisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._quality import evaluated, ramp


def bad() -> list[Case]:
    """Fakes come to lie on training pictures."""
    return [
        Case("more and more", _more, "history"),
        Case("from early on, a third of the distance", _early, "history"),
    ]


def good() -> list[Case]:
    """Pictures that are near to everything, or to nothing."""
    return [
        Case("blurred ones: as near to held-out pictures", _blurred, "history"),
        Case("good ones: a little nearer to training pictures", _good_ones, "history"),
        Case("far from all", _far, "history"),
    ]


def _more(folder: Path) -> dict[str, Any]:
    return evaluated(nearest_train=ramp(20.0, 5.0), nearest=1.05)


def _early(folder: Path) -> dict[str, Any]:
    return evaluated(n=5, nearest_train=6.0, nearest=0.9)


def _blurred(folder: Path) -> dict[str, Any]:
    return evaluated(nearest_train=11.0, nearest=0.62)


def _good_ones(folder: Path) -> dict[str, Any]:
    return evaluated(nearest_train=16.0, nearest=1.02)


def _far(folder: Path) -> dict[str, Any]:
    return evaluated(nearest_train=40.0, nearest=1.9)
