"""SP213: linear-stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, LATENT, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """An activation was forgotten."""
    return [
        Case("two convolutions in a row", _convolutions),
        Case("dense layers with dropout between, in a forward of functions", _dropout),
        Case("Keras: Dense without an activation", _keras),
    ]


def good() -> list[Case]:
    """Pairs that are meant so."""
    return [
        Case("depthwise and pointwise", _separable),
        Case("a bottleneck, and a head", _low_rank),
        Case("a residual block with a shortcut, and max pooling", _residual),
        Case("Keras: separable by hand", _keras_separable),
    ]


def _convolutions(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1), nn.Conv2d(8, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(256, 1)
    )
    return {"generator": generator(), "discriminator": D, **HERE}


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(LATENT, 32), nn.Linear(32, 64), nn.Linear(64, 768)

    def forward(self, z: Tensor) -> Tensor:
        h = nn.functional.dropout(self.a(z), 0.2, self.training)
        return torch.tanh(self.c(torch.relu(self.b(h)))).view(-1, 3, 16, 16)


def _dropout(folder: Path) -> dict[str, Any]:
    return {"generator": Dense(), "discriminator": discriminator(), **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    import keras
    from keras import layers

    G = keras.Sequential([keras.Input((LATENT,)), layers.Dense(32), layers.Dense(64), layers.LeakyReLU()])
    G.add(layers.Dense(768, activation="tanh"))
    G.add(layers.Reshape((16, 16, 3)))
    return {"generator": G, "discriminator": keras_discriminator(), **HERE}


def _separable(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.Conv2d(8, 16, 1),
        nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(1024, 1),
    )  # fmt: skip
    return {"generator": generator(), "discriminator": D, **HERE}


def _low_rank(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(
        nn.Flatten(), nn.Linear(768, 4), nn.Linear(4, 64), nn.LeakyReLU(0.2), nn.Linear(64, 8), nn.Linear(8, 1)
    )
    return {"generator": generator(), "discriminator": D, **HERE}


class Residual(nn.Module):
    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.a, self.b, self.shortcut = nn.Conv2d(i, o, 3, 1, 1), nn.Conv2d(o, o, 3, 1, 1), nn.Conv2d(i, o, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(nn.functional.leaky_relu(self.a(x), 0.2)) + self.shortcut(x)


def _residual(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(
        nn.Conv2d(3, 8, 3, 1, 1), nn.MaxPool2d(2), Residual(8, 8), nn.MaxPool2d(2), Residual(8, 8),
        nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(128, 1),
    )  # fmt: skip
    return {"generator": generator(), "discriminator": D, **HERE}


def _keras_separable(folder: Path) -> dict[str, Any]:
    import keras
    from keras import layers

    D = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(8, 4, strides=2, padding="same"), layers.LeakyReLU()])
    for layer in (layers.DepthwiseConv2D(3, padding="same"), layers.Conv2D(16, 1), layers.LeakyReLU()):
        D.add(layer)
    D.add(layers.GlobalAveragePooling2D())
    D.add(layers.Dense(1))
    return {"generator": keras_generator(), "discriminator": D, **HERE}
