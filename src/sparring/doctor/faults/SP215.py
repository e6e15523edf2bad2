"""SP215: unequal-capacity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """One network far larger than the other."""
    return [
        Case("a large discriminator of dense layers", _large_d),
        Case("a small one, in a class of its own", _small_d),
        Case("Keras: a wide generator", _keras),
    ]


def good() -> list[Case]:
    """Sizes that are near; a table of embeddings; frozen features."""
    return [
        Case("about the same size", _near),
        Case("a large table of embeddings", _table),
        Case("frozen features in front of the discriminator", _frozen),
        Case("Keras: about the same size", _keras_near),
    ]


def _large_d(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(nn.Flatten(), nn.Linear(768, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1))
    return {"generator": generator(), "discriminator": D, **HERE}


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.only = nn.Conv2d(3, 1, 4, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.only(images).mean((1, 2, 3))


def _small_d(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Small(), **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(width=96), "discriminator": keras_discriminator(), **HERE}


def _near(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), **HERE}


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.names, self.body = nn.Embedding(5000, 8), generator()

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        made: Tensor = self.body(z * (1 + self.names(label)))
        return made


class Told(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.names, self.body, self.end = nn.Embedding(5000, 8), discriminator()[:-1], nn.Linear(128, 8)

    def forward(self, images: Tensor, label: Tensor) -> Tensor:
        return (self.end(self.body(images)) * (1 + self.names(label))).sum(1)


def _table(folder: Path) -> dict[str, Any]:
    return {"generator": Named(), "discriminator": Told(), "condition": "class:5000", **HERE}


def _frozen(folder: Path) -> dict[str, Any]:
    features = nn.Sequential(nn.Conv2d(3, 96, 4, 2, 1), nn.ReLU(), nn.Conv2d(96, 96, 4, 2, 1), nn.ReLU())
    D = nn.Sequential(features.requires_grad_(False), nn.Conv2d(96, 1, 4))
    return {"generator": generator(), "discriminator": D, **HERE}


def _keras_near(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), **HERE}
