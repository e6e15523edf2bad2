"""SP310: extreme-aspect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._pictures import images, zipped


def bad() -> list[Case]:
    """Panoramas, cropped; tall banners, squeezed."""
    return [
        Case("panoramas, cropped", _panoramas, "data", ("SP303",)),
        Case("tall banners, squeezed", _banners, "data", ("SP303",)),
    ]


def good() -> list[Case]:
    """Photographs of 3:2 and 16:9, with few panoramas; panoramas in bars."""
    return [
        Case("photographs of 3:2 and 16:9, few panoramas", _photographs, "data"),
        Case("panoramas in bars", _in_bars, "data"),
    ]


def _panoramas(folder: Path) -> dict[str, Any]:
    for i, image in enumerate(images(150)):
        (image.resize((72, 24)) if i % 3 == 0 else image).save(folder / f"{i:04d}.png")
    return {"source": str(folder), "size": 24}


def _banners(folder: Path) -> dict[str, Any]:
    for i, image in enumerate(images(150)):
        image.resize((24, 24 * 4)).save(folder / f"{i:04d}.png")
    return {"source": str(folder), "size": 24, "fit": "squeeze"}


def _photographs(folder: Path) -> dict[str, Any]:
    sizes = [(36, 24)] * 12 + [(24, 43)] * 7 + [(72, 24)]
    files = ((f"{i:04d}.png", image.resize(sizes[i % 20])) for i, image in enumerate(images(1_000)))
    return {"source": zipped(folder, files), "size": 24}


def _in_bars(folder: Path) -> dict[str, Any]:
    files = ((f"{i:04d}.png", image.resize((72, 24))) for i, image in enumerate(images(1_000)))
    return {"source": zipped(folder, files), "size": 24, "fit": "pad"}
