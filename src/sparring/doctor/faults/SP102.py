"""SP102: layers-unreachable."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._wired import OPTIONS, discriminator, down, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """Layers that nothing comes from."""
    return [
        Case("a result that is overwritten", _overwritten),
        Case("zip ends with the shorter list", _shorter_list),
        Case("a bias of its own that is never added", _never_added),
        Case("Keras: the second half begins at the picture again", _keras_again),
        Case("Keras: a layer that a subclassed model never calls", _keras_subclassed),
    ]


def good() -> list[Case]:
    """Layers that are not called, and for good reason; layers that give nothing before the first step."""
    return [
        Case("a moving average that only sampling uses", _average),
        Case("growing: later blocks wait for their turn", _growing),
        Case("an auxiliary head that another method calls", _head),
        Case("depth that is drawn at random", _by_chance),
        Case("a last convolution that begins at zero", _zero),
        Case("Keras: Q shares D's body", _keras_q),
        Case("Keras: Q shares D's body, and was not asked for", _keras_q_in_a_file),
    ]


def _overwritten(folder: Path) -> dict[str, Any]:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 16, 4, 2, 1)
            self.second = nn.Conv2d(3, 16, 4, 2, 1)
            self.third = nn.Conv2d(3, 32, 4, 4)
            self.score = nn.Linear(512, 1)

        def forward(self, x: Tensor) -> Tensor:
            h = torch.relu(self.first(x))
            h = torch.relu(self.second(x))
            h = torch.relu(self.third(x))
            return self.score(h.flatten(1))

    return {"generator": generator(), "discriminator": D(), **OPTIONS}


def _shorter_list(folder: Path) -> dict[str, Any]:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(16, 512)
            self.convs = nn.ModuleList(nn.Conv2d(32, 32, 3, padding=1) for _ in range(3))
            self.norms = nn.ModuleList(nn.BatchNorm2d(32) for _ in range(2))
            self.last = nn.Conv2d(32, 3, 3, padding=1)

        def forward(self, z: Tensor) -> Tensor:
            x = torch.relu(self.first(z)).unflatten(1, (32, 4, 4))
            for conv, norm in zip(self.convs, self.norms, strict=False):
                x = torch.relu(norm(conv(nn.functional.interpolate(x, scale_factor=2.0))))
            return torch.tanh(self.last(x))

    return {"generator": G(), "discriminator": discriminator(), **OPTIONS}


def _never_added(folder: Path) -> dict[str, Any]:
    class Scaled(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(width))
            self.shift = nn.Parameter(torch.zeros(width))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.scale

    D = nn.Sequential(*down(3, 16), *down(16, 32), nn.Flatten(), Scaled(512), nn.Linear(512, 1))
    return {"generator": generator(), "discriminator": D, **OPTIONS}


def _keras_again(folder: Path) -> dict[str, Any]:
    from keras import Input, Model, layers

    image = Input((16, 16, 3))
    for maps in (8, 16, 32):
        x = layers.Conv2D(maps, 4, strides=2, padding="same")(image)  # meant: (x)
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    D = Model(image, layers.Dense(1)(layers.Flatten()(x)))
    return {"generator": keras_generator(), "discriminator": D, **OPTIONS}


def _keras_subclassed(folder: Path) -> dict[str, Any]:
    import keras

    class D(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first = keras.layers.Conv2D(16, 4, strides=2, padding="same", activation="leaky_relu")
            self.second = keras.layers.Conv2D(32, 4, strides=2, padding="same", activation="leaky_relu")
            self.second.build((None, 8, 8, 16))
            self.flat, self.score = keras.layers.Flatten(), keras.layers.Dense(1)

        def call(self, x: Any, training: bool = False) -> Any:
            return self.score(self.flat(self.first(x)))

    made = D()
    made(keras.ops.zeros((1, 16, 16, 3)))
    return {"generator": keras_generator(), "discriminator": made, **OPTIONS}


def _average(folder: Path) -> dict[str, Any]:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = generator()
            self.average = copy.deepcopy(self.net).requires_grad_(False)

        def forward(self, z: Tensor) -> Tensor:
            return self.net(z) if self.training else self.average(z)

    return {"generator": G(), "discriminator": discriminator(), **OPTIONS}


def _growing(folder: Path) -> dict[str, Any]:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(16, 512)
            self.blocks = nn.ModuleList(nn.Conv2d(32, 32, 3, padding=1) for _ in range(4))
            self.to_rgb = nn.ModuleList(nn.Conv2d(32, 3, 1) for _ in range(4))

        def forward(self, z: Tensor, depth: int = 2) -> Tensor:
            x = torch.relu(self.first(z)).unflatten(1, (32, 4, 4))
            for block in list(self.blocks)[:depth]:
                x = torch.relu(block(nn.functional.interpolate(x, scale_factor=2.0)))
            return torch.tanh(self.to_rgb[depth - 1](x))

    return {"generator": G(), "discriminator": discriminator(), **OPTIONS}


def _head(folder: Path) -> dict[str, Any]:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(*down(3, 16), *down(16, 32), nn.Flatten())
            self.score, self.angle = nn.Linear(512, 1), nn.Linear(512, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.score(self.body(x))

        def rotation(self, x: Tensor) -> Tensor:
            return self.angle(self.body(x))

    return {"generator": generator(), "discriminator": D(), **OPTIONS}


def _by_chance(folder: Path) -> dict[str, Any]:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(16, 16, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            if self.training and bool(torch.rand(()) < 0.5):
                return x
            return x + torch.relu(self.conv(x))

    D = nn.Sequential(*down(3, 16), Block(), Block(), *down(16, 32), nn.Flatten(), nn.Linear(512, 1))
    return {"generator": generator(), "discriminator": D, **OPTIONS}


def _zero(folder: Path) -> dict[str, Any]:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
            nn.init.zeros_(self.two.weight)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.two(torch.relu(self.one(x)))

    D = nn.Sequential(*down(3, 16), Residual(), nn.ReLU(), *down(16, 32), nn.Flatten(), nn.Linear(512, 1))
    return {"generator": generator(), "discriminator": D, **OPTIONS}


def _keras_q(folder: Path) -> dict[str, Any]:
    from keras import Model, layers

    D = keras_discriminator()
    D.q = Model(D.input, layers.Dense(10)(D.layers[-2].output))
    return {"generator": keras_generator(), "discriminator": D, **OPTIONS}


def _keras_q_in_a_file(folder: Path) -> dict[str, Any]:
    file = folder / "infogan.py"
    file.write_text(
        "from keras import Input, Model, layers\n"
        "class GAN:\n"
        "    def __init__(self):\n"
        "        image = Input((16, 16, 3))\n"
        "        x = layers.Conv2D(16, 4, strides=2, padding='same', activation='leaky_relu')(image)\n"
        "        x = layers.Flatten()(layers.Conv2D(32, 4, strides=2, padding='same', activation='leaky_relu')(x))\n"
        "        self.discriminator = Model(image, layers.Dense(1)(x))\n"
        "        self.auxiliary = Model(image, layers.Dense(10, activation='softmax')(x))\n"
    )
    return {"generator": keras_generator(), "discriminator": f"{file}:GAN().discriminator", **OPTIONS}
