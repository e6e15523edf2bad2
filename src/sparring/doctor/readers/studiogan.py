"""StudioGAN, old and new: losses by steps, FID and its like by evaluations."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.layouts import NUMBER, Cell
from .reading.naming import Tag

_SCORE = re.compile(rf"([A-Za-z][^>(\n]{{0,60}}?)(?: score)? \(Step: [0-9]++, [^)\n]*+\):\s*+({NUMBER})")

# The best value so far, said again at each evaluation, is no curve; nor is what an evaluation says of its beginning.
SAID_AGAIN = Format("StudioGAN", re.compile(r"Best [^\n(]{1,40}\(Step: [0-9]++|> Calculate FID score of "), silent=True)

FORMAT = Format(
    "StudioGAN",
    re.compile(r"Step:\s++(?P<step>[0-9]++)\s++Progress:"),
    tags={
        "Discriminator_loss": Tag("d", "loss"),
        "Dis_loss": Tag("d", "loss"),
        "Cls_loss": Tag("", "auxiliary"),
    },
    drop=frozenset({"Topk", "temperature"}),
)


def _cells(text: str) -> list[Cell]:
    return [Cell(found[1].split("  ")[-1].strip(), *found.span(2)) for found in _SCORE.finditer(text)]


SCORES = Format(
    "StudioGAN",
    re.compile(
        r"(?<!Best )(?<![\w/])(?:F_1/8|F_8|[FK]ID|s?FID|Inception|Improved \w++|Precision|Recall|Density|Coverage)"
        r"(?: score)?+ \(Step: (?P<step>[0-9]++),"
    ),
    cells=_cells,
    tags={"F_8": Tag("", "quality"), "F_1/8": Tag("", "quality")},
)
