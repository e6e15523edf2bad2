"""The size that pictures have, and arrays brought to another: for judges, who must compare pictures as they come."""

from __future__ import annotations

import os
import statistics
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from sparring.data.arrays import array_source
from sparring.data.decode import Fitting, background_rgb, fitted, open_lazily
from sparring.data.sources import Item, folder_source, zip_source
from sparring.errors import SparringError

_LOOKED_AT = 32  # files of a folder, spread evenly


def natural_px(path: str | os.PathLike[str]) -> int | None:
    """Returns the median shorter side of some pictures in a folder, zip, .npy or .npz; None where none is read."""
    file = Path(path).expanduser()
    if not file.exists():
        return None
    if file.is_dir():
        source = folder_source(file)
    elif file.suffix.lower() in (".npy", ".npz"):
        source = array_source(file)
    elif zipfile.is_zipfile(file):
        source = zip_source(file)
    else:
        return None  # what it is instead, `open_data` tells
    with source.open() as listing:
        n = len(listing.items)
        places = sorted({round(i * (n - 1) / max(1, _LOOKED_AT - 1)) for i in range(min(n, _LOOKED_AT))})
        sides = [side for place in places if (side := _shorter_side(listing.items[place]))]
    return round(statistics.median(sides)) if sides else None


def _shorter_side(item: Item) -> int | None:
    try:
        if item.peek is not None:
            with item.peek() as file, open_lazily(file) as image:
                return min(image.size)
        pixels = item.read()
        return min(pixels.shape[:2]) if isinstance(pixels, np.ndarray) else None
    except Exception:  # whatever is wrong with it is told when it is decoded
        return None


def resized(pictures: np.ndarray, size_px: int, fit: str = "crop", background: str = "white") -> np.ndarray:
    """Brings pictures of any sides to squares as files are brought there.

    Args:
        pictures: uint8  # [N, H, W, C] in [0, 255], C of 1, 3 or 4
        size_px: side of the squares.
        fit: "crop", "pad" or "squeeze".
        background: colour of the bars of "pad".
    """
    n, height, width, channels = pictures.shape
    if (height, width) == (size_px, size_px):
        return pictures
    if channels not in (1, 3, 4):
        raise SparringError(f"The pictures have {channels} channels.", "1 (gray), 3 (RGB) or 4 (RGB and alpha)")
    fitting = Fitting(size_px, channels, fit, background_rgb(background))
    out = np.empty((n, size_px, size_px, channels), np.uint8)
    for i, picture in enumerate(pictures):
        out[i] = fitted(Image.fromarray(picture[..., 0] if channels == 1 else picture), fitting)
    return out
