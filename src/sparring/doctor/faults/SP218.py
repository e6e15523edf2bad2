"""SP218: initial-scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import (
    HERE,
    LATENT,
    discriminator,
    generator,
    keras_discriminator,
    keras_generator,
    pictures,
)


def bad() -> list[Case]:
    """First numbers that are far too large, far too small, or none."""
    return [
        Case("weights from N(0, 1) in the discriminator", _large),
        Case("a generator whose last weights are tiny", _tiny),
        Case("the logarithm of negative numbers", _not_finite),
        Case("Keras: weights from N(0, 1e-4)", _keras),
    ]


def good() -> list[Case]:
    """Layers that begin at zero; a softmax over many units; weights as they are drawn by default."""
    return [
        Case("a last layer that begins at zero", _zero),
        Case("a softmax over 500 words", _words),
        Case("logits near 0", _near_zero),
        Case("Keras: weights as they are drawn by default", _keras_default),
    ]


def _large(folder: Path) -> dict[str, Any]:
    D = discriminator()
    for weights in D.parameters():
        nn.init.normal_(weights)
    return {"generator": generator(), "discriminator": D, **HERE}


def _small_end(deviation: float) -> nn.Sequential:
    G = generator()
    for weights in G[-2].parameters():
        nn.init.normal_(weights, 0.0, deviation)
    return G


def _tiny(folder: Path) -> dict[str, Any]:
    return {"generator": _small_end(1e-4), "discriminator": discriminator(), **HERE}


class Log(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = discriminator()

    def forward(self, images: Tensor) -> Tensor:
        return torch.log(self.body(images) - 100)


def _not_finite(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Log(), "loss": "hinge", **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    import keras
    from keras import layers

    small = keras.initializers.RandomNormal(stddev=1e-4)
    G = keras.Sequential([keras.Input((LATENT,)), layers.Dense(64, activation="relu", kernel_initializer=small)])
    G.add(layers.Dense(768, activation="tanh", kernel_initializer=small))
    G.add(layers.Reshape((16, 16, 3)))
    return {"generator": G, "discriminator": keras_discriminator(), **HERE}


def _zero(folder: Path) -> dict[str, Any]:
    return {"generator": _small_end(0.0), "discriminator": discriminator(), **HERE}


def _words(folder: Path) -> dict[str, Any]:
    G = nn.Sequential(nn.Linear(LATENT, 64), nn.ReLU(), nn.Linear(64, 500), nn.Softmax(dim=1))
    D = nn.Sequential(nn.Linear(500, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
    words = nn.functional.one_hot(torch.arange(16), 500).float()
    return {"generator": G, "discriminator": D, "latent": LATENT, "data": words}


def _near_zero(folder: Path) -> dict[str, Any]:
    D = discriminator()
    nn.init.zeros_(D[-1].weight)  # type: ignore[arg-type]
    return {"generator": generator(), "discriminator": D, "data": pictures(), **HERE}


def _keras_default(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), **HERE}
