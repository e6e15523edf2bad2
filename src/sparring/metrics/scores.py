"""Metrics from class probabilities: Inception score, its form within classes, and which classes are drawn at all.

Intervals are value ± 1.96 std of the infinitesimal jackknife (see `distances`), over the fakes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import SparringError
from .sides import Estimate, Side, check_resample, enough, jackknife_std

SPLITS = 10  # arXiv 1606.03498: the released code scores ten parts

_LEAST = 1e-12  # a probability below this counts as this within a logarithm: fp32 softmax rounds small ones to 0


def checked_probabilities(side: Side, of: str) -> Tensor:
    """Returns class probabilities whose rows sum to 1 to the last digit, float64  # [N, classes].

    Raises:
        SparringError: they are missing, not finite or negative, or a row's sum is off by more than 0.001.
    """
    p = side.part("probabilities").detach().to("cpu", torch.float64)
    sums = p.sum(1, keepdim=True)
    if not bool(((sums - 1).abs() < 1e-3).all()) or bool((p < 0).any()):  # a NaN is not < 1e-3
        raise SparringError(
            f"The class probabilities of the {of} are not probabilities.",
            "numbers in [0, 1] whose rows sum to 1",
            "give the softmax of the logits, not the logits.",
        )
    return p / sums


def measure_is(fake: Side, real: Side, *, seed: int = 0, resample: str = "both") -> Estimate:
    """Inception score, exp E_x KL(p(y|x) || p(y)), the mean over 10 parts (arXiv 1606.03498), in [1, classes].

    The parts are consecutive pictures, none left out; `seed` is not used, nor are the reals.

    Raises:
        SparringError: no class probabilities, or fewer than 20 fakes.
    """
    check_resample(resample)
    p = checked_probabilities(fake, "fakes")
    enough(len(p), 2 * SPLITS, "fakes", "The Inception score")
    scores, variance = [], 0.0
    for part in p.tensor_split(SPLITS):
        log_marginal = part.mean(0).clamp(min=1e-300).log()  # where the mean is 0, so is every p before this log
        divergence = torch.special.xlogy(part, part).sum(1) - part @ log_marginal
        scores.append(math.exp(max(0.0, float(divergence.mean()))))
        variance += (scores[-1] * jackknife_std(divergence, None, resample)) ** 2
    notes = []
    if len(p) < 5000:
        notes.append(f"An Inception score from {len(p)} pictures comes out too low; 50,000 are usual.")
    std = variance**0.5 / SPLITS
    details = {"splits": SPLITS, "classes": p.shape[1]}
    return Estimate.around(sum(scores) / SPLITS, std, details, notes, (1.0, float(p.shape[1])))


def measure_mis(fake: Side, real: Side, *, seed: int = 0, resample: str = "both") -> Estimate:
    """Modified Inception score: are the fakes of one class unlike one another? 1 = all alike (arXiv 1706.02071).

    exp E_i E_j KL(p(y|x_i) || p(y|x_j)) over all pairs of one predicted class, i = j among them, averaged over classes
    by their share of the fakes. As the mean over j of log p(y|x_j) does not depend on i, it takes N x classes steps.
    A probability under 1e-12 counts as 1e-12. `seed` is not used, nor are the reals.

    Raises:
        SparringError: no class probabilities, or fewer than 2 fakes.
    """
    check_resample(resample)
    p = checked_probabilities(fake, "fakes").clamp(min=_LEAST)
    enough(len(p), 2, "fakes", "The modified Inception score")
    logs, predicted = p.log(), p.argmax(1)
    value, effects = 0.0, torch.zeros(len(p), dtype=torch.float64)
    for name in predicted.unique():
        rows = predicted == name
        some, their_logs = p[rows], logs[rows]
        from_each = (some * their_logs).sum(1) - some @ their_logs.mean(0)  # mean over j of KL(i || j)
        to_each = (some * their_logs).sum(1).mean() - their_logs @ some.mean(0)  # mean over j of KL(j || i)
        within = float(from_each.mean())
        score = math.exp(max(0.0, within))
        value += score * len(some) / len(p)
        effects[rows] = score * (1 + from_each + to_each - 2 * within)
    std = jackknife_std(effects, None, resample)
    value = max(1.0, value)  # a mean of numbers from 1 on, whose shares may add up to a rounding less than 1
    return Estimate.around(value, std, {"classes_seen": len(predicted.unique())}, bounds=(1.0, math.inf))


def measure_modes(fake: Side, real: Side, *, seed: int = 0, resample: str = "both") -> Estimate:
    """How many classes get at least one fake, by the largest probability (arXiv 1611.02163, section 3.3.1).

    The interval is the delete-one jackknife, over the classes with a single fake. `seed` is not used.

    Details: `classes`, and `kl` = KL(shares of classes among fakes || among reals) in nats. A class without fakes
    adds 0; one with fakes and without reals counts as half a real there, so kl stays finite and is 0 for equal
    shares. The reals' known classes are used where there are any, else those predicted.

    Raises:
        SparringError: no class probabilities of the fakes, neither classes nor probabilities of the reals, a known
            class beyond the probabilities, or no picture on a side.
    """
    check_resample(resample)
    p = checked_probabilities(fake, "fakes")
    enough(len(p), 1, "fakes", "The number of modes")
    enough(real.n, 1, "reals", "The number of modes")
    n, classes = p.shape
    if real.classes is None:
        of_reals = checked_probabilities(real, "reals").argmax(1)
    else:
        of_reals = real.classes.detach().to("cpu", torch.int64)
    if not 0 <= int(of_reals.min()) <= int(of_reals.max()) < classes:
        raise SparringError(
            f"The reals' classes go from {int(of_reals.min())} to {int(of_reals.max())}.",
            f"0 to {classes - 1}, the classes that the fakes are told apart by",
        )
    fakes = torch.bincount(p.argmax(1), minlength=classes).double()
    reals = torch.bincount(of_reals, minlength=classes).double()
    seen, lone = int((fakes > 0).sum()), int((fakes == 1).sum())
    shares = fakes / n
    against = torch.where((fakes > 0) & (reals == 0), 0.5, reals)
    against = against / against.sum()
    there = fakes > 0
    kl = max(0.0, float((shares[there] * (shares[there] / against[there]).log()).sum()))
    std = 0.0 if resample == "none" else (lone * (1 - lone / n) * (n - 1) / n) ** 0.5
    return Estimate.around(seen, std, {"classes": classes, "kl": kl}, bounds=(1.0, float(classes)))
