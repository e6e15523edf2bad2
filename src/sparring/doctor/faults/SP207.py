"""SP207: batch-norm-under-penalty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """Batch norm in D, and a penalty of each picture's gradient."""
    return [
        Case("BatchNorm2d under WGAN-GP", _layer),
        Case("F.batch_norm under WGAN-GP", _function),
        Case("a recipe with R1", _recipe),
        Case("Keras: BatchNormalization under WGAN-GP", _keras),
    ]


def good() -> list[Case]:
    """Other norms; batch norm in G, or frozen; batch norm without a penalty."""
    return [
        Case("batch norm in the generator alone", _in_g),
        Case("layer norm", _layer_norm),
        Case("features whose batch norm is frozen", _frozen),
        Case("batch norm without a penalty", _no_penalty),
        Case("Keras: layer normalisation", _keras_layer_norm),
    ]


def _with(norm: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1, bias=False), norm, nn.LeakyReLU(0.2),
        nn.Conv2d(8, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(128, 1),
    )  # fmt: skip


def _layer(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": _with(nn.BatchNorm2d(8)), "loss": "wasserstein-gp", **HERE}


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.end = nn.Conv2d(3, 8, 4, 2, 1, bias=False), nn.Linear(512, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps = nn.functional.batch_norm(self.first(images), torch.zeros(8), torch.ones(8), training=True)
        return self.end(nn.functional.leaky_relu(maps, 0.2).flatten(1))


def _function(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": Normed(), "loss": "wasserstein-gp", **HERE}


def _recipe(folder: Path) -> dict[str, Any]:
    from sparring.methods import RECIPES

    recipe = RECIPES["dcgan"].but(r1=10.0)
    return {"generator": generator(), "discriminator": _with(nn.BatchNorm2d(8)), "recipe": recipe, **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    import keras
    from keras import layers

    body = keras_discriminator().layers
    D = keras.Sequential([keras.Input((16, 16, 3)), body[0], layers.BatchNormalization(), *body[1:]])
    return {"generator": keras_generator(), "discriminator": D, "loss": "wasserstein-gp", **HERE}


def _in_g(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "loss": "wasserstein-gp", **HERE}


def _layer_norm(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": _with(nn.LayerNorm([8, 8, 8])), "loss": "wgan-gp", **HERE}


class OnFeatures(nn.Module):
    """Features that stay as they were learned elsewhere, and a head that learns."""

    def __init__(self) -> None:
        super().__init__()
        features = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.features = features.eval().requires_grad_(False)
        self.head = nn.Sequential(nn.Conv2d(8, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(128, 1))

    def train(self, mode: bool = True) -> OnFeatures:
        super().train(mode)
        self.features.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits


def _frozen(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": OnFeatures(), "loss": "wasserstein-gp", **HERE}


def _no_penalty(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": _with(nn.BatchNorm2d(8)), "loss": "wasserstein", **HERE}


def _keras_layer_norm(folder: Path) -> dict[str, Any]:
    import keras
    from keras import layers

    body = keras_discriminator().layers
    D = keras.Sequential([keras.Input((16, 16, 3)), body[0], layers.LayerNormalization(), *body[1:]])
    return {"generator": keras_generator(), "discriminator": D, "loss": "wasserstein-gp", **HERE}
