"""SP109: fakes-not-detached."""

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
    """D's loss goes back into G."""
    return [
        Case("G(z) straight into D", _straight),
        Case("one graph for both, kept", _retained),
        Case("Keras: G(z) straight into D", _keras_straight),
    ]


def good() -> list[Case]:
    """Detached, made without a graph, or not asked for."""
    return [
        Case("detached", _detached),
        Case("made under no_grad", _no_grad),
        Case("backward(inputs=...)", _inputs),
        Case("both losses go back before either steps", _both_first),
    ]


def _pair(made: Any) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "step": made, **OPTIONS}


def _straight(folder: Path) -> dict[str, Any]:
    def made(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        d_opt.zero_grad()
        d_loss(D(real), D(G(torch.randn(len(real), 16)))).backward()
        d_opt.step()
        g_opt.zero_grad()
        g_loss(D(G(torch.randn(len(real), 16)))).backward()
        g_opt.step()

    return _pair(made)


def _retained(folder: Path) -> dict[str, Any]:
    def made(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        fake = G(torch.randn(len(real), 16))
        d_opt.zero_grad()
        d_loss(D(real), D(fake)).backward(retain_graph=True)
        d_opt.step()
        g_opt.zero_grad()
        g_loss(D(fake)).backward()
        g_opt.step()

    return _pair(made)


def _keras_straight(folder: Path) -> dict[str, Any]:
    def made(G: Any, D: Any, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        d_opt.zero_grad()
        fake = G(torch.randn(len(real), 16), training=True)
        d_loss(D(real, training=True), D(fake, training=True)).backward()
        d_opt.step()
        g_opt.zero_grad()
        g_loss(D(G(torch.randn(len(real), 16), training=True), training=True)).backward()
        g_opt.step()

    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "step": made, **OPTIONS}


def _detached(folder: Path) -> dict[str, Any]:
    return _pair(step)


def _no_grad(folder: Path) -> dict[str, Any]:
    def made(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        with torch.no_grad():
            fake = G(torch.randn(len(real), 16))
        d_opt.zero_grad()
        d_loss(D(real), D(fake)).backward()
        d_opt.step()
        g_opt.zero_grad()
        g_loss(D(G(torch.randn(len(real), 16)))).backward()
        g_opt.step()

    return _pair(made)


def _inputs(folder: Path) -> dict[str, Any]:
    def made(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        d_opt.zero_grad()
        d_loss(D(real), D(G(torch.randn(len(real), 16)))).backward(inputs=list(D.parameters()))
        d_opt.step()
        g_opt.zero_grad()
        g_loss(D(G(torch.randn(len(real), 16)))).backward(inputs=list(G.parameters()))
        g_opt.step()

    return _pair(made)


def _both_first(folder: Path) -> dict[str, Any]:
    def made(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        g_opt.zero_grad()
        d_opt.zero_grad()
        fake = G(torch.randn(len(real), 16))
        g_loss(D(fake)).backward(inputs=list(G.parameters()))
        d_loss(D(real), D(fake.detach())).backward()
        d_opt.step()
        g_opt.step()

    return _pair(made)
