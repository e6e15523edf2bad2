"""Time that a part of the monitor may take: the loop is not to feel it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

SHARE = 0.005  # of the time that passed goes at most into looking at the numbers, and as much into measuring updates
FREE_SECONDS = 0.25  # that each may take beside that: else a short training would never be looked at


@dataclass
class Allowance:
    """Time that something may take: a share of what passed, and a little at once.

    Attributes:
        share: of the time since the beginning.
        free: seconds beside it.
        spent: seconds so far.
    """

    share: float = SHARE
    free: float = FREE_SECONDS
    spent: float = 0.0
    _last: float = 0.0
    _began: float = field(default_factory=time.perf_counter)

    def may(self) -> bool:
        """Whether there is time for as much as the last time."""
        return self.spent + self._last <= self.free + self.share * (time.perf_counter() - self._began)

    def spend(self, seconds: float) -> None:
        """It took so long."""
        self.spent, self._last = self.spent + seconds, seconds
