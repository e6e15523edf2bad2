"""Reading what networks give: which of its tensors is the picture, which are logits, and what bounds their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...errors import SparringError
from .adapting import RANGES
from .endings import Ending
from .probing import parts_of


@dataclass(frozen=True)
class PictureAt:
    """The place of the picture in what G gives (None: G gives a tensor), and its layout: "nchw", "nhwc" or "flat"."""

    place: int | None
    layout: str


@dataclass(frozen=True)
class LogitsAt:
    """The places of what D gives.

    Attributes:
        logits: of the logits, in `parts_of`.
        classes: of the class logits.
        shapes: of all.
        is_plain: D gives one tensor, or (logits, class logits).
    """

    logits: tuple[int, ...]
    classes: int | None
    shapes: tuple[tuple[int, ...], ...]
    is_plain: bool


def picture_at(output: Any, shape: tuple[int, int, int]) -> PictureAt:
    """Finds the picture in what G gave. Raises SparringError with both shapes where there is none of this shape.

    Args:
        output: of G.
        shape: (C, H, W) of the data.
    """
    parts = parts_of(output)
    if not parts:
        raise SparringError(
            f"The generator gave a {type(output).__name__}.", "a tensor of pictures [N, channels, height, width]"
        )
    channels, height, width = shape
    layouts = {shape: "nchw", (height, width, channels): "nhwc", (channels * height * width,): "flat"}
    for place, part in enumerate(parts):
        if tuple(part.shape[1:]) in layouts:
            return PictureAt(None if isinstance(output, Tensor) else place, layouts[tuple(part.shape[1:])])
    made = next((tuple(part.shape[1:]) for part in parts if part.dim() == 4), tuple(parts[0].shape[1:]))
    raise SparringError(
        f"The generator makes pictures of shape {list(made)}, the data are {list(shape)}.",
        "the same channels, height and width",
        _shape_advice(made, shape),
    )


def _shape_advice(made: tuple[int, ...], data: tuple[int, int, int]) -> str:
    if len(made) != 3:
        return "let the generator end in a map of [N, channels, height, width]."
    if made[-1] in (1, 3, 4) and made[0] not in (1, 3, 4):
        return f"train it with size={made[0]} channels={made[-1]}, or change the generator."
    wrong = []
    if made[0] != data[0]:
        wrong.append(f"channels={made[0]}")
    if made[1:] != data[1:]:
        wrong.append(f"size={made[1]}" if made[1] == made[2] else "a square generator")
    return f"train it with {' '.join(wrong)}, or change the generator."


def logits_at(output: Any, images: Sequence[int], classes: int | None) -> LogitsAt:
    """Finds the logits, and the class logits if there are any, in what D gave.

    Args:
        output: of D.
        images: the shape of the pictures it was given, [N, C, H, W].
        classes: how many there are; None where there is no class condition.

    Raises:
        SparringError: nothing in it is one logit a picture, or a map of them.
    """
    parts, n = parts_of(output), images[0]
    logits = tuple(place for place, part in enumerate(parts) if _is_logits(part, n))
    heads = [place for place, part in enumerate(parts) if classes and tuple(part.shape) == (n, classes)]
    heads = [place for place in heads if place not in logits]
    if not logits:
        found = [list(part.shape) for part in parts]
        raise SparringError(
            f"The discriminator gave {found[0] if len(found) == 1 else found or type(output).__name__} for {n} pictures"
            f" of shape {list(images)}.",
            f"one logit a picture ([{n}] or [{n}, 1]) or a map of them ([{n}, 1, h, w])",
            "of two outputs for fake and real, return their difference: out[:, 1] - out[:, 0], before any softmax."
            if [n, 2] in found
            else "",
        )
    plain = isinstance(output, Tensor) or (type(output) is tuple and (logits, heads) == ((0,), [1]) and len(parts) == 2)
    shapes = tuple(tuple(part.shape) for part in parts)
    return LogitsAt(logits, heads[0] if len(heads) == 1 else None, shapes, plain)


def _is_logits(part: Tensor, n: int) -> bool:
    is_map = part.dim() == 4 and len(part) == n and (part.shape[1] == 1 or part.shape[3] == 1)
    return is_map or (part.numel() == n and len(part) == n)


def layout_note(at: PictureAt) -> str:
    """A sentence on a picture that has to be turned or taken out of something; "" for a plain [N, C, H, W]."""
    text = "" if at.place is None else f"The generator gives several things; number {at.place + 1} is the picture. "
    if at.layout == "nhwc":
        text += "The generator puts channels last ([N, H, W, C]): its pictures are turned to [N, C, H, W]."
    elif at.layout == "flat":
        text += "The generator makes rows of numbers [N, C * H * W]: they are folded to [N, C, H, W]."
    return text.strip()


def numbers_of(ending: Ending | None) -> str:
    """The name in `RANGES` of what an ending says."""
    bounds = (ending.low, ending.high) if ending else None
    return next((name for name, known in RANGES.items() if known == bounds and known), "linear")


def range_note(numbers: str, ending: Ending | None) -> str:
    """A sentence on the numbers of G's pictures; "" for those that need none."""
    if numbers == "-1..1":
        return ""
    if numbers != "linear":
        high = numbers.rpartition(".")[2]
        by = f" ({ending.squash} at its end)" if ending else ""
        return f"The generator's pictures lie between 0 and {high}{by}: they are brought to [-1, 1], as the data are."
    if ending is None:
        return "Nothing bounds the generator's pictures (no tanh, no sigmoid): they are taken as they are, for [-1, 1]."
    return (
        f"The generator's pictures lie between {ending.low:g} and {ending.high:g} ({ending.squash}), which is not the "
        "[-1, 1] of the data: they are taken as they are."
    )


def outputs_note(seen: LogitsAt) -> str:
    """A sentence on which of D's outputs are used; "" for a D that gives one tensor."""
    if len(seen.shapes) == 1:
        return ""
    text = f"The discriminator gives {len(seen.shapes)} tensors, {', '.join(map(_batch, seen.shapes))}: "
    ordinals = " and ".join(str(place + 1) for place in seen.logits)
    if len(seen.logits) > 1:
        text += f"numbers {ordinals} are its logits, put side by side, each of which counts the same"
    else:
        text += f"number {ordinals} is its logits"
    if seen.classes is not None:
        text += f"; number {seen.classes + 1} says which class it sees"
    left = len(seen.shapes) - len(seen.logits) - (seen.classes is not None)
    return text + (f"; {left} not used." if left else ".")


def _batch(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(['N', *map(str, shape[1:])])}]"


def check_logits(endings: list[Ending | None]) -> None:
    """Raises SparringError where what D gives as logits is none: from a softmax, a logarithm, or of two kinds."""
    squashes = {ending.squash if ending else "" for ending in endings}
    for squash, fix in _NO_LOGITS.items():
        if squash in squashes:
            raise SparringError(
                f"The discriminator ends in a {squash}, and the losses here are written on logits.", "logits", fix
            )
    probable = [is_probability(ending) for ending in endings]
    if any(probable) and not all(probable):
        raise SparringError(
            "Some of the discriminator's outputs end in a sigmoid, and some do not.",
            "logits",
            "leave the sigmoids out.",
        )


_NO_LOGITS = {
    "softmax": "let it end in one number a picture, or return out[:, 1] - out[:, 0] before the softmax.",
    "log-softmax": "let it end in one number a picture, or return out[:, 1] - out[:, 0] before the log-softmax.",
    "log-sigmoid": "leave the logarithm and the sigmoid out.",
}


def is_probability(ending: Ending | None) -> bool:
    """Whether an output is a probability: by a sigmoid, whatever came after it without leaving [0, 1]."""
    return ending is not None and ending.squash.endswith("sigmoid") and ending.low >= 0 and ending.high <= 1


def bounds_note(ending: Ending | None) -> str:
    """A sentence on a D whose logits are bounded by something that is no sigmoid; "" for any other."""
    if ending is None or is_probability(ending):
        return ""
    return (
        f"The discriminator's logits cannot leave [{ending.low:g}, {ending.high:g}] ({ending.squash} at its end), "
        "which limits what the losses here can ask of it."
    )


def lie_like_probabilities(logits: Tensor) -> bool:
    """Whether all of these numbers lie in [0, 1]."""
    return bool(((logits >= 0) & (logits <= 1)).all())
