"""SP209: bias-before-norm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, LATENT, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """A bias right before a norm that takes it away."""
    return [
        Case("convolutions with a bias before BatchNorm2d", _layers),
        Case("a layer of one's own, and F.instance_norm", _function),
        Case("Keras: a Dense with a bias before BatchNormalization", _keras),
    ]


def good() -> list[Case]:
    """No bias; a norm that leaves most of it; a reshape in between."""
    return [
        Case("bias=False before the norm", _no_bias),
        Case("layer norm, which keeps what differs between channels", _layer_norm),
        Case("a dense layer that becomes maps before its norm", _reshaped),
        Case("Keras: use_bias=False", _keras_no_bias),
    ]


def _normed(bias: bool, norm: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1, bias=bias), norm, nn.LeakyReLU(0.2),
        nn.Conv2d(8, 8, 4, 2, 1, bias=bias), nn.BatchNorm2d(8) if bias else nn.Identity(), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(128, 1),
    )  # fmt: skip


def _layers(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": _normed(True, nn.BatchNorm2d(8)), **HERE}


class Own(nn.Module):
    """A convolution written with its own weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.shift = nn.Parameter(torch.randn(8, 3, 4, 4) * 0.1), nn.Parameter(torch.zeros(8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.weight, stride=2, padding=1) + self.shift


class WithFunctions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = Own(), nn.Linear(512, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps = nn.functional.instance_norm(self.first(images))
        return self.last(nn.functional.leaky_relu(maps, 0.2).flatten(1))


def _function(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": WithFunctions(), **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    import keras
    from keras import layers

    G = keras.Sequential(
        [
            keras.Input((LATENT,)),
            layers.Dense(128),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dense(768, activation="tanh"),
            layers.Reshape((16, 16, 3)),
        ]
    )
    return {"generator": G, "discriminator": keras_discriminator(), **HERE}


def _no_bias(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": _normed(False, nn.BatchNorm2d(8)), **HERE}


def _layer_norm(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1), nn.LayerNorm([8, 8, 8]), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(512, 1)
    )
    return {"generator": generator(), "discriminator": D, **HERE}


def _reshaped(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), **HERE}


def _keras_no_bias(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), **HERE}
