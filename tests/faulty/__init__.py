"""Programs with one planted fault each, as people write them, by which the doctor is measured. Tune nothing on them.

Written before the doctor was, and without looking at it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Built = tuple[Any, Any, dict[str, Any]]  # generator, discriminator, further keyword arguments of `check`


@dataclass(frozen=True)
class Faulty:
    """A program whose fault has this code; other findings may stand beside it."""

    name: str
    code: str
    build: Callable[[], Built]


def gather(programs: list[Faulty]) -> Callable[[str], Callable[[Callable[[], Built]], Callable[[], Built]]]:
    """Returns the decorator by which a file puts its builders on its list, under their own names."""

    def of(code: str) -> Callable[[Callable[[], Built]], Callable[[], Built]]:
        def put(build: Callable[[], Built]) -> Callable[[], Built]:
            programs.append(Faulty(build.__name__, code, build))
            return build

        return put

    return of


# The files need what stands above.
from . import (  # noqa: E402
    keras_held_out,
    second,
    second_keras,
    second_setup,
    torch_held_out,
    torch_held_out_setup,
    torch_held_out_steps,
)  # fmt: skip

HELD_OUT = (
    torch_held_out.PROGRAMS + torch_held_out_steps.PROGRAMS + torch_held_out_setup.PROGRAMS + keras_held_out.PROGRAMS
)
SECOND = second.PROGRAMS + second_setup.PROGRAMS + second_keras.PROGRAMS  # written later, by another
