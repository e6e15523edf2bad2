"""What people tell as the step -> steps that go on, or honestly go back."""

from __future__ import annotations

import math
from typing import Any

_STANDS = 200  # observes of the same names at the same step: it is no step


class Steps:
    """Counts where nobody tells, and mends what is told: the place in an epoch, or the epoch itself.

    Attributes:
        last: the last step; None before the first.
    """

    def __init__(self) -> None:
        self.last: int | None = None
        self._first, self._offset, self._stood = 0, 0, 0
        self._names: set[str] = set()  # told at the last step
        self._counting = False

    def of(self, told: Any, names: set[str]) -> tuple[int, str]:
        """The step, and what to tell people ("" for nothing).

        Args:
            told: whatever they gave; None where they gave nothing.
            names: of the numbers that came with it. Where nobody counts, a step is over when a name comes again.
        """
        whole, note = None if self._counting else whole_number(told), ""
        again = bool(names & self._names)
        if self.last is None:
            step = self._first = whole or 0
        elif whole is None:
            step = self.last + again
        elif whole <= self._first and whole + self._offset < self.last:
            step = self.last + 1
            self._offset = step - whole
            note = f"the step went back to {whole}: it is taken as the place in an epoch, and counted on"
        else:
            step = whole + self._offset
        self._stood = self._stood + again if step == self.last and whole is not None else 0
        if self._stood >= _STANDS and self.last is not None:
            self._counting, step = True, self.last + 1
            note = f"the step stood at {whole} for {_STANDS} observes: from now on they are counted here"
        if step != self.last:
            self._names = set()
        self._names |= names
        self.last = step
        return step, note


def whole_number(told: Any) -> int | None:
    """A step as a whole number, None for what is none."""
    if told is None or isinstance(told, str | bytes):
        return None
    try:
        number = float(told)
    except Exception:  # a stranger's object may raise anything
        return None
    return int(number) if math.isfinite(number) and 0 <= number < 2**53 else None
