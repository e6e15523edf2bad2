"""SP212: receptive-field-small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """Discriminators of pixels and of the smallest patches."""
    return [
        Case("one number for each pixel", _pixels),
        Case("patches of 3 px, and batch norm through which they all meet", _normed),
        Case("max pooling, in a forward of functions", _pooled),
        Case("Keras: patches of 3 px", _keras),
    ]


def good() -> list[Case]:
    """The whole picture, by a dense layer, a mean over all places, or enough layers."""
    return [
        Case("a dense layer at the end", _dense),
        Case("patches, and their mean", _mean),
        Case("patches of more than half the side", _large),
        Case("Keras: a dense layer at the end", _keras_dense),
    ]


def _pixels(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(nn.Conv2d(3, 16, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 1))
    return {"generator": generator(), "discriminator": D, **HERE}


def _normed(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 1))
    return {"generator": generator(), "discriminator": D, **HERE}


class Pooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(nn.functional.max_pool2d(torch.relu(self.first(images)), 2))


def _pooled(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Pooled(), **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    import keras
    from keras import layers

    D = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(16, 3, padding="same"), layers.BatchNormalization()])
    D.add(layers.LeakyReLU())
    D.add(layers.Conv2D(1, 1))
    return {"generator": keras_generator(), "discriminator": D, **HERE}


def _dense(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), **HERE}


def _mean(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(nn.Conv2d(3, 16, 3), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 1), nn.AdaptiveAvgPool2d(1))
    return {"generator": generator(), "discriminator": D, **HERE}


def _large(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 4, 2, 1))
    return {"generator": generator(), "discriminator": D, **HERE}


def _keras_dense(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), **HERE}
