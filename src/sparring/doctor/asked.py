"""What was asked of `check`, read: the data and how they lie, the condition, the loss."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..conditions import Shape
from ..errors import SparringError, did_you_mean
from ..methods import Recipe
from .facts import LOSSES, Data, Loss, Network
from .looking.calls import N
from .looking.probe import Looked

# What else people call a loss -> the family, and whether a penalty or a saturating G goes with it.
_ALSO: dict[str, tuple[str, bool, bool]] = {
    "wasserstein-gp": ("wasserstein", True, False),
    "wgan": ("wasserstein", False, False),
    "wgan-gp": ("wasserstein", True, False),
    "lsgan": ("least-squares", False, False),
    "mse": ("least-squares", False, False),
    "non-saturating": ("bce-logits", False, False),
    "minimax": ("bce-logits", False, True),
    "saturating": ("bce-logits", False, True),
    "relativistic-average": ("relativistic", False, False),
}


def settled(made: tuple[int, ...], size: int | None, channels: int | None) -> tuple[int, ...]:
    """The shape of the data where some of it was said: the rest is as G makes it."""
    if len(made) == 3:
        return channels or made[0], size or made[1], size or made[2]
    if size is None and channels is None:
        return made
    side = size or round((math.prod(made) / (channels or 1)) ** 0.5)
    return channels or max(1, math.prod(made) // side**2), side, side


def turned_data(data: Any, d: Looked) -> str:
    """What to say where a batch was given with its channels last, and D takes them first; "" where all is well."""
    shape = tuple(getattr(data, "shape", ()))
    if len(shape) != 4 or d.network.framework == "keras" or d.called.layout != "nchw":
        return ""
    if shape[-1] not in (1, 3, 4) or shape[1] in (1, 3, 4):
        return ""
    return f"the data are {list(shape[1:])}, with the channels last, and D takes them first: permute(0, 3, 1, 2)"


def turned_pictures(g: Looked, d: Looked, shape: tuple[int, ...]) -> str:
    """The same of what G makes; `train` would turn it round, people's own loops do not."""
    made = tuple(g.outputs[0].shape[1:])
    if "torch" not in (g.network.framework, d.network.framework) or d.called.layout != "nchw" or len(made) != 3:
        return ""
    if made == shape or made != (*shape[1:], shape[0]):
        return ""
    return f"G makes {list(made)}, with the channels last, and D takes them first: permute(0, 3, 1, 2)"


def condition_of(condition: str | Shape | None) -> Shape | None:
    """ "class:10", "vector:384", "text" or "none", read. Raises SparringError."""
    if condition is None or isinstance(condition, Shape):
        return condition
    kind, _, number = condition.partition(":")
    if kind == "none":
        return None
    default = {"text": "384"}.get(kind, "")
    if kind not in ("class", "text", "vector") or not (number or default).isdigit():
        raise SparringError(f"The condition is {condition!r}.", "none, class:10, vector:384 or text")
    return Shape(kind, int(number or default))  # type: ignore[arg-type]


def loss_of(loss: str | None, method: Recipe | None, d: Network, notes: list[str]) -> Loss:
    """The loss that was said, the recipe's, or one guessed from D's end. Raises SparringError for an unknown one."""
    penalty = bool(method and (method.gp or method.dragan or method.r1 or method.r2))
    name = loss or (method.loss if method else None)
    if name is None:
        family = "bce" if d.output.squash == "sigmoid" else "bce-logits"
        if d.output.squash == "softmax":
            family = "softmax"
        notes.append(
            f"The loss was not said: {family}, by what D ends in ({d.output.squash or 'numbers of any size'})."
        )
        return Loss(family, guessed=True)
    if name in LOSSES:
        return Loss(name, penalty=penalty)
    if name not in _ALSO:
        raise SparringError(f"There is no loss {name!r}.", did_you_mean(name, [*LOSSES, *_ALSO]))
    family, with_penalty, saturating = _ALSO[name]
    if family == "bce-logits" and d.output.squash == "sigmoid" and name in ("minimax", "saturating"):
        family = "log"
    return Loss(family, saturating, penalty or with_penalty)


def as_pictures(data: Any) -> Tensor:
    """A batch as the user has it -> pictures channels first, other things as they are. Raises SparringError."""
    if not isinstance(data, Tensor):
        try:
            data = torch.as_tensor(data)
        except (TypeError, ValueError, RuntimeError) as error:
            raise SparringError(
                f"The data are a {type(data).__name__}.", "a batch, as a tensor or an array [N, ...]"
            ) from error
    data = data.detach().float()
    if data.dim() < 2 or len(data) < 2:
        raise SparringError(f"The data have the shape {list(data.shape)}.", "a batch of two or more [N, ...]")
    if data.dim() == 4 and data.shape[-1] in (1, 3, 4) and data.shape[1] not in (1, 3, 4):
        data = data.permute(0, 3, 1, 2)
    return data.repeat((N + len(data) - 1) // len(data), *[1] * (data.dim() - 1)) if len(data) < N else data


def turned(made: Tensor, shape: tuple[int, ...], *, certain: bool) -> Tensor:
    """What G made, channels first and folded, as the data are; as it is where that cannot be."""
    own = tuple(made.shape[1:])
    if own == shape:
        return made
    if made.dim() == 4 and made.shape[-1] in (1, 3, 4) and made.shape[1] not in (1, 3, 4):
        return made.permute(0, 3, 1, 2)
    count = 1
    for side in shape:
        count *= side
    if certain and made.dim() == 2 and len(shape) == 3 and own == (count,):
        return made.unflatten(1, shape)
    return made


def made_up(shape: tuple[int, ...], limits: tuple[float, float] | None, notes: list[str]) -> Tensor:
    """Noise in place of the data."""
    low, high = limits or (-1.0, 1.0)
    if limits is None:
        notes.append("The range of the data was not said: -1 to 1.")
    return torch.rand(N * 2, *shape, generator=torch.Generator().manual_seed(1)) * (high - low) + low


def facts_of_data(
    reals: Tensor, made_up: bool, limits: tuple[float, float] | None, batch: int, last_batch: int, d: Looked | None
) -> Data:
    """What rules are told of the data; `made_up`: noise, or pictures scaled by us, stand in for what nobody said."""
    low, high = limits or (float(reals.min()), float(reals.max()))
    if made_up and limits is None:
        low, high = -1.0, 1.0
    layout = d.called.layout if d is not None else ""
    known = not made_up or limits is not None
    return Data(tuple(reals.shape[1:]), low, high, layout, batch, last_batch, made_up, known)
