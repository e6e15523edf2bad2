"""SP502: loss-spike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import logged, played


def bad() -> list[Case]:
    """A loss leaps out of its range, and stays out for a while."""
    return [
        Case("D's own update throws G, every iteration", _thrown, "history"),
        Case("G moves first", _g_first, "history"),
        Case("every 50th iteration", _sparse, "history"),
        Case("a Wasserstein critic", _critic, "history"),
    ]


def good() -> list[Case]:
    """Noise with heavy tails, single batches, slow climbs, and the first iterations."""
    return [
        Case("sound", _sound, "history"),
        Case("single batches now and then", _batches, "history"),
        Case("a single batch, and the log ends two rows later", _batch_at_the_end, "history"),
        Case("a slow climb", _climb, "history"),
        Case("the official example's first iterations", _early, "history"),
        Case("a sound critic", _sound_critic, "history"),
    ]


def _thrown(folder: Path) -> dict[str, Any]:
    run = played(3.0, -3.0, rows=400, seed=1)
    d, g = (series.values for series in run["history"].series)
    d[250:252] += 3.0
    g[250:290] += np.linspace(25, 1, 40)
    return {"history": logged(d, g), "loss": "bce"}


def _g_first(folder: Path) -> dict[str, Any]:
    run = played(1.5, -1.5, rows=400, seed=2)
    d, g = (series.values for series in run["history"].series)
    d[250:262] += 9.0
    g[252:262] += 9.0
    return {"history": logged(d, g), "loss": "bce"}


def _sparse(folder: Path) -> dict[str, Any]:
    run = played(2.0, -2.0, rows=300, every=50, seed=3)
    d, g = (series.values for series in run["history"].series)
    g[200:206] += 18.0
    return {"history": logged(d, g, every=50), "loss": None}


def _critic(folder: Path) -> dict[str, Any]:
    run = played(6.0, -4.0, loss="wasserstein", rows=400, every=5, seed=4)
    d, g = (series.values for series in run["history"].series)
    d[300:310] -= 400.0
    return {"history": logged(d, g, every=5), "loss": "wasserstein"}


def _sound(folder: Path) -> dict[str, Any]:
    return played(1.0, -1.0, rows=1500, seed=5)


def _batches(folder: Path) -> dict[str, Any]:
    run = played(1.5, -1.5, rows=1500, seed=6)
    run["history"].series[0].values[[300, 700, 1100]] += 2.5
    return run


def _batch_at_the_end(folder: Path) -> dict[str, Any]:
    run = played(1.5, -1.5, rows=1500, seed=6)
    run["history"].series[1].values[-3] = 40.0
    return run


def _climb(folder: Path) -> dict[str, Any]:
    level = np.linspace(0.5, 2.0, 1500)
    return played(level, -level, rows=1500, every=10, seed=7)


def _early(folder: Path) -> dict[str, Any]:
    run = played(1.2, -1.2, rows=1000, start=0, seed=8)
    run["history"].series[1].values[60:150] = 32.0 + np.arange(90) % 7
    return run


def _sound_critic(folder: Path) -> dict[str, Any]:
    return played(6.0, -4.0, loss="wasserstein", rows=1500, every=5, seed=9)
