"""Layers that were made and are not called: why that may be so, and Keras' operations that hang in the air."""

from __future__ import annotations

import gc
import math
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from ...networks.calling.probing import bare, device_of, randomness
from ...networks.keras.model import flattened
from ..facts import Layer
from .calls import Called
from .structure import by_class
from .tracing import recorded, within

_MORE_SEEDS = (1, 2, 3, 4)  # of further calls: some layers are called by chance (stochastic depth, mixing of styles)
# Attributes by which a network says how far it has grown: what it calls depends on them.
_STAGES = ("depth", "stage", "level", "alpha", "phase", "step", "resolution", "resol", "current_depth", "current_stage")
_NOT_OTHERS = (
    "__init__",
    "forward",
    "__call__",
    "call",
    "build",
    "extra_repr",
    "__repr__",
    "reset_parameters",
    "_init",
)


def called_by_chance(called: Called, names: set[str]) -> set[str]:
    """Of layers that one call left out, those that another one calls."""
    found: set[str] = set()
    for seed in _MORE_SEEDS if names else ():
        with torch.no_grad(), randomness(seed, device_of(called.network)), recorded(called.network) as calls:
            called.give(called.draw(0))
        found |= {call.name for call in calls} & names
        if found == names:
            break
    return found


def stages(network: nn.Module) -> tuple[str, ...]:
    """Names of numbers that say how far a network has grown."""
    own = vars(bare(within(network)))
    return tuple(name for name in _STAGES if isinstance(own.get(name), int | float) and not isinstance(own[name], bool))


def elsewhere(network: nn.Module, names: list[str]) -> tuple[str, ...]:
    """Of uncalled layers, those that a module's other methods speak of, by the name of the layer or what holds it."""
    network = bare(within(network))
    if hasattr(network, "layers_inside"):
        return _in_other_models(network, set(names))
    found = []
    for name in names:
        parts = name.split(".")
        for depth in range(len(parts)):
            owner = _at(network, parts[:depth])
            if owner is not None and parts[depth] in _spoken_of(type(owner)):
                found.append(name)
                break
    return tuple(found)


def _in_other_models(network: Any, names: set[str]) -> tuple[str, ...]:
    """Keras: layers of models that the model holds beside itself (a head that shares its body)."""
    keras: Any = sys.modules["keras"]
    parts = [each for each in flattened(network.model) if isinstance(each, keras.Model) and each is not network.model]
    held = {operation.name for each in parts if _is_graph(each) for operation in each.operations}
    return tuple(sorted(held & names))


def _at(network: nn.Module, path: list[str]) -> nn.Module | None:
    for part in path:
        inner = getattr(network, part, None)
        if not isinstance(inner, nn.Module):
            return None
        network = inner
    return network


def _spoken_of(kind: type) -> set[str]:
    """Names that a class's methods, other than its forward, look up."""
    found: set[str] = set()
    for each in kind.__mro__:
        if each is nn.Module or each.__module__.startswith("torch."):
            continue
        for name, method in vars(each).items():
            method = getattr(method, "__wrapped__", method)
            if name not in _NOT_OTHERS and hasattr(method, "__code__"):
                found |= set(method.__code__.co_names)
    return found


def hanging(network: Any) -> list[Layer]:
    """Keras: layers with weights that hang off the inputs of a functional model and are in no model that is alive.

    What hangs off a model's outputs is a use of it, and no part of it. Weights are counted by their shapes alone.
    """
    model = getattr(within(network), "model", None) if hasattr(within(network), "layers_inside") else None
    keras: Any = sys.modules.get("keras")
    if model is None or keras is None:
        return []
    inside = [each for each in flattened(model) if isinstance(each, keras.Model) and _is_graph(each)]
    found: dict[int, Any] = {}
    for each in inside:
        found |= {id(operation): operation for operation in _downstream(each)}
    unknown = {
        key for key, each in found.items() if not isinstance(each, keras.Model) and getattr(each, "weights", None)
    }
    for each in _living(keras) if unknown else ():
        unknown -= {id(operation) for operation in each.operations}
    return [_as_layer(operation) for key, operation in found.items() if key in unknown]


def _is_graph(model: Any) -> bool:
    return bool(getattr(model, "operations", None)) and bool(getattr(model, "inputs", None))


def _downstream(model: Any) -> Iterator[Any]:
    """All operations that use what comes from a model's inputs, but for those that use its outputs."""
    ends = {id(tensor) for tensor in model.outputs}
    waiting, seen = list(model.inputs), set[int]()
    while waiting:
        tensor = waiting.pop()
        history = getattr(tensor, "_keras_history", None)
        if history is None or history.operation is None or id(tensor) in seen or id(tensor) in ends:
            continue
        seen.add(id(tensor))
        for node in history.operation._outbound_nodes:
            if any(given is tensor for given in node.arguments.keras_tensors):
                yield node.operation
                waiting += node.outputs


def _living(keras: Any) -> Iterator[Any]:
    """Every functional or sequential model that is alive."""
    for each in gc.get_objects():
        if issubclass(type(each), keras.Model) and _is_graph(each):
            yield each


def _as_layer(operation: Any) -> Layer:
    shapes = {variable.name: tuple(variable.shape) for variable in operation._trainable_variables}
    shapes = shapes or {variable.name: tuple(variable.shape) for variable in operation.trainable_weights}
    count = sum(math.prod(shape) for shape in shapes.values())
    return Layer(
        name=operation.name, type=type(operation).__name__, kind=by_class(operation), parameters=count, trainable=count,
        weights=shapes, calls=0, leads_on=False, reached_from=(),
    )  # fmt: skip
