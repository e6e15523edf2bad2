"""Small pairs in which nothing is wrong, for 16 px and 3 channels; cases change one thing in them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

LATENT = 8
HERE: dict[str, Any] = {"latent": LATENT, "size": 16}


def generator(end: nn.Module | None = None) -> nn.Sequential:
    """[N, 8] -> [N, 3, 16, 16]; the last module is what bounds it, a tanh by default."""
    return nn.Sequential(
        nn.Linear(LATENT, 256), nn.ReLU(), nn.Unflatten(1, (16, 4, 4)),
        nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.ConvTranspose2d(8, 3, 4, 2, 1), end or nn.Tanh(),
    )  # fmt: skip


def discriminator(end: nn.Module | None = None) -> nn.Sequential:
    """[N, 3, 16, 16] -> [N, 1]; logits by default."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(),
        nn.Linear(128, 1), *([] if end is None else [end]),
    )  # fmt: skip


def keras_generator(activation: str | None = "tanh", width: int = 16) -> Any:
    """[N, 8] -> [N, 16, 16, 3]."""
    import keras
    from keras import layers

    return keras.Sequential([
        keras.Input((LATENT,)),
        layers.Dense(16 * width, activation="relu"), layers.Reshape((4, 4, width)),
        layers.Conv2DTranspose(width, 4, 2, "same", use_bias=False), layers.BatchNormalization(), layers.ReLU(),
        layers.Conv2DTranspose(3, 4, 2, "same", activation=activation),
    ])  # fmt: skip


def keras_discriminator(activation: str | None = None, units: int = 1) -> Any:
    """[N, 16, 16, 3] -> [N, units]."""
    import keras
    from keras import layers

    return keras.Sequential([
        keras.Input((16, 16, 3)),
        layers.Conv2D(16, 4, 2, "same"), layers.LeakyReLU(0.2), layers.Conv2D(8, 4, 2, "same"), layers.LeakyReLU(0.2),
        layers.Flatten(), layers.Dense(units, activation=activation),
    ])  # fmt: skip


def pictures(low: float = -1.0, high: float = 1.0) -> Tensor:
    """Noise that reaches both ends of a range  # [8, 3, 16, 16]"""
    noise = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    noise.view(-1)[:2] = torch.tensor([0.0, 1.0])
    return noise * (high - low) + low
