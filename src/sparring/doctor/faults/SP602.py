"""SP602: modes-missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._quality import evaluated, ramp


def bad() -> list[Case]:
    """Part of the data is drawn well, the rest not at all."""
    return [
        Case("recall stays low while precision is high", _recall, "history"),
        Case("coverage falls", _coverage, "history"),
        Case("a few pictures, each many times", _few, "history"),
    ]


def good() -> list[Case]:
    """Young generators, whose pictures are not yet true either."""
    return [
        Case("blurred: neither precise nor covering", _blurred, "history"),
        Case("recall grows slowly", _slow, "history"),
        Case("a little more alike than reals", _alike, "history"),
    ]


def _recall(folder: Path) -> dict[str, Any]:
    return evaluated(recall=0.12, precision=0.72)


def _coverage(folder: Path) -> dict[str, Any]:
    return evaluated(coverage=[0.5, 0.6, 0.55, 0.4, 0.3, 0.28, 0.27, 0.24, 0.22, 0.2], precision=0.75)


def _few(folder: Path) -> dict[str, Any]:
    return evaluated(apart=0.05, precision=0.5, recall=0.01, coverage=0.1)


def _blurred(folder: Path) -> dict[str, Any]:
    return evaluated(recall=0.01, coverage=0.1, precision=0.2)


def _slow(folder: Path) -> dict[str, Any]:
    return evaluated(recall=ramp(0.02, 0.35), precision=0.6)


def _alike(folder: Path) -> dict[str, Any]:
    return evaluated(apart=0.25)
