"""SP106: generator-detached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._wired import (
    OPTIONS,
    d_loss,
    discriminator,
    g_loss,
    generator,
    keras_discriminator,
    keras_generator,
)


def bad() -> list[Case]:
    """No way back from D to G."""
    return [
        Case("D reads the numbers of the pictures", _data),
        Case("a trip through NumPy", _numpy),
        Case("G picks the likeliest level", _argmax),
        Case("the step detaches the fakes for G too", _in_the_step),
        Case("Keras: stop_gradient in D", _keras_stop),
    ]


def good() -> list[Case]:
    """What looks like a cut, and lets the gradient through."""
    return [
        Case("levels with a straight-through gradient", _straight_through),
        Case("fakes are detached for D alone", _for_d),
        Case("Keras: stop_gradient beside the way", _keras_beside),
    ]


class _Before(nn.Module):
    def __init__(self, change: Any) -> None:
        super().__init__()
        self.body, self.change = discriminator(), change

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self.change(x))


def _data(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": _Before(lambda x: x.data.flip(-1)), **OPTIONS}


def _numpy(folder: Path) -> dict[str, Any]:
    D = _Before(lambda x: torch.from_numpy(x.detach().numpy().clip(-1, 1)))
    return {"generator": generator(), "discriminator": D, **OPTIONS}


class _Levels(nn.Module):
    def __init__(self, straight: bool) -> None:
        super().__init__()
        self.body, self.straight = generator(channels=3 * 8), straight

    def forward(self, z: Tensor) -> Tensor:
        likely = self.body(z).unflatten(1, (3, 8)).softmax(2)
        level = likely.argmax(2) / 3.5 - 1
        if not self.straight:
            return level
        soft = (likely * torch.linspace(-1, 1, 8)[:, None, None]).sum(2)
        return soft + (level - soft).detach()


def _argmax(folder: Path) -> dict[str, Any]:
    return {"generator": _Levels(False), "discriminator": discriminator(), **OPTIONS}


def _straight_through(folder: Path) -> dict[str, Any]:
    return {"generator": _Levels(True), "discriminator": discriminator(), **OPTIONS}


def _in_the_step(folder: Path) -> dict[str, Any]:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        fake = G(torch.randn(len(real), 16)).detach()
        d_opt.zero_grad()
        d_loss(D(real), D(fake)).backward()
        d_opt.step()
        g_opt.zero_grad()
        g_loss(D(fake)).backward()
        g_opt.step()

    return {"generator": generator(), "discriminator": discriminator(), "step": step, **OPTIONS}


def _for_d(folder: Path) -> dict[str, Any]:
    from sparring.doctor.faults._wired import step

    return {"generator": generator(), "discriminator": discriminator(), "step": step, **OPTIONS}


def _keras_stop(folder: Path) -> dict[str, Any]:
    from keras import Input, Model, ops

    image = Input((16, 16, 3))
    D = Model(image, keras_discriminator()(ops.stop_gradient(image)))
    return {"generator": keras_generator(), "discriminator": D, **OPTIONS}


def _keras_beside(folder: Path) -> dict[str, Any]:
    from keras import Input, Model, ops

    image = Input((16, 16, 3))
    level = ops.mean(ops.stop_gradient(image), axis=(1, 2, 3), keepdims=True)
    D = Model(image, keras_discriminator()(image - level))
    return {"generator": keras_generator(), "discriminator": D, **OPTIONS}
