"""SP610: average-worse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._quality import evaluated, ramp


def bad() -> list[Case]:
    """The average lags behind, or is broken."""
    return [
        Case("three times as far from the reals", _lags, "history"),
        Case("batch norm of the average is off from the middle on", _off, "history"),
    ]


def good() -> list[Case]:
    """Averages as they are."""
    return [
        Case("behind while G learns fast", _young, "history"),
        Case("as good, within the noise", _same, "history"),
    ]


def _lags(folder: Path) -> dict[str, Any]:
    return evaluated(value_raw=0.5, value_average=1.5)


def _off(folder: Path) -> dict[str, Any]:
    return evaluated(value_raw=0.5, value_average=[0.5, 0.5, 0.5, 0.5, 2.0, 2.2, 2.1, 2.3, 2.2, 2.4])


def _young(folder: Path) -> dict[str, Any]:
    return evaluated(
        every=200, value_raw=ramp(3.0, 0.5), value_average=[3.9, 3.4, 2.8, 2.2, 1.7, 1.25, 1.0, 0.8, 0.6, 0.5]
    )


def _same(folder: Path) -> dict[str, Any]:
    return evaluated(value_raw=0.5, value_average=0.55)
