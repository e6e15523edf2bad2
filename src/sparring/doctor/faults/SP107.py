"""SP107: gradient-carried-over."""

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
    """Gradients that were not cleared."""
    return [
        Case("zero_grad is nowhere", _nowhere),
        Case("D is cleared after its own update, before G's loss fills it again", _too_early),
        Case("G keeps what D's update left in it", _left_in_g),
        Case("Keras: zero_grad is nowhere", _keras_nowhere),
    ]


def good() -> list[Case]:
    """Cleared in time, by whatever means; added up on purpose."""
    return [
        Case("the official DCGAN loop", _official),
        Case("two halves of a batch are added up", _accumulated),
        Case("p.grad = None", _set_to_none),
        Case("cleared at the end of the loop", _at_the_end),
        Case("Keras: cleared before each backward pass", _keras_cleared),
    ]


def _pair(step: Any) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "step": step, **OPTIONS}


def _nowhere(folder: Path) -> dict[str, Any]:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        fake = G(torch.randn(len(real), 16))
        d_loss(D(real), D(fake.detach())).backward()
        d_opt.step()
        g_loss(D(fake)).backward()
        g_opt.step()

    return _pair(step)


def _too_early(folder: Path) -> dict[str, Any]:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        fake = G(torch.randn(len(real), 16))
        d_loss(D(real), D(fake.detach())).backward()
        d_opt.step()
        d_opt.zero_grad()
        g_loss(D(fake)).backward()
        g_opt.step()
        g_opt.zero_grad()

    return _pair(step)


def _left_in_g(folder: Path) -> dict[str, Any]:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        D.zero_grad()
        d_loss(D(real), D(G(torch.randn(len(real), 16)))).backward()  # meant: with .detach()
        d_opt.step()
        D.zero_grad()
        g_loss(D(G(torch.randn(len(real), 16)))).backward()
        g_opt.step()

    return _pair(step)


def _keras_nowhere(folder: Path) -> dict[str, Any]:
    def step(G: Any, D: Any, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        fake = G(torch.randn(len(real), 16), training=True)
        d_loss(D(real, training=True), D(fake.detach(), training=True)).backward()
        d_opt.step()
        g_loss(D(fake, training=True)).backward()
        g_opt.step()

    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "step": step, **OPTIONS}


def _official(folder: Path) -> dict[str, Any]:
    criterion = nn.BCEWithLogitsLoss()

    def step(netG: nn.Module, netD: nn.Module, real: Tensor, optimizerG: Any, optimizerD: Any) -> None:
        # (1) Update D network: maximize log(D(x)) + log(1 - D(G(z)))
        netD.zero_grad()
        label = torch.full((len(real),), 1.0)
        criterion(netD(real).view(-1), label).backward()
        fake = netG(torch.randn(len(real), 16))
        label.fill_(0.0)
        criterion(netD(fake.detach()).view(-1), label).backward()
        optimizerD.step()
        # (2) Update G network: maximize log(D(G(z)))
        netG.zero_grad()
        label.fill_(1.0)
        criterion(netD(fake).view(-1), label).backward()
        optimizerG.step()

    return _pair(step)


def _accumulated(folder: Path) -> dict[str, Any]:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        d_opt.zero_grad()
        for half in real.chunk(2):
            with torch.no_grad():
                fake = G(torch.randn(len(half), 16))
            (d_loss(D(half), D(fake)) / 2).backward()
        d_opt.step()
        g_opt.zero_grad()
        for half in real.chunk(2):
            (g_loss(D(G(torch.randn(len(half), 16)))) / 2).backward()
        g_opt.step()

    return _pair(step)


def _set_to_none(folder: Path) -> dict[str, Any]:
    def cleared(network: nn.Module) -> None:
        for p in network.parameters():
            p.grad = None

    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        cleared(D)
        fake = G(torch.randn(len(real), 16))
        d_loss(D(real), D(fake.detach())).backward()
        d_opt.step()
        cleared(G)
        g_loss(D(fake)).backward()
        g_opt.step()

    return _pair(step)


def _at_the_end(folder: Path) -> dict[str, Any]:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        fake = G(torch.randn(len(real), 16))
        d_loss(D(real), D(fake.detach())).backward()
        d_opt.step()
        g_loss(D(fake)).backward()
        g_opt.step()
        g_opt.zero_grad()
        d_opt.zero_grad(set_to_none=False)

    return _pair(step)


def _keras_cleared(folder: Path) -> dict[str, Any]:
    from sparring.doctor.faults._wired import keras_step

    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "step": keras_step, **OPTIONS}
