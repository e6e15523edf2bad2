"""Diversity within a condition: what obedience does not see. One picture for each condition has none of it."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import SparringError
from ..machine import threads
from .dividing import Division, divided
from .neighbours import DENSITY_K, measure_coverage
from .obedience import numbers_asked
from .sides import Estimate, Side, check_resample, jackknife_std, pair_of_features

_SHIFTS = 8  # pairs of conditions are taken so far apart, which gives each condition twice as many others
_TURNS = 2  # and of a pair each fake is compared with so many of the other condition
_MOST = 64  # fakes of a condition whose distances are taken: 2,016 pairs


def measure_diversity(fake: Side, real: Side, *, seed: int = 0, resample: str = "both") -> Estimate:
    """How much fakes of one condition differ, higher is better; of conditions of held-out reals. `seed` is not used.

    Of classes: the coverage (k = 5, arXiv 2002.09797) of each class' held-out reals by its fakes, at equal numbers, the
    mean over classes, in [0, 1]; one picture repeated has about k / n. `reals` is how training reals do it: about 0.97.

    Of texts and vectors, which have one real each: the mean distance between fakes of one condition (the diversity
    score of arXiv 1711.11586, there by LPIPS, here of features) over that between fakes of different conditions. 0: one
    picture for each condition; 1: conditions make no difference. What is right lies between, and no real tells it; an
    obedient generator with more of it is better. Details: both distances, and `coverage` of the held-out reals by as
    many fakes, with `coverage_reals` by training reals, where there are enough.

    Raises:
        SparringError: parts are missing, too few reals or fakes of every class, or of texts and vectors no two
            conditions with two fakes.
    """
    check_resample(resample)
    pair_of_features(fake, real, 1, "Diversity")
    division, asked = divided(real), numbers_asked(fake, real)
    assert real.shape is not None
    with threads(1):  # see `measure_obedience`
        if real.shape.kind == "class":
            return _of_classes(fake, real, division, asked, resample)
        rows = torch.isin(asked, division.judged).nonzero().flatten()
        return _of_distances(fake.take(rows), real, division, asked[rows], resample)


def _of_classes(fake: Side, real: Side, division: Division, asked: Tensor, resample: str) -> Estimate:
    values, reals, variances, pictures = [], [], [], []
    for label in division.judged:
        of_fakes = (asked == label).nonzero().flatten()
        of_held, of_reals = (places[division.numbers[places] == label] for places in (division.held, division.others))
        n = min(len(of_fakes), len(of_held), len(of_reals))
        if n <= DENSITY_K:
            continue
        covered = real.take(of_held[:n])
        found = measure_coverage(fake.take(of_fakes[:n]), covered, resample=resample)
        values.append(found.value)
        variances.append(found.details["std"] ** 2)
        reals.append(measure_coverage(real.take(of_reals[:n]), covered, resample="none").value)
        pictures.append(n)
    if not values:
        raise SparringError(
            f"Diversity cannot be told of any class: of each there are {DENSITY_K} or fewer fakes, or reals.",
            f"of one class {DENSITY_K + 1} or more fakes, held-out and training reals",
            "make more fakes, or hold out more pictures.",
        )
    n, notes = len(values), list(division.notes)
    if n < len(division.judged):
        notes.append(f"Of {len(division.judged)} classes {n} have enough fakes and reals for it.")
    details = {"reals": sum(reals) / n, "k": DENSITY_K, "classes": n, "pictures_a_class": sum(pictures) / n}
    return _estimate(sum(values) / n, sum(variances) / n**2, sum(pictures), details, notes, resample)


def _estimate(
    value: float, variance: float, n: int, details: dict[str, float], notes: list[str], resample: str
) -> Estimate:
    if resample == "none":
        return Estimate(value, value, value, details | {"std": 0.0}, notes)
    return Estimate.share(value, variance, n, details, notes)


def _of_distances(fake: Side, real: Side, division: Division, asked: Tensor, resample: str) -> Estimate:
    groups = [places for label in asked.unique() if len(places := (asked == label).nonzero().flatten()[:_MOST]) > 1]
    if len(groups) < 2:
        raise SparringError(
            f"Of {len(groups)} conditions there are two fakes or more.",
            "2 conditions with 2 fakes each, or more",
            "make more fakes (-n), or several of each condition.",
        )
    features = fake.part("features").detach().to("cpu", torch.float64)
    within = torch.stack([torch.pdist(features[places]).mean() for places in groups])
    between = _between(features, groups)
    inner, outer = float(within.mean()), float(between.mean())
    details = {"within": inner, "between": outer, "conditions": float(len(groups))}
    details |= _coverages(fake, real, division, asked)
    notes = list(division.notes)
    if outer == 0:
        notes.append("All of these fakes are one picture.")
        return Estimate(0.0, 0.0, 0.0, details | {"std": 0.0}, notes)
    # To first order; a pair of conditions is in the mean of both.
    effects = (within - inner) / outer - 2 * inner / outer**2 * (between - outer)
    std = jackknife_std(effects, None, resample)
    return Estimate.around(inner / outer, std, details, notes, (0.0, float("inf")))


def _between(features: Tensor, groups: list[Tensor]) -> Tensor:
    """The mean distance of each condition's fakes to those of some others.  # float64 [N, K] -> [conditions]"""
    n, most = len(groups), max(map(len, groups))
    table = torch.stack([F.pad(places, (0, most - len(places)), value=-1) for places in groups])  # [n, most]
    sums, counts = torch.zeros(2, n, dtype=torch.float64)
    for shift, turn in itertools.product(range(1, min(_SHIFTS, n - 1) + 1), range(min(most, _TURNS))):
        others = table.roll((shift, turn), (0, 1))
        both = (table >= 0) & (others >= 0)
        # By subtraction, so that one picture repeated is at 0.
        far = (features[table[both]] - features[others[both]]).norm(dim=1)
        for of in (torch.arange(n), torch.arange(n).roll(shift)):  # each pair is of two conditions
            where = of[:, None].expand_as(both)[both]
            sums.index_add_(0, where, far)
            counts.index_add_(0, where, torch.ones_like(far))
    return sums / counts


def _coverages(fake: Side, real: Side, division: Division, asked: Tensor) -> dict[str, float]:
    """Coverage of the held-out reals by all of these fakes, whatever their conditions; nothing where they are few."""
    n = min(fake.n, len(division.held), len(division.others))
    if n <= DENSITY_K:
        return {}
    covered = real.take(division.held[:n])
    by_fakes, by_reals = fake.take(_by_turns(asked)[:n]), real.take(division.others[:n])
    return {
        "coverage": measure_coverage(by_fakes, covered, resample="none").value,
        "coverage_reals": measure_coverage(by_reals, covered, resample="none").value,
    }


def _by_turns(asked: Tensor) -> Tensor:
    """The places of fakes so ordered that each condition has its first before any has its second.  # int64 [N]"""
    turns = torch.zeros_like(asked)
    for label in asked.unique():
        places = (asked == label).nonzero().flatten()
        turns[places] = torch.arange(len(places))
    return turns.argsort(stable=True)
