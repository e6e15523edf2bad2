"""The code of 'Improved Training of Wasserstein GANs': iter, then names and values between tabs."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.layouts import NUMBER, Cell

_PAIR = re.compile(rf"\t([A-Za-z_][^\t\n]*+)\t({NUMBER})(?=\t|\s*+$)")


def _cells(text: str) -> list[Cell]:
    return [Cell(found[1], *found.span(2)) for found in _PAIR.finditer(text) if found[1] != "time"]


FORMAT = Format(
    "improved_wgan_training",
    re.compile(r"(?:^|\s)iter (?P<step>[0-9]++)(?=\t)"),
    cells=_cells,
    usual_loss="wasserstein",
)
