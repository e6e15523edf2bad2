"""From a run's folder to new pictures."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor, nn

from . import __version__, networks
from .checkpoints import Store, unwritable, write_whole
from .conditions import Embed, Shape, encode
from .errors import SparringError
from .events import best_step, read
from .folder import RunFolder
from .methods import Recipe
from .networks.brought import brought_alone, origin_of
from .networks.calling import randomness, understand_generator
from .networks.conditioning import conditioning_of
from .notebook import sampler_html
from .pictures import as_image, captioned, grid, save_png
from .players import load_into, paint, read_state
from .stabilisers import normalise_spectrally
from .text import EMBEDDERS, embedder

OWN = "own"  # what recipe.json calls networks that the user brought


class Sampler:
    """A trained generator.

    Attributes:
        step: the generator updates it had.
        size_px: side of its pictures.
        channels: 1 gray, 3 RGB, 4 RGBA.
        told: what its conditions are and how words become such; None where it has none.
        path: the run's folder; None where it is of none.
    """

    def __init__(
        self,
        generator: nn.Module,
        z_shape: tuple[int, ...],
        step: int,
        size_px: int,
        channels: int,
        told: Told | None = None,
        path: Path | None = None,
    ) -> None:
        self.generator, self.z_shape, self.path = generator, z_shape, path
        self.step, self.size_px, self.channels, self.told = step, size_px, channels, told
        self.device = next(iter(generator.parameters())).device

    @property
    def shape(self) -> Shape | None:
        """What its conditions are; None where it has none."""
        return None if self.told is None else self.told.shape

    def sample(
        self, n: int = 64, seed: int = 0, start: int = 0, condition: str | Sequence[str] | Tensor | None = None
    ) -> np.ndarray:
        """Makes pictures number `start` to `start + n` of a seed; each depends on (seed, its number) alone.

        Args:
            n: how many; with words as conditions, how many of each.
            seed: another seed, other pictures.
            start: number of the first.
            condition: a class or a caption, or several; or a tensor of one for each picture; None for conditions of
                training pictures, one after the other.

        Returns uint8, alpha last among the channels; with m words row by row.  # [n or m * n, C, H, W]
        """
        if n < 1 or start < 0:
            raise SparringError(f"{n} pictures from number {start} are asked for.", "n >= 1 and start >= 0")
        if self.told is None:
            if condition is not None:
                raise SparringError(
                    "This generator was trained without conditions, so it cannot be asked for one.",
                    "a run trained with --condition",
                    "leave the condition out.",
                )
            return self._paint(n, seed, start, None)
        if condition is None:
            return self._paint(n, seed, start, self.told.usual(n, start))
        if isinstance(condition, Tensor):
            return self._paint(n, seed, start, condition)
        rows = self.told.encode([condition] if isinstance(condition, str) else condition)
        return np.concatenate([self._paint(n, seed, start, row.expand(n, *row.shape)) for row in rows])

    def sheet(self, n: int = 64, seed: int = 0, condition: str | Sequence[str] | None = None) -> Image:
        """The pictures of `sample` on one sheet, as a Pillow image, which a notebook shows.

        With words as conditions a row of n for each, and the word beside it.
        """
        pictures = self.sample(n, seed, condition=condition)
        if condition is None or self.told is None:
            return grid(pictures)
        words = [condition] if isinstance(condition, str) else condition
        return captioned(pictures, [self.told.called(word) for word in words])

    def _repr_html_(self) -> str:
        return sampler_html(self)

    def interpolate(self, first: str, last: str, n: int = 8, seed: int = 0, steps: int = 8) -> np.ndarray:
        """Makes n pictures that go from one condition to another in some steps, z the same along each row.

        Returns uint8.  # [n * steps, C, H, W]
        """
        if self.told is None or n < 1 or steps < 2:
            raise SparringError("Nothing to go from and to.", "a run trained with --condition, n >= 1 and steps >= 2")
        ends = self.told.encode([first, last])
        if self.told.shape.kind == "class":  # between classes lie mixtures of them
            ends = torch.nn.functional.one_hot(ends, self.told.shape.size).float()
        way = torch.stack([torch.lerp(ends[0], ends[1], part) for part in torch.linspace(0, 1, steps)])
        columns = [self._paint(n, seed, 0, told.expand(n, *told.shape)) for told in way]
        return np.stack(columns, 1).reshape(-1, *columns[0].shape[1:])

    def _paint(self, n: int, seed: int, start: int, condition: Tensor | None) -> np.ndarray:
        return paint(self.generator, n, seed, self.z_shape, self.device, start, condition).numpy()


@dataclass(frozen=True)
class Told:
    """What a generator may be asked for.

    Attributes:
        shape: kind and size of its conditions.
        values: conditions of training pictures, as they are given to the network.  # [m, ...]
        captions: what those are called.
        embed: turns captions into numbers; None where nothing does.
    """

    shape: Shape
    values: Tensor
    captions: list[str]
    embed: Embed | None = None

    def encode(self, words: Sequence[str]) -> Tensor:
        """Words -> conditions. Raises SparringError with the near word."""
        return encode(self.shape, words, self.embed)

    def called(self, word: str) -> str:
        """What to write beside a row: the class' name for its number, else the word itself."""
        if self.shape.kind == "class" and self.shape.names:
            return self.shape.names[int(self.encode([word])[0])]
        return word

    def usual(self, n: int, start: int = 0) -> Tensor:
        """n conditions of training pictures, one after the other from number `start` on.  # [n, ...]"""
        return self.values[torch.arange(start, start + n) % len(self.values)]

    def rows(self, most: int = 8) -> tuple[Tensor, list[str]]:
        """Different conditions for a sheet, at most so many; what they are called, or their numbers' begin."""
        values = self.values[:most] if self.shape.kind != "class" else torch.arange(min(self.shape.size, 10))
        if self.shape.kind == "class":
            return values, [self.shape.names[i] if self.shape.names else str(i) for i in values.tolist()]
        names = [", ".join(f"{number:.2g}" for number in value[:3].tolist()) for value in values]
        return values, [caption or name for caption, name in zip(self.captions, names, strict=False)]


def told_of(folder: RunFolder, settings: dict[str, Any], embed: Embed | None = None) -> Told | None:
    """What a run's generator may be asked for; None for an unconditional run. Raises SparringError where it is lost."""
    condition = settings.get("condition")
    if condition is None:
        return None
    shape = Shape.of(condition)
    try:
        with np.load(folder.conditions, allow_pickle=False) as kept:
            values, captions = torch.from_numpy(kept["values"]), kept["captions"].tolist()
    except (OSError, ValueError, KeyError) as error:
        raise SparringError(
            f"The conditions of {folder.path} cannot be read ({error}).",
            "the conditions.npz that the run wrote",
            "put it back.",
        ) from None
    if embed is None and shape.kind == "text" and condition["embedder"] in EMBEDDERS:
        embed = embedder(condition["embedder"])
    return Told(shape, values, captions, embed)


def load(
    run: str | Path,
    *,
    generator: nn.Module | str | Any = None,
    step: int | str = "best",
    embed: Embed | None = None,
    trust: bool = False,
) -> Sampler:
    """Loads the averaged generator of a run.

    Args:
        run: the run's folder.
        generator: for a run with your own networks: the same network again, as `train` takes it (nothing of yours is
            run from disk unless you say so).
        step: "best" (of the evaluations; the newest where there were none), "newest", or a checkpoint's step.
        embed: for captions: what the run was trained with, where that was your own.
        trust: for a run with your own networks from a file: look for that file here and beside the run, and run it if
            it is the very one.

    Raises:
        SparringError: no run there, no such checkpoint, a damaged one, or networks that do not fit.
    """
    folder = RunFolder(run)
    path, settings = whole_checkpoint(folder, step)
    state = read_state(path)
    if generator is None and trust and settings["networks"]["family"] == OWN:
        generator = _trusted(folder, settings)
    network = _generator(settings, generator).requires_grad_(False)
    load_into(network, state["players"]["average"], "generator")
    data, z_shape = settings["data"], tuple(settings["decided"]["z_shape"])
    told = told_of(folder, settings, embed)
    return Sampler(network, z_shape, state["counts"]["step"], data["size_px"], data["channels"], told, folder.path)


def whole_checkpoint(folder: RunFolder, step: int | str = "best") -> tuple[Path, dict[str, Any]]:
    """Returns (the checkpoint of a step, or the "best" or "newest" one that is whole; the run's settings).

    Where a run keeps no best one, "best" is the newest. Raises SparringError when there is no run, no such checkpoint,
    or a damaged one.
    """
    settings = folder.settings()
    if settings is None:
        raise SparringError(
            f"There is no run in {folder.path}.", "a folder that `sparring train` made", "give its path."
        )
    stores = [Store(place) for place in (folder.best, folder.checkpoints) if place.is_dir()]
    if not stores:
        raise SparringError(f"{folder.path} has no checkpoint yet.", "a run that has saved one", "let it train on.")
    if step == "best" and folder.best.is_dir() and stores[0].steps():
        kept, _ = stores[0].newest()
        newest = stores[-1].newest()[0]
        events = read(folder.events) if folder.events.exists() else []
        if kept is not None and newest is not None and best_step(events, kept, newest) == newest:
            return stores[-1].path(newest), settings
        if kept is None:
            raise SparringError(
                f"The best checkpoint of {folder.path} is damaged.",
                "a whole one",
                "`sample --step newest` takes the newest; so does load(run, step='newest').",
            )
        return stores[0].path(kept), settings
    if step in ("best", "newest"):
        newest, damaged = stores[-1].newest()
        if newest is None:
            why = f"none of its {len(damaged)} checkpoints is whole" if damaged else "it has no checkpoint yet"
            raise SparringError(f"{folder.path}: {why}.", "a whole checkpoint", "train it again, or let it train on.")
        return stores[-1].path(newest), settings
    found = [store for store in stores if step in store.steps()]
    if not found:
        there = sorted({step for store in stores for step in store.steps()})
        raise SparringError(f"{folder.path} has no checkpoint of step {step}.", f"best, newest or one of {there}")
    for store in found:
        if store.is_whole(int(step)):
            return store.path(int(step)), settings
    raise SparringError(
        f"The checkpoint of step {step} in {folder.path} is damaged.", "a file with the checksum beside it"
    )


def _trusted(folder: RunFolder, settings: dict[str, Any]) -> str:
    """FILE:EXPR of the generator a run was trained with. Raises SparringError unless that very file is found."""
    origin = settings["networks"]["files"][0]
    if origin is None or "sha256" not in origin:
        raise SparringError(
            "This run's generator came from no Python file, so there is none to trust.", "the generator again",
            "sparring.load(run, generator=G), or --generator.",
        )  # fmt: skip
    name, _, expression = origin["network"].partition(":")
    for place in (Path.cwd(), folder.path, folder.path.resolve().parent, folder.path.resolve().parent.parent):
        spec = f"{place / name}:{expression}"
        if (place / name).is_file() and origin_of(spec) == origin:
            return spec
    raise SparringError(
        f"{name} is not here as it was when the run was started.",
        "the very file, in the current folder or beside the run",
        f"--generator {origin['network']} takes the file as it is now.",
    )


def _generator(settings: dict[str, Any], generator: Any) -> nn.Module:
    told = settings.get("condition")
    shape = None if told is None else Shape.of(told)
    if generator is not None:
        own = isinstance(generator, nn.Module)
        with randomness(0, torch.device("cpu")):
            network = brought_alone(generator)
        network = copy.deepcopy(network) if own else network  # the user's own keeps its weights
        data, recipe = settings["data"], settings["recipe"]
        picture = (data["channels"], data["size_px"], data["size_px"])
        forms = settings["networks"].get("forms")
        return _prepared(understand_generator(network, picture, recipe["latent"], shape, forms).network, settings)
    if settings["networks"]["family"] == OWN:
        raise SparringError(
            "This run was trained with your own networks.",
            "the same generator again",
            "sparring.load(run, generator=G)",
        )
    try:
        recipe = Recipe(**settings["recipe"])
    except TypeError as error:
        raise SparringError(
            f"The run's recipe is not one of this version of sparring: {error}.",
            f"a run of sparring {__version__}",
            f"use sparring {settings.get('sparring')}, which made it.",
        ) from None
    with randomness(0, torch.device("cpu")):
        data = settings["data"]
        conditioning = None if shape is None else conditioning_of(recipe, shape)
        pair = networks.build(
            recipe.network, data["size_px"], data["channels"], recipe.width, recipe.latent, conditioning
        )
    return _prepared(pair[0], settings)


def _prepared(generator: nn.Module, settings: dict[str, Any]) -> nn.Module:
    """With the spectral norm that the run's generator was given; its vectors come with the weights."""
    if settings["recipe"].get("g_spectral_norm"):
        with randomness(0, torch.device("cpu")):  # its vectors are drawn, and then loaded
            normalise_spectrally(generator)
    return generator


def save(
    sampler: Sampler,
    n: int,
    seed: int,
    out: Path,
    *,
    as_npz: bool = False,
    condition: Sequence[str] = (),
    to: str | None = None,
) -> Path:
    """Writes n pictures: one sheet (.png), single files (a folder) or an array (.npz, or `as_npz`).

    With conditions n of each, on a sheet row by row with what was asked for beside it; with `to` n rows that go from
    the one condition to another. The array is `images`, uint8 [n, H, W, C], and with conditions `conditions`, one word
    for each picture. Returns the path written; raises SparringError when it cannot be.
    """
    if to is not None and len(condition) != 1:
        raise SparringError(f"--to goes from one condition to another, and {len(condition)} are given.", "one")
    if n < 1:
        raise SparringError(f"{n} pictures are asked for.", "1 or more")
    if as_npz and out.suffix != ".npz":
        out = out.with_suffix(".npz")
    kind = "" if out.is_dir() else out.suffix.lower()
    if kind not in ("", ".png", ".npz"):
        raise SparringError(
            f"{out} ends in {out.suffix}.", "a .png (one sheet), a .npz (an array) or a folder (single files)"
        )
    try:
        (out if kind == "" else out.parent).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(out, error) from None
    if kind == "":
        digits = max(5, len(str(n - 1)))
        if to is None and not condition:
            for first in range(0, n, 256):  # so many at a time that memory stays small
                for i, picture in enumerate(sampler.sample(min(256, n - first), seed, first), first):
                    save_png(as_image(picture), out / f"{i:0{digits}d}.png")
            return out
        for i, (word, picture) in enumerate(zip(*_asked(sampler, n, seed, condition, to), strict=True)):
            save_png(as_image(picture), out / f"{i:0{digits}d} {_file_name(word)}.png")
        return out
    words, pictures = _asked(sampler, n, seed, condition, to)
    arrays: dict[str, Any] = {"images": pictures.transpose(0, 2, 3, 1)} | ({"conditions": words} if words else {})
    if kind == ".npz":
        write_whole(out, lambda file: np.savez_compressed(file, **arrays))
    elif words:
        rows = n if to else len(condition)
        save_png(captioned(pictures, words[:: len(words) // rows]), out)
    else:
        save_png(grid(pictures), out)
    return out


def _asked(
    sampler: Sampler, n: int, seed: int, condition: Sequence[str], to: str | None
) -> tuple[list[str], np.ndarray]:
    """What was asked for of each picture, and the pictures."""
    if not condition:
        return [], sampler.sample(n, seed)
    if sampler.told is None:
        return [], sampler.sample(n, seed, condition=condition)  # says that it cannot
    names = [sampler.told.called(word) for word in condition]
    if to is None:
        return [name for name in names for _ in range(n)], sampler.sample(n, seed, condition=condition)
    pictures = sampler.interpolate(condition[0], to, n, seed)
    return [f"{names[0]} to {sampler.told.called(to)}"] * len(pictures), pictures


def _file_name(word: str) -> str:
    return "".join(letter if letter.isalnum() or letter in " -_" else "_" for letter in word)[:60].strip()
