"""Whether a gradient is cleared between two steps of an optimiser: seen on one parameter of the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

_NUMBERS = 256  # of the parameter
_SAME = 1e-3  # of what was left: so far may what is stepped with be from what was left and what came, added up


class Carried:
    """Watches one parameter from the end of a step of its optimiser to the next one.

    Args:
        hook: makes of a method what torch may hold.
    """

    def __init__(self, hook: Callable[[Callable[..., None]], Callable[..., None]]) -> None:
        self._hook = hook
        self._param: nn.Parameter | None = None
        self._left: Tensor | None = None
        self._came: list[Tensor] = []
        self._handle: Any = None

    @property
    def waits(self) -> bool:
        """Whether a step was seen and the next one is not over."""
        return self._param is not None

    @torch.no_grad()
    def stepped(self, params: list[nn.Parameter]) -> None:
        """A step is over: what is left in the gradient is remembered, and what comes now is added up."""
        self.forget()
        param = next((p for p in params if p.requires_grad and p.grad is not None and _plain(p.grad)), None)
        if param is None:
            return
        self._param, self._left = param, _some(param.grad)
        self._handle = param.register_hook(self._hook(self._comes))

    def steps(self) -> Tensor | None:
        """The next step is about to be made: how far its gradient is from what was left and what came, over what was
        left; None where that cannot be said  # a scalar
        """
        param, left, came = self._param, self._left, self._came
        self.forget()
        if param is None or left is None or not came:
            return None
        if param.grad is None or not _plain(param.grad):
            return None
        both = left + torch.stack(came).sum(0)
        size = torch.linalg.vector_norm(left)
        far = torch.linalg.vector_norm(_some(param.grad) - both)
        # Nothing was left, or next to nothing beside what came: then nothing is known of it.
        little = size <= _SAME * torch.linalg.vector_norm(both)
        return torch.where(little, torch.full_like(size, torch.inf), far / size.clamp(min=1e-30))

    @staticmethod
    def means(distance: float) -> bool:
        """Whether such a distance says that the gradient was not cleared."""
        return distance <= _SAME

    def forget(self) -> None:
        """Takes the hook away."""
        if self._handle is not None:
            self._handle.remove()
        self._param = self._left = self._handle = None
        self._came = []

    def _comes(self, gradient: Tensor) -> None:
        if _plain(gradient):
            self._came.append(_some(gradient))


def _plain(gradient: Tensor) -> bool:
    return gradient.layout == torch.strided and gradient.is_floating_point()


def _some(gradient: Tensor | None) -> Tensor:
    assert gradient is not None
    return gradient.detach().flatten()[:_NUMBERS].float().clone()
