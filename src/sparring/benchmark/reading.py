"""Our batches against Pillow and a DataLoader."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..data import open_data
from .timing import Found, in_turn


class _Files(torch.utils.data.Dataset[Tensor]):
    """What everyone does: open, convert, scale, one file at a time."""

    def __init__(self, paths: list[Path], mode: str) -> None:
        self.paths, self.mode = paths, mode

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.paths[index]) as image:
            pixels = np.array(image.convert(self.mode))
        picture = torch.from_numpy(pixels).view(*pixels.shape[:2], -1).permute(2, 0, 1)
        return picture.contiguous().float().div_(127.5).sub_(1)


def bench_data(size_px: int, channels: int, batch: int, width: int, rounds: int) -> Found:
    """Passes over PNG files that were made for the purpose."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pictures"
        paths = _paint_pictures(folder, size_px, channels)
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
        data = open_data(folder, size_px=size_px, channels=channels, cache=Path(place) / "cache", say=lambda _: None)
        loaders = {
            f"Pillow + DataLoader, {workers} workers": torch.utils.data.DataLoader(
                _Files(paths, mode), batch, shuffle=True, num_workers=workers
            )
            for workers in (0, 2)
        }
        contenders: dict[str, Callable[[], int]] = {name: _passes(loader) for name, loader in loaders.items()}
        for flip in (False, True):
            contenders[f"sparring, packed{', flips' if flip else ''}"] = _draws(data, batch, flip)
        return in_turn(contenders, rounds), [f"{len(paths)} PNG files made for the purpose."]


def _passes(loader: Any) -> Callable[[], int]:
    return lambda: sum(len(batch) for batch in loader)


def _draws(data: Any, batch: int, flip: bool) -> Callable[[], int]:
    """One pass over the data, ten times, since one alone would be over too soon to time."""
    count = max(1, 10 * data.n // batch)

    def draw() -> int:
        return sum(len(data.batch(i * batch, batch, seed=0, flip=flip)) for i in range(count))

    return draw


def _paint_pictures(folder: Path, size_px: int, channels: int, n: int = 2048) -> list[Path]:
    """Writes n smooth random pictures as PNG files."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    paths = []
    for i in range(n):
        coarse = rng.integers(0, 256, (6, 6, channels), dtype=np.uint8)
        image = Image.fromarray(coarse[..., 0] if channels == 1 else coarse).resize(
            (size_px, size_px), Image.Resampling.BICUBIC
        )
        paths.append(folder / f"{i:05d}.png")
        image.save(paths[-1])
    return paths
