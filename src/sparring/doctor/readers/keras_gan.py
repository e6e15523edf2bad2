"""Keras-GAN: '2000 [D loss: 0.097897, acc.: 96.88%] [G loss: 4.837958]'."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.naming import Tag

FORMAT = Format(
    "Keras-GAN",
    re.compile(r"(?<![\w.,:/])(?P<step>[0-9]++):? (?=\[D loss:)"),
    tags={
        "D loss": Tag("d", "loss", "average of two terms"),
        "acc": Tag("d", "accuracy", "in percent"),
        "op_acc": Tag("d", "accuracy", "of classes, in percent"),
    },
    many=True,
)
