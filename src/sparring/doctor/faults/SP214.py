"""SP214: dead-units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, LATENT, discriminator, generator, keras_generator


def bad() -> list[Case]:
    """Units that begin far below 0."""
    return [
        Case("a bias of -10 in 14 of 16 maps, before nn.ReLU", _bias),
        Case("F.relu of dense units, all but a few of which are shifted down", _function),
        Case("Keras: a bias of -5 in most maps", _keras),
    ]


def good() -> list[Case]:
    """ReLUs that are awake; units below 0 that a leaky ReLU lets through."""
    return [
        Case("ReLUs as they begin", _awake),
        Case("a bias of -10 before a leaky ReLU", _leaky),
        Case("Keras: ReLUs as they begin", _keras_awake),
    ]


def _shifted(activation: nn.Module) -> nn.Sequential:
    first = nn.Conv2d(3, 16, 4, 2, 1)
    with torch.no_grad():
        first.get_parameter("bias").index_fill_(0, torch.arange(14), -10.0)
    return nn.Sequential(first, activation, nn.Flatten(), nn.Linear(1024, 1))


def _bias(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": _shifted(nn.ReLU()), **HERE}


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(LATENT, 64), nn.Linear(64, 768)
        self.register_buffer("shift", torch.full((64,), -9.0).index_fill(0, torch.arange(6), 0.0))

    def forward(self, z: Tensor) -> Tensor:
        return self.last(nn.functional.relu(self.first(z) + self.shift)).tanh().view(-1, 3, 16, 16)


def _function(folder: Path) -> dict[str, Any]:
    return {"generator": Dense(), "discriminator": discriminator(), **HERE}


def _keras_with(bias: float) -> Any:
    import keras
    from keras import layers

    D = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(16, 4, strides=2), layers.ReLU(), layers.Flatten()])
    D.add(layers.Dense(1))
    D.layers[0].bias.assign([bias] * 14 + [0.0] * 2)
    return D


def _keras(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": _keras_with(-5.0), **HERE}


def _awake(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(nn.Conv2d(3, 16, 4, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 1))
    return {"generator": generator(), "discriminator": D, **HERE}


def _leaky(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": _shifted(nn.LeakyReLU(0.2)), **HERE}


def _keras_awake(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": _keras_with(0.0), **HERE}
