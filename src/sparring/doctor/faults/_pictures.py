"""Pictures for the planted faults: drawn from a seed, all different, a thousand of them in a fraction of a second."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image


def drawn(n: int, size_px: int = 24, seed: int = 0) -> np.ndarray:
    """A soft ground and two discs on each; every one is different.  # uint8 [n, size_px, size_px, 3]"""
    rng = np.random.default_rng(seed)
    y, x = (axis / size_px for axis in np.mgrid[0:size_px, 0:size_px])

    def numbers(low: float, high: float, *shape: int) -> np.ndarray:
        return rng.uniform(low, high, (n, *shape, *(1,) * (3 - len(shape))))

    slope = numbers(0.4, 1, 1) * (x - 0.5)[None, :, :, None] + numbers(-1, 1, 1) * (y - 0.5)[None, :, :, None]
    pictures = rng.uniform(40, 215, (n, 1, 1, 3)) + 80 * slope
    for low, high in ((0.2, 0.35), (0.08, 0.2)):
        across, down, radius = numbers(0.2, 0.8), numbers(0.2, 0.8), numbers(low, high)
        inside = np.square(x[..., None] - across) + np.square(y[..., None] - down) < np.square(radius)
        pictures = np.where(inside, rng.uniform(0, 255, (n, 1, 1, 3)), pictures)
    return pictures.clip(0, 255).astype(np.uint8)


def images(n: int, size_px: int = 24, seed: int = 0) -> Iterator[Image.Image]:
    """The same as Pillow's images."""
    yield from map(Image.fromarray, drawn(n, size_px, seed))


def write(folder: Path, n: int, size_px: int = 24, seed: int = 0) -> Path:
    """Writes n pictures 0000.png, 0001.png, ... and returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images(n, size_px, seed)):
        image.save(folder / f"{i:04d}.png")
    return folder


def zipped(folder: Path, files: Iterable[tuple[str, Image.Image | str]]) -> str:
    """Writes pictures and texts into a zip, faster than as so many files; returns its path."""
    path = folder / "pictures.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files:
            if isinstance(content, str):
                archive.writestr(name, content)
                continue
            with archive.open(name, "w") as file:
                content.save(file, format="TIFF" if name.endswith(".tif") else "PNG")
    return str(path)
