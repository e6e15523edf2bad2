"""What the metrics look at, and what they answer: one side's pictures, and a value with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ..conditions import Shape
from ..errors import SparringError, did_you_mean

RESAMPLE = ("both", "fakes", "none")
Z95 = 1.959963984540054  # the 97.5 % point of the normal distribution

_RANKS = {
    "features": (2,), "probabilities": (2,), "classes": (1,), "pixels": (4,), "conditions": (1, 2), "held_out": (1,),
    "new": (1,),
}  # fmt: skip


@dataclass(frozen=True)
class Side:
    """What is known of one side's pictures (fakes, or reals); row i of every part is picture i.

    Attributes:
        features: what an extractor says of each picture, float32, any range.  # [N, K]
        probabilities: of each class, float32 in [0, 1], rows sum to 1.  # [N, classes]
        classes: the known class of each picture (reals), int64 in [0, classes).  # [N]
        pixels: uint8 in [0, 255].  # [N, C, H, W]
        conditions: what each real shows, or each fake was asked for: int64 [N] of classes, else float32 [N, size]
        held_out: whether each real was kept from the generator's training, bool.  # [N]
        new: whether no training picture has its condition, bool; None where those of this side are all.  # [N]
        shape: what the conditions are; of a side that has them.

    Raises:
        SparringError: parts of different lengths, or of the wrong number of dimensions.
    """

    features: Tensor | None = None
    probabilities: Tensor | None = None
    classes: Tensor | None = None
    pixels: Tensor | None = None
    conditions: Tensor | None = None
    held_out: Tensor | None = None
    new: Tensor | None = None
    shape: Shape | None = None
    # What metrics worked out about this side and others may use (the reals' neighbours, at every evaluation of a run).
    kept: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        parts = self._parts()
        for name, part in parts.items():
            if part.ndim not in _RANKS[name]:
                axes = " or ".join(map(str, _RANKS[name]))
                raise SparringError(f"The {name} of a side have the shape {list(part.shape)}.", f"{axes} axes")
        lengths = {name: len(part) for name, part in parts.items()}
        if len(set(lengths.values())) > 1:
            raise SparringError(f"The parts of a side differ in length: {lengths}.", "one row a picture in each")

    def _parts(self) -> dict[str, Tensor]:
        every = {name: getattr(self, name) for name in _RANKS}
        return {name: part for name, part in every.items() if part is not None}

    @property
    def n(self) -> int:
        """The number of pictures; 0 where nothing is known."""
        return next((len(part) for part in self._parts().values()), 0)

    def take(self, indices: Tensor | Sequence[int]) -> Side:
        """Returns the side of some of its pictures, in the order of `indices`, int64 in [0, N)  # [M]."""
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        taken: dict[str, Any] = {name: part[chosen.to(part.device)] for name, part in self._parts().items()}
        return replace(self, kept={}, **taken)

    def part(self, name: str) -> Tensor:
        """Returns one part by its name ("features", ...). Raises SparringError where it is not known."""
        found = self._parts().get(name)
        if found is None:
            raise SparringError(f"This metric needs the {name} of the pictures, and they are not known here.", name)
        return found


@dataclass(frozen=True)
class Estimate:
    """A metric's value and how far it may be off.

    Attributes:
        value: in the metric's own unit.
        low: lower end of the 95 % interval, at most `value`.
        high: upper end, at least `value`.
        details: what else came out, by name.
        notes: what a reader must know before trusting the value, whole sentences.
    """

    value: float
    low: float
    high: float
    details: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def around(
        cls,
        value: float,
        std: float,
        details: Mapping[str, float] | None = None,
        notes: list[str] | None = None,
        bounds: tuple[float, float] = (-math.inf, math.inf),
    ) -> Estimate:
        """Returns value ± 1.96 std, cut to what the metric can be at all (`bounds`); "std" joins the details."""
        low = min(value, max(bounds[0], value - Z95 * std))
        high = max(value, min(bounds[1], value + Z95 * std))
        return cls(value, low, high, {**(details or {}), "std": std}, notes or [])

    @classmethod
    def share(
        cls,
        p: float,
        variance: float,
        n: float,
        details: Mapping[str, float] | None = None,
        notes: list[str] | None = None,
    ) -> Estimate:
        """Returns a share in [0, 1] with Wilson's interval (1927) at the number of pictures that has its variance.

        Args:
            p: the share.
            variance: of it, as found.
            n: pictures at most that it is taken for: at 0 and 1 no variance can be seen.
            details: what else came out.
            notes: what to know before trusting it.
        """
        if variance > 0 and 0 < p < 1:
            n = min(n, p * (1 - p) / variance)
        z = Z95**2 / n
        middle, half = (p + z / 2) / (1 + z), Z95 / (1 + z) * (p * (1 - p) / n + z / (4 * n)) ** 0.5
        low, high = min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half))
        return cls(p, low, high, {**(details or {}), "std": variance**0.5}, notes or [])


def check_resample(resample: str) -> None:
    """Raises SparringError unless `resample` is "both", "fakes" or "none"."""
    if resample not in RESAMPLE:
        raise SparringError(f"There is no resampling {resample!r}.", did_you_mean(resample, RESAMPLE))


def finite(features: Tensor, of: str) -> Tensor:
    """Returns the features unchanged.  # [N, K]

    Raises:
        SparringError: they are not [N, K], or hold NaN or infinity; `of` says whose they are.
    """
    if features.ndim != 2:
        raise SparringError(f"The features of the {of} have the shape {list(features.shape)}.", "[N, K]")
    bad = int((~features.isfinite()).any(1).sum())
    if bad:
        raise SparringError(
            f"The features of {bad} of {len(features)} {of} are not finite.",
            "finite numbers",
            "look at these pictures: a network that diverged draws NaN.",
        )
    return features


def pair_of_features(fake: Side, real: Side, at_least: int, metric: str) -> tuple[Tensor, Tensor]:
    """Returns the features of fakes and reals, checked.  # [N, K] and [M, K]

    Raises:
        SparringError: they are missing, not finite, of different widths, or fewer than `at_least` on a side.
    """
    x, y = finite(fake.part("features"), "fakes"), finite(real.part("features"), "reals")
    if x.shape[1] != y.shape[1]:
        raise SparringError(
            f"The features of the fakes have {x.shape[1]} numbers, those of the reals {y.shape[1]}.",
            "the same extractor on both sides",
        )
    for of, part in (("fakes", x), ("reals", y)):
        enough(len(part), at_least, of, metric)
    return x, y


def enough(n: int, at_least: int, of: str, metric: str) -> None:
    """Raises SparringError when `n` pictures are too few for a metric."""
    if n < at_least:
        raise SparringError(
            f"{metric} cannot be computed from {n} {of}.", f"{at_least} or more", "use more pictures for this metric."
        )


def jackknife_std(fake_effects: Tensor, real_effects: Tensor | None, resample: str) -> float:
    """The std of a value from the first-order effects of its pictures.

    Args:
        fake_effects: psi of each fake, in the metric's unit.  # [N]
        real_effects: psi of each real, or None where reals play no part.  # [M]
        resample: "both"; "fakes" takes the reals as fixed; "none" is 0.
    """
    check_resample(resample)
    if resample == "none":
        return 0.0
    variance = float(fake_effects.double().var(correction=0)) / max(1, len(fake_effects) - 1)
    if resample == "both" and real_effects is not None:
        variance += float(real_effects.double().var(correction=0)) / max(1, len(real_effects) - 1)
    return variance**0.5
