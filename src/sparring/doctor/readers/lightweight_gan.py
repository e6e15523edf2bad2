"""lightweight-gan and stylegan2-pytorch: losses without a step."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.layouts import NUMBER
from .reading.naming import Tag

FORMAT = Format(
    "lightweight-gan or stylegan2-pytorch",
    re.compile(rf"(?<![\w])G: {NUMBER} \| D: {NUMBER}"),
    tags={
        "G": Tag("g", "loss"),
        "D": Tag("d", "loss"),
        "GP": Tag("d", "penalty"),
        "PL": Tag("g", "other", "mean path length"),
        "CR": Tag("d", "auxiliary", "consistency"),
        "SS": Tag("d", "auxiliary", "self-supervision"),
        "Q": Tag("d", "auxiliary", "quantisation"),
        "FID": Tag("", "quality"),
    },
    usual_loss="hinge",
)
