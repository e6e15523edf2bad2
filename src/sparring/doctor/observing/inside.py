"""A look inside the steps of a training that goes on: calls, gradients that stay, parameters that nobody holds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from .calls import Call, Calls
from .carried import Carried
from .holding import Holding
from .seen import Seen

_MOST_WAITING = 8  # iterations that were measured and not read
_DENSE, _EACH = 12, 2  # iterations that are all looked into; after them every second one


class Inside:
    """Looks into measured iterations, and gathers facts.

    Args:
        hook: makes of a method what torch may hold.
        spend: takes the seconds that a look took.
        trouble: takes what is not measured any more, in words, and an error; nothing more is looked at then.
    """

    def __init__(
        self,
        hook: Callable[[Callable[..., None]], Callable[..., None]],
        spend: Callable[[float], None],
        trouble: Callable[[str, Exception], None],
    ) -> None:
        self._spend, self._trouble = spend, trouble
        self._calls = Calls(self._careful, hook)
        self._carried = {role: Carried(hook) for role in ("d", "g")}
        self._holding = {role: Holding() for role in ("d", "g")}
        self._seen = Seen(self._calls)
        self._distances: list[tuple[str, Tensor]] = []
        self._waiting: list[tuple[list[Call], list[tuple[str, Tensor]]]] = []
        self._on = self._off = False
        self._asked = 0

    def network(self, role: str, network: nn.Module) -> list[RemovableHandle]:
        """Listens to a network of torch's own; Keras calls its models without hooks."""
        if hasattr(network, "_flatten_layers"):
            return []
        with self._careful():
            return [self._calls.network(role, network)]
        return []

    def begin(self) -> None:
        """An iteration begins that may be measured."""
        self._asked += 1
        if self._off or (self._asked > _DENSE and self._asked % _EACH):
            return
        self._on = True
        self._calls.begin()

    def before_step(self, role: str, steps: int, network: list[nn.Parameter], held: Iterator[nn.Parameter]) -> None:
        """An optimiser of a network is about to step."""
        if not self._on and not self._carried[role].waits:
            return
        with self._careful():
            self._calls.stepped(role)
            distance = self._carried[role].steps()
            if distance is not None:
                self._distances.append((role, distance))
            if self._on and network:
                self._holding[role].look(steps, network, held)

    def after_step(self, role: str, held: list[nn.Parameter]) -> None:
        """It has stepped."""
        if self._on:
            with self._careful():
                self._carried[role].stepped(held)

    def rate(self, role: str, rate: float) -> None:
        """What a rate of Adam's is now, or of its kin."""
        self._seen.take_rate(role, rate)

    def end(self) -> None:
        """The iteration is over."""
        if self._on:
            self._on = False
            self._waiting.append((self._calls.take(), self._distances))
            self._distances = []
            del self._waiting[:-_MOST_WAITING]

    def facts(self, conditions: bool = False) -> dict[str, Any]:
        """What is known by now; reads what waits on an accelerator. `conditions`: see `Seen.facts`."""
        waiting, self._waiting = self._waiting, []
        with self._careful():
            for calls, distances in waiting:
                self._seen.take(calls, distances)
            self._seen.held = {role: each.found for role, each in self._holding.items() if each.found is not None}
            return self._seen.facts(conditions)
        return {}

    def close(self) -> None:
        """Takes all hooks away."""
        self._off, self._on = True, False
        self._calls.take()
        self._waiting = []
        for each in self._carried.values():
            each.forget()

    @contextlib.contextmanager
    def _careful(self) -> Iterator[None]:
        began = time.perf_counter()
        try:
            with torch.no_grad():
                yield
        except Exception as error:
            self._trouble("what the networks are given and give", error)
            self.close()
        self._spend(time.perf_counter() - began)
