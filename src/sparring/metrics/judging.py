"""The evaluation of a run: its generator's pictures against those it never trained on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..errors import SparringError, did_you_mean
from .catalogue import METRICS, Metric, metric_named
from .features import Extractor, extract
from .measuring import floor_of
from .sides import Side

EVALUATED = 1_000  # pictures that are made for an evaluation: two or three seconds of lite0 on two cores
# What else is written down at each evaluation: cheap once features are there, and blind to what the others see.
BESIDE = ("precision", "recall", "density", "coverage", "nearest")
FREE_OF_BIAS = "kid"


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
    """

    held: Side
    extractor: Extractor
    metric: Metric
    n: int
    seed: int
    floor: float | None

    def __call__(self, sample: Callable[[int, int], Tensor]) -> dict[str, Any]:
        """Returns the values of an "evaluation" event: the metric's value and noise, and further metrics.

        The noise is one standard deviation over other fakes of the same generator; the reals stay the same.
        """
        begin = time.monotonic()
        features, probabilities = extract(self.extractor, iter([sample(self.n, self.seed)]), self.n, False, "")
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
        return values | beside | {"seconds": round(time.monotonic() - begin, 3)}

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
