"""Optimisers as programs make them: (G, D) -> (G's, D's)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Pair = tuple[Any, Any]


def adam(g_lr: float, d_lr: float, beta1: float = 0.5, beta2: float = 0.999) -> Callable[[Any, Any], Pair]:
    """Two Adams."""

    def make(G: Any, D: Any) -> Pair:
        return (
            torch.optim.Adam(G.parameters(), lr=g_lr, betas=(beta1, beta2)),
            torch.optim.Adam(D.parameters(), lr=d_lr, betas=(beta1, beta2)),
        )

    return make


def rmsprop(rate: float) -> Callable[[Any, Any], Pair]:
    """Two RMSprops, as WGAN has them."""

    def make(G: Any, D: Any) -> Pair:
        return torch.optim.RMSprop(G.parameters(), lr=rate), torch.optim.RMSprop(D.parameters(), lr=rate)

    return make
