"""Every metric by name: what it needs, which way is better, where it comes from. `fid` is made from `fd` elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..errors import SparringError, did_you_mean
from .distances import measure_fd, measure_kid
from .diversity import measure_diversity
from .neighbours import measure_coverage, measure_density, measure_nearest, measure_precision, measure_recall
from .obedience import measure_obedience
from .pixels import measure_msssim, measure_swd
from .scores import measure_is, measure_mis, measure_modes
from .sides import Estimate, Side


class Compute(Protocol):
    """(fakes, reals, seed of what is drawn at random, "both", "fakes" or "none") -> the value with its interval."""

    def __call__(self, fake: Side, real: Side, *, seed: int, resample: str) -> Estimate:
        """Computes the metric. Raises SparringError where it cannot be computed from these sides."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: the word for it.
        compute: (fake, real, seed=, resample=) -> Estimate; `resample` is "both", "fakes" (the reals are taken as
            fixed) or "none" (the interval is the value).
        better: "lower" or "higher".
        needs: of "features", "probabilities", "pixels", "classes", "conditions": what must be known of the pictures.
        one_sided: it looks at fakes only; the reals may be an empty `Side()`.
        title: for a reader.
        source: paper.
    """

    name: str
    compute: Compute
    better: str
    needs: frozenset[str]
    one_sided: bool
    title: str
    source: str


_FEATURES, _PROBABILITIES, _PIXELS = (frozenset({word}) for word in ("features", "probabilities", "pixels"))
_CONDITIONS = frozenset({"features", "conditions"})
_OBEDIENCE, _DIVERSITY = "Recognised as what was asked for", "Diversity within a condition"

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("fd", measure_fd, "lower", _FEATURES, False, "Fréchet distance", "arXiv 1706.08500"),
        Metric("kid", measure_kid, "lower", _FEATURES, False, "Kernel distance (KID)", "arXiv 1801.01401"),
        Metric("is", measure_is, "higher", _PROBABILITIES, True, "Inception score", "arXiv 1606.03498"),
        Metric("mis", measure_mis, "higher", _PROBABILITIES, True, "Modified Inception score", "arXiv 1706.02071"),
        Metric("precision", measure_precision, "higher", _FEATURES, False, "Precision", "arXiv 1904.06991"),
        Metric("recall", measure_recall, "higher", _FEATURES, False, "Recall", "arXiv 1904.06991"),
        Metric("density", measure_density, "higher", _FEATURES, False, "Density", "arXiv 2002.09797"),
        Metric("coverage", measure_coverage, "higher", _FEATURES, False, "Coverage", "arXiv 2002.09797"),
        Metric("swd", measure_swd, "lower", _PIXELS, False, "Sliced Wasserstein distance", "arXiv 1710.10196"),
        Metric("msssim", measure_msssim, "lower", _PIXELS, True, "Likeness among fakes (MS-SSIM)", "arXiv 1610.09585"),
        Metric("nearest", measure_nearest, "higher", _FEATURES, False, "Distance to the nearest real", "sparring"),
        Metric("modes", measure_modes, "higher", _PROBABILITIES, False, "Classes drawn", "arXiv 1611.02163"),
        Metric(
            "obedience", measure_obedience, "higher", _CONDITIONS, False, _OBEDIENCE, "arXiv 1807.09499, 1711.10485"
        ),
        Metric(
            "diversity", measure_diversity, "higher", _CONDITIONS, False, _DIVERSITY, "arXiv 2002.09797, 1711.11586"
        ),
    )
}


def metric_named(name: str) -> Metric:
    """Returns a row of the table. Raises SparringError with the near name."""
    if name not in METRICS:
        raise SparringError(f"There is no metric {name!r}.", did_you_mean(name, METRICS))
    return METRICS[name]
