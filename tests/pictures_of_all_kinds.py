"""Makes picture files of every kind that people have, for the tests; all are drawn here."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 16


def grey_ramp(side: int = SIDE) -> np.ndarray:
    """uint8 [side, side] in [0, 255], different in both directions."""
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    return ((x * 11 + y * 5) * 255 // (16 * (side - 1))).astype(np.uint8)


def color_ramp(side: int = SIDE) -> np.ndarray:
    """uint8 [side, side, 3] in [0, 255]."""
    grey = grey_ramp(side)
    return np.stack([grey, grey.T, 255 - grey], axis=2)


def random_color(seed: int, side: int = SIDE) -> np.ndarray:
    """uint8 [side, side, 3] of noise; every seed is another picture."""
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def folder_of_noise(folder: Path, n: int, side: int = SIDE) -> Path:
    """Writes n different RGB pictures 00.png, 01.png, ... and returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(n):
        Image.fromarray(random_color(index, side)).save(folder / f"{index:02d}.png")
    return folder


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


def idx(array: np.ndarray) -> bytes:
    """The bytes of an IDX file of unsigned bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
