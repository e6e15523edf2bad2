"""A fixed sample of a network's weights: how far they move, what stands at a bound; and gradients against Adam's v."""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

PATIENCE = 200  # steps of the one network without any of the other, until that counts as not updated
_TENSORS, _NUMBERS = 12, 1024  # of a network's weights that are looked at, and how many numbers of each
_USED = 1e-4  # of a tensor's mean second moment: what is lower belongs to units that are asleep, and is left out
_Index = tuple[slice, ...]


class Weights:
    """A network's weights, held weakly, and a fixed sample of them."""

    def __init__(self, params: list[nn.Parameter]) -> None:
        self._params = [weakref.ref(p) for p in params]
        self.ids = frozenset(map(id, params))
        self._chosen: list[tuple[weakref.ref[nn.Parameter], _Index]] | None = None

    def alive(self) -> list[nn.Parameter]:
        """Those that are still there."""
        return [p for ref in self._params if (p := ref()) is not None]

    def _whole(self) -> list[nn.Parameter]:
        return [p for p in self.alive() if not nn.parameter.is_lazy(p) and p.numel() and p.is_floating_point()]

    @torch.no_grad()
    def finite(self) -> bool:
        """Whether every number is one; reads them all."""
        return all(bool(p.isfinite().all()) for p in self._whole())

    @torch.no_grad()
    def sample(self) -> Tensor | None:
        """Some numbers of some weights, always the same places; a copy on their device  # [n]"""
        if self._chosen is None:
            whole = self._whole()
            whole = [p for p in whole if p.dim() > 1] or whole  # not the ones of norms alone
            self._chosen = [(weakref.ref(p), at) for p, at in places(whole)] or None
        found = [p.detach()[at].reshape(-1) for ref, at in self._chosen or () if (p := ref()) is not None]
        near = [part for part in found if part.device == found[0].device]
        return torch.cat(near).float() if near else None


class Between:
    """The change of weights between observes, for loops whose optimiser cannot be seen."""

    def __init__(self) -> None:
        self._old: Tensor | None = None  # of the last measurement
        self._now: Tensor | None = None
        self._since = 0

    def change(self, place: int, sample: Tensor, observes: int) -> Tensor | None:
        """At place 0 remembers; at place 1 gives the change since; 0 only after `PATIENCE` observes without any."""
        if place == 0:
            if self._old is not None and self._old.shape == sample.shape and not torch.equal(self._old, sample):
                self._since = observes
            self._old = self._now = sample
            return None
        before, self._now = self._now, None
        if before is None or before.shape != sample.shape:
            return None
        found = moved(before, sample)
        if float(found) != 0:
            self._since = observes
            return found
        return found if observes - self._since >= PATIENCE else None


def learnt(network: nn.Module) -> list[nn.Parameter]:
    """A network's parameters; of a Keras model without the statistics of norms, which are parameters to torch."""
    if hasattr(network, "trainable_weights") and hasattr(network, "weights"):
        still = ("moving_mean", "moving_variance", "seed_generator_state")
        variables: Any = network.weights
        return [v.value for v in variables if not str(v.path).endswith(still)]
    return list(network.parameters())


def _spread(params: list[nn.Parameter], most: int) -> list[nn.Parameter]:
    """At most so many of them, the first and the last among them."""
    if len(params) <= most:
        return params
    return [params[round(i * (len(params) - 1) / (most - 1))] for i in range(most)]


def _thin(shape: Sequence[int]) -> _Index:
    """Where to look in a tensor: about `_NUMBERS` places, as strides, so that nothing is copied to find them."""
    left, at = float(_NUMBERS), [slice(None)] * len(shape)
    for done, axis in enumerate(sorted(range(len(shape)), key=lambda axis: shape[axis])):
        share = left ** (1 / (len(shape) - done))  # the short axes stay whole, the long ones share what is left
        stride = max(1, math.ceil(shape[axis] / max(1.0, share)))
        at[axis] = slice(None, None, stride)
        left /= math.ceil(shape[axis] / stride)
    return tuple(at)


def moved(before: Tensor, after: Tensor) -> Tensor:
    """|change| / |weights|  # a scalar"""
    return torch.linalg.vector_norm(after - before) / torch.linalg.vector_norm(before).clamp(min=1e-12)


def norm_of(grads: Sequence[Tensor | None]) -> Tensor:
    """The norm of all of them together, of at least one  # a scalar"""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(grads))).float())  # type: ignore[arg-type]


def at_bound(weights: Tensor) -> Tensor:
    """The share of weights that stand at the largest size of all: at a clip's +-c."""
    size = weights.abs()
    return ((size >= size.max() * (1 - 1e-6)) & (size > 0)).float().mean()


def places(params: list[nn.Parameter]) -> list[tuple[nn.Parameter, _Index]]:
    """Some of these parameters, and where to look in each."""
    return [(p, _thin(p.shape)) for p in _spread(params, _TENSORS)]


def shock(optimizer: Optimizer, chosen: list[tuple[nn.Parameter, _Index]], scale: Any) -> Tensor | None:
    """sqrt(mean(g^2 / v)) of Adam, AdamW or RMSprop before a step, v without its early bias; None where there is no v.

    Args:
        optimizer: about to step.
        chosen: parameters with a gradient, and where to look in each.
        scale: what the gradients are multiplied by (fp16); None for nothing.
    """
    total, count = [], []
    for p, at in chosen:
        state = optimizer.state.get(p, {})
        v = state.get("exp_avg_sq", state.get("square_avg"))
        if v is None or p.grad is None or v.shape != p.shape or not v.is_floating_point():
            continue
        group = next(g for g in optimizer.param_groups if any(p is each for each in g["params"]))
        g, v = p.grad[at].float(), v[at].float()
        if scale is not None:
            g = g / scale
        if "exp_avg_sq" in state and "betas" in group:
            done = state["step"]
            v = v / (1 - group["betas"][1] ** (done if getattr(done, "is_cuda", False) else float(done)) + 1e-12)
        used = v > _USED * v.mean()
        ratio = torch.where(used, (g / (v.sqrt() + group.get("eps", 1e-8))).square(), 0.0)
        total.append(ratio.sum())
        count.append(used.sum())
    if not total:
        return None
    return (torch.stack(total).sum() / torch.stack(count).sum().clamp(min=1)).sqrt()
