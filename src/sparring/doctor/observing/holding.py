"""Parameters of a network that get a gradient and never change: no optimiser has them."""

from __future__ import annotations

import weakref
from collections.abc import Iterable

import torch
from torch import Tensor, nn

STEPS = 100  # of its network's optimiser, over which such a parameter must stay as it is
_NUMBERS = 16  # of each that are compared


class Holding:
    """Compares what no optimiser holds over many steps of its network's.

    Attributes:
        found: parameters that somebody updates, and of how many; None before that is known.
    """

    def __init__(self) -> None:
        self.found: tuple[int, int] | None = None
        self._since = 0
        self._total = 0
        self._outside: list[tuple[weakref.ref[nn.Parameter], Tensor]] = []

    @torch.no_grad()
    def look(self, steps: int, network: list[nn.Parameter], held: Iterable[nn.Parameter]) -> None:
        """Is called before steps of the network's optimiser.

        Args:
            steps: that it made so far.
            network: parameters of the network.
            held: parameters of all optimisers that are known; read only where a comparison begins.
        """
        if self._total and steps - self._since < STEPS:
            return
        if self._total:
            still = [p for ref, before in self._outside if (p := ref()) is not None and torch.equal(_some(p), before)]
            self.found = self._total - len(still), self._total
        ids = {id(p) for p in held}
        learning = [p for p in network if p.requires_grad and p.grad is not None]
        outside = [p for p in learning if id(p) not in ids]
        self._since, self._total = steps, len(learning)
        self._outside = [(weakref.ref(p), _some(p)) for p in outside]


def _some(param: nn.Parameter) -> Tensor:
    return param.detach().flatten()[:_NUMBERS].clone()
