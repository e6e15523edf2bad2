"""SP201: output-range-mismatch."""

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
    """A tanh with data from 0 up; a clamp that the data leave; a sigmoid with data below 0."""
    return [
        Case("a tanh, and pictures as ToTensor() gives them", _unit_range),
        Case("a tanh called as a function, and pixels of 0 to 255", _bytes),
        Case("a ReLU at the end, and data in [-1, 1]", _only_positive),
        Case("a linear end, and pixels of 0 to 255", _linear_bytes),
        Case("Keras: a sigmoid, and data in [-1, 1]", _keras_sigmoid),
        Case("Keras: ops.tanh, and a range that was only said", _keras_said),
    ]


def good() -> list[Case]:
    """No bound at all; a sigmoid with data in [0, 1]; a tanh that is scaled; data that overshoot a little."""
    return [
        Case("a linear generator", _linear),
        Case("a sigmoid and data in [0, 1]", _sigmoid),
        Case("a tanh, moved to [0, 1]", _moved),
        Case("data a little beyond the tanh, as resizing leaves them", _overshoot),
        Case("a range that nobody knows", _unknown),
        Case("Keras: a sigmoid and data in [0, 1]", _keras_healthy),
    ]


def _unit_range(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "data": pictures(0, 1), **HERE}


class Functional(nn.Module):
    """Ends in a function, and not in a layer."""

    def __init__(self, scale: float = 1.0, shift: float = 0.0) -> None:
        super().__init__()
        self.body, self.scale, self.shift = generator(nn.Identity()), scale, shift

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.body(z)) * self.scale + self.shift


def _bytes(folder: Path) -> dict[str, Any]:
    return {"generator": Functional(), "discriminator": discriminator(), "data": pictures(0, 255).round(), **HERE}


def _only_positive(folder: Path) -> dict[str, Any]:
    return {"generator": generator(nn.ReLU()), "discriminator": discriminator(), "data": pictures(), **HERE}


def _linear_bytes(folder: Path) -> dict[str, Any]:
    G = generator(nn.Identity())
    return {"generator": G, "discriminator": discriminator(), "data": pictures(0, 255).round(), **HERE}


def _keras_sigmoid(folder: Path) -> dict[str, Any]:
    pair = {"generator": keras_generator("sigmoid"), "discriminator": keras_discriminator()}
    return {**pair, "data": pictures().permute(0, 2, 3, 1), **HERE}


def _keras_said(folder: Path) -> dict[str, Any]:
    import keras
    from keras import ops

    z = keras.Input((LATENT,))
    made = keras.Model(z, ops.tanh(keras_generator(None)(z)))
    return {"generator": made, "discriminator": keras_discriminator(), "range": (0, 1), **HERE}


def _linear(folder: Path) -> dict[str, Any]:
    return {"generator": generator(nn.Identity()), "discriminator": discriminator(), "data": pictures(), **HERE}


def _sigmoid(folder: Path) -> dict[str, Any]:
    return {"generator": generator(nn.Sigmoid()), "discriminator": discriminator(), "data": pictures(0, 1), **HERE}


def _moved(folder: Path) -> dict[str, Any]:
    return {"generator": Functional(0.5, 0.5), "discriminator": discriminator(), "data": pictures(0, 1), **HERE}


def _overshoot(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "data": pictures(-1.05, 1.04), **HERE}


def _unknown(folder: Path) -> dict[str, Any]:
    return {"generator": generator(nn.Sigmoid()), "discriminator": discriminator(), **HERE}


def _keras_healthy(folder: Path) -> dict[str, Any]:
    pair = {"generator": keras_generator("sigmoid"), "discriminator": keras_discriminator()}
    return {**pair, "range": (0, 1), **HERE}
