"""SP603: collapse-within-class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._quality import evaluated, ramp


def bad() -> list[Case]:
    """A condition has nearly one picture."""
    return [
        Case("all classes", _all, "history"),
        Case("one class", _one, "history"),
        Case("texts", _texts, "history"),
    ]


def good() -> list[Case]:
    """Classes narrower than the data, or a young generator."""
    return [
        Case("half as far apart as reals", _half, "history"),
        Case("gray all over at first", _young, "history"),
        Case("texts whose pictures differ little", _texts_near, "history"),
    ]


def _all(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, spread_within=0.06, spread_within_least=0.02)


def _one(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, spread_within=0.7, spread_within_least=0.03, least_class=7.0)


def _texts(folder: Path) -> dict[str, Any]:
    nothing = float("nan")
    return evaluated(
        told=True, spread_within=nothing, spread_within_least=nothing, spread_of_condition=0.03, condition_effect=20.0
    )


def _half(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, spread_within=0.45, spread_within_least=0.3)


def _young(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, every=100, spread=ramp(0.02, 0.9), spread_within=ramp(0.02, 0.9))


def _texts_near(folder: Path) -> dict[str, Any]:
    nothing = float("nan")
    return evaluated(told=True, spread_within=nothing, spread_of_condition=0.3, condition_effect=2.5)
