"""The evaluation of a run: its generator's pictures against those it never trained on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..conditions import Shape
from ..data import IndexedStream, Split
from ..errors import SparringError, did_you_mean
from ..folder import cache_folder
from ..players import to_uint8
from .asking import TRAINING_SEEN
from .catalogue import METRICS, Metric, metric_named
from .describing import describe
from .dividing import asked_for, divided, not_among
from .features import Extractor, extract
from .measuring import floor_of
from .opening import Look, chosen_places, of_places
from .sides import Side
from .symptoms import Symptoms, Trainers

EVALUATED = 1_000  # pictures that are made for an evaluation: two or three seconds of lite0 on two cores
# What else is written down at each evaluation: cheap once features are there, and blind to what the others see.
BESIDE = ("precision", "recall", "density", "coverage", "nearest")
FREE_OF_BIAS = "kid"
_EACH = 2  # fakes of a text or a vector: the fewest that can differ, and so the most conditions
_PAGE = 256


@dataclass(frozen=True)
class Judge:
    """Evaluates a generator against the same held-out pictures every time.

    Attributes:
        held: the held-out side.
        extractor: what it is seen with.
        metric: the metric that decides which checkpoint is the best.
        n: pictures to make; the same latents every time, so that only the generator changes.
        seed: of the latents.
        floor: what the metric gives for one half of the held-out pictures against the other.
        obedience: of a conditional pair, who tells whether pictures follow their conditions.
        symptoms: what looks for signs of what went wrong, for the doctor.
    """

    held: Side
    extractor: Extractor
    metric: Metric
    n: int
    seed: int
    floor: float | None
    obedience: ObedienceJudge | None = None
    symptoms: Symptoms | None = None

    def __call__(self, sample: Callable[..., Tensor], trainer: Trainers | None = None) -> dict[str, Any]:
        """Returns the values of an "evaluation" event: the metric's value and noise, and further metrics.

        The noise is one standard deviation over other fakes of the same generator; the reals stay the same.

        Args:
            sample: (n, seed) -> uint8 [n, C, H, W]; with `obedience` (n, seed, conditions [n, ...]).
            trainer: what else a trainer offers, for `symptoms`.
        """
        begin = time.monotonic()
        asked = [] if self.obedience is None else [self.obedience.asked(self.n, self.seed)]
        pictures = sample(self.n, self.seed, *asked)
        features, probabilities = extract(self.extractor, iter([pictures]), self.n, False, "")
        fake = Side(features, probabilities, None, None)
        found = self.metric.compute(fake, self.held, seed=self.seed, resample="fakes")
        beside = {name: self._beside(name, fake) for name in BESIDE if name != self.metric.name}
        values = {
            "metric": self.metric.name,
            "value": found.value,
            "noise": found.details["std"],
            "floor": self.floor,
            "better": self.metric.better,
            "features": self.extractor.name,
            "n_fake": self.n,
            "n_real": self.held.n,
        }
        obeyed = {} if self.obedience is None else self.obedience(features, *asked)
        if self.symptoms is not None:
            beside |= self.symptoms(fake, pictures, asked[0] if asked else None, sample, trainer)
        return values | beside | obeyed | {"seconds": round(time.monotonic() - begin, 3)}

    def _beside(self, name: str, fake: Side) -> float | None:
        try:
            return METRICS[name].compute(fake, self.held, seed=self.seed, resample="none").value
        except SparringError:  # too few held out, or copies among them: the metric that decides was tried at the start
            return None


def judge_of(pictures: Tensor, extractor: Extractor, metric: str, n: int, seed: int) -> Judge:
    """Makes a judge.

    Args:
        pictures: held out, uint8  # [n, C, H, W]
        extractor: what to look with.
        metric: a metric's name.
        n: pictures to make for each evaluation.
        seed: of the latents.

    Raises SparringError where the metric cannot be computed from so few held-out pictures.
    """
    row = judging_metric(metric)
    features, probabilities = extract(extractor, iter([pictures]), len(pictures), True, f"{extractor.name}: held out")
    held = Side(features, probabilities, None, None)
    row.compute(held, held, seed=seed, resample="fakes")  # raises now, and not in mid-training, for too few pictures
    return Judge(held, extractor, row, n, seed, floor_of(row, n, held, seed)[0])


def judging_metric(name: str) -> Metric:
    """Returns the row of a metric that can decide in training. Raises SparringError for others."""
    row = metric_named(name)
    if row.needs != {"features"}:
        raise SparringError(
            f"--metric is {name}, which needs {', '.join(sorted(row.needs))}.",
            "a metric of features for evaluations in training",
            did_you_mean(name, [other for other, m in METRICS.items() if m.needs == {"features"}]),
        )
    return row


def usual_metric(n: int, dims: int) -> str:
    """The metric that decides where nobody says: Fréchet is mostly bias below twice as many pictures as dimensions."""
    return "fd" if n >= 2 * dims else FREE_OF_BIAS


@dataclass(frozen=True)
class ObedienceJudge:
    """Tells whether a generator's pictures follow their conditions, by the same reals every time.

    Attributes:
        real: training and held-out pictures with features, conditions, `held_out` and `shape`.
    """

    real: Side

    def asked(self, n: int, seed: int) -> Tensor:
        """Returns what n fakes are to be asked for: conditions of held-out pictures, of classes in their own shares.

        Of texts and vectors as many different ones as two fakes each allow.  # int64 [n], or float32 [n, size]
        """
        return asked_for(divided(self.real), self.real.part("conditions"), n, _EACH, seed)

    def __call__(self, features: Tensor, conditions: Tensor) -> dict[str, float | None]:
        """Returns obedience and diversity, what reals score, and chance.

        Diversity is None where there are too few fakes of each condition, and of texts and vectors that of reals.

        Args:
            features: of fakes  # [n, K]
            conditions: what they were asked for, such as `asked` gives  # int64 [n], or float32 [n, size]

        Raises:
            SparringError: where not one of the conditions is that of a held-out picture.
        """
        fake = Side(features, conditions=conditions)
        obeyed = METRICS["obedience"].compute(fake, self.real, seed=0, resample="none")
        diversity = reals = None
        with contextlib.suppress(SparringError):  # too few: all else would have been wrong for obedience as well
            found = METRICS["diversity"].compute(fake, self.real, seed=0, resample="none")
            diversity, reals = found.value, found.details.get("reals")
        return {
            "obedience": obeyed.value,
            "obedience_reals": obeyed.details["reals"],
            "obedience_chance": obeyed.details["chance"],
            "diversity": diversity,
            "diversity_reals": reals,
        }


def obedience_judge(
    shape: Shape,
    training: tuple[Tensor, Tensor],
    held_out: tuple[Tensor, Tensor],
    trained_on: Tensor | None = None,
) -> ObedienceJudge:
    """Makes a judge of obedience, whose probe is learnt now.

    Args:
        shape: what the conditions are.
        training: features and conditions of training pictures  # [N, K], and int64 [N] or float32 [N, size]
        held_out: the same of pictures that are not trained on; there may be none of them.
        trained_on: the conditions of all training pictures, where `training` are only some  # [M] or [M, size]

    Raises:
        SparringError: for too few pictures, of classes too few of each, and where all have one condition.
    """
    features, conditions = (torch.cat(both) for both in zip(training, held_out, strict=True))
    held = torch.arange(len(features)) >= len(training[0])
    new = not_among(conditions, training[1] if trained_on is None else trained_on)
    real = Side(features, conditions=conditions, held_out=held, new=new, shape=shape)
    METRICS["obedience"].compute(real.take(divided(real).held), real, seed=0, resample="none")
    return ObedienceJudge(real)


def obedience_judge_of(split: Split, held: Tensor, extractor: Extractor, progress: bool = True) -> ObedienceJudge:
    """Makes a judge of obedience from a data set with conditions, in two parts.

    Of the training pictures 2,000 are looked at, the same every time. Of a pack their features are kept in the cache,
    where `measure` finds them too.

    Args:
        split: of a data set with conditions.
        held: features of `split.pictures()`  # [n, K]
        extractor: what they were seen with.
        progress: whether a bar is shown.

    Raises:
        SparringError: as `obedience_judge`.
    """
    data, shape = split.source, split.training.condition
    assert shape is not None
    if isinstance(data, IndexedStream):
        training = split.training
        assert isinstance(training, IndexedStream)
        parts = (data.part(split.held_out[i : i + 1]) for i in range(split.n))  # in the order of `split.pictures()`
        told = torch.cat([_told(part, 0, 1)[1] for part in parts])
        return obedience_judge(shape, _looked_at(training, extractor, progress), (held, told))
    known = data.conditions
    assert known is not None
    trained_on = np.setdiff1d(known.places, split.held_out)
    places = chosen_places(trained_on, TRAINING_SEEN, 0)
    side = of_places(data, places, f"{len(places):,} training pictures")
    look, store = Look(data.size_px), cache_folder(None) / "features"
    features = describe(side, extractor, frozenset({"features"}), look, store, progress)[0].part("features")
    has = known.has(split.held_out)
    held_out = held[torch.from_numpy(has)], known.of(split.held_out[has])
    return obedience_judge(shape, (features, known.of(places)), held_out, known.of(trained_on))


def _looked_at(data: IndexedStream, extractor: Extractor, progress: bool) -> tuple[Tensor, Tensor]:
    """Features and conditions of pictures of a data set with indices, a page at a time."""
    n, conditions = min(len(data), TRAINING_SEEN), []

    def pages() -> Iterator[Tensor]:
        for first in range(0, n, _PAGE):
            pictures, told = _told(data, first, min(_PAGE, n - first))
            conditions.append(told)
            yield to_uint8(pictures)

    features, _ = extract(extractor, pages(), n, progress, f"{extractor.name}: training pictures")
    return features, torch.cat(conditions)


def _told(data: IndexedStream, first: int, n: int) -> tuple[Tensor, Tensor]:
    """Pictures and their conditions.  # [n, C, H, W] in [-1, 1], and [n] or [n, size]"""
    pictures, conditions = data.draw(first, n, seed=0, flip=False)
    assert conditions is not None
    return pictures, conditions
