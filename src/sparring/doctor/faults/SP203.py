"""SP203: logits-into-probability-loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """D's numbers leave [0, 1] under losses that take probabilities."""
    return [
        Case("a linear layer under BCELoss", _linear),
        Case("a sum at the end, under a loss with torch.log", _own_log),
        Case("a tanh under BCELoss", _tanh),
        Case("Keras: Dense(1) under binary_crossentropy", _keras),
    ]


def good() -> list[Case]:
    """The same discriminators under losses on logits and scores."""
    return [
        Case("a linear layer under BCEWithLogitsLoss", _with_logits),
        Case("a linear layer under least squares", _least_squares),
        Case("a loss that was not told", _not_told),
        Case("Keras: Dense(1) and from_logits=True", _keras_logits),
    ]


def _linear(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "loss": "bce", **HERE}


class Summed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 8, 4, 2, 1))

    def forward(self, images: Tensor) -> Tensor:
        return torch.sum(self.maps(images), (1, 2, 3))


def _own_log(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Summed(), "loss": "log", **HERE}


def _tanh(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(nn.Tanh()), "loss": "bce", **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "loss": "bce", **HERE}


def _with_logits(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "loss": "bce-logits", **HERE}


def _least_squares(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Summed(), "loss": "least-squares", **HERE}


def _not_told(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), **HERE}


def _keras_logits(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "loss": "bce-logits", **HERE}
