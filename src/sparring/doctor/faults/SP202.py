"""SP202: probabilities-into-logit-loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """A sigmoid at D's end under losses on logits, as a layer, a function and an argument."""
    return [
        Case("nn.Sigmoid under BCEWithLogitsLoss", _layer),
        Case("torch.sigmoid in the forward, relativistic loss", _function),
        Case("a mean of sigmoids, one for each patch", _patches),
        Case("a sigmoid that is clipped", _clipped),
        Case("Keras: activation='sigmoid' and from_logits=True", _keras),
    ]


def good() -> list[Case]:
    """Sigmoids that are none of the loss' business."""
    return [
        Case("a sigmoid under least squares", _least_squares),
        Case("a sigmoid that gates, and a linear end", _gate),
        Case("Keras: logits", _keras_logits),
    ]


def _layer(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(nn.Sigmoid()), "loss": "bce-logits", **HERE}


class Squashed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = discriminator()

    def forward(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.body(images)).view(-1)


def _function(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Squashed(), "loss": "relativistic", **HERE}


class Patches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 4, 2, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.body(images).sigmoid().mean((1, 2, 3))


def _patches(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Patches(), "loss": "non-saturating", **HERE}


class Clipped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = discriminator()

    def forward(self, images: Tensor) -> Tensor:
        return torch.clamp(torch.sigmoid(self.body(images)), 1e-7, 1 - 1e-7)


def _clipped(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Clipped(), "loss": "bce-logits", **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    pair = {"generator": keras_generator(), "discriminator": keras_discriminator("sigmoid")}
    return {**pair, "loss": "bce-logits", **HERE}


def _least_squares(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(nn.Sigmoid()), "loss": "lsgan", **HERE}


class Gated(nn.Module):
    """Squeeze and excitation: a sigmoid for each map, in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.gate, self.end = nn.Conv2d(3, 8, 4, 2, 1), nn.Linear(8, 8), nn.Linear(8 * 64, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.relu(self.first(images))
        gates = torch.sigmoid(self.gate(maps.mean((2, 3))))
        return self.end((maps * gates[:, :, None, None]).flatten(1))


def _gate(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Gated(), "loss": "bce-logits", **HERE}


def _keras_logits(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "loss": "bce-logits", **HERE}
