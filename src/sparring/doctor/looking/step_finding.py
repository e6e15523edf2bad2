"""How a training step of the user's is called, and which networks and optimisers it holds itself."""

from __future__ import annotations

import functools
import inspect
import re
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from ...errors import SparringError
from ...networks.brought import loaded_function

_REAL = (
    "real", "reals", "x", "xs", "image", "images", "img", "imgs", "data", "batch", "inputs", "pictures", "samples",
    "real_images", "real_imgs", "real_data", "real_batch", "real_x", "x_real", "rows",
)  # fmt: skip
_CONDITION = ("y", "label", "labels", "cond", "condition", "conditions", "classes", "cls", "text", "captions", "c")
_NUMBERS = {
    "batch_size": "n", "bs": "n", "n": "n", "latent_dim": "latent", "z_dim": "latent", "nz": "latent",
    "latent": "latent", "i": "zero", "it": "zero", "step": "zero", "iteration": "zero", "epoch": "zero",
    "device": "device", "z": "z", "noise": "z", "criterion": "criterion", "loss_fn": "criterion", "bce": "criterion",
}  # fmt: skip
_G, _D = ("g", "gen", "generator"), ("d", "dis", "disc", "discriminator", "critic")
_BY_PLACE = {
    0: (), 1: ("real",), 2: ("real", "condition"), 3: ("G", "D", "real"), 4: ("G", "D", "real", "condition"),
    5: ("G", "D", "real", "g_opt", "d_opt"), 6: ("G", "D", "real", "condition", "g_opt", "d_opt"),
}  # fmt: skip
_MOST = 500  # objects that are looked through for networks and optimisers


@dataclass
class Held:
    """What a function reaches by itself: by its closure, the globals that it names, its object."""

    networks: list[nn.Module] = field(default_factory=list)
    optimizers: list[Any] = field(default_factory=list)


def function_of(step: Any) -> Callable[..., Any]:
    """A step as it was given, or what FILE:NAME names. Raises SparringError."""
    found = loaded_function(step) if isinstance(step, str) else step
    if not callable(found):
        raise SparringError(
            f"The step is a {type(found).__name__}.", "a function (G, D, real, g_optimizer, d_optimizer), or FILE:NAME"
        )
    return found


def orders(step: Callable[..., Any], has_condition: bool) -> list[tuple[str, ...]]:
    """What its arguments may be, in order, the likeliest first."""
    try:
        parameters = list(inspect.signature(step).parameters.values())
    except (TypeError, ValueError):
        return [_BY_PLACE[5]]
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in plain if p.default is p.empty]
    by_name = [_role(p.name, has_condition) for p in needed]
    by_place = _BY_PLACE.get(len(needed))
    found: list[tuple[str, ...]] = []
    if all(by_name) and len(set(by_name)) == len(by_name):
        found.append(tuple(str(role) for role in by_name))
    if by_place is not None and by_place not in found:
        found.append(by_place)
    if any(p.kind == p.VAR_POSITIONAL for p in parameters):
        found.append(_BY_PLACE[5])
    both = [tuple("both" if role == "real" else role for role in order) for order in found if "condition" not in order]
    return found + both if has_condition else found


def _role(name: str, has_condition: bool) -> str | None:
    """What an argument of this name is: "G", "D", "real", "condition", "g_opt", "d_opt", a number; None if unknown."""
    low = name.lower()
    bare, is_optimizer = re.subn(r"optimi[sz]ers?|optim|opts?|solver", "", low)
    side = re.sub(r"net(work)?|model|_", "", bare)
    if is_optimizer:
        return "g_opt" if side in _G else "d_opt" if side in (*_D, "c") else None
    if low in _REAL:
        return "real"
    if low in _CONDITION and (has_condition or name != "c"):
        return "condition"
    if side in _G:
        return "G"
    return "D" if side in (*_D, "c") else _NUMBERS.get(low)


def held_by(step: Any) -> Held:
    """The networks and optimisers that a step reaches by itself."""
    found, seen = Held(), set[int]()
    waiting = [(step, 0)]
    while waiting and len(seen) < _MOST:
        value, depth = waiting.pop(0)
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, nn.Module):
            found.networks.append(value)
        elif isinstance(value, torch.optim.Optimizer):
            found.optimizers.append(value)
        elif depth < 4:
            waiting += [(inner, depth + 1) for inner in _inside(value)]
    return found


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, types.MethodType):
        yield from (value.__self__, value.__func__)
    elif isinstance(value, types.FunctionType):
        for cell in value.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not filled yet
                continue
        yield from value.__defaults__ or ()
        yield from (value.__globals__[name] for name in value.__code__.co_names if name in value.__globals__)
    elif isinstance(value, list | tuple | dict):
        yield from list(value.values() if isinstance(value, dict) else value)[:50]
    elif hasattr(value, "__dict__") and not isinstance(value, type | types.ModuleType | types.BuiltinFunctionType):
        yield from list(vars(value).values())[:50]
        if isinstance(call := vars(type(value)).get("__call__"), types.FunctionType):
            yield call
