"""SP204: sigmoid-with-bce."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """A sigmoid at D's end, and the loss takes its logarithm."""
    return [
        Case("nn.Sigmoid with BCELoss", _layer),
        Case("a sigmoid as a method, with a loss written in logarithms", _method),
        Case("a sigmoid, and nothing was said of the loss", _not_told),
        Case("a tanh moved to [0, 1], which is a sigmoid", _tanh),
        Case("a sigmoid that is clipped", _clipped),
        Case("Keras: activation='sigmoid' with binary_crossentropy", _keras),
    ]


def good() -> list[Case]:
    """Logits; and a sigmoid whose logarithm nobody takes."""
    return [
        Case("logits", _logits),
        Case("a sigmoid under least squares", _least_squares),
        Case("Keras: logits", _keras_logits),
        Case("Keras: a sigmoid under least squares", _keras_least_squares),
    ]


def _layer(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(nn.Sigmoid()), "loss": "bce", **HERE}


class Probability(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = discriminator()

    def forward(self, images: Tensor) -> Tensor:
        return self.body(images).sigmoid().squeeze(1)


def _method(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Probability(), "loss": "log", **HERE}


def _not_told(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Probability(), **HERE}


class Moved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = discriminator()

    def forward(self, images: Tensor) -> Tensor:
        return (self.body(images).tanh() + 1) / 2


def _tanh(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Moved(), "loss": "bce", **HERE}


class Clipped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = discriminator()

    def forward(self, images: Tensor) -> Tensor:
        return torch.clamp(torch.sigmoid(self.body(images)), 1e-7, 1 - 1e-7)


def _clipped(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Clipped(), "loss": "bce", **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator("sigmoid"), "loss": "bce", **HERE}


def _logits(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "loss": "bce-logits", **HERE}


def _least_squares(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Probability(), "loss": "least-squares", **HERE}


def _keras_logits(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "loss": "bce-logits", **HERE}


def _keras_least_squares(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator("sigmoid"), "loss": "lsgan", **HERE}
