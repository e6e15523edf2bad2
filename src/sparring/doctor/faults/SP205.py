"""SP205: bounded-critic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """A critic that ends in a squashing function."""
    return [
        Case("nn.Sigmoid under the Wasserstein loss", _sigmoid),
        Case("a tanh as a method, under the hinge", _tanh),
        Case("scores clamped to [0, 1], under the hinge", _clamped),
        Case("Keras: a sigmoid under WGAN-GP", _keras_sigmoid),
        Case("Keras: a tanh under the hinge", _keras_tanh),
    ]


def good() -> list[Case]:
    """Scores of any size; a tanh in the middle; a soft cap far out."""
    return [
        Case("a linear end, and a tanh in the middle", _inside),
        Case("a soft cap at 30", _cap),
        Case("Keras: a linear end under WGAN-GP", _keras_linear),
    ]


def _sigmoid(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(nn.Sigmoid()), "loss": "wasserstein", **HERE}


class Bounded(nn.Module):
    def __init__(self, widest: float) -> None:
        super().__init__()
        self.body, self.widest = discriminator(), widest

    def forward(self, images: Tensor) -> Tensor:
        return (self.body(images) / self.widest).tanh() * self.widest


def _tanh(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Bounded(1.0), "loss": "hinge", **HERE}


class Clamped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = discriminator()

    def forward(self, images: Tensor) -> Tensor:
        return (self.body(images) + 0.5).clamp(0, 1)


def _clamped(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Clamped(), "loss": "hinge", **HERE}


def _keras_sigmoid(folder: Path) -> dict[str, Any]:
    pair = {"generator": keras_generator(), "discriminator": keras_discriminator("sigmoid")}
    return {**pair, "loss": "wasserstein-gp", **HERE}


def _keras_tanh(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator("tanh"), "loss": "hinge", **HERE}


def _inside(folder: Path) -> dict[str, Any]:
    critic = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.Tanh(), nn.Flatten(), nn.Linear(512, 1))
    return {"generator": generator(), "discriminator": critic, "loss": "wasserstein", **HERE}


def _cap(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Bounded(30.0), "loss": "hinge", **HERE}


def _keras_linear(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "loss": "wasserstein-gp", **HERE}
