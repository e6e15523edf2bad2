"""SP306: mixed-modes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from sparring.doctor.faults import Case
from sparring.doctor.faults._pictures import images, zipped


def bad() -> list[Case]:
    """Colour, grey and print files in one folder; cut-outs among photographs; 16 bits among 8."""
    return [
        Case("colour, grey and print files", _scans, "data", ("SP303",)),
        Case("cut-outs among photographs", _cut_outs, "data", ("SP303",)),
        Case("grey of 16 bits among grey of 8", _deep, "data", ("SP303",)),
    ]


def good() -> list[Case]:
    """Palettes among RGB, which hold the same; grey files with one in colour."""
    return [
        Case("palettes among RGB", _palettes, "data"),
        Case("grey files, and one in colour", _grey, "data"),
    ]


def _scans(folder: Path) -> dict[str, Any]:
    for i, image in enumerate(images(200)):
        if i % 10 == 0:
            image.convert("L").save(folder / f"{i:04d}.png")
        elif i % 10 == 1:
            image.convert("CMYK").save(folder / f"{i:04d}.tif")
        else:
            image.save(folder / f"{i:04d}.png")
    return {"source": str(folder), "size": 24}


def _cut_outs(folder: Path) -> dict[str, Any]:
    for i, image in enumerate(images(200)):
        if i % 4 == 0:
            image.putalpha(255)
            image.paste((0, 0, 0, 0), (0, 0, 8, 24))
        image.save(folder / f"{i:04d}.png")
    return {"source": str(folder), "size": 24}


def _deep(folder: Path) -> dict[str, Any]:
    for i, image in enumerate(images(200)):
        image = image.convert("L")
        if i % 5 == 0:
            image = Image.frombytes("I;16", image.size, b"".join(bytes([0, value]) for value in image.tobytes()))
        image.save(folder / f"{i:04d}.png")
    return {"source": str(folder), "size": 24}


def _palettes(folder: Path) -> dict[str, Any]:
    files = ((f"{i:04d}.png", image.quantize(64) if i % 2 else image) for i, image in enumerate(images(1_000)))
    return {"source": zipped(folder, files), "size": 24}


def _grey(folder: Path) -> dict[str, Any]:
    files = ((f"{i:04d}.png", image if i == 500 else image.convert("L")) for i, image in enumerate(images(1_000)))
    return {"source": zipped(folder, files), "size": 24}
