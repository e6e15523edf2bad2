"""How conditions arrive: how far apart different ones are in what the first layers with weights are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ...conditions import Shape
from ...networks.calling.probing import device_of, parts_of, randomness
from ..facts import Told
from .calls import condition_values
from .probe import Looked
from .tracing import keras_entrance, named_units, within
from .untouched import untouched

_MOST = 32  # conditions that are compared
_DISTINCT = 1.0  # of whole numbers that a table is looked up by: they are as different as can be


def told_of(looked: list[Looked], told: Shape) -> Told | None:
    """The network in which conditions arrive nearest to each other; None where they meet no layer that can be seen."""
    found = [each for each in (_of_network(network, told) for network in looked) if each is not None]
    return min(found, key=lambda each: each.distance, default=None)


def _of_network(looked: Looked, told: Shape) -> Told | None:
    called = looked.called
    values = called.draw(0)
    if "condition" not in values:
        return None
    like = values["condition"]
    n = min(told.size, _MOST) if told.kind == "class" else 8
    conditions = condition_values(told, n, 0, device_of(called.network))
    if like.dim() > 1 and conditions.dim() == 1:
        conditions = torch.nn.functional.one_hot(conditions, told.size).float()
    if len(conditions) < 2:
        return None
    same = {name: value[:1].expand(n, *value.shape[1:]).clone() for name, value in values.items()}
    # One row each, equal but for the condition; the second time the rows are turned round.
    try:
        with torch.no_grad():
            first = _given(looked, same | {"condition": conditions})
            second = _given(looked, same | {"condition": conditions.roll(1, 0)})
    except Exception:  # a network may refuse another batch
        return None
    for (name, one), (_, two) in zip(first, second, strict=False):
        changed = [a for a, b in zip(one, two, strict=False) if a.shape == b.shape and not torch.equal(a, b)]
        if changed and len(changed[0]) == n:
            is_table = looked.structure.kinds.get(name) == "embedding"
            last = looked.network.framework == "keras"
            return _arriving(changed[0], told.kind, f"{looked.network.role}, {name}", is_table, last)
    return None


def _given(looked: Looked, values: dict[str, Tensor]) -> list[tuple[str, list[Tensor]]]:
    network = looked.called.network
    # Each time from the same statistics: the vectors of a spectral norm move with every call.
    with untouched(network), randomness(0, device_of(network)), _inputs(network) as seen:
        looked.called.give(values)
    return seen


def _arriving(given: Tensor, kind: str, where: str, is_table: bool, channels_last: bool) -> Told:
    """Facts of what a layer is given, one row for each condition  # [n, ...]"""
    if is_table or not given.is_floating_point():
        # Rows of a table are as far apart as they like, where different conditions ask for different ones.
        distinct = len(given.reshape(len(given), -1).unique(dim=0)) == len(given)
        return Told(kind, _DISTINCT if distinct else 0.0, where)
    rows = given.double()
    full, share = _least(rows.flatten(1))
    by_channel = rows.movedim(-1 if channels_last else 1, 1).flatten(2) if rows.dim() > 3 else rows
    if kind != "class" or rows.dim() < 4 or by_channel.shape[2] == 1:
        return Told(kind, full, where, share)
    # A convolution sees the same at every place: what tells conditions apart there is what they are on average.
    means, _ = _least(torch.cat([by_channel.mean(2), by_channel.std(2, correction=0)], 1))
    return Told(kind, min(full, means), where, share, pooled=means < full)


def _least(rows: Tensor) -> tuple[float, float]:
    """The least distance of two rows, over the length of what differs between any, and over the length of all."""
    differs = (rows != rows[:1]).any(0)
    distances = torch.cdist(rows, rows) + torch.diag(torch.full((len(rows),), float("inf"), dtype=rows.dtype))
    least = float(distances.min())
    own = float(rows[:, differs].square().sum(1).mean().sqrt()) if bool(differs.any()) else 0.0
    whole = float(rows.square().sum(1).mean().sqrt())
    return least / own if own else 0.0, least / whole if whole else 0.0


@contextmanager
def _inputs(network: nn.Module) -> Iterator[list[tuple[str, list[Tensor]]]]:
    """What each layer with weights and without parts is given, in the order of calls, for a while."""
    seen: list[tuple[str, list[Tensor]]] = []
    units = named_units(network)
    with ExitStack() as hooks:
        if hasattr(within(network), "layers_inside"):
            names = {id(unit): name for name, unit in units.items() if unit.weights and not unit._layers}
            hooks.enter_context(_keras_inputs(names, seen))
        else:
            for name, unit in units.items():
                if unit._parameters and not any(unit.children()):
                    hook = unit.register_forward_pre_hook(_seeing(name, seen), with_kwargs=True)
                    hooks.callback(hook.remove)
        yield seen


def _seeing(name: str, seen: list[tuple[str, list[Tensor]]]) -> Callable[..., None]:
    def see(module: Any, args: Any, kwargs: Any) -> None:
        seen.append((name, _copied([*args, *kwargs.values()])))

    return see


def _keras_inputs(names: dict[int, str], seen: list[tuple[str, list[Tensor]]]) -> AbstractContextManager[None]:
    def watched(own: Callable[..., Any], layer: Any, *args: Any, **kwargs: Any) -> Any:
        if id(layer) in names:
            seen.append((names[id(layer)], _copied([*args, *kwargs.values()])))
        return own(layer, *args, **kwargs)

    return keras_entrance(watched)


def _copied(values: list[Any]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in parts_of(values)]
