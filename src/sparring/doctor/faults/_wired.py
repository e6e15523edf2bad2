"""Small pairs for pictures of 16 px that cases are made of; sound in themselves."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OPTIONS: dict[str, Any] = {"latent": 16, "size": 16, "channels": 3, "loss": "bce-logits"}


def up(maps: int, out: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(maps, out, 4, 2, 1), nn.BatchNorm2d(out), nn.ReLU()]


def down(maps: int, out: int) -> list[nn.Module]:
    return [nn.Conv2d(maps, out, 4, 2, 1), nn.LeakyReLU(0.2)]


def generator(latent: int = 16, channels: int = 3) -> nn.Sequential:
    first = [nn.Linear(latent, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Unflatten(1, (32, 4, 4))]
    return nn.Sequential(*first, *up(32, 16), nn.ConvTranspose2d(16, channels, 4, 2, 1), nn.Tanh())


def discriminator(channels: int = 3) -> nn.Sequential:
    return nn.Sequential(*down(channels, 16), *down(16, 32), nn.Flatten(), nn.Linear(512, 1))


def d_loss(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def g_loss(fake: Tensor) -> Tensor:
    return F.softplus(-fake).mean()


def adam(*networks: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam([p for net in networks for p in net.parameters()], 2e-4)


def step(G: Any, D: Any, real: Tensor, g_opt: Any, d_opt: Any) -> None:
    """One in which nothing is wrong."""
    fake = G(torch.randn(len(real), 16))
    d_opt.zero_grad()
    d_loss(D(real), D(fake.detach())).backward()
    d_opt.step()
    g_opt.zero_grad()
    g_loss(D(fake)).backward()
    g_opt.step()


def keras_generator(*conditions: int) -> Any:
    """From z and, where asked for, vectors of these sizes."""
    from keras import Input, Model, layers

    given = [Input((16,)), *(Input((size,)) for size in conditions)]
    x = layers.Concatenate()(given) if conditions else given[0]
    x = layers.ReLU()(layers.BatchNormalization()(layers.Dense(256)(x)))
    x = layers.Reshape((4, 4, 16))(x)
    x = layers.Conv2DTranspose(16, 4, strides=2, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")(x)
    return Model(given if conditions else given[0], x)


def keras_discriminator(activation: str | None = None) -> Any:
    from keras import Input, Model, layers

    image = Input((16, 16, 3))
    x = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(16, 4, strides=2, padding="same")(image))
    x = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(32, 4, strides=2, padding="same")(x))
    return Model(image, layers.Dense(1, activation=activation)(layers.Flatten()(x)))


def keras_step(G: Any, D: Any, real: Tensor, g_opt: Any, d_opt: Any) -> None:
    """The same for Keras' models on torch."""
    fake = G(torch.randn(len(real), 16), training=True)
    d_opt.zero_grad()
    d_loss(D(real, training=True), D(fake.detach(), training=True)).backward()
    d_opt.step()
    g_opt.zero_grad()
    g_loss(D(fake, training=True)).backward()
    g_opt.step()
