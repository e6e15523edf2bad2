"""SP206: softmax-on-one-unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, discriminator, generator, keras_discriminator, keras_generator

_ALSO = ("SP101", "SP106")  # what is always 1 depends on nothing


def bad() -> list[Case]:
    """A softmax over one unit, in the loss or at D's end."""
    return [
        Case("cross_entropy of one logit", _in_the_loss),
        Case("F.softmax over the one logit", _function, also=_ALSO),
        Case("nn.Softmax over the one map of patches", _patches, also=_ALSO),
        Case("Keras: softmax cross-entropy of Dense(1)", _keras_loss),
        Case("Keras: a softmax after Dense(1)", _keras, also=_ALSO),
    ]


def good() -> list[Case]:
    """Two units."""
    return [
        Case("cross_entropy of two logits", _two),
        Case("a softmax over two units", _two_ended),
        Case("Keras: a softmax over two units", _keras_two),
    ]


def _in_the_loss(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "loss": "softmax", **HERE}


class OneUnit(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = discriminator()

    def forward(self, images: Tensor) -> Tensor:
        return torch.nn.functional.softmax(self.body(images), dim=1)


def _function(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": OneUnit(), "loss": "bce", **HERE}


def _patches(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 4, 2, 1), nn.Softmax(dim=1))
    return {"generator": generator(), "discriminator": D, **HERE}


def _keras_loss(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "loss": "softmax", **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    import keras

    class Softmax(keras.layers.Layer):
        """Keras' own warns where it has one unit."""

        def call(self, logits: Any) -> Any:
            return torch.softmax(logits, -1)

    D = keras.Sequential([keras.Input((16, 16, 3)), *keras_discriminator().layers, Softmax()])
    return {"generator": keras_generator(), "discriminator": D, "loss": "bce", **HERE}


def _two(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(discriminator()[:-1], nn.Linear(128, 2))
    return {"generator": generator(), "discriminator": D, "loss": "softmax", **HERE}


def _two_ended(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(discriminator()[:-1], nn.Linear(128, 2), nn.Softmax(dim=1))
    return {"generator": generator(), "discriminator": D, **HERE}


def _keras_two(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator("softmax", 2), **HERE}
