"""SP304: constant-images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sparring.doctor.faults import Case
from sparring.doctor.faults._pictures import drawn, images, write, zipped


def bad() -> list[Case]:
    """Blank pages among pictures; white drawings on a transparent ground, laid on white."""
    return [
        Case("blank pages among pictures", _blank_pages, "data", ("SP303",)),
        Case("white on transparent, laid on white", _white_on_white, "data", ("SP302", "SP303")),
    ]


def good() -> list[Case]:
    """Dark pictures, and a small mark on each of many plain sheets."""
    return [Case("dark pictures", _dark, "data"), Case("small marks on plain sheets", _marks, "data")]


def _blank_pages(folder: Path) -> dict[str, Any]:
    write(folder, 150)
    for i in range(5):
        Image.new("RGB", (24, 24), (50 * i, 255 - 50 * i, 128)).save(folder / f"page-{i}.png")
    return {"source": str(folder), "size": 24}


def _white_on_white(folder: Path) -> dict[str, Any]:
    for i, image in enumerate(images(200)):
        image = image.convert("RGBA")
        if i < 20:  # a logo for dark pages
            image = Image.new("RGBA", (24, 24), (255, 255, 255, 0))
            image.paste((255, 255, 255, 255), (4, 4, 8 + i // 2, 18))
        image.save(folder / f"{i:04d}.png")
    return {"source": str(folder), "size": 24, "channels": 3}


def _dark(folder: Path) -> dict[str, Any]:
    np.save(folder / "pictures.npy", drawn(1_000) // 12)
    return {"source": str(folder / "pictures.npy"), "size": 24}


def _marks(folder: Path) -> dict[str, Any]:
    files = []
    for i in range(1_000):
        sheet, (across, down) = Image.new("RGB", (24, 24), (250, 250, 245)), (i % 20, i // 20 % 20)
        ink = [(200, 30, 30), (30, 120, 200), (20, 20, 20)][i // 400]
        sheet.paste(ink, (across, down, across + 4, down + 4))
        files.append((f"{i:04d}.png", sheet))
    return {"source": zipped(folder, files), "size": 24}
