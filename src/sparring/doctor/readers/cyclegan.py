"""CycleGAN and pix2pix: loss_log.txt."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.naming import Tag

_D, _G = "average of two terms", "adversarial term only"

FORMAT = Format(
    "CycleGAN or pix2pix",
    re.compile(r"\(epoch: (?P<epoch>[0-9]++), iters: (?P<batch>[0-9]++)(?=, time:)"),
    tags={
        **{f"D_{side}": Tag("d", "loss", _D) for side in "AB"},
        **{f"G_{side}": Tag("g", "loss", _G) for side in "AB"},
        **{f"{term}_{side}": Tag("g", "auxiliary") for side in "AB" for term in ("cycle", "idt")},
    },
    epoch_from=1,
    usual_loss="least squares",
)
