"""What many tests need: real picture files, a cache of their own, few threads."""

from __future__ import annotations

import os
from pathlib import Path

# Set before torch is imported: pytest-xdist runs as many of these as there are cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.methods import RECIPES, Recipe

torch.set_num_threads(1)

# The `tiny` recipe in the words of the command line, on gray pictures of 28 px.
NARROW = [
    "--set",
    "width=4",
    "--set",
    "latent=16",
    "--set",
    "threads=1",
    "--batch",
    "8",
    "--size",
    "28",
    "--channels",
    "1",
]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test touches the cache of whoever runs it; child processes inherit this one."""
    os.environ["SPARRING_CACHE"] = str(tmp_path_factory.mktemp("cache"))


def paint(folder: Path, n: int = 40, size_px: int = 32, mode: str = "RGB") -> Path:
    """Writes n pictures: a coloured disc each, at a random place on a plain ground."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:size_px, 0:size_px]
    for i in range(n):
        ground, ink = rng.integers(0, 256, (2, 3))
        (cx, cy), radius = rng.uniform(0.3, 0.7, 2), rng.uniform(0.1, 0.3)
        inside = (x / size_px - cx) ** 2 + (y / size_px - cy) ** 2 < radius**2
        pixels = np.where(inside[..., None], ink, ground).astype(np.uint8)
        image = Image.fromarray(pixels)
        if mode == "RGBA":
            image.putalpha(Image.fromarray((inside * 255).astype(np.uint8)))
        image.convert(mode).save(folder / f"{i:03d}.png")
    return folder


@pytest.fixture(scope="session")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 40 RGB pictures of 32 px."""
    return paint(tmp_path_factory.mktemp("pictures") / "discs")


@pytest.fixture
def tiny() -> Recipe:
    """The dcgan recipe, narrow enough that a step takes milliseconds."""
    return RECIPES["dcgan"].but(width=4, batch=8, latent=16, precision="fp32", threads=1)
