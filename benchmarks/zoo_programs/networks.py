"""Networks of the tuned part: a few layers, as tutorials have them, at 16 or 32 px."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import spectral_norm


def mlp_generator(latent: int, channels: int, px: int = 16, width: int = 128) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(latent, width), nn.ReLU(), nn.Linear(width, 2 * width), nn.ReLU(),
        nn.Linear(2 * width, channels * px * px), nn.Tanh(), nn.Unflatten(1, (channels, px, px)),
    )  # fmt: skip


def mlp_discriminator(channels: int, px: int = 16, width: int = 128, dropout: float = 0.0) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(channels * px * px, 2 * width), nn.LeakyReLU(0.2)]
    layers += [nn.Dropout(dropout)] if dropout else []
    layers += [nn.Linear(2 * width, width), nn.LeakyReLU(0.2)]
    layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers, nn.Linear(width, 1))


def dcgan_generator(latent: int, channels: int, px: int = 16, width: int = 16, norm: bool = True) -> nn.Sequential:
    """Transposed convolutions of kernel 4, from 4 px up."""
    stages = {16: 2, 32: 3}[px]
    wide = width * 2 ** (stages - 1)
    layers: list[nn.Module] = [nn.Unflatten(1, (latent, 1, 1)), nn.ConvTranspose2d(latent, wide, 4, bias=not norm)]
    for _ in range(stages - 1):
        layers += [nn.BatchNorm2d(wide)] if norm else []
        layers += [nn.ReLU(), nn.ConvTranspose2d(wide, wide // 2, 4, 2, 1, bias=not norm)]
        wide //= 2
    layers += [nn.BatchNorm2d(wide)] if norm else []
    return nn.Sequential(*layers, nn.ReLU(), nn.ConvTranspose2d(wide, channels, 4, 2, 1), nn.Tanh())


def dcgan_discriminator(
    channels: int, px: int = 16, width: int = 16, norm: bool = False, spectral: bool = False, dropout: float = 0.0,
    sigmoid: bool = False,
) -> nn.Sequential:  # fmt: skip
    """Convolutions of kernel 4 and stride 2 down to 4 px; one number for each picture."""
    wrap: Callable[[nn.Module], nn.Module] = spectral_norm if spectral else (lambda layer: layer)
    stages = {16: 2, 32: 3}[px]
    layers: list[nn.Module] = [wrap(nn.Conv2d(channels, width, 4, 2, 1)), nn.LeakyReLU(0.2)]
    for _ in range(stages - 1):
        layers.append(wrap(nn.Conv2d(width, 2 * width, 4, 2, 1, bias=not norm)))
        layers += [nn.BatchNorm2d(2 * width)] if norm else []
        layers += [nn.LeakyReLU(0.2)] + ([nn.Dropout2d(dropout)] if dropout else [])
        width *= 2
    layers += [wrap(nn.Conv2d(width, 1, 4)), nn.Flatten(0)]
    return nn.Sequential(*layers, *([nn.Sigmoid()] if sigmoid else []))


def official_weights(network: nn.Module) -> None:
    """The weights that the DCGAN example begins with."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)


class Residual(nn.Module):
    """Two convolutions beside a shortcut, after a doubling or before a halving of the side."""

    def __init__(self, wide_in: int, wide_out: int, resize: nn.Module, norm: bool) -> None:
        super().__init__()
        self.resize = resize
        self.shortcut = nn.Conv2d(wide_in, wide_out, 1, bias=False)
        self.body = nn.Sequential(
            *([nn.BatchNorm2d(wide_in)] if norm else []), nn.LeakyReLU(0.2),
            nn.Conv2d(wide_in, wide_out, 3, padding=1),
            *([nn.BatchNorm2d(wide_out)] if norm else []), nn.LeakyReLU(0.2),
            nn.Conv2d(wide_out, wide_out, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = self.resize(x)
        return self.shortcut(x) + self.body(x)


def resnet_generator(latent: int, channels: int, width: int = 16) -> nn.Sequential:
    up = nn.Upsample(scale_factor=2)
    return nn.Sequential(
        nn.Linear(latent, 2 * width * 16), nn.Unflatten(1, (2 * width, 4, 4)),
        Residual(2 * width, width, up, True), Residual(width, width, up, True),
        nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, channels, 3, padding=1), nn.Tanh(),
    )  # fmt: skip


def resnet_discriminator(channels: int, width: int = 16) -> nn.Sequential:
    down = nn.AvgPool2d(2)
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), Residual(width, width, down, False),
        Residual(width, 2 * width, down, False), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(2 * width * 16, 1),
        nn.Flatten(0),
    )  # fmt: skip


class ConcatGenerator(nn.Module):
    """The class as an embedding beside z."""

    def __init__(self, latent: int, classes: int, channels: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(classes, classes)
        self.body = mlp_generator(latent + classes, channels)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.body(torch.cat([z, self.embed(labels)], 1))


class ConcatDiscriminator(nn.Module):
    """The class as an embedding beside the pixels."""

    def __init__(self, classes: int, channels: int, px: int = 16) -> None:
        super().__init__()
        self.embed = nn.Embedding(classes, classes)
        inputs = channels * px * px + classes
        self.body = nn.Sequential(
            nn.Linear(inputs, 256), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(256, 128), nn.LeakyReLU(0.2),
            nn.Dropout(0.3), nn.Linear(128, 1),
        )  # fmt: skip

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return self.body(torch.cat([x.flatten(1), self.embed(labels)], 1))


class ConvConditioned(nn.Module):
    """A DCGAN generator whose latent has the class's embedding beside z."""

    def __init__(self, latent: int, classes: int, channels: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(classes, 16)
        self.body = dcgan_generator(latent + 16, channels)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.body(torch.cat([z, self.embed(labels)], 1))


class ProjectionDiscriminator(nn.Module):
    """Features · embedding of the class + a linear term, under spectral norm (arXiv 1802.05637)."""

    def __init__(self, classes: int, channels: int, width: int = 16) -> None:
        super().__init__()
        self.features = nn.Sequential(
            spectral_norm(nn.Conv2d(channels, width, 4, 2, 1)), nn.LeakyReLU(0.1),
            spectral_norm(nn.Conv2d(width, 2 * width, 4, 2, 1)), nn.LeakyReLU(0.1),
            spectral_norm(nn.Conv2d(2 * width, 4 * width, 4)), nn.LeakyReLU(0.1), nn.Flatten(),
        )  # fmt: skip
        self.linear = spectral_norm(nn.Linear(4 * width, 1))
        self.embed = spectral_norm(nn.Embedding(classes, 4 * width))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        seen = self.features(x)
        return self.linear(seen).squeeze(1) + (seen * self.embed(labels)).sum(1)


class AcganDiscriminator(nn.Module):
    """A discriminator with a second head that names the class (arXiv 1610.09585)."""

    def __init__(self, classes: int, channels: int, px: int = 16) -> None:
        super().__init__()
        self.features = nn.Sequential(*list(mlp_discriminator(channels, px, dropout=0.3))[:-1])
        self.real = nn.Linear(128, 1)
        self.named = nn.Linear(128, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.features(x)
        return self.real(seen).squeeze(1), self.named(seen)
