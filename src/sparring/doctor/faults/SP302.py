"""SP302: duplicate-images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from sparring.doctor.faults import Case
from sparring.doctor.faults._pictures import images, zipped


def bad() -> list[Case]:
    """Files copied under other names; the same pictures saved again as JPEG in another size."""
    return [
        Case("files copied under other names", _copied, "data"),
        Case("saved again as JPEG, in another size", _saved_again, "data", ("SP303",)),
    ]


def good() -> list[Case]:
    """Pictures that are alike and not the same; a few copies among many."""
    return [
        Case("alike, and none the same", _alike, "data"),
        Case("a few copies among many", _few_copies, "data"),
    ]


def _copied(folder: Path) -> dict[str, Any]:
    files = [(f"{i:04d}.png", image) for i, image in enumerate(images(1_000))]
    return {"source": zipped(folder, files + [(f"copy-{name}", image) for name, image in files[:100]]), "size": 24}


def _saved_again(folder: Path) -> dict[str, Any]:
    for i, image in enumerate(images(150, 96)):
        image.save(folder / f"{i:04d}.png")
        if i < 30:
            smaller = image.resize((80, 80), Image.Resampling.LANCZOS)
            smaller.save(folder / f"{i:04d}-small.jpg", quality=75)
    return {"source": str(folder), "size": 32}


def _alike(folder: Path) -> dict[str, Any]:
    files = [(f"{i:04d}.png", image) for i, image in enumerate(images(1_000))]
    for i, (_, image) in enumerate(files):  # the same square on each, at another place
        image.paste((250, 250, 240), (i % 18, i // 60, i % 18 + 7, i // 60 + 7))
    return {"source": zipped(folder, files), "size": 24}


def _few_copies(folder: Path) -> dict[str, Any]:
    files = [(f"{i:04d}.png", image) for i, image in enumerate(images(1_000))]
    return {"source": zipped(folder, files + [(f"copy-{name}", image) for name, image in files[:20]]), "size": 24}
