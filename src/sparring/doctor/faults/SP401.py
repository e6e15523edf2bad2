"""SP401: discriminator-won."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import played
from sparring.history import Series


def bad() -> list[Case]:
    """D is certain of every picture, for long."""
    return [
        Case("binary cross-entropy, every iteration", _bce, "history"),
        Case("every 100th iteration, an average, smoothed labels left out", _sparse, "history"),
        Case("hinge", _hinge, "history"),
        Case("least squares with halves", _halves, "history"),
        Case("a critic that is right about everything", _right, "history"),
        Case("from the middle on, the loss not told", _late, "history"),
        Case("far ahead, and not yet certain", _far_ahead, "history"),
    ]


def good() -> list[Case]:
    """D ahead, but within what sound runs show; and early, when it is normal."""
    return [
        Case("a sound game", _sound, "history"),
        Case("D well ahead", _ahead, "history"),
        Case("a hinge at its lower end", _hinge_low, "history"),
        Case("certain in the first 400 iterations only", _early, "history"),
        Case("Wasserstein, whatever its level", _wasserstein, "history"),
    ]


def _bce(folder: Path) -> dict[str, Any]:
    return played(6.0, -7.0)


def _sparse(folder: Path) -> dict[str, Any]:
    return played(6.0, -6.0, rows=200, every=100, start=100, average=True, seed=3)


def _hinge(folder: Path) -> dict[str, Any]:
    return played(4.0, -5.0, loss="hinge", every=50, seed=4)


def _halves(folder: Path) -> dict[str, Any]:
    return played(1.0, 0.0, loss="least-squares-halved", spread=0.05, seed=5, rows=900)


def _right(folder: Path) -> dict[str, Any]:
    run = played(40.0, -40.0, rows=400, loss="wasserstein", every=50, seed=11)
    losses = run["history"].series
    accuracy = Series("acc", "d", "accuracy", losses[0].steps, np.full(400, 99.9))
    return run | {"history": dataclasses.replace(run["history"], series=(*losses, accuracy))}


def _late(folder: Path) -> dict[str, Any]:
    level = np.clip(np.linspace(1.0, 12.0, 900), 1.0, 7.0)
    return played(level, -level, rows=900, every=10, seed=6, told=False)


def _far_ahead(folder: Path) -> dict[str, Any]:
    return played(2.2, -6.0, rows=900, every=100, seed=12)


def _sound(folder: Path) -> dict[str, Any]:
    return played(1.0, -1.0)


def _ahead(folder: Path) -> dict[str, Any]:
    return played(2.0, -2.5, every=50, seed=7)


def _hinge_low(folder: Path) -> dict[str, Any]:
    return played(1.8, -1.8, loss="hinge", every=100, seed=8)


def _early(folder: Path) -> dict[str, Any]:
    level = np.where(np.arange(1500) < 350, 6.0, 1.0)
    level = np.convolve(np.pad(level, 25, "edge"), np.ones(51) / 51, "valid")
    return played(level, -level, rows=1500, start=0, seed=9)


def _wasserstein(folder: Path) -> dict[str, Any]:
    return played(40.0, 39.99, loss="wasserstein", every=100, seed=10)
