"""SP501: non-finite."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import played, recorded


def bad() -> list[Case]:
    """A number stops being one."""
    return [
        Case("NaN from D on", _nan, "history"),
        Case("an infinite loss of G, every 100th iteration", _infinite, "history"),
        Case("an error of PyTorch's, and no NaN", _said, "history"),
    ]


def good() -> list[Case]:
    """Large numbers, and gradients that a loss scale skips."""
    return [
        Case("sound", _sound, "history"),
        Case("an infinite gradient now and then", _skipped, "history"),
    ]


def _nan(folder: Path) -> dict[str, Any]:
    run = played(1.0, -1.0)
    for series in run["history"].series:
        series.values[400:] = np.nan
    return run


def _infinite(folder: Path) -> dict[str, Any]:
    run = played(1.0, -1.0, rows=200, every=100, seed=1)
    run["history"].series[1].values[150:] = np.inf
    return run


def _said(folder: Path) -> dict[str, Any]:
    run = played(1.0, -1.0, rows=200, seed=2)
    error = (1200, "RuntimeError: all elements of input should be between 0 and 1")
    return run | {"history": dataclasses.replace(run["history"], events=(error,))}


def _sound(folder: Path) -> dict[str, Any]:
    return played(2.0, -2.0, seed=3)


def _skipped(folder: Path) -> dict[str, Any]:
    norm = np.full(400, 3.0)
    norm[[5, 80, 200]] = np.inf
    return recorded(d_gradient=norm)
