"""SP111: training-mode-off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._wired import (
    OPTIONS,
    discriminator,
    down,
    generator,
    keras_discriminator,
    keras_generator,
    step,
)


def bad() -> list[Case]:
    """Batch norm or dropout that thinks that nobody trains."""
    return [
        Case("G was left in eval() after sampling", _left_in_eval),
        Case("the step samples in eval() and goes on so", _in_the_step),
        Case("dropout in D, asleep", _dropout),
        Case("Keras: a subclassed model that does not hand training on", _keras_subclassed),
        Case("Keras: a layer of one's own that does not hand training on", _keras_own_layer),
    ]


def good() -> list[Case]:
    """Asleep on purpose, or only while it samples."""
    return [
        Case("pretrained features with their statistics", _features),
        Case("the step samples in eval() and comes back", _comes_back),
        Case("no norm that knows a mode", _no_mode),
        Case("Keras: training is handed down", _keras_healthy),
    ]


def _left_in_eval(folder: Path) -> dict[str, Any]:
    return {"generator": generator().eval(), "discriminator": discriminator(), **OPTIONS}


def _in_the_step(folder: Path) -> dict[str, Any]:
    def made(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        step(G, D, real, g_opt, d_opt)
        G.eval()
        with torch.no_grad():
            G(torch.randn(4, 16))

    return {"generator": generator(), "discriminator": discriminator(), "step": made, **OPTIONS}


def _comes_back(folder: Path) -> dict[str, Any]:
    def made(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        G.train()
        step(G, D, real, g_opt, d_opt)
        G.eval()
        with torch.no_grad():
            G(torch.randn(4, 16))

    return {"generator": generator(), "discriminator": discriminator(), "step": made, **OPTIONS}


def _dropout(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(*down(3, 16), nn.Dropout(0.3), *down(16, 32), nn.Dropout(0.3), nn.Flatten(), nn.Linear(512, 1))
    D[2].eval()
    D[5].eval()
    return {"generator": generator(), "discriminator": D, **OPTIONS}


def _keras_subclassed(folder: Path) -> dict[str, Any]:
    import keras
    from keras import layers

    class G(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm = layers.Dense(256), layers.BatchNormalization()
            self.shape_, self.rest = layers.Reshape((4, 4, 16)), layers.Conv2DTranspose(16, 4, 2, "same")
            self.last = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")

        def call(self, z: Any, training: bool = False) -> Any:
            x = keras.ops.relu(self.norm(self.first(z), training=False))  # meant: training=training
            return self.last(keras.ops.relu(self.rest(self.shape_(x))))

    made = G()
    made(keras.ops.zeros((1, 16)))
    return {"generator": made, "discriminator": keras_discriminator(), **OPTIONS}


def _keras_own_layer(folder: Path) -> dict[str, Any]:
    import keras
    from keras import Input, Model, layers

    class Block(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.dropout = layers.Conv2D(16, 4, strides=2, padding="same"), layers.Dropout(0.3)

        def call(self, x: Any) -> Any:
            return self.dropout(keras.ops.leaky_relu(self.conv(x)), training=False)

    image = Input((16, 16, 3))
    D = Model(image, layers.Dense(1)(layers.Flatten()(Block()(Block()(image)))))
    return {"generator": keras_generator(), "discriminator": D, **OPTIONS}


def _features(folder: Path) -> dict[str, Any]:
    features = nn.Sequential(*down(3, 16), nn.BatchNorm2d(16), nn.Dropout(0.1)).eval().requires_grad_(False)
    D = nn.Sequential(features, *down(16, 32), nn.Flatten(), nn.Linear(512, 1))
    return {"generator": generator(), "discriminator": D, **OPTIONS}


def _no_mode(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(*down(3, 16), nn.GroupNorm(4, 16), *down(16, 32), nn.Flatten(), nn.Linear(512, 1))
    return {"generator": generator(), "discriminator": D.eval(), **OPTIONS}


def _keras_healthy(folder: Path) -> dict[str, Any]:
    from sparring.doctor.faults._wired import keras_step

    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "step": keras_step, **OPTIONS}
