"""Either side of a comparison, whatever it is: a run, a generator, a folder, a zip, an .npz, an array, an iterable."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..data import BUILTIN, IndexedStream, Pack, Stream, hold_out, open_data
from ..data.arrays import array_pictures, channels_last
from ..data.decode import background_rgb
from ..data.sizing import natural_px, resized
from ..data.table import content_hash
from ..errors import SparringError, did_you_mean
from ..folder import RunFolder
from ..networks.calling import evaluation_mode, randomness, z_shape_of
from ..players import to_uint8
from ..sampler import Sampler, load
from ..seeds import seed_for
from .features import to_rgb

LARGEST_PX = 512  # larger pictures are brought to this side first; every extractor looks at fewer
_PAGE = 256  # pictures that are decoded, or drawn, at a time
_BUILTIN_PX = {"emoji": 72, "fashion-mnist": 28}
SPLITS = ("all", "training", "held-out")


@dataclass(frozen=True)
class Look:
    """How both sides are read: `fit` and `background` as in `open_data`, `seed` for what is drawn or chosen."""

    size_px: int
    fit: str = "crop"
    background: str = "white"
    seed: int = 0
    path: str | os.PathLike[str] | None = None
    say: Callable[[str], object] | None = None


@dataclass(frozen=True)
class Opened:
    """One side, opened.

    Attributes:
        name: what it is, in words.
        n: pictures in it.
        channels: 1, 3 or 4.
        pages: gives all pictures, in order, again and again: uint8  # [n, C, H, W] in [0, 255]
        identity: equal for equal pictures; None where that is not known beforehand.
        classes: the class of each picture, where folders or the data set name it.
        data: the data set that they are from, where it can be asked for more: of one with indices, the part drawn.
        places: the rows of a pack that they stand in.
    """

    name: str
    n: int
    channels: int
    pages: Callable[[], Iterator[Tensor]]
    identity: dict[str, Any] | None = None
    classes: list[str] | None = None
    data: Pack | IndexedStream | None = None
    places: np.ndarray | None = None

    def labels(self) -> tuple[list[str], Tensor] | None:
        """Returns (the names of the classes, which of them each picture is of, int64 [n]); None where not known."""
        if self.classes is None:
            return None
        names, numbers = np.unique(self.classes, return_inverse=True)
        return names.tolist(), torch.from_numpy(numbers)


def makes_any_number(source: Any) -> bool:
    """Whether a source is a generator, which makes as many pictures as it is asked for."""
    if isinstance(source, str | os.PathLike):
        return run_settings(source) is not None
    return isinstance(source, nn.Module) or as_sampler(source) is not None


def own_px(source: Any) -> int | None:
    """Returns the side in px that a source's pictures have, None where only opening it would tell."""
    if isinstance(source, str | os.PathLike):
        word = os.fspath(source)
        run = run_settings(word)
        if run is not None:
            return int(run["data"]["size_px"])
        if word in BUILTIN and not Path(word).exists():
            return _BUILTIN_PX[word]
        found = natural_px(word)
        return None if found is None else min(found, LARGEST_PX)
    sampler = as_sampler(source)
    if sampler is not None:
        return sampler.size_px
    if isinstance(source, np.ndarray | Tensor):
        # By its shape alone: a stand-in of no bytes is turned as the array will be when it is read.
        stand_in = np.broadcast_to(np.uint8(0), tuple(source.shape))
        return min(*channels_last(stand_in, prefer_first=isinstance(source, Tensor)).shape[1:3], LARGEST_PX)
    return None


def open_side(source: Any, n: int | None, look: Look, split: str = "all", run: Any = None) -> Opened:
    """Opens one side.

    Args:
        source: a run's folder, what `sparring.load` or `sparring.train` gave, a generator (nn.Module), a folder, a zip,
            .npy or .npz, "emoji" or "fashion-mnist", an array, or anything that yields pictures.
        n: pictures to take; None for all. A generator makes so many; of a data set so many are chosen by the seed.
        look: size, fit, background and seed.
        split: "all" of a data set, or what the run `run` had for "training" or "held-out".
        run: the other side, for `split`.

    Raises:
        SparringError: for what is not there, cannot be read, or holds no pictures.
    """
    if split not in SPLITS:
        raise SparringError(f"There is no split {split!r}.", did_you_mean(split, SPLITS))
    sampler = as_sampler(source)
    if sampler is None and isinstance(source, str | os.PathLike) and run_settings(source) is not None:
        sampler = load(Path(source))
        source = Path(source).name
    if sampler is not None:
        _undivided(split, "a generator")
        return generated(sampler, n, look, str(source) if isinstance(source, str) else "the run")
    if isinstance(source, nn.Module):
        _undivided(split, "a generator")
        return generated(_sampler_of(source), n, look, type(source).__name__)
    if isinstance(source, np.ndarray | Tensor):
        source = resized(array_pictures(source)[0], look.size_px, look.fit, look.background)
    is_file = isinstance(source, str | os.PathLike)
    data = open_data(
        source,
        size_px=look.size_px if is_file else None,
        fit=look.fit,
        background=look.background,
        path=look.path,
        say=look.say,
    )
    if isinstance(data, Pack):
        return _from_pack(data, n, look, split, run)
    if isinstance(data, IndexedStream):
        return _from_indexed(data, n, look, split, run)
    _undivided(split, data.name)
    return _from_iterable(data, n, look)


def _undivided(split: str, name: str) -> None:
    if split != "all":
        raise SparringError(f"--split {split} does not go with {name}.", "a data set that a run has divided")


def run_settings(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Returns what a run was started with; None for a folder that holds no run."""
    return RunFolder(Path(path)).settings() if (Path(path) / "recipe.json").is_file() else None


def as_sampler(source: Any) -> Sampler | None:
    """Returns the generator of a Run, or a Sampler itself; None for anything else."""
    found = getattr(source, "sampler", source)  # a Run has one
    return found if isinstance(found, Sampler) else None


def _sampler_of(generator: nn.Module) -> Sampler:
    z_shape = z_shape_of(generator)
    device = next(iter(generator.parameters()), torch.zeros(())).device
    with evaluation_mode(generator), randomness(0, device), torch.no_grad():
        made = generator(torch.zeros(2, *z_shape, device=device))
    if made.dim() != 4:
        raise SparringError(
            f"{type(generator).__name__} makes {list(made.shape)} of 2 latents.",
            "pictures [2, channels, height, width]",
        )
    return Sampler(generator, z_shape, 0, int(made.shape[-1]), int(made.shape[1]))


def generated(sampler: Sampler, n: int | None, look: Look, name: str, conditions: Tensor | None = None) -> Opened:
    """Opens n pictures that a generator makes, each of its condition, if given.  # [n, ...]

    Raises SparringError where nobody says how many.
    """
    if n is None:
        raise SparringError(f"{name} can make any number of pictures.", "how many", "give n=, or -n.")

    def pages() -> Iterator[Tensor]:
        for start in range(0, n, _PAGE):
            told = None if conditions is None else conditions[start : start + _PAGE]
            made = sampler.sample(min(_PAGE, n - start), look.seed, start, told)
            yield _at_size(torch.from_numpy(made), look)

    label = f"{name} (step {sampler.step:,}), seed {look.seed}" if sampler.step else f"{name}, seed {look.seed}"
    return Opened(label, n, sampler.channels, pages)


def as_rgb(side: Opened, look: Look) -> Opened:
    """Returns the side with three channels, transparent parts on the background."""
    color = background_rgb(look.background)
    identity = None if side.identity is None else side.identity | {"rgb_on": list(color)}
    return replace(side, channels=3, identity=identity, pages=lambda: (to_rgb(page, color) for page in side.pages()))


def _at_size(pictures: Tensor, look: Look) -> Tensor:
    """Squares of the wanted side.  # uint8 [n, C, H, W]"""
    if pictures.shape[2:] == (look.size_px, look.size_px):
        return pictures
    channels_last = resized(pictures.permute(0, 2, 3, 1).numpy(), look.size_px, look.fit, look.background)
    return torch.from_numpy(channels_last).permute(0, 3, 1, 2)


def _from_pack(data: Pack, n: int | None, look: Look, split: str, run: Any) -> Opened:
    places, part = _split_places(data, split, run)
    whole = len(places)
    if n is not None and n < whole:
        places, part = chosen_places(places, n, look.seed), f"{n:,} of {part}"
    return of_places(data, places, f"{data.name}, {part}")


def chosen_places(places: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Returns at most so many of them, drawn by the seed, ascending.  # int64 [n]"""
    if len(places) <= most:
        return places
    rng = np.random.Generator(np.random.Philox(seed_for(seed, "measured")))
    return np.sort(rng.choice(places, most, replace=False))


def of_places(data: Pack, places: np.ndarray, name: str) -> Opened:
    """Opens some pictures of a pack, by their rows in it.  # int64 [n]"""

    def pages() -> Iterator[Tensor]:
        for start in range(0, len(places), _PAGE):
            yield torch.from_numpy(data.pictures(places[start : start + _PAGE])).permute(0, 3, 1, 2)

    folders = {row.row: row.folder for row in data.table() if row.row is not None} if data.has_table else {}
    classes = [folders[place] for place in places.tolist()] if folders else []
    known = len(set(classes)) > 1 and all(classes)
    # Without the conditions, of which pictures and their features know nothing.
    of_data = {name: value for name, value in data.identity.items() if name != "condition"}
    identity = {"data": of_data, "places": content_hash(places)}
    return Opened(name, len(places), data.channels, pages, identity, classes if known else None, data, places)


def _split_places(data: Pack | IndexedStream, split: str, run: Any) -> tuple[np.ndarray, str]:
    """The places of a split, and what it is called."""
    everything = np.arange(len(data))
    if split == "all":
        return everything, f"all {len(data):,} pictures"
    path = getattr(run, "path", run)  # a Run knows its folder
    settings = run_settings(path) if isinstance(path, str | os.PathLike) else None
    if settings is None:
        raise SparringError(
            f"--split {split} asks for a run's own division of its data.", "a run's folder, or a Run, as fakes"
        )
    if settings["data"]["fingerprint"] != data.identity["fingerprint"]:
        raise SparringError(
            f"{path} was not trained on these pictures, so it held none of them out.",
            "the data that the run was trained on",
            "--split all",
        )
    held = settings.get("held_out") or {"n": 0, "seed": 0}
    found = hold_out(data, held["n"], held["seed"])
    if found is None:
        raise SparringError(f"{path} held no pictures out.", "--split all")
    places = found.held_out if split == "held-out" else np.setdiff1d(everything, found.held_out)
    return places, f"the {len(places):,} {split} pictures of {Path(path).name}"


def _from_indexed(data: IndexedStream, n: int | None, look: Look, split: str, run: Any) -> Opened:
    places, part = _split_places(data, split, run)
    total = len(places) if n is None else min(n, len(places))
    chosen = data.part(places)

    def pages() -> Iterator[Tensor]:
        for start in range(0, total, _PAGE):
            drawn = chosen.batch(start, min(_PAGE, total - start), seed=look.seed, flip=False)
            yield _at_size(to_uint8(drawn), look)

    name = f"{data.name}, {part if total == len(places) else f'{total:,} of {part}'}"
    return Opened(name, total, data.channels, pages, data=chosen)


def _from_iterable(data: Stream, n: int | None, look: Look) -> Opened:
    """Kept in memory: an iterable may be read once only, and no more than one pass holds new pictures."""
    kept = [_at_size(to_uint8(page), look) for page in data.one_pass(n)]
    total = sum(map(len, kept))
    if n is not None and total < n and look.say is not None:
        look.say(f"{data.name} yielded {total:,} pictures, not {n:,}.")
    return Opened(f"{data.name}, {total:,} pictures", total, data.channels, lambda: iter(kept))
