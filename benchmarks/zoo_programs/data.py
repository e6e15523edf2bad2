"""Real pictures for small trainings: digits and Fashion-MNIST at 16 px, emoji at 16 or 32 px."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # where Debian's dataset-fashion-mnist puts it
NAMES = ("digits 16", "fashion 16", "fashion 32", "emoji 16", "emoji 32")


@cache
def pictures_of(name: str, path: str | None = None) -> tuple[Tensor, Tensor, int]:
    """Pictures, labels and how many classes there are  # float32 [n, c, px, px] in [-1, 1], int64 [n]

    Args:
        name: one of `NAMES`.
        path: a folder with Fashion-MNIST's files.
    """
    kind, _, side = name.partition(" ")
    px = int(side)
    if kind == "digits":
        from sklearn.datasets import load_digits  # type: ignore[import-untyped]

        found = load_digits()
        small = torch.tensor(found.images, dtype=torch.float32)[:, None] / 8 - 1  # 8 px, 0 to 16
        large = F.interpolate(small, size=(px, px), mode="bilinear").clamp(-1, 1)
        return large, torch.tensor(found.target, dtype=torch.int64), 10
    if kind == "emoji":
        from sparring.data import open_data

        pack = open_data("emoji", size_px=32, channels=3, progress=False)
        drawn = pack.batch(0, len(pack), seed=0, flip=False)
        return _at(drawn.contiguous(), px), torch.zeros(len(drawn), dtype=torch.int64), 0
    images, labels = _fashion(Path(path) if path else FASHION_FOLDER)
    return _at(images, px), labels, 10


def _fashion(folder: Path) -> tuple[Tensor, Tensor]:
    """The 10,000 pictures of its test part, padded to 32 px."""
    with gzip.open(folder / "t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(folder / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)
    return F.pad(torch.tensor(pixels, dtype=torch.float32) / 127.5 - 1, (2, 2, 2, 2), value=-1.0), torch.tensor(labels)


def _at(pictures: Tensor, px: int) -> Tensor:
    return pictures if pictures.shape[-1] == px else F.avg_pool2d(pictures, pictures.shape[-1] // px)
