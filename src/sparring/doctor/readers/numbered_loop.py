"""Records that begin with ">3, 12/97, ": Keras loops of a well-known series of tutorials."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.naming import Tag

FORMAT = Format(
    "a tutorial's loop that prints >epoch, batch",
    re.compile(
        r"^>(?P<epoch>[0-9]++), (?P<batch>[0-9]++)/(?P<batches>[0-9]++),(?= ?[a-z])|"
        r"^>(?P<step>[0-9]++)(?:/(?P<steps>[0-9]++))?,(?= ?[a-z])"
    ),
    tags={
        "d1": Tag("d", "real", "real term only"),
        "d2": Tag("d", "fake", "fake term only"),
        "dr": Tag("d", "real", "real term only"),
        "df": Tag("d", "fake", "fake term only"),
        "c1": Tag("d", "real", "real term only"),
        "c2": Tag("d", "fake", "fake term only"),
        "a1": Tag("d", "accuracy_real"),
        "a2": Tag("d", "accuracy_fake"),
    },
    epoch_from=1,
)
