"""Fakes that a conditional run is asked for, and the reals with their conditions that tell whether it obeys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..conditions import Conditions, Embed, Shape
from ..data import IndexedStream, Pack, read_conditions
from ..errors import SparringError
from ..sampler import Sampler, load
from .describing import describe
from .dividing import MOST, asked_for, asked_in_training, divide, not_among
from .features import Extractor
from .opening import Look, Opened, as_rgb, as_sampler, chosen_places, generated, of_places, open_side, run_settings
from .sides import Side

TRAINING_SEEN = 2_000  # training pictures: how diverse reals are, and how training conditions are told
EACH = 8  # fakes of a text or a vector: 28 distances between them
_FEWEST_FAKES = 1_000

_PAGE = 256
_NEEDED = frozenset({"features"})


@dataclass(frozen=True)
class Asked:
    """The sides of a conditional run.

    Attributes:
        fake: pictures that were asked for.
        conditions_fake: what for: int64 [n] of classes, else float32 [n, size]
        parts: the training pictures, and those held out where any were.
        conditions: of the reals, part after part  # [N] or [N, size]
        shape: what the conditions are.
        held: whether each real was held out, bool  # [N]
        new: whether no training picture has its condition, bool  # [N]
    """

    fake: Opened
    conditions_fake: Tensor
    parts: tuple[Opened, ...]
    conditions: Tensor
    shape: Shape
    held: Tensor
    new: Tensor

    def sides(self, extractor: Extractor, look: Look, store: Path, progress: bool) -> tuple[Side, Side]:
        """Returns what the extractor sees of (fakes, reals); features of the reals are kept in `store`."""
        fakes = describe(self.fake, extractor, _NEEDED, look, None, progress)[0].part("features")
        reals = [describe(part, extractor, _NEEDED, look, store, progress)[0].part("features") for part in self.parts]
        fake = Side(fakes, conditions=self.conditions_fake, shape=self.shape)
        return fake, Side(
            torch.cat(reals), conditions=self.conditions, held_out=self.held, new=self.new, shape=self.shape
        )

    @property
    def reference(self) -> str:
        """What the reals are, in words."""
        return "; ".join(part.name for part in self.parts)


def open_asked(
    fakes: Any, reals: Any, n: int | None, most: int, look: Look, condition_from: Any, embed: Embed | None
) -> Asked:
    """Opens both sides of a conditional run.

    Args:
        fakes: a run's folder or a Run.
        reals: what it was trained on, as for `measure`.
        n: fakes to ask for, by default `EACH` of a text or vector, and as many as held-out pictures of classes, at
            least 1,000. Of texts and vectors some of training conditions come on top.
        most: fakes by default, at most.
        look: size, fit, background and seed.
        condition_from: as for `train`; None for where the run found them.
        embed: as for `train`; None for what the run's generator came with.

    Raises:
        SparringError: for fakes that were asked for nothing, reals without conditions or with others than the run's.
    """
    sampler, path, settings = _conditional(fakes, embed)
    shape, told = Shape.of(settings["condition"]), settings["condition"]
    if embed is None and sampler.told is not None:
        embed = sampler.told.embed
    if shape.kind == "text" and embed is None:
        raise SparringError(
            f"The captions of {path} were turned into numbers by {told.get('embedder')!r}, a function of your own.",
            "the same function again",
            "measure(..., embed=FUNCTION)",
        )
    where = told.get("where") if condition_from is None else condition_from
    parts, conditions, new = _parts(reals, path, settings, where, embed, look)
    every = torch.cat(conditions)
    held = torch.cat([torch.full((len(part),), i == 1) for i, part in enumerate(conditions)])
    division = divide(shape, every, held, new)
    if n is None:
        wanted = len(division.held) if shape.kind == "class" else EACH * len(division.judged)
        n = min(most, max(_FEWEST_FAKES, wanted))
    new_to_it = asked_for(division, every, n, EACH, look.seed)
    asked = torch.cat([new_to_it, asked_in_training(division, every, max(1, n // EACH), look.seed)])
    fake = generated(sampler, len(asked), look, path.name, asked)
    if fake.channels != parts[0].channels:
        fake, parts = as_rgb(fake, look), [as_rgb(part, look) for part in parts]
    return Asked(fake, asked, tuple(parts), every, shape, held, new)


def _conditional(fakes: Any, embed: Embed | None) -> tuple[Sampler, Path, dict[str, Any]]:
    """(the generator, the run's folder, what it was started with). Raises SparringError for anything else."""
    path = Path(getattr(fakes, "path", fakes)) if isinstance(getattr(fakes, "path", fakes), str | Path) else None
    settings = None if path is None else run_settings(path)
    if path is None or settings is None:
        raise SparringError(
            f"What these fakes were asked for is not known, nor what was held out: {_named(fakes)}.",
            "the folder of a run that was trained with conditions, or what train() gave",
            "give the run, or leave obedience and diversity out.",
        )
    if settings.get("condition") is None:
        raise SparringError(
            f"{path} was trained without conditions, so there is nothing to obey.",
            "a run trained with --condition",
            "leave obedience and diversity out.",
        )
    return as_sampler(fakes) or load(path, embed=embed), path, settings


def _named(fakes: Any) -> str:
    return f"{fakes} is no run" if isinstance(fakes, str | Path) else f"a {type(fakes).__name__} is no run"


def _parts(
    reals: Any, path: Path, settings: dict[str, Any], where: Any, embed: Embed | None, look: Look
) -> tuple[list[Opened], list[Tensor], Tensor]:
    """(the training pictures, and those held out where any were; the conditions of each part; which are new)."""
    shape, divided = Shape.of(settings["condition"]), bool(settings.get("held_out"))
    training = open_side(reals, None, look, "training" if divided else "all", path)
    parts = [training, open_side(reals, MOST, look, "held-out", path)] if divided else [training]
    data = training.data
    if isinstance(data, IndexedStream):  # to read all of its conditions is to read all of its pictures
        parts[0] = open_side(reals, TRAINING_SEEN, look, "training" if divided else "all", path)
        drawn = [_drawn(part, shape, embed, look.seed) for part in parts]
        return parts, drawn, not_among(torch.cat(drawn), drawn[0])
    if not isinstance(data, Pack):
        raise SparringError(
            f"The conditions of {training.name} are not known.",
            "pictures in a folder, a zip or an array, or a data set with indices",
            "give what the run was trained on.",
        )
    known = _known(reals, data, settings["condition"], where, embed, look)
    places = []
    for i, part in enumerate(parts):
        assert part.places is not None
        places.append(part.places[known.has(part.places)])
        if len(places[-1]) == 0:
            raise SparringError(f"None of {part.name} has a condition.", "pictures that have one")
        seen = chosen_places(places[-1], TRAINING_SEEN if i == 0 else MOST, look.seed)
        words = f"{data.name}, {len(seen):,} {('training', 'held-out')[i]} pictures of {path.name}"
        parts[i] = of_places(data, seen, words)
    conditions = [known.of(part.places) for part in parts if part.places is not None]
    return parts, conditions, not_among(torch.cat(conditions), known.of(places[0]))


def _known(reals: Any, data: Pack, told: dict[str, Any], where: Any, embed: Embed | None, look: Look) -> Conditions:
    """The conditions of all pictures. Raises SparringError where they are not those that the run was trained with."""
    shape = Shape.of(told)
    known, _ = read_conditions(reals, data, shape.kind, where, embed, say=look.say)
    _check_same(known.shape, shape, data.name)
    if told.get("content", known.identity["content"]) != known.identity["content"]:
        raise SparringError(
            f"The conditions of {data.name} are not those that the run was trained with.",
            f"those read from {told.get('read_from')}",
            "give what they were read from (condition_from=).",
        )
    return known


def _drawn(part: Opened, shape: Shape, embed: Embed | None, seed: int) -> Tensor:
    """The conditions of pictures that have theirs beside them, in the order in which they are drawn.  # [n, ...]"""
    assert isinstance(part.data, IndexedStream)
    told = part.data.conditioned(shape.kind, embed, None if shape.names else shape.size)
    _check_same(told.condition, shape, part.name)
    pages = (told.draw(first, min(_PAGE, part.n - first), seed=seed, flip=False) for first in range(0, part.n, _PAGE))
    return torch.cat([conditions for _, conditions in pages if conditions is not None])


def _check_same(found: Shape | None, shape: Shape, name: str) -> None:
    if found is None or (found.kind, found.size) != (shape.kind, shape.size) or found.names != shape.names:
        what = "none" if found is None else f"{found.kind}, {found.size:,}"
        raise SparringError(
            f"The conditions of {name} are {what}, and the run's are {shape.kind}, {shape.size:,}.",
            "the conditions that the run was trained with",
            "give what they were read from (condition_from=).",
        )
