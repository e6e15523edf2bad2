"""SP307: upscaled-images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._pictures import images, write, zipped


def bad() -> list[Case]:
    """Thumbnails trained at twice their size; broad strips whose height is too small."""
    return [
        Case("thumbnails at twice their size", _thumbnails, "data", ("SP303",)),
        Case("strips of too little height", _strips, "data", ("SP303", "SP310")),
    ]


def good() -> list[Case]:
    """A fifth of the files are small; strips that are whole in bars."""
    return [
        Case("a fifth are smaller", _few_small, "data"),
        Case("strips in bars", _in_bars, "data"),
    ]


def _thumbnails(folder: Path) -> dict[str, Any]:
    return {"source": str(write(folder, 150, 16)), "size": 32}


def _strips(folder: Path) -> dict[str, Any]:
    for i, image in enumerate(images(150, 64)):
        image.crop((0, 20, 64, 44)).save(folder / f"{i:04d}.png")
    return {"source": str(folder), "size": 32}


def _few_small(folder: Path) -> dict[str, Any]:
    files = ((f"{i:04d}.png", image.resize((16, 16)) if i % 5 == 0 else image) for i, image in enumerate(images(1_000)))
    return {"source": zipped(folder, files), "size": 24}


def _in_bars(folder: Path) -> dict[str, Any]:
    files = ((f"{i:04d}.png", image.crop((0, 4, 24, 22))) for i, image in enumerate(images(1_000)))
    return {"source": zipped(folder, files), "size": 24, "fit": "pad"}
