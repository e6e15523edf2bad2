"""SP402: generator-won."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import logged, played


def bad() -> list[Case]:
    """D is no better than a coin, and G fools it."""
    return [
        Case("a frozen D: 1.7 to 1.9 against .4", _frozen, "history"),
        Case("the late stage, in epochs' worth of rows", _late, "history"),
        Case("hinge", _hinge, "history"),
        Case("an average of two terms, the loss not told", _average, "history"),
    ]


def good() -> list[Case]:
    """A D at the level of a coin, but a G that does not profit."""
    return [
        Case("both at the level of a coin", _coin, "history"),
        Case("a G a little ahead", _ahead, "history"),
        Case("G high and D high: auxiliary terms in it", _auxiliary, "history"),
    ]


def _frozen(folder: Path) -> dict[str, Any]:
    return played(0.2, 0.9, spread=0.6)


def _late(folder: Path) -> dict[str, Any]:
    fake = np.linspace(0.0, 9.0, 300)
    return played(-0.2, fake, rows=300, every=150, seed=2)


def _hinge(folder: Path) -> dict[str, Any]:
    return played(0.2, 1.5, loss="hinge", every=100, seed=3)


def _average(folder: Path) -> dict[str, Any]:
    run = played(-0.3, 1.0, every=20, seed=4, average=True)
    history = run["history"]
    d, g = history.series[0].values, history.series[1].values
    return {"history": logged(d, g, every=20, note="average of two terms"), "loss": None}


def _coin(folder: Path) -> dict[str, Any]:
    return played(0.1, -0.1, spread=0.3)


def _ahead(folder: Path) -> dict[str, Any]:
    return played(0.5, 0.1, every=50, seed=5)


def _auxiliary(folder: Path) -> dict[str, Any]:
    run = played(1.0, -1.0, every=100, seed=6)
    d, g = (series.values for series in run["history"].series)
    return {"history": logged(d + 1.5, g + 1.2, every=100), "loss": "bce"}
