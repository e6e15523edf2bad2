"""PyTorch-GAN, and the loops of Keras-GAN that print epoch and batch."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.naming import Tag

_BESIDE = ("pixel", "cycle", "identity", "content", "recon", "id", "cyc", "KL")

FORMAT = Format(
    "PyTorch-GAN",
    re.compile(r"\[Epoch (?P<epoch>[0-9]++)/(?P<epochs>[0-9]++)\] ?\[Batch (?P<batch>[0-9]++)/(?P<batches>[0-9]++)\]"),
    tags={
        "D loss": Tag("d", "loss", "average of two terms"),
        "acc": Tag("d", "accuracy", "in percent"),
        "adv": Tag("g", "fake", "adversarial term only"),
        **{
            name: Tag("g", "auxiliary")
            for name in ("pixel", "cycle", "identity", "content", "recon", "id", "cyc", "KL")
        },
    },
    drop=frozenset({"ETA", "time"}),
    many=True,
)
