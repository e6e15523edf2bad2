"""SP110: condition-indistinct."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._wired import OPTIONS, discriminator, generator, keras_generator


def bad() -> list[Case]:
    """Classes that a layer can hardly tell apart."""
    return [
        Case("one-hot, repeated and reshaped: a band of rows", _band),
        Case("the number of the class, over the number of classes", _number),
        Case("one-hot, scaled down to nothing beside z", _faint),
        Case("Keras: one-hot, repeated and reshaped", _keras_band),
    ]


def good() -> list[Case]:
    """Tables, one-hot vectors, maps of one channel a class, sentences."""
    return [
        Case("an embedding and a map of one channel a class", _maps),
        Case("one-hot beside z", _one_hot),
        Case("a sentence beside z", _sentence),
        Case("Keras: a map of one channel a class", _keras_maps),
    ]


class _G(nn.Module):
    def __init__(self, classes: int, width: int, told: Any) -> None:
        super().__init__()
        self.body, self.told = generator(16 + width), told

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.body(torch.cat([z, self.told(label)], 1))


class _D(nn.Module):
    """Takes a map of the condition beside the picture."""

    def __init__(self, classes: int, told: Any) -> None:
        super().__init__()
        self.body, self.told = discriminator(3 + classes), told

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        return self.body(torch.cat([x, self.told(label)], 1))


class _TableG(nn.Module):
    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.classes, self.body = nn.Embedding(classes, 8), generator(24)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.body(torch.cat([z, self.classes(label)], 1))


def _as_band(label: Tensor) -> Tensor:
    flat = F.one_hot(label, 10).float().flatten().repeat_interleave(16 * 16)
    return flat.reshape(-1, 16, 16, 10).permute(0, 3, 1, 2)


def _as_maps(label: Tensor) -> Tensor:
    return F.one_hot(label, 10).float()[:, :, None, None].expand(-1, -1, 16, 16)


def _band(folder: Path) -> dict[str, Any]:
    return {"generator": _TableG(), "discriminator": _D(10, _as_band), "condition": "class:10", **OPTIONS}


def _number(folder: Path) -> dict[str, Any]:
    G = _G(100, 1, lambda label: label[:, None] / 100)
    D = _D(1, lambda label: (label[:, None, None, None] / 100).expand(-1, 1, 16, 16))
    return {"generator": G, "discriminator": D, "condition": "class:100", **OPTIONS}


def _faint(folder: Path) -> dict[str, Any]:
    G = _G(10, 10, lambda label: F.one_hot(label, 10) / 256)
    return {"generator": G, "discriminator": _D(10, _as_maps), "condition": "class:10", **OPTIONS}


def _keras_d(band: bool) -> Any:
    from keras import Input, Model, layers, ops

    image, label = Input((16, 16, 3)), Input((10,))
    if band:
        told = ops.reshape(ops.repeat(label, 16 * 16, axis=1), (-1, 16, 16, 10))
    else:
        told = ops.repeat(ops.repeat(label[:, None, None, :], 16, axis=1), 16, axis=2)
    x = layers.Concatenate()([image, told])
    x = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(16, 4, strides=2, padding="same")(x))
    x = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(32, 4, strides=2, padding="same")(x))
    return Model([image, label], layers.Dense(1)(layers.Flatten()(x)))


def _keras_band(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(10), "discriminator": _keras_d(True), "condition": "class:10", **OPTIONS}


def _keras_maps(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(10), "discriminator": _keras_d(False), "condition": "class:10", **OPTIONS}


def _maps(folder: Path) -> dict[str, Any]:
    return {"generator": _TableG(), "discriminator": _D(10, _as_maps), "condition": "class:10", **OPTIONS}


def _one_hot(folder: Path) -> dict[str, Any]:
    G = _G(10, 10, lambda label: F.one_hot(label, 10).float())
    return {"generator": G, "discriminator": _D(10, _as_maps), "condition": "class:10", **OPTIONS}


def _sentence(folder: Path) -> dict[str, Any]:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.told, self.score = discriminator()[:-1], nn.Linear(384, 512), nn.Linear(512, 1)

        def forward(self, x: Tensor, text: Tensor) -> Tensor:
            h = self.body(x)
            return self.score(h)[:, 0] + (h * self.told(text)).sum(1)

    G = _G(384, 384, lambda text: text)
    return {"generator": G, "discriminator": D(), "condition": "vector:384", **OPTIONS}
