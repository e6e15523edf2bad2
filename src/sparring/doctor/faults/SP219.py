"""SP219: mixed-batch-norm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, LATENT, generator, keras_discriminator, keras_generator, pictures


def bad() -> list[Case]:
    """Reals and fakes in one batch, through batch norm."""
    return [
        Case("torch.cat of reals and fakes", _joined),
        Case("reals and fakes written into one batch, and batch norm of vectors", _written),
        Case("Keras: reals and fakes in one batch", _keras),
    ]


def good() -> list[Case]:
    """Two calls; one call without batch norm."""
    return [
        Case("two calls", _apart),
        Case("one batch, and no batch norm", _no_norm),
        Case("Keras: one batch, and no batch norm", _keras_no_norm),
    ]


def _with(norm: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1, bias=False), norm, nn.LeakyReLU(0.2),
        nn.Conv2d(8, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(128, 1),
    )  # fmt: skip


def _bce(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _update_g(G: nn.Module, D: nn.Module, n: int, g_opt: Any) -> None:
    g_opt.zero_grad()
    _bce(D(G(torch.randn(n, LATENT))), 1.0).backward()
    g_opt.step()


def _joined_step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
    with torch.no_grad():
        fake = G(torch.randn(len(real), LATENT))
    d_opt.zero_grad()
    real_logits, fake_logits = D(torch.cat([real, fake])).chunk(2)
    (_bce(real_logits, 1.0) + _bce(fake_logits, 0.0)).backward()
    d_opt.step()
    _update_g(G, D, len(real), g_opt)


def _apart_step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
    d_opt.zero_grad()
    fake = G(torch.randn(len(real), LATENT)).detach()
    (_bce(D(real), 1.0) + _bce(D(fake), 0.0)).backward()
    d_opt.step()
    _update_g(G, D, len(real), g_opt)


def _written_step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
    both = torch.empty(2 * len(real), *real.shape[1:])
    both[: len(real)] = real
    both[len(real) :] = G(torch.randn(len(real), LATENT)).detach()
    labels = (torch.arange(len(both)) < len(real)).float()[:, None]
    d_opt.zero_grad()
    F.binary_cross_entropy_with_logits(D(both), labels).backward()
    d_opt.step()
    _update_g(G, D, len(real), g_opt)


def _joined(folder: Path) -> dict[str, Any]:
    pair = {"generator": generator(), "discriminator": _with(nn.BatchNorm2d(8))}
    return {**pair, "step": _joined_step, "data": pictures(), **HERE}


def _written(folder: Path) -> dict[str, Any]:
    D = nn.Sequential(nn.Flatten(), nn.Linear(768, 32), nn.BatchNorm1d(32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
    return {"generator": generator(), "discriminator": D, "step": _written_step, "data": pictures(), **HERE}


def _apart(folder: Path) -> dict[str, Any]:
    pair = {"generator": generator(), "discriminator": _with(nn.BatchNorm2d(8))}
    return {**pair, "step": _apart_step, "data": pictures(), **HERE}


def _no_norm(folder: Path) -> dict[str, Any]:
    pair = {"generator": generator(), "discriminator": _with(nn.Identity())}
    return {**pair, "step": _joined_step, "data": pictures(), **HERE}


def _keras_with(*norms: str) -> dict[str, Any]:
    import keras
    from keras import layers

    first, *rest = keras_discriminator().layers
    D = keras.Sequential([keras.Input((16, 16, 3)), first, *(getattr(layers, norm)() for norm in norms), *rest])
    reals = pictures().permute(0, 2, 3, 1)
    return {"generator": keras_generator(), "discriminator": D, "step": _keras_step, "data": reals, **HERE}


def _keras_step(G: Any, D: Any, real: Tensor, g_opt: Any, d_opt: Any) -> None:
    fake = G(torch.randn(len(real), LATENT), training=True).detach()
    d_opt.zero_grad()
    real_logits, fake_logits = D(torch.cat([real, fake]), training=True).chunk(2)
    (_bce(real_logits, 1.0) + _bce(fake_logits, 0.0)).backward()
    d_opt.step()
    g_opt.zero_grad()
    _bce(D(G(torch.randn(len(real), LATENT), training=True), training=True), 1.0).backward()
    g_opt.step()


def _keras(folder: Path) -> dict[str, Any]:
    return _keras_with("BatchNormalization")


def _keras_no_norm(folder: Path) -> dict[str, Any]:
    return _keras_with()
