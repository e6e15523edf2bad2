"""What a training step changes is put back: weights, gradients, Keras' variables, the state of optimisers."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from ...networks.keras import is_keras


@contextmanager
def kept(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Afterwards values, gradients and `requires_grad` of these tensors are as before, in the same storage."""
    unique = {id(tensor): tensor for tensor in tensors if not is_lazy(tensor)}.values()
    before = [
        (t, t.data, t.detach().clone(), t.grad, None if t.grad is None else t.grad.detach().clone(), t.requires_grad)
        for t in unique
    ]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, storage, value, gradient, its_value, learns in before:
                tensor.data = storage
                storage.copy_(value)
                tensor.grad = gradient
                if gradient is not None and its_value is not None:
                    gradient.copy_(its_value)
                if tensor.is_leaf:
                    tensor.requires_grad_(learns)


@contextmanager
def flags_kept(*given: Any) -> Iterator[None]:
    """The flags `trainable` of the layers of Keras' models among these are as before afterwards."""
    flags = [(layer, layer.trainable) for net in given if is_keras(net) for layer in net._flatten_layers()]
    try:
        yield
    finally:
        for layer, trainable in reversed(flags):
            if layer.trainable != trainable:
                layer.trainable = trainable


class KeptOptimizers:
    """Optimisers of torch's or of Keras', each to be added before its step; `put_back` undoes all that they did."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[Any, Any]] = {}

    def add(self, optimizer: Any) -> None:
        """Remembers an optimiser as it is; of one that is known already nothing."""
        if id(optimizer) not in self._before:
            is_torch = isinstance(optimizer, torch.optim.Optimizer)
            self._before[id(optimizer)] = (optimizer, (_of_torch if is_torch else _of_keras)(optimizer))

    def put_back(self) -> None:
        """Makes all of them what they were."""
        for optimizer, before in self._before.values():
            if isinstance(optimizer, torch.optim.Optimizer):
                _restore_torch(optimizer, *before)
            else:
                _restore_keras(optimizer, *before)


def _of_torch(optimizer: torch.optim.Optimizer) -> tuple[Any, Any]:
    state = {
        param: {name: (value, copy.deepcopy(value)) for name, value in known.items()}
        for param, known in optimizer.state.items()
    }
    groups = [
        {name: copy.deepcopy(value) for name, value in group.items() if name != "params"}
        for group in optimizer.param_groups
    ]
    return state, groups


@torch.no_grad()
def _restore_torch(optimizer: torch.optim.Optimizer, state: Any, groups: Any) -> None:
    for param in list(optimizer.state):
        if param not in state:
            del optimizer.state[param]
    for param, known in state.items():
        optimizer.state[param] = {name: _value_back(value, before) for name, (value, before) in known.items()}
    for group, before in zip(optimizer.param_groups, groups, strict=False):
        group.update(before)


def _value_back(value: Any, before: Any) -> Any:
    return value.copy_(before) if isinstance(value, Tensor) else before


def _of_keras(optimizer: Any) -> tuple[Any, Any]:
    attributes = {
        name: copy.copy(value) if isinstance(value, list | dict) else value for name, value in vars(optimizer).items()
    }
    return attributes, [(variable, variable.value.detach().clone()) for variable in optimizer.variables]


@torch.no_grad()
def _restore_keras(optimizer: Any, attributes: Any, values: Any) -> None:
    held = vars(optimizer)
    for name in list(held):
        if name not in attributes:
            del held[name]
    held.update(attributes)
    for variable, value in values:
        variable.value.copy_(value)
