"""SP112: latent-reused."""

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
    step,
)


def bad() -> list[Case]:
    """The same z, again and again."""
    return [
        Case("z is drawn once, outside of the loop", _outside),
        Case("the step seeds the random numbers", _seeded),
        Case("one z for all pictures", _one_for_all),
        Case("Keras: z is drawn once, outside of the loop", _keras_outside),
    ]


def good() -> list[Case]:
    """A fixed z to look at, another one to train with."""
    return [
        Case("a fixed z for samples alone", _samples),
        Case("one z for both updates of a step", _within),
        Case("Keras: z is drawn in the step", _keras_drawn),
    ]


def _update(G: Any, D: Any, real: Tensor, z: Tensor, g_opt: Any, d_opt: Any, **mode: bool) -> None:
    fake = G(z, **mode)
    d_opt.zero_grad()
    d_loss(D(real, **mode), D(fake.detach(), **mode)).backward()
    d_opt.step()
    g_opt.zero_grad()
    g_loss(D(fake, **mode)).backward()
    g_opt.step()


def _pair(made: Any) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "step": made, **OPTIONS}


def _outside(folder: Path) -> dict[str, Any]:
    z = torch.randn(8, 16)

    def made(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        _update(G, D, real, z[: len(real)], g_opt, d_opt)

    return _pair(made)


def _seeded(folder: Path) -> dict[str, Any]:
    def made(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        torch.manual_seed(42)
        _update(G, D, real, torch.randn(len(real), 16), g_opt, d_opt)

    return _pair(made)


def _one_for_all(folder: Path) -> dict[str, Any]:
    def made(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        _update(G, D, real, torch.randn(1, 16).expand(len(real), -1), g_opt, d_opt)

    return _pair(made)


def _keras_outside(folder: Path) -> dict[str, Any]:
    z = torch.randn(8, 16)

    def made(G: Any, D: Any, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        _update(G, D, real, z[: len(real)], g_opt, d_opt, training=True)

    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "step": made, **OPTIONS}


def _samples(folder: Path) -> dict[str, Any]:
    fixed = torch.randn(8, 16)

    def made(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        step(G, D, real, g_opt, d_opt)
        with torch.no_grad():
            G(fixed)

    return _pair(made)


def _within(folder: Path) -> dict[str, Any]:
    return _pair(step)


def _keras_drawn(folder: Path) -> dict[str, Any]:
    from sparring.doctor.faults._wired import keras_step

    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "step": keras_step, **OPTIONS}
