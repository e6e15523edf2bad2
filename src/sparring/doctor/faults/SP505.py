"""SP505: loss-at-ceiling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import logged, played


def bad() -> list[Case]:
    """A loss stands on the constant of a clamp, or where a sigmoid has no gradient left."""
    return [
        Case("PyTorch: G at 100", _torch, "history", also=("SP502", "SP401")),
        Case("Keras: D at 7.97, half of its ceiling", _keras, "history", also=("SP402", "SP502")),
        Case("an epsilon of 1e-8, every 100th iteration", _epsilon, "history", also=("SP502",)),
        Case("G between 28 and 45", _fades, "history", also=("SP502", "SP401")),
    ]


def good() -> list[Case]:
    """High losses that move, and the first iterations of the official example."""
    return [
        Case("G at 8, moving", _high, "history"),
        Case("30 in the first iterations", _early, "history"),
        Case("a Wasserstein G at 100", _critic, "history"),
    ]


def _torch(folder: Path) -> dict[str, Any]:
    run = played(4.0, -4.0, rows=500)
    d, g = (series.values for series in run["history"].series)
    d[300:], g[300:] = 0.0, 100.0
    return {"history": logged(d, g), "loss": "bce"}


def _keras(folder: Path) -> dict[str, Any]:
    run = played(1.0, -1.0, rows=500, average=True, seed=1)
    d, g = (series.values for series in run["history"].series)
    d[350:], g[350:] = 7.9712, 0.0
    return {"history": logged(d, g, note="average of two terms"), "loss": "bce"}


def _epsilon(folder: Path) -> dict[str, Any]:
    run = played(2.0, -2.0, rows=300, every=100, seed=2)
    d, g = (series.values for series in run["history"].series)
    g[200:] = 18.4207
    return {"history": logged(d, g, every=100), "loss": None}


def _fades(folder: Path) -> dict[str, Any]:
    run = played(4.5, -4.5, rows=300, seed=3)
    d, g = (series.values for series in run["history"].series)
    g[200:260] = np.linspace(44.0, 8.0, 60)
    return {"history": logged(d, g), "loss": None}


def _high(folder: Path) -> dict[str, Any]:
    return played(1.5, -2.6, seed=4, spread=1.8)


def _early(folder: Path) -> dict[str, Any]:
    run = played(1.2, -1.2, rows=1000, start=0, seed=5)
    run["history"].series[1].values[60:150] = 32.0 + np.arange(90) % 7
    return run


def _critic(folder: Path) -> dict[str, Any]:
    return played(103.0, -98.0, loss="wasserstein", rows=800, every=5, seed=6, spread=3.0)
