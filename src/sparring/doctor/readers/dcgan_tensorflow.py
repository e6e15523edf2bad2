"""DCGAN-tensorflow."""

from __future__ import annotations

import re

from .reading.formats import Format

FORMAT = Format(
    "DCGAN-tensorflow",
    re.compile(
        r"Epoch:\s*+\[\s*+(?P<epoch>[0-9]++)/\s*+(?P<epochs>[0-9]++)\]\s*+"
        r"\[\s*+(?P<batch>[0-9]++)/\s*+(?P<batches>[0-9]++)\]"
    ),
    many=True,
    usual_loss="bce",
)
