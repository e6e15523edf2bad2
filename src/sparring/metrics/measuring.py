"""How good are the pictures? `sparring.measure(fakes, reals, metrics=("fd", "kid"))`: every figure with its floor."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..conditions import Embed
from ..data import LARGEST_PX, SMALLEST_PX
from ..errors import SparringError
from ..folder import cache_folder
from ..players import resolve_device
from ..seeds import seed_for
from .asking import Asked, open_asked
from .catalogue import METRICS, Metric, metric_named
from .describing import describe
from .extractors import extractor_named, own
from .features import Extractor
from .opening import Look, Opened, as_rgb, makes_any_number, open_side, own_px
from .sides import Side

MOST = 10_000  # pictures that are made where nobody says how many; papers use 10,000 to 50,000
FALLBACK_PX = 64


@dataclass(frozen=True)
class Result:
    """One figure and all that it depends on.

    Attributes:
        metric: its name.
        value: the figure.
        interval: 95 % of what other pictures of the same kinds would give; None where not asked for.
        floor: what reals score against reals: one random half against the other, `floor_n` pictures each (for a metric
            that looks at fakes alone: what `floor_n` reals score). None where the reals are too few for it.
        better: "lower" or "higher".
        n_fake: pictures on the first side.
        n_real: pictures on the second side; 0 where the metric looks at fakes alone.
        features: the extractor, or "pixels".
        input_px: side in px that the extractor sees.
        resize: how pictures are brought to it.
        reference: what the reals were.
        title: the metric in words.
        reals: what held-out reals score with their own conditions; None where the metric has no conditions.
        chance: what a generator scores that ignores its condition; None where that is not known.
        details: further numbers.
        notes: what to know before believing it.
    """

    metric: str
    value: float
    interval: tuple[float, float] | None
    floor: float | None
    floor_n: int
    better: str
    n_fake: int
    n_real: int
    features: str
    input_px: int
    resize: str
    reference: str
    title: str
    reals: float | None = None
    chance: float | None = None
    details: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def measure(
    fakes: Any,
    reals: Any,
    metrics: str | Sequence[str] = ("fd", "kid"),
    features: str | Callable[..., Any] = "lite0",
    *,
    n: int | None = None,
    size: int | None = None,
    split: str = "all",
    fit: str = "crop",
    background: str = "white",
    seed: int = 0,
    interval: bool = True,
    weights: str | os.PathLike[str] | None = None,
    path: str | os.PathLike[str] | None = None,
    cache: str | os.PathLike[str] | None = None,
    condition_from: Any = None,
    embed: Embed | None = None,
    device: str = "auto",
    say: Callable[[str], object] = print,
    progress: bool = True,
) -> list[Result]:
    """Compares two sets of pictures; fakes first, reals second.

    Args:
        fakes: a run's folder, what `sparring.load` or `sparring.train` gave, a generator, a folder, zip, .npy or .npz
            of pictures, an array, or anything that yields pictures.
        reals: the same; a data set's name ("emoji", "fashion-mnist") too.
        metrics: names from `METRICS`, or "fid" with features="inception".
        features: "lite0", "inception", "dinov2", "clip", "own", or a callable uint8 [N, C, H, W] -> [N, K].
        n: pictures to take of each side; by default all, of a generator as many as there are reals, 10,000 at most.
        size: side in px that both are brought to first; by default that of the fakes.
        split: "all" reals, or only what a run (the fakes) had for "training" or "held-out"; obedience and diversity
            take both, each for its part.
        fit: "crop", "pad" or "squeeze" what is not square.
        background: colour under transparent parts, for extractors that know no alpha.
        seed: of what is generated and chosen.
        interval: whether intervals are worked out.
        weights: file of the extractor's weights ("inception").
        path: folder of a built-in data set, where it is not in its usual place.
        cache: folder for packs and features of the reference; by default as for `open_data`.
        condition_from: for obedience and diversity, where the reals' conditions are read: as `train` was given it.
        embed: the same for what turns captions into numbers.
        device: where features are computed: "auto", "cpu", "cuda", "mps".
        say: called with what was decided, in sentences.
        progress: whether bars are shown.

    Returns one result for each metric, in the order asked for.
    Raises SparringError for pictures that cannot be read, metrics and extractors that do not go together, or too few
    pictures.
    """
    asked = [metrics] if isinstance(metrics, str) else list(metrics)
    if not asked:
        raise SparringError("No metric was named.", f"one or more of {', '.join(METRICS)}", "--metrics fd,kid")
    where = str(resolve_device(device))
    if size is not None and not SMALLEST_PX <= size <= LARGEST_PX:
        raise SparringError(f"--size is {size}.", f"a whole number of px from {SMALLEST_PX} to {LARGEST_PX}")
    chosen = {name: _metric(name, features) for name in asked}
    side_px = size or own_px(fakes) or own_px(reals) or FALLBACK_PX
    look = Look(side_px, fit, background, seed, path, say)
    store = cache_folder(cache) / "features"
    how = _How(features, look, weights, where, store, interval, progress)
    plain = {name: metric for name, metric in chosen.items() if "conditions" not in metric.needs}
    of_conditions = {name: metric for name, metric in chosen.items() if name not in plain}
    results: dict[str, Result] = {}
    if of_conditions:  # first, for it may find that there is nothing to obey
        _number(fakes, n, MOST)
        sides = open_asked(fakes, reals, n, MOST, look, condition_from, embed)
        results |= _obeyed(of_conditions, sides, how)
    if plain:
        real = open_side(reals, _number(reals, n, MOST), look, split, fakes)
        fake = open_side(fakes, _number(fakes, n, min(MOST, real.n)), look)
        results |= _compared(plain, *_alike(fake, real, look), how)
    return [results[name] for name in asked]


@dataclass(frozen=True)
class _How:
    """How pictures are looked at: `measure`'s words."""

    features: Any
    look: Look
    weights: Any
    device: str
    store: Path
    interval: bool
    progress: bool

    def extractor(self, real: Opened) -> Extractor:
        """The extractor that was named. Raises SparringError where there is none for these pictures."""
        return _extractor(self.features, real, self.look, self.weights, self.device)


def _compared(chosen: dict[str, Metric], fake: Opened, real: Opened, how: _How) -> dict[str, Result]:
    """The metrics that compare two sets of pictures."""
    look, needs = how.look, frozenset[str]().union(*(metric.needs for metric in chosen.values()))
    extractor = None if needs <= {"pixels"} else how.extractor(real)
    if extractor is not None:
        _check_classes(extractor, chosen)
    _say(look, f"{fake.name} against {real.name}, both at {look.size_px} px.")
    fakes_seen = describe(fake, extractor, needs, look, None, how.progress)
    reals_seen = describe(real, extractor, needs, look, how.store, how.progress)
    if extractor is not None and extractor.note:
        _say(look, f"{extractor.name}: {extractor.note}")
    results = {}
    for name, metric in chosen.items():
        of_pixels = metric.needs == {"pixels"}
        context = _Context(None if of_pixels else extractor, real.name, look, how.interval, real.channels == 4)
        results[name] = _result(name, metric, fakes_seen[of_pixels], reals_seen[of_pixels], context)
    return results


def _obeyed(chosen: dict[str, Metric], sides: Asked, how: _How) -> dict[str, Result]:
    """The metrics that ask whether pictures follow their conditions, and how much they differ then."""
    look, training = how.look, sides.parts[0]
    extractor = how.extractor(training)
    words = f"asked for conditions of {sides.reference}"
    _say(look, f"{sides.fake.name}: {sides.fake.n:,} pictures {words}, all at {look.size_px} px.")
    fake, real = sides.sides(extractor, look, how.store, how.progress)
    if extractor.note:
        _say(look, f"{extractor.name}: {extractor.note}")
    context = _Context(extractor, sides.reference, look, how.interval, training.channels == 4)
    return {name: _result(name, metric, fake, real, context) for name, metric in chosen.items()}


def _say(look: Look, words: str) -> None:
    if look.say is not None:
        look.say(words)


def _metric(name: str, features: Any) -> Metric:
    """The row of a metric's name; a Fréchet distance is called FID with Inception features only."""
    if name != "fid":
        return metric_named(name)
    if features != "inception":
        other = features if isinstance(features, str) else "yours"
        raise SparringError(
            f"FID is the Fréchet distance of Inception features, not of {other}.",
            "the metric fd, or the extractor inception",
            "--metrics fd, or --features inception.",
        )
    return replace(METRICS["fd"], name="fid", title="FID")


def _number(source: Any, n: int | None, otherwise: int) -> int | None:
    if n is not None and n < 2:
        raise SparringError(f"{n} pictures are asked for.", "2 or more; 2,000 or more for figures to rely on")
    return n if n is not None or not makes_any_number(source) else otherwise


def _alike(fake: Opened, real: Opened, look: Look) -> tuple[Opened, Opened]:
    """Sides of different channels are both made RGB, on the background: pixel metrics could not do it."""
    if fake.channels == real.channels:
        return fake, real
    words = f"Fakes have {fake.channels} channels and reals {real.channels}: both were made RGB"
    ground = f", transparent parts on {look.background}" if 4 in (fake.channels, real.channels) else ""
    _say(look, f"{words}{ground}.")
    return as_rgb(fake, look), as_rgb(real, look)


def _extractor(features: Any, real: Opened, look: Look, weights: Any, device: str) -> Extractor:
    if features != "own":
        file, shape = None if weights is None else Path(weights), (real.channels, look.size_px, look.size_px)
        return extractor_named(features, weights=file, device=device, shape=shape)
    labels = real.labels()
    if labels is None:
        raise SparringError(
            "The features own come of a classifier of your classes, and the reals have none.",
            "reals in folders, one for each class, or a data set with classes",
            "--features lite0",
        )
    if weights is not None:
        raise SparringError("--weights does not go with the features own.", "weights for inception, or none")
    return own.fit(torch.cat(list(real.pages())), labels[1], labels[0], seed=look.seed, device=device)


def _check_classes(extractor: Extractor, chosen: dict[str, Metric]) -> None:
    scores = [name for name, metric in chosen.items() if "probabilities" in metric.needs]
    if scores and extractor.classes is None:
        raise SparringError(
            f"{', '.join(scores)} need class probabilities, and {extractor.name} gives none.",
            "features that know classes: lite0, inception, own",
            f"--features own, or leave {', '.join(scores)} out.",
        )
    if "modes" in chosen and extractor.name != "own":
        raise SparringError(
            f"modes counts the classes of your pictures, and {extractor.name} knows others.",
            "a classifier of your own classes",
            "--features own, with reals in one folder for each class.",
        )


@dataclass(frozen=True)
class _Context:
    """What a result says of its circumstances; no extractor for metrics of pixels."""

    extractor: Extractor | None
    reference: str
    look: Look
    interval: bool
    alpha: bool


def _result(name: str, metric: Metric, fake: Side, real: Side, context: _Context) -> Result:
    seed, extractor = context.look.seed, context.extractor
    found = metric.compute(fake, real, seed=seed, resample="both" if context.interval else "none")
    asked = "conditions" in metric.needs
    floor, floor_n = (None, 0) if asked else floor_of(metric, fake.n, real, seed)
    notes, details = list(found.notes), dict(found.details)
    if not context.interval:
        details.pop("std", None)
    if "probabilities" in metric.needs and extractor is not None and extractor.name != "inception":
        notes.append(f"A classifier score: the class probabilities are those of {extractor.name}, not of Inception.")
    if extractor is not None and extractor.sees_rgb and context.alpha:
        notes.append(f"Transparent parts were laid on {context.look.background}.")
    if floor is not None and not metric.one_sided and metric.name != "kid" and floor_n < min(fake.n, real.n):
        notes.append(
            f"The floor is that of {floor_n:,} pictures a side; with as many as here it would be nearer to the ideal."
        )
    if floor is None and not asked:
        notes.append("No floor: there are too few reals to compare one half with the other.")
    return Result(
        metric=name,
        value=found.value,
        interval=(found.low, found.high) if context.interval else None,
        floor=floor,
        floor_n=floor_n,
        better=metric.better,
        n_fake=fake.n,
        n_real=0 if metric.one_sided else real.n,
        features=extractor.name if extractor else "pixels",
        input_px=(extractor.input_px if extractor else 0) or context.look.size_px,
        resize=extractor.resize if extractor else "not resized",
        reference=context.reference,
        title=metric.title,
        reals=details.pop("reals", None),
        chance=details.pop("chance", None),
        details=details,
        notes=tuple(notes),
    )


def floor_of(metric: Metric, n_fake: int, real: Side, seed: int) -> tuple[float | None, int]:
    """What reals score against reals: one random half against the other, n = min(fakes, reals / 2) pictures each.

    For a metric that looks at fakes alone: what n reals score. Returns (floor, n), (None, n) where n is too small.
    """
    n = min(n_fake, real.n // 2)
    order = torch.from_numpy(np.random.Generator(np.random.Philox(seed_for(seed, "floor"))).permutation(real.n))
    try:
        halves = real.take(order[:n]), real.take(order[n : 2 * n])
        return metric.compute(*halves, seed=seed, resample="none").value, n
    except SparringError:  # too few for this metric, which says so of the sides themselves where it matters
        return None, n


def as_text(results: list[Result]) -> str:
    """The figures as a small table, and below it what to know of them."""
    lines = []
    for r in results:
        sign = f" [{r.interval[0]:.5g}, {r.interval[1]:.5g}]" if r.interval else ""
        floor = "floor none" if r.floor is None else f"floor {r.floor:.5g} (n = {r.floor_n:,})"
        if r.reals is not None or r.chance is not None:
            known = {"reals": r.reals, "chance": r.chance}
            floor = ", ".join(f"{word} {number:.5g}" for word, number in known.items() if number is not None)
        sides = f"{r.n_fake:,} fakes" + (f", {r.n_real:,} reals" if r.n_real else "")
        seen = (
            f"{r.features} at {r.input_px} px, {r.resize}" if r.features != "pixels" else f"pixels at {r.input_px} px"
        )
        lines.append(f"{r.metric:<10} {r.value:>10.5g}{sign}   {floor}   {r.better} is better")
        lines.append(f"{'':<10} {r.title}; {sides}; {seen}; reference: {r.reference}")
        lines += [f"{'':<10} {word}: {number:.5g}" for word, number in r.details.items()]
        lines += [f"{'':<10} note: {note}" for note in r.notes]
    return "\n".join(lines)
