"""Records that begin with [Epoch 3, Step 20]: Keras loops written by hand."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.naming import Tag

FORMAT = Format(
    "a loop that prints [Epoch, Step]",
    re.compile(
        r"\[Epoch:? ?(?P<epoch>[0-9]++)(?:/(?P<epochs>[0-9]++))?, "
        r"(?:Step|Batch|Iter):? ?(?P<batch>[0-9]++)(?:/(?P<batches>[0-9]++))?\]"
    ),
    tags={"gan_loss": Tag("g", "loss")},
    many=True,
)
