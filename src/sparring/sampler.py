"""From a run's folder to new pictures."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from . import __version__, networks
from .checkpoints import Store, unwritable, write_whole
from .errors import SparringError
from .events import best_step, read
from .folder import RunFolder
from .methods import Recipe
from .networks.calling import randomness
from .pictures import as_image, grid, save_png
from .players import load_into, paint, read_state
from .stabilisers import normalise_spectrally

OWN = "own"  # what recipe.json calls networks that the user brought


class Sampler:
    """A trained generator.

    Attributes:
        step: the generator updates it had.
        size_px: side of its pictures.
        channels: 1 gray, 3 RGB, 4 RGBA.
    """

    def __init__(self, generator: nn.Module, z_shape: tuple[int, ...], step: int, size_px: int, channels: int) -> None:
        self.generator, self.z_shape = generator, z_shape
        self.step, self.size_px, self.channels = step, size_px, channels
        self.device = next(iter(generator.parameters())).device

    def sample(self, n: int = 64, seed: int = 0, start: int = 0) -> np.ndarray:
        """Makes pictures number `start` to `start + n` of a seed; each depends on (seed, its number) alone.

        Returns uint8, alpha last among the channels.  # [n, C, H, W]
        """
        if n < 1 or start < 0:
            raise SparringError(f"{n} pictures from number {start} are asked for.", "n >= 1 and start >= 0")
        return paint(self.generator, n, seed, self.z_shape, self.device, start).numpy()


def load(run: str | Path, *, generator: nn.Module | None = None, step: int | str = "best") -> Sampler:
    """Loads the averaged generator of a run.

    Args:
        run: the run's folder.
        generator: for a run with your own networks: the same network again (nothing of yours is run from disk).
        step: "best" (of the evaluations; the newest where there were none), "newest", or a checkpoint's step.

    Raises:
        SparringError: no run there, no such checkpoint, a damaged one, or networks that do not fit.
    """
    folder = RunFolder(run)
    path, settings = whole_checkpoint(folder, step)
    state = read_state(path)
    network = _generator(settings, generator).requires_grad_(False)
    load_into(network, state["players"]["average"], "generator")
    data, z_shape = settings["data"], tuple(settings["decided"]["z_shape"])
    return Sampler(network, z_shape, state["counts"]["step"], data["size_px"], data["channels"])


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


def _generator(settings: dict[str, Any], generator: nn.Module | None) -> nn.Module:
    if generator is not None:
        return _prepared(copy.deepcopy(generator), settings)  # the user's own keeps its weights
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
        pair = networks.build(
            recipe.network, settings["data"]["size_px"], settings["data"]["channels"], recipe.width, recipe.latent
        )
    return _prepared(pair[0], settings)


def _prepared(generator: nn.Module, settings: dict[str, Any]) -> nn.Module:
    """With the spectral norm that the run's generator was given; its vectors come with the weights."""
    if settings["recipe"].get("g_spectral_norm"):
        with randomness(0, torch.device("cpu")):  # its vectors are drawn, and then loaded
            normalise_spectrally(generator)
    return generator


def save(sampler: Sampler, n: int, seed: int, out: Path, *, as_npz: bool = False) -> Path:
    """Writes n pictures: one sheet (.png), single files (a folder) or an array (.npz, or `as_npz`).

    The array is `images`, uint8 [n, H, W, C]. Returns the path written; raises SparringError when it cannot be.
    """
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
        for first in range(0, n, 256):  # so many at a time that memory stays small
            for i, picture in enumerate(sampler.sample(min(256, n - first), seed, first), first):
                save_png(as_image(picture), out / f"{i:0{digits}d}.png")
        return out
    pictures = sampler.sample(n, seed)
    if kind == ".npz":
        write_whole(out, lambda file: np.savez_compressed(file, images=pictures.transpose(0, 2, 3, 1)))
    else:
        save_png(grid(pictures), out)
    return out
