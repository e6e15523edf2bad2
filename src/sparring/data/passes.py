"""Passes over an iterable that can be repeated and gone on with: random numbers of their own, and known lengths."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from sparring.seeds import seed_for

END = object()  # not StopIteration, which generators and context managers turn into other errors


class PassRandomness:
    """The global random states (torch on the CPU, NumPy, Python) as one pass sees them; the caller's are put back.

    A loader shuffles and augments with whatever is global. While it works it gets states that are functions of the
    seed and the pass; the trainer, and the user's own code, never notice.
    """

    def __init__(self, seed: int) -> None:
        with _kept_global():
            _seed_global(seed)
            self._state = _global_state()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Within this the global random states are this pass's; they go on from where the last use left them."""
        with _kept_global():
            _set_global(self._state)
            try:
                yield
            finally:
                self._state = _global_state()


def seeded_items(dataset: Any, indices: list[int], seeds: list[int]) -> list[Any]:
    """Returns dataset[index] for each index, each under global random states that start from its seed.

    A random transform then gives the same again when a run is resumed.
    """
    items = []
    with _kept_global():
        for index, seed in zip(indices, seeds, strict=True):
            _seed_global(seed)
            items.append(dataset[index])
    return items


class Pass:
    """One pass over an iterable, started under random states that depend on (seed, pass) alone."""

    def __init__(self, iterable: Any, seed: int, index: int) -> None:
        self._randomness = PassRandomness(seed_for(seed, "pass", index))
        for generator in _own_generators(iterable):
            generator.manual_seed(seed_for(seed, "pass", index))
        with self._randomness.used():
            self._iterator = iter(iterable)

    def next(self) -> Any:
        """Returns the next element, or END at the end of the pass."""
        with self._randomness.used():
            return next(self._iterator, END)


def first_elements(iterable: Any, count: int) -> list[Any]:
    """Returns up to `count` elements of pass 0 under seed 0; the iterable's own generators are left as they were."""
    before = [(generator, generator.get_state()) for generator in _own_generators(iterable)]
    try:
        started = Pass(iterable, 0, 0)
        elements: list[Any] = []
        while len(elements) < count and (element := started.next()) is not END:
            elements.append(element)
        return elements
    finally:
        for generator, state in before:
            generator.set_state(state)


def _own_generators(iterable: Any) -> list[torch.Generator]:
    """A DataLoader given `generator=` shuffles with that, and its state would depend on all earlier passes."""
    named = [getattr(iterable, "generator", None), getattr(getattr(iterable, "sampler", None), "generator", None)]
    return [generator for generator in named if isinstance(generator, torch.Generator)]


def _global_state() -> tuple[Any, ...]:
    return torch.default_generator.get_state(), np.random.get_state(), random.getstate()


def _set_global(state: tuple[Any, ...]) -> None:
    torch.default_generator.set_state(state[0])
    np.random.set_state(state[1])
    random.setstate(state[2])


def _seed_global(seed: int) -> None:
    # Not torch.manual_seed: that would seed the accelerator as well, under the trainer's feet.
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


@contextmanager
def _kept_global() -> Iterator[None]:
    state = _global_state()
    try:
        yield
    finally:
        _set_global(state)
