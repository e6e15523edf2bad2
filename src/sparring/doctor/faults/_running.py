"""Trainings that ran, made up: scores that D gives, turned into losses as a batch of 64 would give them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sparring.history import History, Series

BATCH = 64


def wobble(n: int, seed: int, size: float = 0.2, memory: float = 0.9) -> np.ndarray:
    """Noise that remembers: a first-order process of that deviation  # float64 [n]"""
    draws = np.random.default_rng(seed).normal(0, size * np.sqrt(1 - memory**2), n)
    out = np.empty(n)
    last = 0.0
    for i, draw in enumerate(draws):
        last = memory * last + draw
        out[i] = last
    return out


def played(
    real: np.ndarray | float,
    fake: np.ndarray | float,
    *,
    rows: int = 600,
    loss: str = "bce",
    seed: int = 0,
    spread: float = 1.0,
    every: int = 1,
    start: int = 1000,
    average: bool = False,
    flipped: bool = False,
    told: bool = True,
    decimals: int = 4,
) -> dict[str, Any]:
    """A training in which D gives reals and fakes scores round these levels.

    Args:
        real: mean score of the reals  # a number or float64 [rows]
        fake: of the fakes.
        rows: of the log.
        loss: bce, hinge, least-squares, least-squares-halved or wasserstein.
        seed: of the noise.
        spread: deviation of scores within a batch.
        every: iterations from row to row.
        start: iteration of the first row.
        average: D's loss is half of the sum.
        flipped: G minimises D's own loss on the fakes.
        told: the verb is told which loss it is.
        decimals: of the log.
    """
    rng = np.random.default_rng(seed)
    r = (np.asarray(real) + wobble(rows, seed + 1))[:, None] + rng.normal(0, spread, (rows, BATCH))
    f = (np.asarray(fake) + wobble(rows, seed + 2))[:, None] + rng.normal(0, spread, (rows, BATCH))
    again = f + rng.normal(0, 0.1 * spread, f.shape)  # D has moved when G's loss is taken
    if loss == "bce":
        d, g = soft(-r) + soft(f), soft(again) if flipped else soft(-again)
    elif loss == "hinge":
        d, g = np.maximum(0, 1 - r) + np.maximum(0, 1 + f), np.maximum(0, 1 + again) if flipped else -again
    elif loss == "wasserstein":
        d, g = f - r, -again
    else:
        half = 0.5 if loss == "least-squares-halved" else 1.0
        d, g = half * (np.square(r - 1) + np.square(f)), half * np.square(again if flipped else again - 1)
    d_loss = d.mean(axis=1) * (0.5 if average else 1.0)
    history = logged(d_loss.round(decimals), g.mean(axis=1).round(decimals), every=every, start=start)
    return {"history": history, "loss": loss if told else None}


def soft(x: np.ndarray) -> np.ndarray:
    """log(1 + e^x), the loss of a logit x for the target that it should not have."""
    return np.asarray(np.logaddexp(0.0, x))


def logged(d: np.ndarray, g: np.ndarray, *, every: int = 1, start: int = 1000, note: str = "") -> History:
    """A log of two losses."""
    steps = start + every * np.arange(len(d))
    return History(
        (Series("Loss_D", "d", "loss", steps, d, note=note), Series("Loss_G", "g", "loss", steps, g)),
        complete_from=start,
        lines=len(d),
    )


def recorded(rows: int = 400, every: int = 1, start: int = 1000, **named: np.ndarray | float) -> dict[str, Any]:
    """A sound training of which more was recorded: series by the names that the doctor knows.

    Args:
        rows: of the log.
        every: iterations from row to row.
        start: iteration of the first row.
        named: values of each; a number is one with a tenth of noise. `d_gradient` and `g_gradient` are norms.
    """
    run = played(1.0, -1.0, rows=rows, every=every, start=start)
    steps = start + every * np.arange(rows)
    more = []
    for i, (name, values) in enumerate(named.items()):
        noise = 1 + wobble(rows, 50 + i, 0.1, 0.5) if isinstance(values, float | int) else 1.0
        term = "gradient" if name.endswith("_gradient") else "other"
        more.append(Series(name, name[0], term, steps, np.asarray(values * noise, np.float64)))
    history = History((*run["history"].series, *more), complete_from=start, lines=rows)
    return {"history": history, "loss": "bce"}
