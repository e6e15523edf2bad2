"""What an evaluation sees beside its metric: the signs by which the doctor's rules on quality judge.

All of it is a function of the networks' state: pictures, latents and conditions are the same at every evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..data import IndexedStream, Split
from ..errors import SparringError
from ..folder import cache_folder
from ..players import to_uint8
from .asking import TRAINING_SEEN
from .catalogue import METRICS, Metric
from .describing import describe
from .features import Extractor, extract
from .opening import Look, chosen_places, of_places
from .sides import Side
from .traces import checkerboard, holes, spread, spread_within

LOOKED_AT = 256  # pictures of each kind whose pixels are looked at, and that D is asked about
RAW = 200  # pictures of the generator itself that are measured beside those of its average
TURNED = 64  # pictures that are made again with another condition, and again with other latents

Sample = Callable[..., Tensor]  # (n, seed, conditions [n, ...] or None) -> uint8 [n, C, H, W]
Criticise = Callable[[Tensor, Tensor | None], Tensor]  # (uint8 [n, C, H, W], conditions) -> logits [n]


@dataclass(frozen=True)
class Trainers:
    """What a trainer offers beside pictures of its average.

    Attributes:
        criticise: D's logits, as its training has them.
        raw: pictures of the generator itself.
        boundary: the logit above which D calls a picture real; None where its loss has none.
        told: whether D's logits depend on the condition; not where it names classes instead.
    """

    criticise: Criticise
    raw: Sample
    boundary: float | None = 0.0
    told: bool = True


@dataclass(frozen=True)
class Reals:
    """Reals of one kind: those trained on, or those held out.

    Attributes:
        side: features  # [N, K]
        pictures: LOOKED_AT of them at most, uint8  # [n, C, H, W]
        conditions: of these pictures; None where they have none  # [n] or [n, size]
    """

    side: Side
    pictures: Tensor
    conditions: Tensor | None = None


@dataclass(frozen=True)
class Symptoms:
    """Looks for signs, against the same reals every time.

    Attributes:
        training: pictures that are trained on; TRAINING_SEEN at most.
        held: pictures that are not.
        metric: that decides.
        extractor: what it looks with.
        seed: of the latents.
        classes: whether conditions are classes.
        constants: what the reals themselves have: values that are the same at every evaluation.
    """

    training: Reals
    held: Reals
    metric: Metric
    extractor: Extractor
    seed: int
    classes: bool = False
    constants: dict[str, float | None] = field(default_factory=dict)

    def __call__(
        self, fake: Side, pictures: Tensor, asked: Tensor | None, sample: Sample, trainer: Trainers | None
    ) -> dict[str, Any]:
        """Returns values of an "evaluation" event by name; one that cannot be had is None, or missing.

        Args:
            fake: features of the average's pictures  # [N, K]
            pictures: these, uint8  # [N, C, H, W]
            asked: their conditions  # [N] or [N, size]
            sample: makes more of them.
            trainer: what it offers; None: D is not asked.
        """
        some = evenly(len(pictures), LOOKED_AT)
        shown, told = pictures[some], None if asked is None else asked[some]
        found: dict[str, Any] = {
            "spread": spread(shown) / max(spread(self.held.pictures), 1e-6),
            "checkerboard": checkerboard(shown),
            "leak": holes(shown),
            **self._nearness(fake),
            **self.constants,
        }
        if trainer is not None:
            found |= self._critic(shown, told, trainer)
        if asked is not None:
            found |= self._conditions(asked, sample) | self._within(shown, told)
        if trainer is not None:
            found |= self._raw(fake, asked, trainer.raw)
        return found

    def _nearness(self, fake: Side) -> dict[str, float | None]:
        """Medians of distances to the nearest training picture, and to the nearest other fake over the mean one."""
        found = _nearest(fake, self.training.side)
        own = _nearest(self.held.side, fake)
        apart = None if own is None else own["reals_distance"] / max(_mean_distance(fake), 1e-12)
        return {"nearest_train": None if found is None else found["distance"], "apart": 0.0 if own is None else apart}

    def _critic(self, shown: Tensor, told: Tensor | None, trainer: Trainers) -> dict[str, float]:
        """What D says of reals that it learns from, of others, and of fakes; and whether it minds the condition."""
        sides = (self.training, self.held)
        on_training, on_held = (trainer.criticise(each.pictures, each.conditions) for each in sides)
        found = {
            "d_train": float(on_training.mean()),
            "d_held": float(on_held.mean()),
            "d_fake": float(trainer.criticise(shown, told).mean()),
        }
        if trainer.boundary is not None:
            found["d_sign_train"] = float((on_training - trainer.boundary).sign().mean())
        if told is not None and trainer.told:
            for name, each, right in (("_train", sides[0], on_training), ("", sides[1], on_held)):
                assert each.conditions is not None
                swapped, changed = turned(each.conditions)
                wrong = trainer.criticise(each.pictures, swapped)
                if bool(changed.any()):
                    found[f"d_condition_auc{name}"] = auc(right[changed], wrong[changed])
        return found

    def _conditions(self, asked: Tensor, sample: Sample) -> dict[str, float]:
        """How far another condition moves a picture, over how far another z does."""
        some = asked[evenly(len(asked), TURNED)]
        swapped, changed = turned(some)
        if int(changed.sum()) < 2:
            return {}
        first, other = sample(len(some), self.seed, some), sample(len(some), self.seed, swapped)
        again = sample(len(some), self.seed + 1, some)
        between, within = _apart(first[changed], other[changed]), _apart(first[changed], again[changed])
        return {"condition_effect": between / max(within, 1e-6), "spread_of_condition": within / max(_real(self), 1e-6)}

    def _within(self, shown: Tensor, told: Tensor | None) -> dict[str, float]:
        """How far apart fakes of one class are, over how far its reals are: the median class, and the least."""
        reals = [each.conditions for each in (self.training, self.held)]
        if not self.classes or told is None or reals[0] is None or reals[1] is None:
            return {}
        pictures = torch.cat([self.training.pictures, self.held.pictures])
        of_reals = spread_within(pictures, torch.cat([reals[0], reals[1]]), least=4)
        ratios = {
            label: value / max(of_reals[label], 1e-6)
            for label, value in spread_within(shown, told, least=4).items()
            if label in of_reals
        }
        if not ratios:
            return {}
        least = min(ratios, key=lambda label: ratios[label])
        middle = float(torch.tensor(sorted(ratios.values())).median())
        return {"spread_within": middle, "spread_within_least": ratios[least], "least_class": least}

    def _raw(self, fake: Side, asked: Tensor | None, raw: Sample) -> dict[str, float | None]:
        """The metric of the generator itself and of its average, both of the same few latents."""
        n = min(RAW, fake.n)
        told = () if asked is None else (asked[:n],)
        try:
            made = raw(n, self.seed, *told)
            own = Side(extract(self.extractor, iter([made]), n, False, "")[0])
            values = [
                self.metric.compute(side, self.held.side, seed=self.seed, resample="fakes")
                for side in (own, fake.take(range(n)))
            ]
        except SparringError:  # too few for this metric
            return {"value_raw": None, "value_average": None}
        noise = sum(each.details["std"] ** 2 for each in values) ** 0.5
        return {"value_raw": values[0].value, "value_average": values[1].value, "noise_raw": noise}


def evenly(n: int, most: int) -> Tensor:
    """At most so many places from 0 to n - 1, evenly apart: conditions may come in their order.  # int64 [m]"""
    return torch.linspace(0, n - 1, min(n, most)).round().long()


def turned(conditions: Tensor) -> tuple[Tensor, Tensor]:
    """Each gets another's condition: (those, whether it is a different one, bool [N]).  # [N] or [N, size]"""
    order = conditions.argsort(stable=True) if conditions.ndim == 1 else torch.arange(len(conditions))
    swapped = torch.empty_like(conditions)
    swapped[order] = conditions[order.roll(len(order) // 2)]
    differs = swapped != conditions
    return swapped, differs if differs.ndim == 1 else differs.flatten(1).any(1)


def auc(above: Tensor, below: Tensor) -> float:
    """How often one of the first is above one of the second, ties counting half; .5 by chance.  # [N], [M]"""
    pairs = above[:, None] - below[None, :]
    return float((pairs > 0).double().mean() + 0.5 * (pairs == 0).double().mean())


def _apart(a: Tensor, b: Tensor) -> float:
    """The mean distance of pairs, per pixel in [0, 255].  # uint8 [N, C, H, W] both"""
    return float((a.float() - b.float()).flatten(1).square().mean(1).sqrt().mean())


def _real(symptoms: Symptoms) -> float:
    return spread(symptoms.held.pictures)


def _nearest(fake: Side, real: Side) -> dict[str, float] | None:
    try:
        return METRICS["nearest"].compute(fake, real, seed=0, resample="none").details
    except SparringError:  # half of the second side are copies of one another, or there are too few
        return None


def _mean_distance(side: Side) -> float:
    """The mean distance of a side's pictures in a ring of three neighbours.  # float"""
    x = side.part("features").double()
    return float(torch.stack([(x - x.roll(step, 0)).norm(dim=1).mean() for step in (1, 7, 31)]).mean())


def symptoms_of(split: Split, held: Side, metric: Metric, extractor: Extractor, n: int, seed: int) -> Symptoms:
    """Makes what looks for signs in a run's evaluations.

    Args:
        split: of its data.
        held: features of `split.pictures()`  # [N, K]
        metric: that decides.
        extractor: what it looks with.
        n: fakes of an evaluation.
        seed: of the latents.
    """
    training = _training(split, extractor)
    some = evenly(split.n, LOOKED_AT)
    pictures, conditions = split.pictures()[some], _held_conditions(split, some)
    reals = Reals(Side(held.part("features"), kept=held.kept), pictures, conditions)
    shape = split.training.condition
    own = _nearest(reals.side, training.side)
    like_fakes = training.side.take(range(min(n, training.side.n)))
    among = _nearest(reals.side, like_fakes)
    constants = {
        "nearest_held": None if own is None else own["distance"],
        "apart_reals": None if among is None else among["reals_distance"] / max(_mean_distance(like_fakes), 1e-12),
        "checkerboard_reals": checkerboard(pictures),
        "leak_reals": holes(pictures),
        **{f"{name}_reals": _value(name, like_fakes, reals.side) for name in ("precision", "recall", "coverage")},
    }
    classes = shape is not None and shape.kind == "class"
    return Symptoms(training, reals, metric, extractor, seed, classes, constants)


def _value(name: str, fake: Side, real: Side) -> float | None:
    try:
        return METRICS[name].compute(fake, real, seed=0, resample="none").value
    except SparringError:  # too few
        return None


def _training(split: Split, extractor: Extractor) -> Reals:
    """Training pictures, the same every time; of a pack their features are kept in the cache."""
    data, words = split.source, f"{extractor.name}: training pictures"
    if isinstance(data, IndexedStream):
        pictures, told = split.training.draw(0, min(len(split.training), TRAINING_SEEN), seed=0, flip=False)
        shown = to_uint8(pictures)
        side, some = Side(extract(extractor, iter([shown]), len(shown), True, words)[0]), evenly(len(shown), LOOKED_AT)
        return Reals(side, shown[some], None if told is None else told[some])
    known = torch.arange(len(data)).numpy() if data.conditions is None else data.conditions.places
    aside = set(split.held_out.tolist())
    places = chosen_places(known[[place not in aside for place in known.tolist()]], TRAINING_SEEN, 0)
    opened = of_places(data, places, f"{len(places):,} training pictures")
    look, store = Look(data.size_px), cache_folder(None) / "features"
    side = describe(opened, extractor, frozenset({"features"}), look, store, True)[0]
    some = places[evenly(len(places), LOOKED_AT).numpy()]
    pictures = torch.from_numpy(data.pictures(some)).permute(0, 3, 1, 2)
    return Reals(Side(side.part("features")), pictures, None if data.conditions is None else data.conditions.of(some))


def _held_conditions(split: Split, some: Tensor) -> Tensor | None:
    """Of some of the held-out pictures.  # int64 [n] -> [n] or [n, size]"""
    if split.training.condition is None:
        return None
    places, data = split.held_out[some.numpy()], split.source
    if not isinstance(data, IndexedStream):
        assert data.conditions is not None
        return data.conditions.of(places)
    told = [data.part(places[i : i + 1]).draw(0, 1, seed=0, flip=False)[1] for i in range(len(places))]
    return torch.cat([each for each in told if each is not None])
