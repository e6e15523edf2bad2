"""The official DCGAN example of PyTorch, its tutorial, and the many programs copied from them."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.naming import Tag

FORMAT = Format(
    "the official DCGAN example",
    re.compile(r"\[(?P<epoch>[0-9]++)/(?P<epochs>[0-9]++)\]\s?\[(?P<batch>[0-9]++)/(?P<batches>[0-9]++)\]"),
    tags={"Loss_D": Tag("d", "loss", "sum of two terms")},
    many=True,
    usual_loss="bce",
)
