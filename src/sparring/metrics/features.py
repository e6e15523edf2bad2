"""Pictures -> features: what an extractor is, which there are, and running one over many pictures."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import SparringError

LONG_S = 1.0  # work that takes longer shows a bar
OWN_BACKGROUND = (255, 255, 255)  # white, as `open_data` has it

Features = tuple[Tensor, Tensor | None]


@dataclass(frozen=True)
class Extractor:
    """A network, or any function, that says in K numbers what is in a picture.

    Args:
        name: "lite0", "own", ... or the name of the user's function.
        dims: K, numbers a picture; 0 where a user's function has not yet been called.
        input_px: side in px that pictures are resized to; 0: they are taken as they are.
        resize: how they are resized, in words.
        embed: uint8 [N, C, H, W] -> (float32 [N, K], float32 [N, classes] that sum to 1, or None). C is 3 where
            `sees_rgb`. H and W are free.
        classes: names of the classes; None where there are no probabilities.
        identity: what computes and the digest of its weights: the key of kept features. "": must not be kept.
        note: what a reader of the numbers has to know.
        sees_rgb: whether `embed` takes RGB alone; else it takes the pictures' own channels.
        batch: pictures that `embed` works on best at once.
    """

    name: str
    dims: int
    input_px: int
    resize: str
    embed: Callable[[Tensor], Features]
    classes: tuple[str, ...] | None
    identity: str
    note: str = ""
    sees_rgb: bool = True
    batch: int = 32


def to_rgb(pictures: Tensor, background: tuple[int, int, int] = OWN_BACKGROUND) -> Tensor:
    """Makes RGB of gray (three times the same) and of RGBA (composited, to the nearest integer, halves up).

    Args:
        pictures: uint8 [N, C, H, W], C of 1, 3 or 4; alpha is not premultiplied.
        background: what lies under transparent parts, RGB in [0, 255].

    Returns uint8 [N, 3, H, W]. Raises SparringError for other types and shapes.
    """
    _check_pictures(pictures)
    channels = pictures.shape[1]
    if channels == 3:
        return pictures
    if channels == 1:
        return pictures.expand(-1, 3, -1, -1)
    if channels != 4:
        raise SparringError(
            f"Pictures of {channels} channels cannot be made RGB.", "1 (gray), 3 (RGB) or 4 (RGBA) channels"
        )
    alpha = pictures[:, 3:].to(torch.int32)
    below = torch.tensor(background, dtype=torch.int32, device=pictures.device).view(1, 3, 1, 1)
    # In whole numbers, so that the same pixel gives the same colour everywhere: at most 255 x 255 + 127.
    mixed = pictures[:, :3].to(torch.int32) * alpha + below * (255 - alpha)
    return ((mixed + 127) // 255).to(torch.uint8)


def extract(
    extractor: Extractor, batches: Iterable[Tensor], total: int | None, progress: bool, label: str
) -> tuple[Tensor, Tensor | None]:
    """Runs an extractor over pictures; how they come in batches changes nothing.

    Args:
        extractor: what looks.
        batches: uint8 [n, C, H, W] in [0, 255] each; transparent parts of RGBA lie on white where it sees RGB.
        total: pictures in all, for the bar; None: unknown.
        progress: whether a bar is shown on stderr, where that is a terminal and it takes over LONG_S seconds.
        label: the words before the bar.

    Returns:
        (float32 [N, K], float32 [N, classes] or None), on the CPU.

    Raises:
        SparringError: for no pictures, pictures that are not uint8, and features that are not finite.
    """
    features: list[Tensor] = []
    probabilities: list[Tensor] = []
    done = 0
    with _Bar(total, progress, label) as bar:
        for chunk in _chunks(batches, extractor.batch):
            with torch.inference_mode():
                found, chances = extractor.embed(to_rgb(chunk) if extractor.sees_rgb else chunk)
                found = found.float().cpu()
            _check_finite(extractor, found, done)
            features.append(found)
            if chances is not None:
                probabilities.append(chances.float().cpu())
            done += len(chunk)
            bar.at(done)
    if not features:
        raise SparringError("There is no picture to extract features from.", "one or more")
    # Outside of inference mode: what is returned may be written to and differentiated.
    return torch.cat(features), torch.cat(probabilities) if probabilities else None


def _check_pictures(pictures: Tensor) -> None:
    if pictures.dtype.is_floating_point and not bool(torch.isfinite(pictures).all()):
        bad = (~torch.isfinite(pictures)).flatten(1).any(1).nonzero().flatten().tolist()
        raise SparringError(
            f"Pictures hold values that are not finite numbers (in this batch, {_listed(bad)}).",
            "uint8 in [0, 255]",
            "look whether the generator's weights are finite: a run that diverged makes such pictures.",
        )
    if pictures.dtype != torch.uint8 or pictures.dim() != 4:
        raise SparringError(
            f"Pictures have the shape {list(pictures.shape)} and the type {pictures.dtype}.",
            "uint8 [N, C, H, W] in [0, 255]",
            "of floats in [-1, 1]: ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)",
        )


def _chunks(batches: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Cuts and joins batches into chunks of one size; the last, and the last before another shape, may be smaller."""
    waiting: list[Tensor] = []
    n = 0
    for batch in batches:
        _check_pictures(batch)
        if waiting and waiting[0].shape[1:] != batch.shape[1:]:
            yield torch.cat(waiting)
            waiting, n = [], 0
        while len(batch):
            part, batch = batch[: size - n], batch[size - n :]
            waiting.append(part)
            n += len(part)
            if n == size:
                yield waiting[0] if len(waiting) == 1 else torch.cat(waiting)
                waiting, n = [], 0
    if waiting:
        yield torch.cat(waiting)


def _check_finite(extractor: Extractor, features: Tensor, start: int) -> None:
    good = torch.isfinite(features).all(1)
    if not bool(good.all()):
        bad = [start + int(i) for i in (~good).nonzero()]
        raise SparringError(
            f"The features {extractor.name} are not finite for {_listed(bad)}.",
            "finite numbers",
            "look at these pictures, and at the function or the weights that gave the features.",
        )


def _listed(indices: list[int]) -> str:
    some = ", ".join(map(str, indices[:5]))
    return f"picture {some}" if len(indices) == 1 else f"pictures {some}{' and others' if len(indices) > 5 else ''}"


class _Bar:
    """A bar on stderr that appears once the work has taken LONG_S seconds."""

    def __init__(self, total: int | None, wanted: bool, label: str) -> None:
        self._total, self._label = total, label
        self._wanted = wanted and sys.stderr.isatty()
        self._began_s = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> _Bar:
        return self

    def at(self, done: int) -> None:
        """Tells how many pictures are done."""
        if self._bar is None and self._wanted and time.monotonic() - self._began_s > LONG_S:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._label, total=self._total)
            self._bar.start()
        if self._bar is not None:
            self._bar.update(self._task, completed=done)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
