"""rosinality's stylegan2-pytorch: a tqdm bar with losses."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.layouts import NUMBER, Cell
from .reading.naming import Tag
from .reading.numbers import scan, where


def _cells(text: str) -> list[Cell]:
    return scan(text) + where(text)


FORMAT = Format(
    "rosinality's stylegan2-pytorch",
    re.compile(rf"(?<!\w)d: {NUMBER}; g: {NUMBER};"),
    cells=_cells,
    tags={
        "d": Tag("d", "loss"),
        "g": Tag("g", "loss"),
        "r1": Tag("d", "penalty"),
        "path": Tag("g", "penalty"),
        "mean path": Tag("g", "other"),
        "augment": Tag("", "other"),
    },
    usual_loss="logistic",
)
