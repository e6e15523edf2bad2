"""SP210: no-bias-no-norm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, LATENT, discriminator, generator, keras_discriminator


def bad() -> list[Case]:
    """Hidden layers in a row without bias and norm."""
    return [
        Case("bias=False kept, the norms left out", _sequential),
        Case("layers of one's own, activations as functions", _functions),
        Case("Keras: use_bias=False kept, as in a question that was asked", _keras),
    ]


def good() -> list[Case]:
    """No bias where a norm follows, in the first and the last layer, before a learned shift, between branches."""
    return [
        Case("as DCGAN has it", _dcgan),
        Case("activations that carry the bias", _in_the_activation),
        Case("residual blocks without any bias", _residual),
        Case("Keras: no bias, and batch norm", _keras_normed),
    ]


def _up(i: int, o: int, **options: Any) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(i, o, 4, 2, 1, **options)


def _sequential(folder: Path) -> dict[str, Any]:
    G = nn.Sequential(
        nn.Linear(LATENT, 128), nn.ReLU(), nn.Unflatten(1, (32, 2, 2)),
        _up(32, 16, bias=False), nn.LeakyReLU(), _up(16, 8, bias=False), nn.LeakyReLU(), _up(8, 3), nn.Tanh(),
    )  # fmt: skip
    return {"generator": G, "discriminator": discriminator(), **HERE}


class Weights(nn.Module):
    """A convolution without a bias, written with its own weights."""

    def __init__(self, i: int, o: int, shift: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(o, i, 3, 3) / (3 * i**0.5))
        self.shift = nn.Parameter(torch.zeros(o, 1, 1)) if shift else None

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.weight, padding=1)


class Stack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.a, self.b = nn.Conv2d(3, 8, 4, 4), Weights(8, 8), Weights(8, 8)
        self.last = nn.Linear(128, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.first(images).relu()
        for layer in (self.a, self.b):
            maps = nn.functional.leaky_relu(layer(maps), 0.1)
        return self.last(maps.flatten(1))


def _functions(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Stack(), **HERE}


def _keras_with(*after: str) -> Any:
    import keras
    from keras import layers

    G = keras.Sequential([keras.Input((LATENT,)), layers.Dense(128), layers.LeakyReLU(), layers.Reshape((4, 4, 8))])
    for stride in (1, 2, 2):
        G.add(layers.Conv2DTranspose(8, 4, strides=stride, padding="same", use_bias=False))
        for name in after:
            G.add(getattr(layers, name)())
    G.add(layers.Conv2DTranspose(3, 3, padding="same", use_bias=False, activation="tanh"))
    return G


def _keras(folder: Path) -> dict[str, Any]:
    return {"generator": _keras_with("LeakyReLU"), "discriminator": keras_discriminator(), **HERE}


def _dcgan(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1, bias=False), nn.LeakyReLU(0.2),
        nn.Conv2d(8, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 4, bias=False),
    )  # fmt: skip
    return {"generator": generator(), "discriminator": D, **HERE}


class FusedLeakyReLU(nn.Module):
    def __init__(self, maps: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(maps, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.leaky_relu(x + self.shift, 0.2)


def _in_the_activation(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1, bias=False), FusedLeakyReLU(8), nn.Conv2d(8, 8, 4, 2, 1, bias=False),
        FusedLeakyReLU(8), nn.Conv2d(8, 8, 3, 1, 1, bias=False), FusedLeakyReLU(8), nn.Flatten(), nn.Linear(128, 1),
    )  # fmt: skip
    return {"generator": generator(), "discriminator": D, **HERE}


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.Conv2d(8, 8, 3, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.b(self.a(x).relu())


def _residual(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1), Residual(), nn.ReLU(), nn.Conv2d(8, 8, 4, 2, 1), nn.ReLU(), Residual(), nn.Flatten(),
        nn.Linear(128, 1),
    )  # fmt: skip
    return {"generator": generator(), "discriminator": D, **HERE}


def _keras_normed(folder: Path) -> dict[str, Any]:
    G = _keras_with("BatchNormalization", "LeakyReLU")
    return {"generator": G, "discriminator": keras_discriminator(), **HERE}
