"""CTGAN: a tqdm bar."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.layouts import NUMBER, Cell
from .reading.naming import Tag
from .reading.numbers import where

_RECORD = re.compile(rf"Gen\. \(({NUMBER})\) \| Discrim\. \(({NUMBER})\)")


def _cells(text: str) -> list[Cell]:
    found = _RECORD.search(text)
    if found is None:
        return []
    return [Cell("Gen.", *found.span(1)), Cell("Discrim.", *found.span(2)), *where(text)]


FORMAT = Format(
    "CTGAN",
    _RECORD,
    cells=_cells,
    tags={"Gen.": Tag("g", "loss"), "Discrim.": Tag("d", "loss", "without the penalty")},
    usual_loss="wasserstein",
)
