"""SP403: discriminator-uninformed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import logged, played


def bad() -> list[Case]:
    """D gives the same answer to everything."""
    return [
        Case("binary cross-entropy", _bce, "history"),
        Case("hinge, every 50th iteration", _hinge, "history"),
        Case("an average of two terms", _average, "history"),
        Case("least squares", _squares, "history"),
    ]


def good() -> list[Case]:
    """At the same level, but alive; or flat for another reason."""
    return [
        Case("close to 2 ln 2, and moving", _moving, "history"),
        Case("means of epochs", _epochs, "history"),
        Case("a log with two decimals", _decimals, "history"),
        Case("a Wasserstein critic at 0", _critic, "history"),
    ]


def _bce(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    d, g = 1.3863 + rng.normal(0, 0.001, 500), 0.6931 + rng.normal(0, 0.001, 500)
    return {"history": logged(d, g), "loss": "bce"}


def _hinge(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    d, g = 2 + rng.normal(0, 0.0008, 300), rng.normal(0, 0.001, 300)
    return {"history": logged(d, g, every=50), "loss": "hinge"}


def _average(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    d, g = 0.6931 + rng.normal(0, 0.0005, 400), 0.6931 + rng.normal(0, 0.001, 400)
    return {"history": logged(d, g, every=10), "loss": None}


def _squares(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    d, g = 0.5 + rng.normal(0, 0.0005, 400), 0.25 + rng.normal(0, 0.0005, 400)
    return {"history": logged(d, g), "loss": "lsgan"}


def _moving(folder: Path) -> dict[str, Any]:
    return played(0.05, -0.05, spread=0.3, seed=4)


def _epochs(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    d, g = 1.386 + rng.normal(0, 0.002, 60), 0.70 + rng.normal(0, 0.002, 60)
    return {"history": logged(d, g, every=500, note="means of epochs"), "loss": "bce"}


def _decimals(folder: Path) -> dict[str, Any]:
    return played(0.05, -0.05, spread=0.05, decimals=2, seed=6)


def _critic(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    d, g = rng.normal(0, 2e-7, 400), 0.01 + rng.normal(0, 2e-7, 400)
    return {"history": logged(d, g, every=100), "loss": "wasserstein"}
