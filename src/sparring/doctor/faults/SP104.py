"""SP104: parameters-frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._wired import (
    OPTIONS,
    adam,
    d_loss,
    discriminator,
    down,
    g_loss,
    generator,
    keras_discriminator,
    keras_generator,
)


def bad() -> list[Case]:
    """What should learn, and cannot."""
    return [
        Case("D is frozen from G's update on", _left_frozen),
        Case("the middle of G is frozen", _middle),
        Case("the step freezes D and never thaws it", _toggled),
        Case("the optimiser knows D's head alone", _head),
        Case("Keras: a layer in the middle of G", _keras_middle),
        Case("Keras: all of D, and nothing is compiled", _keras_all),
    ]


def good() -> list[Case]:
    """Frozen on purpose."""
    return [
        Case("pretrained features at D's input", _features),
        Case("a fixed blur in G", _blur),
        Case("the step freezes and thaws", _thawed),
        Case("Keras: pretrained features at D's input", _keras_features),
    ]


def _left_frozen(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator().requires_grad_(False), **OPTIONS}


def _middle(folder: Path) -> dict[str, Any]:
    G = generator()
    G[4].requires_grad_(False)
    return {"generator": G, "discriminator": discriminator(), **OPTIONS}


def _toggled(folder: Path) -> dict[str, Any]:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        fake = G(torch.randn(len(real), 16))
        d_opt.zero_grad()
        d_loss(D(real), D(fake.detach())).backward()
        d_opt.step()
        D.requires_grad_(False)
        g_opt.zero_grad()
        g_loss(D(fake)).backward()
        g_opt.step()

    return {"generator": generator(), "discriminator": discriminator(), "step": step, **OPTIONS}


def _head(folder: Path) -> dict[str, Any]:
    G, D = generator(), discriminator()
    g_opt, d_opt = adam(G), adam(D[-1])

    def step(real: Tensor) -> None:
        fake = G(torch.randn(len(real), 16))
        D.zero_grad()
        d_loss(D(real), D(fake.detach())).backward()
        d_opt.step()
        g_opt.zero_grad()
        g_loss(D(fake)).backward()
        g_opt.step()

    return {"generator": G, "discriminator": D, "step": step, **OPTIONS}


def _keras_middle(folder: Path) -> dict[str, Any]:
    G = keras_generator()
    G.layers[5].trainable = False
    return {"generator": G, "discriminator": keras_discriminator(), **OPTIONS}


def _keras_all(folder: Path) -> dict[str, Any]:
    D = keras_discriminator()
    D.trainable = False
    return {"generator": keras_generator(), "discriminator": D, **OPTIONS}


def _features(folder: Path) -> dict[str, Any]:
    features = nn.Sequential(*down(3, 16), nn.Conv2d(16, 16, 3, padding=1), nn.LeakyReLU(0.2)).requires_grad_(False)
    D = nn.Sequential(features, *down(16, 32), nn.Flatten(), nn.Linear(512, 1))
    return {"generator": generator(), "discriminator": D, **OPTIONS}


def _blur(folder: Path) -> dict[str, Any]:
    G = generator()
    blur = nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False).requires_grad_(False)
    nn.init.constant_(blur.weight, 1 / 9)
    return {"generator": nn.Sequential(G[:7], blur, G[7:]), "discriminator": discriminator(), **OPTIONS}


def _thawed(folder: Path) -> dict[str, Any]:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        D.requires_grad_(True)
        fake = G(torch.randn(len(real), 16))
        d_opt.zero_grad()
        d_loss(D(real), D(fake.detach())).backward()
        d_opt.step()
        D.requires_grad_(False)
        g_opt.zero_grad()
        g_loss(D(fake)).backward()
        g_opt.step()

    return {"generator": generator(), "discriminator": discriminator(), "step": step, **OPTIONS}


def _keras_features(folder: Path) -> dict[str, Any]:
    D = keras_discriminator()
    D.layers[1].trainable = False
    return {"generator": keras_generator(), "discriminator": D, **OPTIONS}
