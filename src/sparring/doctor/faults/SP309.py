"""SP309: missing-conditions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._pictures import images, write, zipped


def bad() -> list[Case]:
    """A table that does not name all pictures; captions beside most of them."""
    return [
        Case("a table that ends too early", _short_table, "data"),
        Case("captions beside most pictures", _captions, "data", ("SP303",)),
    ]


def good() -> list[Case]:
    """Every picture has a caption."""
    return [Case("a caption beside each picture", _all_captions, "data")]


def _short_table(folder: Path) -> dict[str, Any]:
    files = [(f"{i:04d}.png", image) for i, image in enumerate(images(1_200))]
    labels = [f"{name},{'even' if i % 2 == 0 else 'odd'}" for i, (name, _) in enumerate(files[:1_100])]
    table = "\n".join(["file_name,label", *labels])
    return {"source": zipped(folder, [*files, ("metadata.csv", table)]), "size": 24, "condition": "class"}


def _captions(folder: Path) -> dict[str, Any]:
    write(folder, 150)
    for i in range(150):
        if i % 10:
            (folder / f"{i:04d}.txt").write_text(f"two discs, number {i}")
    return {"source": str(folder), "size": 24, "condition": "text"}


def _all_captions(folder: Path) -> dict[str, Any]:
    files = [(f"{i:04d}.png", image) for i, image in enumerate(images(1_000))]
    captions = [(f"{i:04d}.txt", f"two discs, number {i}") for i in range(1_000)]
    return {"source": zipped(folder, [*files, *captions]), "size": 24, "condition": "text"}
