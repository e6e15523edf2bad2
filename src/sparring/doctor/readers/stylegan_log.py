"""What StyleGAN2-ADA and StyleGAN3 print: ticks without losses."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.layouts import NUMBER, Cell

_AUGMENT = re.compile(rf"augment\s++({NUMBER})")


def _cells(text: str) -> list[Cell]:
    return [Cell("augment", *found.span(1)) for found in _AUGMENT.finditer(text)]


FORMAT = Format(
    "StyleGAN2-ADA or StyleGAN3",
    re.compile(r"\btick (?P<tick>[0-9]++)\s++kimg (?P<kimg>[0-9.]++)\s++time "),
    cells=_cells,
    usual_loss="logistic",
)
