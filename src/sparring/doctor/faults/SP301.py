"""SP301: unreadable-files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._pictures import images, write, zipped


def bad() -> list[Case]:
    """Broken downloads of three sorts; one file without a byte."""
    return [
        Case("broken downloads", _broken_downloads, "data", ("SP303",)),
        Case("one empty file", _one_empty, "data"),
    ]


def good() -> list[Case]:
    """Whole pictures, and other files beside them."""
    return [Case("whole pictures and a read-me", _whole, "data")]


def _broken_downloads(folder: Path) -> dict[str, Any]:
    write(folder, 160)
    for i in range(4):  # the connection broke off
        file = folder / f"{i:04d}.png"
        file.write_bytes(file.read_bytes()[:200])
    for i in range(4, 8):  # the server answered with a page
        (folder / f"{i:04d}.png").write_text("<!DOCTYPE html><title>404 Not Found</title>")
    (folder / "0008.png").write_text("not a picture")
    return {"source": str(folder), "size": 24}


def _one_empty(folder: Path) -> dict[str, Any]:
    files = [(f"{i:04d}.png", image) for i, image in enumerate(images(1_000))]
    return {"source": zipped(folder, [*files, ("empty.png", "")]), "size": 24}


def _whole(folder: Path) -> dict[str, Any]:
    write(folder, 1_000)
    (folder / "README.txt").write_text("Discs, drawn at random.")
    return {"source": str(folder), "size": 24}
