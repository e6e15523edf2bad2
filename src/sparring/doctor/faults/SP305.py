"""SP305: constant-channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._pictures import drawn, images, write, zipped


def bad() -> list[Case]:
    """Opaque pictures with an alpha channel; pictures of two channels, stored in three."""
    return [
        Case("opaque pictures, trained with alpha", _opaque, "data", ("SP303",)),
        Case("two channels stored in three", _two_channels, "data"),
    ]


def good() -> list[Case]:
    """Pictures with a hole in their alpha; opaque ones in three channels."""
    return [
        Case("transparent corners", _transparent, "data"),
        Case("an opaque alpha channel that is left out", _left_out, "data"),
    ]


def _opaque(folder: Path) -> dict[str, Any]:
    return {"source": str(write(folder, 150)), "size": 24, "channels": 4}


def _two_channels(folder: Path) -> dict[str, Any]:
    pictures = drawn(1_000)
    pictures[..., 2] = 0  # a microscope with a red and a green dye
    np.save(folder / "pictures.npy", pictures)
    return {"source": str(folder / "pictures.npy"), "size": 24}


def _transparent(folder: Path) -> dict[str, Any]:
    files = [(f"{i:04d}.png", image.convert("RGBA")) for i, image in enumerate(images(1_000))]
    for i, (_, image) in enumerate(files):
        image.paste((0, 0, 0, 0), (0, 0, 3 + i % 5, 3 + i % 7))
    return {"source": zipped(folder, files), "size": 24, "channels": 4}


def _left_out(folder: Path) -> dict[str, Any]:
    files = ((f"{i:04d}.png", image.convert("RGBA")) for i, image in enumerate(images(1_000)))
    return {"source": zipped(folder, files), "size": 24}
