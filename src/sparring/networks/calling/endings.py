"""What bounds the numbers that a network gives: the sigmoid, softmax or tanh at its end; and the logits before it.

Found from the operations that ran, not from values: an untrained tanh gives (-.1, .1), an untrained sigmoid (.4, .6).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from .probing import Probe, parts_of


@dataclass(frozen=True)
class Ending:
    """What is known of the numbers of a tensor.

    Attributes:
        squash: what bounded them last: "sigmoid", "softmax", "tanh", ...
        low: none is less.
        high: none is more.
        last: nothing but moves and copies came after.
    """

    squash: str
    low: float
    high: float
    last: bool = True

    def scaled(self, factor: float, shift: float = 0.0) -> Ending:
        """After x * factor + shift."""
        ends = sorted((self.low * factor + shift, self.high * factor + shift))
        return replace(self, low=ends[0], high=ends[1], last=False)

    def within(self, low: float, high: float) -> Ending:
        """After clamp(x, low, high)."""
        return replace(self, low=max(self.low, low), high=min(self.high, high), last=False)


_NOTHING = Ending("", -math.inf, math.inf)
_MAKE = {  # each is the last word on its range, whatever came in
    "sigmoid": Ending("sigmoid", 0, 1),
    "_softmax": Ending("softmax", 0, 1),
    "hardsigmoid": Ending("hardsigmoid", 0, 1),
    "tanh": Ending("tanh", -1, 1),
    "log_sigmoid_forward": Ending("log-sigmoid", -math.inf, 0),
    "_log_softmax": Ending("log-softmax", -math.inf, 0),
    "relu": Ending("relu", 0, math.inf),
}
_COPY = {"_to_copy", "clone", "lift_fresh", "pixel_shuffle", "index_select", "_unsafe_view", "_reshape_copy"}
_AVERAGE = {  # the range stays, the numbers do not
    "mean", "amax", "amin", "avg_pool2d", "_adaptive_avg_pool2d", "upsample_nearest2d", "upsample_bilinear2d",
}  # fmt: skip


def _clamp(before: Ending | None, args: Any, kwargs: Any) -> Ending | None:
    low, high = [*args[1:], None, None][:2]
    low, high = kwargs.get("min", low), kwargs.get("max", high)
    bounded = (before or _NOTHING).within(-math.inf if low is None else low, math.inf if high is None else high)
    return bounded if bounded.squash else replace(bounded, squash="clamp", last=True)


def _affine(factor: Callable[[float], float], shift: Callable[[float], float]) -> Callable[..., Ending | None]:
    def after(before: Ending | None, args: Any, kwargs: Any) -> Ending | None:
        number = args[1] if len(args) > 1 else 0
        if before is None or not isinstance(number, int | float):
            return None
        return before.scaled(factor(number), shift(number) * kwargs.get("alpha", 1))

    return after


def _log(before: Ending | None, args: Any, kwargs: Any) -> Ending | None:
    return Ending(f"log-{before.squash}", -math.inf, 0) if before and before.squash in ("sigmoid", "softmax") else None


# operation -> what is known after it, from what was known of its tensor and from its arguments
_AFTER: dict[str, Callable[[Ending | None, Any, Any], Ending | None]] = {
    "clamp": _clamp,
    "hardtanh": _clamp,
    "mul": _affine(lambda a: a, lambda a: 0.0),
    "div": _affine(lambda a: 1 / a if a else math.nan, lambda a: 0.0),
    "add": _affine(lambda a: 1.0, lambda a: a),
    "sub": _affine(lambda a: 1.0, lambda a: -a),
    "rsub": _affine(lambda a: -1.0, lambda a: a),
    "neg": _affine(lambda a: -1.0, lambda a: 0.0),
    "log": _log,
}


class _Tracker(TorchDispatchMode):
    """Knows the endings of tensors by their storage, so that views share them; holds it, so that it is no other's."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[int, tuple[Tensor, Ending]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.removeprefix("aten::")
        before = self._of_all([*args, *kwargs.values()])
        output = func(*args, **kwargs)
        made = output[0] if isinstance(output, tuple) and name == "log_sigmoid_forward" else output
        if isinstance(made, Tensor) and not func.is_view:
            known = self._after(name.removesuffix("_"), before, args, kwargs)
            place = _place(made)
            self._known.pop(place, None)
            if known is not None and place and made.untyped_storage().nbytes() == made.nbytes:
                self._known[place] = (made, known)  # of a part that is written in place, the rest is not known
        return output

    def of(self, tensor: Tensor) -> Ending | None:
        """What is known of a tensor."""
        found = self._known.get(_place(tensor))
        return found[1] if found else None

    def _of_all(self, args: list[Any]) -> Ending | None:
        """What is known of all tensors among the arguments alike."""
        found = {self.of(tensor) for tensor in parts_of(args)}
        return found.pop() if len(found) == 1 else None

    @staticmethod
    def _after(name: str, before: Ending | None, args: Any, kwargs: Any) -> Ending | None:
        if name in _MAKE:
            return _MAKE[name]
        if name in _AFTER:
            return _AFTER[name](before, args, kwargs)
        if name in _COPY | {"cat", "stack"}:
            return before
        return replace(before, last=False) if before is not None and name in _AVERAGE else None


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr() if tensor.layout is torch.strided else 0


def endings(
    probe: Probe, call: Callable[[nn.Module], Any], *, training: bool = False
) -> tuple[Any, list[Ending | None]]:
    """Returns what a call gives, and what is known of each tensor of it, by `parts_of`; None of an unbounded one."""

    def tracked(network: nn.Module) -> tuple[Any, list[Ending | None]]:
        with _Tracker() as tracker:
            output = call(network)
        return output, [tracker.of(part) for part in parts_of(output)]

    return probe(tracked, training=training)


# Reaching the logits: the sigmoid that comes last is left out while a network is called, by one of two means.

_SIGMOIDS = {
    torch.sigmoid, torch.sigmoid_, torch.special.expit, Tensor.sigmoid, Tensor.sigmoid_,
    torch.ops.aten.sigmoid.default,
}  # fmt: skip
_SOFTMAXES = {torch.softmax, F.softmax, Tensor.softmax, torch.special.softmax}


class LetThrough(TorchFunctionMode):
    """Leaves out some of the sigmoids and softmaxes that a forward calls: the tensor passes as it came.

    Args:
        which: the numbers of those calls, counted from 0.
    """

    def __init__(self, which: frozenset[int]) -> None:
        super().__init__()
        self.which, self.calls = which, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _SIGMOIDS or func in _SOFTMAXES:
            self.calls += 1
            if self.calls - 1 in self.which:
                return args[0] if args else (kwargs or {})["input"]
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class ByCount:
    """Reaches logits by the number of the call: for functions, such as torch.sigmoid(x)."""

    which: frozenset[int]

    def __call__(self, network: nn.Module, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """network(*args, **kwargs) without the sigmoids at its end."""
        with LetThrough(self.which):
            return network(*args, **kwargs)


@dataclass(frozen=True)
class ByModule:
    """Reaches logits by the modules (nn.Sigmoid) that come last; costs nothing worth mentioning."""

    names: tuple[str, ...]

    def __call__(self, network: nn.Module, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """network(*args, **kwargs) without the sigmoids at its end; the network's own hooks are then as before."""
        with ExitStack() as hooks:
            for name in self.names:
                handle = network.get_submodule(name).register_forward_hook(_what_came_in, with_kwargs=True)
                hooks.callback(handle.remove)
            return network(*args, **kwargs)


Reach = ByCount | ByModule


def _what_came_in(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
    return (*args, *kwargs.values())[0]


def reach(
    probe: Probe, args: list[Any], kwargs: dict[str, Any], wanted: dict[int, str], *, training: bool = False
) -> Reach | None:
    """Finds how to leave out the sigmoids and softmaxes at a network's end.

    Args:
        probe: the network.
        args: what it is called with.
        kwargs: likewise.
        wanted: what ends each part of its output: {its place in `parts_of`: "sigmoid" or "softmax"}.
        training: as in `Probe`.

    Returns what calls it so that these parts are logits, proved by squashing them again; None where they cannot be
    reached.
    """
    if probe.is_compiled:
        return None  # neither hooks nor functions can be relied on within compiled code

    def run(way: Reach) -> list[Tensor]:
        return probe(lambda network: parts_of(way(network, args, kwargs)), training=training)

    squashed = run(ByModule(()))
    calls = _calls(probe, args, kwargs, training)
    which: set[int] = set()
    for call in reversed(range(len(calls))):
        if _proves(run(ByCount(frozenset({call}))), squashed, wanted, whole=False):
            which.add(call)
            if _proves(run(ByCount(frozenset(which))), squashed, wanted, whole=True):
                break
    else:
        return None
    names = [calls[call] for call in sorted(which)]
    by_module = ByModule(tuple(dict.fromkeys(name for name in names if name is not None)))
    # It may be that a module is called for a gate as well, and then the proof fails.
    if None not in names and _proves(run(by_module), squashed, wanted, whole=True):
        return by_module
    return ByCount(frozenset(which))


def _calls(probe: Probe, args: list[Any], kwargs: dict[str, Any], training: bool) -> list[str | None]:
    """Each call of a sigmoid or softmax during a forward: the name of the module that it is all of, or None."""
    found: list[str | None] = []

    class Counter(LetThrough):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            output = super().__torch_function__(func, types, args, kwargs)
            found.extend([within[-1] if within else None] * (self.calls - len(found)))
            return output

    within: list[str] = []

    def leave(*_: Any) -> None:
        within.pop()

    def count(network: nn.Module) -> None:
        with ExitStack() as hooks:
            for name, module in network.named_modules():
                if isinstance(module, nn.Sigmoid | nn.Softmax):
                    entered = module.register_forward_pre_hook(lambda *_, name=name: within.append(name))
                    hooks.callback(entered.remove)
                    hooks.callback(module.register_forward_hook(leave).remove)
            with Counter(frozenset()):
                network(*args, **kwargs)

    probe(count, training=training)
    return found


def _proves(logits: list[Tensor], squashed: list[Tensor], wanted: dict[int, str], *, whole: bool) -> bool:
    """Whether what came out is the logits of what came out before; `whole`: of all of it, else of what differs."""
    if len(logits) != len(squashed):
        return False
    changed = False
    for place, (new, old) in enumerate(zip(logits, squashed, strict=True)):
        if new.shape != old.shape:
            return False
        if torch.equal(new, old) and not (whole and place in wanted):
            continue
        if place not in wanted:
            return False
        again = torch.sigmoid(new) if wanted[place] == "sigmoid" else torch.softmax(new, 1)
        same = torch.isclose(again, old, rtol=1e-5, atol=1e-7)
        if not (same | ((new == old) & (not whole))).all():
            return False
        changed = True
    return changed
