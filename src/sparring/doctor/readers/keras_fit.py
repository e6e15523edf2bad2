"""The progress bar of Keras: model.fit with a GAN in train_step."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.layouts import BLOCKS

FORMAT = Format(
    "Keras fit",
    re.compile(
        r"^Epoch (?P<epoch>[0-9]++)/(?P<epochs>[0-9]++)\s*+$|"
        rf"(?<![\w/.])(?P<batch>[0-9]++)/(?P<batches>[0-9]++)\s++(?:\[[=>.]++\]|(?:\x20?[{BLOCKS}])++)?\s*+-?\s?"
        r"(?=(?:ETA:|[0-9]++(?:us|ms|s|m|h)?+\b|[0-9]++:[0-9]))"
    ),
    drop=frozenset({"ETA"}),
    carried=True,
    epoch_from=1,
    note="running mean within the epoch",
)
