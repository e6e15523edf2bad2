"""Losses as programs write them: terms of D's loss, and G's loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _logit_bce(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _probability_bce(p: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy(p, torch.full_like(p, target))


def bce_logits(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy on logits."""
    return _logit_bce(real, 1.0), _logit_bce(fake, 0.0)


def bce_logits_g(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return _logit_bce(fake, 1.0)


def bce(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy on probabilities: torch's BCELoss."""
    return _probability_bce(real, 1.0), _probability_bce(fake, 0.0)


def bce_g(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return _probability_bce(fake, 1.0)


def hinge(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    return F.relu(1 - real).mean(), F.relu(1 + fake).mean()


def hinge_g(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return -fake.mean()


def squares(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    return (real - 1).square().mean(), fake.square().mean()


def squares_g(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return (fake - 1).square().mean()


def half_squares(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Least squares with halves, as the LSGAN paper writes it."""
    return (real - 1).square().mean() / 2, fake.square().mean() / 2


def half_squares_g(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return (fake - 1).square().mean() / 2


def wasserstein(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    return -real.mean(), fake.mean()


def wasserstein_g(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return -fake.mean()


def relativistic(real: Tensor, fake: Tensor) -> tuple[Tensor]:
    """Each real against a fake (RpGAN): one term."""
    return (F.softplus(fake - real).mean(),)


def relativistic_g(fake: Tensor, real: Tensor | None = None) -> Tensor:
    assert real is not None
    return F.softplus(real - fake).mean()


def gradient_penalty(D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """(|gradient| - 1)^2 between reals and fakes (arXiv 1704.00028)."""
    share = torch.rand(len(real), 1, 1, 1)
    between = (share * real + (1 - share) * fake).requires_grad_(True)
    (gradient,) = torch.autograd.grad(D(between).sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()
