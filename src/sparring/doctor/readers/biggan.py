"""BigGAN-PyTorch: its progress line, and its files of 'step: value'."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.layouts import NUMBER, Cell

FORMAT = Format(
    "BigGAN-PyTorch",
    re.compile(r"(?<!\w)itr: (?P<step>[0-9]++),(?=\s++\w++ : )"),
    many=True,
    usual_loss="hinge",
)

_ALONE = re.compile(rf"^[0-9]++: ({NUMBER})\s*+$")


def _cells(text: str) -> list[Cell]:
    return [Cell("value", *found.span(1)) for found in _ALONE.finditer(text)]


ALONE = Format("BigGAN-PyTorch", re.compile(rf"^(?P<step>[0-9]++): (?={NUMBER}\s*+$)"), cells=_cells)
