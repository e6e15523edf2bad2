"""Trainings that were evaluated, made up: values of evaluations, on losses of a sound game."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from sparring.doctor.faults._running import played, wobble

# What an evaluation of a sound run has once it has learned something.
SOUND: dict[str, float] = {
    "precision": 0.6, "recall": 0.5, "coverage": 0.75, "precision_reals": 0.8, "recall_reals": 0.75,
    "coverage_reals": 0.97, "nearest": 1.15, "nearest_train": 21.0, "nearest_held": 18.0, "apart": 0.55,
    "apart_reals": 0.5, "spread": 0.9, "checkerboard": 1.4, "checkerboard_reals": 1.2, "leak": 0.01, "leak_reals": 0.01,
    "d_train": 0.8, "d_held": 0.7, "d_fake": -0.9, "d_sign_train": 0.45, "value": 0.5, "noise": 0.01,
    "value_raw": 0.62, "value_average": 0.52, "noise_raw": 0.03,
}  # fmt: skip
# Beside them where there are conditions: classes.
TOLD: dict[str, float] = {
    "obedience": 0.7, "obedience_reals": 0.83, "obedience_chance": 0.1, "condition_effect": 1.1, "spread_within": 0.8,
    "spread_within_least": 0.5, "least_class": 3.0, "d_condition_auc": 0.8, "d_condition_auc_train": 0.82,
    "spread_of_condition": 0.7,
}  # fmt: skip


def evaluated(
    n: int = 10, every: int = 500, seed: int = 0, told: bool = False, **named: np.ndarray | float | list[float]
) -> dict[str, Any]:
    """A training with n evaluations, of which some values are not sound.

    Args:
        n: evaluations.
        every: steps from one to the next.
        seed: of the noise: a twentieth of every value.
        told: whether pictures have classes.
        named: values by name: of each evaluation, or one for all; None where it was not measured.
    """
    columns = {name: np.full(n, value) for name, value in (SOUND | (TOLD if told else {})).items()}
    # It learns: the metric falls to its level.
    columns["value"] = columns["value"] * (1 + 4 * np.exp(-np.arange(n) / 2))
    for place, name in enumerate(columns):
        if name not in named and not name.endswith(("_reals", "_held", "_chance", "_class")):
            columns[name] = columns[name] * (1 + wobble(n, 100 * seed + place, 0.05, 0.3))
    columns |= {name: np.broadcast_to(np.asarray(value, np.float64), (n,)) for name, value in named.items()}
    rows = [
        {"step": every * (row + 1), "metric": "kid", "better": "lower"}
        | {name: float(column[row]) for name, column in columns.items() if np.isfinite(column[row])}
        for row in range(n)
    ]
    run = played(1.0, -1.0, rows=max(20, n * every // 20), every=20, start=20, seed=seed)
    return run | {"history": dataclasses.replace(run["history"], facts={"evaluations": rows})}


def ramp(first: float, last: float, n: int = 10) -> np.ndarray:
    """From one number to another, evenly in their logarithm  # float64 [n]"""
    return np.exp(np.linspace(np.log(first), np.log(last), n))
