"""Optimisers of torch, as loops have them: behind wrappers, under recording."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import Optimizer

from ...errors import SparringError


def params_of(optimizer: Optimizer) -> list[nn.Parameter]:
    """All that it holds."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def unwrapped(optimizer: Any, role: str) -> Optimizer:
    """The optimiser of torch that a wrapper (Lightning's, Accelerate's) calls. Raises SparringError for none."""
    while isinstance(inner := getattr(optimizer, "optimizer", None), Optimizer):
        optimizer = inner
    if not isinstance(optimizer, Optimizer):
        raise SparringError(
            f"{role}_optimizer is a {type(optimizer).__name__}.", "an optimiser of torch", "leave it out."
        )
    return optimizer


def capturing(optimizer: Optimizer) -> bool:
    """Whether a CUDA graph is being recorded: then nothing may be added to it."""
    params = params_of(optimizer)
    return bool(params) and params[0].is_cuda and torch.cuda.is_current_stream_capturing()
