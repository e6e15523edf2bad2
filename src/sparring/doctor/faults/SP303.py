"""SP303: too-few-images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._pictures import drawn, write


def bad() -> list[Case]:
    """Forty pictures, an error; three hundred, a warning."""
    return [
        Case("forty pictures", _forty, "data"),
        Case("three hundred pictures", _three_hundred, "data"),
    ]


def good() -> list[Case]:
    """An array of enough."""
    return [Case("an array of 1,200 pictures", _array, "data")]


def _forty(folder: Path) -> dict[str, Any]:
    return {"source": str(write(folder, 40)), "size": 24}


def _three_hundred(folder: Path) -> dict[str, Any]:
    return {"source": str(write(folder, 300)), "size": 24}


def _array(folder: Path) -> dict[str, Any]:
    np.save(folder / "pictures.npy", drawn(1_200))
    return {"source": str(folder / "pictures.npy"), "size": 24}
