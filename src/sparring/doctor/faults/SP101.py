"""SP101: input-unreachable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._wired import OPTIONS, discriminator, down, generator, keras_generator


def bad() -> list[Case]:
    """Conditions, and a z, that are taken and do nothing."""
    return [
        Case("an embedding that is never joined", _never_joined, also=("SP102",)),
        Case("a softmax over one number", _softmax_over_one, also=("SP102", "SP206")),
        Case("G begins at a constant and forgets z", _forgotten_z, also=("SP102",)),
        Case("Keras: each convolution takes the picture anew", _keras_taken_anew, also=("SP102",)),
    ]


def good() -> list[Case]:
    """Inputs that do nothing yet, and will."""
    return [
        Case("a condition behind a gate that begins at zero", _zero_gate),
        Case("Keras: a condition behind weights that begin at zero", _keras_zero_gate),
    ]


class _Conditional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(*down(3, 16), *down(16, 32), nn.Flatten())
        self.classes = nn.Embedding(10, 512)
        self.score = nn.Linear(512, 1)


class _ConditionalG(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.classes = nn.Embedding(10, 8)
        self.body = generator(24)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.body(torch.cat([z, self.classes(label)], 1))


def _never_joined(folder: Path) -> dict[str, Any]:
    class D(_Conditional):
        def forward(self, x: Tensor, label: Tensor) -> Tensor:
            h = self.body(x)
            told = h * self.classes(label)
            told = h  # meant: told + h
            return self.score(told)

    return {"generator": _ConditionalG(), "discriminator": D(), "condition": "class:10", **OPTIONS}


def _softmax_over_one(folder: Path) -> dict[str, Any]:
    class D(_Conditional):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.Linear(512, 1)

        def forward(self, x: Tensor, label: Tensor) -> Tensor:
            weight = self.attend(self.classes(label)).softmax(1)
            return self.score(self.body(x) * weight)

    return {"generator": _ConditionalG(), "discriminator": D(), "condition": "class:10", **OPTIONS}


def _forgotten_z(folder: Path) -> dict[str, Any]:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.constant = nn.Parameter(torch.randn(1, 16))
            self.mapping = nn.Linear(16, 16)
            self.body = generator()

        def forward(self, z: Tensor) -> Tensor:
            style = self.mapping(z)
            style = self.constant.expand(len(z), -1)
            return self.body(style)

    return {"generator": G(), "discriminator": discriminator(), **OPTIONS}


def _keras_taken_anew(folder: Path) -> dict[str, Any]:
    from keras import Input, Model, layers

    image, text = Input((16, 16, 3)), Input((384,))
    x = layers.Conv2D(8, 5, strides=2, padding="same")(image)
    x = layers.Flatten()(layers.LeakyReLU(negative_slope=0.2)(x))
    x = layers.Concatenate()([layers.Dense(64, activation="relu")(x), text])
    x = layers.Conv2D(8, 5, strides=2, padding="same")(image)  # meant: what was joined to the text
    x = layers.Flatten()(layers.LeakyReLU(negative_slope=0.2)(x))
    D = Model([image, text], layers.Dense(1)(x))
    return {"generator": keras_generator(384), "discriminator": D, "condition": "vector:384", **OPTIONS}


def _zero_gate(folder: Path) -> dict[str, Any]:
    class D(_Conditional):
        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor, label: Tensor) -> Tensor:
            h = self.body(x)
            return self.score(h * (1 + self.gate * self.classes(label)))

    return {"generator": _ConditionalG(), "discriminator": D(), "condition": "class:10", **OPTIONS}


def _keras_zero_gate(folder: Path) -> dict[str, Any]:
    from keras import Input, Model, layers

    image, text = Input((16, 16, 3)), Input((8,))
    x = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(8, 4, strides=2, padding="same")(image))
    x = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(16, 4, strides=2, padding="same")(x))
    x = layers.Flatten()(x)
    x = layers.Add()([x, layers.Multiply()([x, layers.Dense(256, kernel_initializer="zeros")(text)])])
    D = Model([image, text], layers.Dense(1)(x))
    return {"generator": keras_generator(8), "discriminator": D, "condition": "vector:8", **OPTIONS}
