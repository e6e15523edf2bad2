"""BasicSR: ESRGAN and its kin."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.naming import Tag

FORMAT = Format(
    "BasicSR",
    re.compile(r"\[epoch:\s*+(?P<epoch>[0-9]++),\s*+iter:\s*+(?P<step>[0-9]++(?:,[0-9]++)*+),\s*+lr:"),
    tags={
        "l_g_gan": Tag("g", "fake", "adversarial term only"),
        "l_d_real": Tag("d", "real", "real term only"),
        "l_d_fake": Tag("d", "fake", "fake term only"),
        "out_d_real": Tag("d", "logit_real"),
        "out_d_fake": Tag("d", "logit_fake"),
    },
    drop=frozenset({"eta", "time (data)", "lr"}),
)
