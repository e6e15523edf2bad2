"""What bounds the numbers that a network gives: the sigmoid, tanh or softmax at its end, and what comes after it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .tracing import Graph

_RANGES = {
    "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softmax": (0.0, 1.0), "relu": (0.0, math.inf), "clamp": (0.0, 0.0)
}  # fmt: skip
_FARTHEST = 12  # operations from the end; moves, and scalings and shifts by one number
_SAME = 1e-5


@dataclass(frozen=True)
class Bounds:
    """What is known of an output: what squashed it last, and between what it stays."""

    squash: str
    least: float
    most: float


def bounds_of(graph: Graph, output: Tensor) -> Bounds | None:
    """Looks from an output's end back to what squashes it; None where nothing does, or where it cannot be followed.

    An affine change after the squash, (tanh + 1) / 2, is found from the numbers themselves.
    """
    fn: Any = output.grad_fn
    for _ in range(_FARTHEST):
        node = graph.nodes.get(id(fn))
        if node is None:
            return None
        if node.kind == "other:Reciprocal" and _is_logistic(graph, fn):
            return Bounds("sigmoid", 0.0, 1.0)  # 1 / (1 + exp(-x)), by hand
        if node.kind in _RANGES:
            return _bounds(node.kind, fn, output)
        given = [each for each, _ in fn.next_functions if each is not None]
        if node.kind not in ("", "mul", "add", "other:Rsub", "other:Neg") or len(given) != 1:
            return None
        fn = given[0]
    return None


def _is_logistic(graph: Graph, fn: Any) -> bool:
    """Whether what is inverted is a number added to an exponential."""
    kinds = []
    for _ in range(2):
        given = [each for each, _ in fn.next_functions if each is not None]
        if len(given) != 1 or id(given[0]) not in graph.nodes:
            return False
        fn = given[0]
        kinds.append(graph.nodes[id(fn)].kind)
    return kinds == ["add", "other:Exp"]


def _bounds(kind: str, fn: Any, output: Tensor) -> Bounds | None:
    if kind == "softmax" and type(fn).__name__.startswith("Log"):
        return Bounds("log-softmax", -math.inf, 0.0)
    if kind == "sigmoid" and type(fn).__name__.startswith("Log"):
        return Bounds("log-sigmoid", -math.inf, 0.0)
    low, high = _RANGES[kind]
    if kind == "clamp":
        low, high = _clamped(fn)
    try:
        squashed = fn._saved_result
    except (AttributeError, RuntimeError):
        squashed = None
    scale, shift = 1.0, 0.0
    if squashed is not None and squashed.numel() == output.numel():
        found = _affine(squashed.detach().double().flatten(), output.detach().double().flatten())
        scale, shift = found or (1.0, 0.0)
    ends = sorted((low * scale + shift, high * scale + shift))
    return Bounds(kind, ends[0], ends[1])


def _clamped(fn: Any) -> tuple[float, float]:
    low = getattr(fn, "_saved_min", getattr(fn, "_saved_min_val", None))
    high = getattr(fn, "_saved_max", getattr(fn, "_saved_max_val", None))
    numbers = [end if isinstance(end, int | float) else None for end in (low, high)]
    return (-math.inf if numbers[0] is None else numbers[0]), (math.inf if numbers[1] is None else numbers[1])


def _affine(before: Tensor, after: Tensor) -> tuple[float, float] | None:
    """a and b of after = a * before + b, wherever moves have put the numbers; None where it is none."""
    before, after = before.sort().values, after.sort().values
    width = float(before[-1] - before[0])
    if width < _SAME:
        return None
    for up in (True, False):
        scale = float(after[-1] - after[0]) / width * (1 if up else -1)
        shift = float(after[0]) - scale * float(before[0] if up else before[-1])
        expected = (before * scale + shift).sort().values
        if torch.allclose(expected, after, rtol=0, atol=_SAME * max(1.0, abs(scale))):
            return round(scale, 6), round(shift, 6)
    return None
