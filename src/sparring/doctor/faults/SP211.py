"""SP211: checkerboard-upsampling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, LATENT, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """Kernels of 3 and 5 with a stride of 2."""
    return [
        Case("kernel 5, stride 2", _five),
        Case("kernel 3, stride 2, in a layer with its own weights", _own),
        Case("Keras: kernel 5, stride 2", _keras),
    ]


def good() -> list[Case]:
    """Kernels that the stride divides; no stride; enlarging by nearest neighbours."""
    return [
        Case("kernel 4, stride 2", _four),
        Case("nearest neighbours, and kernel 3 with stride 1", _nearest),
        Case("Keras: kernel 4, stride 2", _keras_four),
    ]


def _ups(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(LATENT, 128), nn.ReLU(), nn.Unflatten(1, (8, 4, 4)), *layers, nn.Tanh())


def _five(folder: Path) -> dict[str, Any]:
    five = nn.ConvTranspose2d(8, 8, 5, 2, 2, output_padding=1), nn.ReLU(), nn.ConvTranspose2d(8, 3, 5, 2, 2, 1)
    return {"generator": _ups(*five), "discriminator": discriminator(), **HERE}


class Up(nn.Module):
    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(i, o, 3, 3) * 0.2), nn.Parameter(torch.zeros(o))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=1, output_padding=1)


def _own(folder: Path) -> dict[str, Any]:
    return {"generator": _ups(Up(8, 8), nn.ReLU(), Up(8, 3)), "discriminator": discriminator(), **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    import keras
    from keras import layers

    G = keras.Sequential([keras.Input((LATENT,)), layers.Dense(128, activation="relu"), layers.Reshape((4, 4, 8))])
    G.add(layers.Conv2DTranspose(8, 5, strides=2, padding="same", activation="relu"))
    G.add(layers.Conv2DTranspose(3, 5, strides=2, padding="same", activation="tanh"))
    return {"generator": G, "discriminator": keras_discriminator(), **HERE}


def _four(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), **HERE}


def _nearest(folder: Path) -> dict[str, Any]:
    up = nn.Upsample(scale_factor=4)
    G = _ups(up, nn.ConvTranspose2d(8, 8, 3, 1, 1), nn.ReLU(), nn.Conv2d(8, 3, 3, 1, 1))
    return {"generator": G, "discriminator": discriminator(), **HERE}


def _keras_four(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), **HERE}
