"""Pairs of networks in which nothing is wrong: the doctor may give hints on them, and neither errors nor warnings.

Written from the papers and from what people build, before the doctor was, and without looking at it. `TUNED` may be
used while rules are made; `HELD_OUT` only to measure them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Built = tuple[Any, Any, dict[str, Any]]  # generator, discriminator, further keyword arguments of `check`


@dataclass(frozen=True)
class Healthy:
    """A pair, built anew by each call of `build`."""

    name: str
    build: Callable[[], Built]


def gather(pairs: list[Healthy]) -> Callable[[Callable[[], Built]], Callable[[], Built]]:
    """Returns the decorator by which a file puts its builders on its list, under their own names."""

    def put(build: Callable[[], Built]) -> Callable[[], Built]:
        pairs.append(Healthy(build.__name__, build))
        return build

    return put


# The files need what stands above.
from . import (  # noqa: E402
    keras_held_out,
    keras_tuned,
    second,
    second_critics,
    second_keras,
    second_more,
    torch_held_out,
    torch_held_out_more,
    torch_tuned,
    torch_tuned_more,
)  # fmt: skip

TUNED = torch_tuned.PAIRS + torch_tuned_more.PAIRS + keras_tuned.PAIRS
HELD_OUT = torch_held_out.PAIRS + torch_held_out_more.PAIRS + keras_held_out.PAIRS
SECOND = second.PAIRS + second_critics.PAIRS + second_more.PAIRS + second_keras.PAIRS  # written later, by another
