"""FastGAN: D's loss is that of the reals alone, G's the negated hinge; no step."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.naming import Tag

FORMAT = Format(
    "FastGAN",
    re.compile(r"GAN: (?=loss d:)"),
    tags={"loss d": Tag("d", "real", "real term only"), "loss g": Tag("g", "loss")},
    many=True,
    usual_loss="hinge",
)
