"""How a training came out, measured without the doctor; and the rule by which a plant did harm."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .parts import Parts

FAKES, PAIRED = 1000, 256
DIMENSIONS = 24  # principal components of the reals that distances are taken in
# The rule, fixed before the first run. Against the plain healthy runs of the same program:
WORSE, SLACK = 1.5, 0.02  # harm: a distance above WORSE times their median + SLACK, and above the worst of them
NARROWER = 0.6  # harm: diversity below this part of their median
HALFWAY = 0.5  # harm: obedience below the middle of chance and their median


def outcome(parts: Parts, pictures: Tensor, labels: Tensor | None, classes: int) -> dict[str, float | None]:
    """Distance, diversity and obedience of G's pictures at the end; None for what is not finite.

    Args:
        parts: after its loop.
        pictures: the true data, whatever a plant did to them  # [n, c, h, w]
        labels: their true classes, where the program is conditional  # [n]
        classes: how many.

    Returns:
        distance: Fréchet distance to the reals in `DIMENSIONS` principal components, over the reals' variance.
        diversity: mean distance of two fakes over that of two reals.
        obedience: share of fakes that a linear classifier takes for the class that was asked; conditional ones only.
    """
    torch.manual_seed(0)
    asked = None if labels is None else torch.arange(FAKES) % classes
    fakes = parts.sample(FAKES, asked).flatten(1).double().numpy()
    reals = pictures[torch.randperm(len(pictures))[:2000]].flatten(1).double().numpy()
    if fakes.shape[1] != reals.shape[1] or not np.isfinite(fakes).all():
        return {"distance": None, "diversity": None}
    mean = reals.mean(0)
    _, _, axes = np.linalg.svd(reals - mean, full_matrices=False)
    axes = axes[:DIMENSIONS].T
    found: dict[str, float | None] = {
        "distance": round(_frechet((reals - mean) @ axes, (fakes - mean) @ axes), 4),
        "diversity": round(_spread(fakes[:PAIRED]) / _spread(reals[:PAIRED]), 4),
    }
    if asked is not None and labels is not None:
        found["obedience"] = round(_obedience(pictures, labels, fakes, asked.numpy()), 4)
    return found


def _frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Over the variance of the first: 0 is the same, 1 what one point at the mean gets."""
    ca, cb = np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(ca)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    mixed = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cb @ root), 0)).sum()
    apart = float(np.square(a.mean(0) - b.mean(0)).sum())
    return (apart + float(np.trace(ca) + np.trace(cb) - 2 * mixed)) / float(np.trace(ca))


def _spread(x: np.ndarray) -> float:
    squares = np.square(x).sum(1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * x @ x.T, 0))
    return float(apart.sum() / (len(x) * (len(x) - 1)))


def _obedience(pictures: Tensor, labels: Tensor, fakes: np.ndarray, asked: np.ndarray) -> float:
    from sklearn.decomposition import PCA  # type: ignore[import-untyped]
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis  # type: ignore[import-untyped]
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]

    seen = slice(0, 4000)
    judge = make_pipeline(PCA(50, random_state=0), LinearDiscriminantAnalysis())
    judge.fit(pictures[seen].flatten(1).numpy(), labels[seen].numpy())
    return float((judge.predict(fakes) == asked).mean())


def harmed(row: Mapping[str, Any], plain: Iterable[Mapping[str, Any]]) -> bool | None:
    """Whether a run came out worse than the plain healthy runs of its program; None where there are none yet."""
    if row["raised"] or row["outcome"].get("distance") is None:
        return True
    sound = [each["outcome"] for each in plain if each["outcome"].get("distance") is not None]
    if not sound:
        return None
    far = [each["distance"] for each in sound]
    own = row["outcome"]
    if own["distance"] > max(WORSE * statistics.median(far) + SLACK, *far):
        return True
    if own["diversity"] < NARROWER * statistics.median(each["diversity"] for each in sound):
        return True
    if "obedience" not in own:
        return False
    usual = statistics.median(each["obedience"] for each in sound)
    chance = 1 / max(2, row["classes"])
    return bool(own["obedience"] < chance + HALFWAY * (usual - chance)) and math.isfinite(usual)
