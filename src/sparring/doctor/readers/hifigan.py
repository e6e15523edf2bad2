"""HiFi-GAN: G's loss with its terms; D's is not printed."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.naming import Tag

FORMAT = Format(
    "HiFi-GAN",
    re.compile(r"Steps : (?P<step>[0-9]++), (?=Gen Loss Total)"),
    tags={
        "Gen Loss Total": Tag("g", "loss", "with spectrogram and feature terms"),
        "Mel-Spec. Error": Tag("g", "auxiliary"),
    },
    drop=frozenset({"s/b"}),
    many=True,
    usual_loss="least squares",
)
