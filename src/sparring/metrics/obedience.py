"""Obedience: does a picture show what it was asked for? Judged by probes that are learnt from the held-out reals.

Classes: the accuracy of a classifier of reals on fakes ("GAN-test", arXiv 1807.09499). Texts and vectors: R-precision,
how often a fake's own condition is the nearest to it among 50 (arXiv 1711.10485, there with an encoder of its own and
among 100). One picture for each condition would obey perfectly, so diversity stands beside it.

Intervals are over other fakes, and for texts and vectors other conditions, of the same probes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..conditions import Kind
from ..errors import SparringError
from ..machine import threads
from .dividing import FOLDS, Division, divided
from .probes import Linear, Scaler, balanced, fit_classifier, fit_regressors
from .sides import Estimate, Side, check_resample, pair_of_features

CHOICES = 50  # conditions that a picture's own is among: itself and others that differ from it

# Half a decade apart. Of lite0's features 0.03 is chosen for Fashion-MNIST's classes, 1 to 3 for the emoji's names.
CLASSIFIER_STRENGTHS = tuple(10 ** (-step / 2) for step in range(9))  # 1 .. 1e-4, times |W|^2 / 2
REGRESSOR_STRENGTHS = tuple(10 ** (2 - step / 2) for step in range(13))  # 100 .. 1e-4, a picture

_BLOCK = 1024  # pictures that are compared with all conditions at a time
_WORST = 3  # classes that a note names


def measure_obedience(fake: Side, real: Side, *, seed: int = 0, resample: str = "both") -> Estimate:
    """How often fakes are recognised as what they were asked for, in [0, 1], by probes learnt from the held-out reals.

    The mean over conditions of the share of their fakes, so that rare classes count like frequent ones. A generator
    that ignores its condition gets `chance` whatever it draws: 1/K of K classes, 1/50 of texts and vectors.

    There are five probes, each learnt from four fifths of the held-out reals, which judge the last fifth and the fakes
    of its conditions; where a condition is in several fifths (classes), all judge its fakes, and the mean counts. So
    fakes are as new to a probe as the reals that it judges.

    Details: `reals` is what held-out reals score, `share_of_reals` the value over it, `chance`; `conditions` that were
    asked for; `training` and `training_reals` the same for texts and vectors that the generator was trained on, where
    fakes were asked for them; `strength` of the probes' penalty. `seed` is not used.

    Args:
        fake: features, and the conditions that were asked for. Fakes asked for what no real has do not count.
        real: features, conditions, `held_out` and `shape`.

    Raises:
        SparringError: parts are missing, too few reals or conditions, or no fake that counts.
    """
    check_resample(resample)
    x, _ = pair_of_features(fake, real, 1, "Obedience")
    division, asked = divided(real), numbers_asked(fake, real)
    counted, training = (torch.isin(asked, part) for part in (division.judged, division.training))
    if not bool(counted.any()):
        raise SparringError(
            "None of the fakes was asked for the condition of a held-out picture.", "fakes of these conditions"
        )
    # One thread: the same figures on every machine, and on a busy one threads that wait for each other take eight times
    # as long for matrices as small as these.
    with threads(1):
        probe = _probe(real)
        found, apart = (probe.hits(x[rows], asked[rows], division.fold_of[asked[rows]]) for rows in (counted, training))
        reals = _of_reals(real, probe)
    held = _mean_over(*reals[0], True, "none")[0]
    groups = asked[counted]
    value, variance, conditions = _mean_over(found, groups, probe.kind == "class", resample)
    details = {
        "reals": held,
        "chance": probe.chance,
        "share_of_reals": value / held if held else 0.0,
        "conditions": float(conditions),
        "strength": probe.models[0].strength,
    }
    if len(apart):
        details["training"] = _mean_over(apart, asked[training], True, "none")[0]
        details["training_reals"] = _mean_over(*reals[1], True, "none")[0]
    notes = [*division.notes, *_worst(real, reals[0], found, groups)]
    if resample == "none":
        return Estimate(value, value, value, details | {"std": 0.0}, notes)
    n = len(found) if probe.kind == "class" or variance > 0 else conditions
    return Estimate.share(value, variance, n, details, notes)


def numbers_asked(fake: Side, real: Side) -> Tensor:
    """Returns the numbers of what fakes were asked for, -1 for what no real has; int64  # [N]. Raises SparringError."""
    asked, known = fake.part("conditions"), real.part("conditions")
    if asked.shape[1:] != known.shape[1:] or asked.is_floating_point() != known.is_floating_point():
        raise SparringError(
            f"The fakes were asked for conditions {list(asked.shape[1:])}, and those of the reals are "
            f"{list(known.shape[1:])}.",
            "conditions of one kind and size",
        )
    return divided(real).numbers_of(asked)


@dataclass(frozen=True)
class Probe:
    """What was learnt from the held-out reals.

    Attributes:
        kind: of the conditions.
        models: one for each fold, learnt from all others.
        choices: numbers of the classes in the models' order [C]; or all different conditions, scaled as predictions
            are, float64  # [M, size]
    """

    kind: Kind
    models: tuple[Linear, ...]
    choices: Tensor

    @property
    def chance(self) -> float:
        """What a generator that ignores its condition gets."""
        return 1 / (len(self.choices) if self.kind == "class" else min(CHOICES, len(self.choices)))

    def hits(self, features: Tensor, asked: Tensor, folds: Tensor) -> Tensor:
        """Returns whether pictures are what they were asked to be: 0 or 1 of classes, else how often of all draws.

        Args:
            features: [N, K]
            asked: numbers of conditions, int64  # [N]
            folds: whose model judges each; -1: all, and the mean is taken  # int64 [N]

        Returns float64  # [N] in [0, 1]
        """
        found, judges = torch.zeros(len(asked), dtype=torch.float64), torch.where(folds < 0, len(self.models), 1)
        for fold, model in enumerate(self.models):
            rows = ((folds == fold) | (folds < 0)).nonzero().flatten()
            found[rows] += self._told(model(features[rows]), asked[rows])
        return found / judges

    def _told(self, predicted: Tensor, asked: Tensor) -> Tensor:
        if self.kind == "class":
            return (self.choices[predicted.argmax(1)] == asked).double()
        return retrieved(self.kind, predicted, asked, self.choices)


def _probe(real: Side) -> Probe:
    """Learnt once from the reals."""
    if "probe" not in real.kept:
        division = divided(real)
        assert real.shape is not None
        learn = _of_classes if real.shape.kind == "class" else _of_vectors
        real.kept["probe"] = learn(real, division)
    return real.kept["probe"]


def _of_classes(real: Side, division: Division) -> Probe:
    """The penalty is chosen by the first fold: from strong to weak, until its pictures' cross-entropy grows."""
    x, classes = real.part("features")[division.held], len(division.judged)
    labels = torch.searchsorted(division.judged, division.numbers[division.held])
    left_out = division.folds == 0
    weights = balanced(labels[left_out], classes)
    best, model = float("inf"), None
    for strength in CLASSIFIER_STRENGTHS:
        tried = fit_classifier(x[~left_out], labels[~left_out], classes, strength, model)
        losses = F.cross_entropy(tried(x[left_out]), labels[left_out], reduction="none")
        loss = float((weights * losses).mean())
        if loss >= best:
            break
        best, model = loss, tried
    assert model is not None
    rest = (division.folds != fold for fold in range(1, FOLDS))
    others = (fit_classifier(x[rows], labels[rows], classes, model.strength, model) for rows in rest)
    return Probe("class", (model, *others), division.judged)


def _of_vectors(real: Side, division: Division) -> Probe:
    """The penalty is chosen by what the held-out reals score themselves.

    Texts are centred, and near by their angle about the mean: else all captions point one way, and a shrunk prediction
    lies nearest to the commonest. Vectors are scaled, and near by distance.
    """
    assert real.shape is not None
    values, kind = real.part("conditions").double(), real.shape.kind
    scaler = Scaler.of(values)
    if kind == "text":
        scaler = Scaler(scaler.mean, torch.ones_like(scaler.std))
    first = torch.full((len(division.known),), len(values))
    first.scatter_reduce_(0, division.numbers, torch.arange(len(values)), "amin")
    choices = scaler(values[first])
    x, own = real.part("features")[division.held], division.numbers[division.held]
    targets, scores, models = choices[own], torch.zeros(len(REGRESSOR_STRENGTHS), dtype=torch.float64), []
    for fold in range(FOLDS):
        left_out = division.folds == fold
        models.append(fit_regressors(x[~left_out], targets[~left_out], REGRESSOR_STRENGTHS))
        for i, model in enumerate(models[-1]):
            scores[i] += retrieved(kind, model(x[left_out]), own[left_out], choices).sum()
    chosen = int(scores.argmax())
    return Probe(kind, tuple(tried[chosen] for tried in models), choices)


def _of_reals(real: Side, probe: Probe) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(hits, numbers) of the reals held out that count, and of those of training conditions; worked out once."""
    if "obeying" not in real.kept:
        division, found = divided(real), []
        no_fold = torch.full((len(division.others),), -1)
        for places, folds, wanted in (
            (division.held, division.folds, division.judged),
            (division.others, no_fold, division.training),
        ):
            counted = torch.isin(division.numbers[places], wanted)
            places, folds = places[counted], folds[counted]
            numbers = division.numbers[places]
            found.append((probe.hits(real.part("features")[places], numbers, folds), numbers))
        real.kept["obeying"] = tuple(found)
    return real.kept["obeying"]


def retrieved(kind: Kind, predicted: Tensor, own: Tensor, choices: Tensor) -> Tensor:
    """Returns how often a picture's own condition is the nearest among CHOICES, in all draws of the others.

    Args:
        kind: "text" is near by angle, "vector" by distance.
        predicted: of pictures, float64  # [N, size]
        own: places of their conditions, int64 in [0, M)  # [N]
        choices: all different conditions, float64  # [M, size]

    Returns float64  # [N] in [0, 1]
    """
    better, tied = torch.empty(len(own), dtype=torch.int64), torch.empty(len(own), dtype=torch.int64)
    targets = F.normalize(choices) if kind == "text" else choices
    lengths = torch.zeros(len(choices), dtype=choices.dtype) if kind == "text" else targets.square().sum(1) / 2
    for block in torch.arange(len(own)).split(_BLOCK):
        nearness = predicted[block] @ targets.T - lengths  # ranks as the cosine, and as minus the distance
        at_own = nearness.gather(1, own[block, None])
        better[block] = (nearness > at_own).sum(1)
        tied[block] = (nearness == at_own).sum(1) - 1
    return expected_hits(better, tied, len(choices) - 1, min(CHOICES, len(choices)))


def expected_hits(better: Tensor, tied: Tensor, others: int, choices: int) -> Tensor:
    """How often the own condition comes first among `choices`, the others drawn without replacement: exactly.

    With r better ones among M others, none of c - 1 drawn is better in C(M - r, c - 1) / C(M, c - 1) of all draws. Of
    tied ones each order is as likely. No draw is made, so nothing hangs on a seed.

    Args:
        better: other conditions that are nearer, int64 in [0, others]  # [N]
        tied: other conditions that are as near  # [N]
        others: M.
        choices: c, at most M + 1.

    Returns float64  # [N] in [0, 1]
    """
    ranks = torch.arange(others, dtype=torch.float64)
    steps = ((others - ranks - (choices - 1)) / (others - ranks)).clamp(min=0)  # one more that must not be drawn
    table = torch.cat([torch.ones(1, dtype=torch.float64), steps.cumprod(0)])  # [M + 1], by rank
    sums = torch.cat([torch.zeros(1, dtype=torch.float64), table.cumsum(0)])
    return (sums[better + tied + 1] - sums[better]) / (tied + 1)


def _mean_over(found: Tensor, groups: Tensor, fixed: bool, resample: str) -> tuple[float, float, int]:
    """(the mean over groups of their means, its variance, the number of groups).

    Args:
        found: float64  # [N]
        groups: int64  # [N]
        fixed: the groups stay (classes), and only their pictures change; else with "both" the groups do.
        resample: "both" or "fakes"; with "none" the variance is not asked for.
    """
    _, place, sizes = groups.unique(return_inverse=True, return_counts=True)
    n = len(sizes)
    means = torch.zeros(n, dtype=torch.float64).index_add(0, place, found) / sizes
    value = float(means.mean())
    if resample == "none":
        return value, 0.0, n
    if (fixed or resample == "fakes") and (fixed or int(sizes.min()) > 1):
        inside = torch.zeros(n, dtype=torch.float64).index_add(0, place, (found - means[place]).square())
        return value, float((inside / (sizes * (sizes - 1).clamp(min=1))).sum()) / n**2, n
    return value, float(means.var(correction=0)) / max(1, n - 1), n


def _worst(real: Side, of_reals: tuple[Tensor, Tensor], found: Tensor, groups: Tensor) -> list[str]:
    """The classes whose fakes are recognised least."""
    if real.shape is None or real.shape.kind != "class":
        return []
    hit, numbers = of_reals
    shares = sorted((float(found[groups == label].mean()), int(label)) for label in groups.unique())
    told = []
    for share, label in shares[:_WORST]:
        name = real.shape.names[label] if real.shape.names else f"class {label}"
        told.append(f"{name} ({share:.0%}, reals {float(hit[numbers == label].mean()):.0%})")
    return [f"Recognised least: {', '.join(told)}."]
