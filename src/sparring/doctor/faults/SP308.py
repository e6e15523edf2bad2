"""SP308: class-imbalance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._pictures import images, write, zipped


def bad() -> list[Case]:
    """Folders of very different size; a table in which one class is rare."""
    return [
        Case("folders of very different size", _folders, "data", ("SP303",)),
        Case("a table with a rare class", _table, "data"),
    ]


def good() -> list[Case]:
    """Classes of nearly the same size."""
    return [Case("classes of nearly the same size", _even, "data")]


def _folders(folder: Path) -> dict[str, Any]:
    for seed, (name, n) in enumerate((("cat", 160), ("dog", 100), ("lynx", 9))):
        write(folder / name, n, seed=seed)
    return {"source": str(folder), "size": 24, "condition": "class"}


def _table(folder: Path) -> dict[str, Any]:
    files = [(f"{i:04d}.png", image) for i, image in enumerate(images(1_000))]
    labels = [f"{name},{'rare' if i % 40 == 0 else 'common'}" for i, (name, _) in enumerate(files)]
    table = "\n".join(["file_name,label", *labels])
    return {"source": zipped(folder, [*files, ("metadata.csv", table)]), "size": 24, "condition": "class"}


def _even(folder: Path) -> dict[str, Any]:
    names = ["cat"] * 5 + ["dog"] * 4 + ["lynx"]
    files = ((f"{names[i % 10]}/{i:04d}.png", image) for i, image in enumerate(images(1_000)))
    return {"source": zipped(folder, files), "size": 24, "condition": "class"}
