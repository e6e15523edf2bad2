"""SP103: shape-mismatch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._wired import (
    discriminator,
    down,
    generator,
    keras_discriminator,
    keras_generator,
    up,
)


def bad() -> list[Case]:
    """G, D and the data do not agree."""
    return [
        Case("G makes 32 px, the data have 16", _sides, also=("SP215",)),
        Case("G makes one channel, D takes three", _channels),
        Case("D takes pictures of any size", _any_size),
        Case("Keras: 32 px for a D of 16", _keras_sides),
    ]


def good() -> list[Case]:
    """The same numbers, laid out otherwise."""
    return [
        Case("G gives rows that D takes", _rows),
        Case("Keras: the data have their channels last", _keras_last),
    ]


def _data(channels: int = 3, side: int = 16) -> torch.Tensor:
    return torch.rand(8, channels, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def _larger() -> nn.Sequential:
    first = [nn.Linear(16, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Unflatten(1, (32, 4, 4))]
    return nn.Sequential(*first, *up(32, 16), *up(16, 8), nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh())


def _sides(folder: Path) -> dict[str, Any]:
    return {"generator": _larger(), "discriminator": discriminator(), "data": _data(), "latent": 16}


def _channels(folder: Path) -> dict[str, Any]:
    return {"generator": generator(channels=1), "discriminator": discriminator(), "data": _data(1), "latent": 16}


def _any_size(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(*down(3, 16), *down(16, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 1))
    return {"generator": _larger(), "discriminator": D, "data": _data(), "latent": 16}


def _keras_sides(folder: Path) -> dict[str, Any]:
    pair = {"generator": keras_generator(), "discriminator": keras_discriminator()}
    return {**pair, "data": _data(side=32), "latent": 16}


def _rows(folder: Path) -> dict[str, Any]:
    G = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 256), nn.Tanh())
    D = nn.Sequential(nn.Linear(256, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    return {"generator": G, "discriminator": D, "data": _data(1), "latent": 16, "loss": "bce-logits"}


def _keras_last(folder: Path) -> dict[str, Any]:
    pair = {"generator": keras_generator(), "discriminator": keras_discriminator()}
    return {**pair, "data": _data().permute(0, 2, 3, 1), "latent": 16, "loss": "bce-logits"}
