"""Long curves made short for the eye: the least and the greatest value of every stretch stay."""

from __future__ import annotations

import numpy as np

MOST_POINTS = 2_000  # of one curve on a page: as many as a wide screen has columns
_ROOM = 8  # times that many are gathered before a growing curve is thinned


def thinned(steps: np.ndarray, values: np.ndarray, most: int = MOST_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Returns at most about `most` points of a curve: of each of equal stretches of steps the least and greatest value.

    The first and the last point stay, and of each stretch with numbers that are not finite one of them, as a gap.

    Args:
        steps: ascending  # [n]
        values: may hold NaN and infinities  # float64 [n]
        most: points to keep; no fewer than 3.
    """
    if len(steps) <= most:
        return steps, values
    stretches = max(1, most // 3)
    span = max(float(steps[-1] - steps[0]), 1e-12)
    place = np.minimum(((steps - steps[0]) / span * stretches).astype(np.int64), stretches - 1)
    finite = np.flatnonzero(np.isfinite(values))
    ranked = finite[np.lexsort((values[finite], place[finite]))]
    edge = np.flatnonzero(np.diff(place[ranked])) if len(ranked) else np.zeros(0, np.int64)
    firsts, lasts = np.append(0, edge + 1), np.append(edge, len(ranked) - 1)
    extremes = ranked[np.concatenate([firsts, lasts])] if len(ranked) else ranked
    gaps = np.flatnonzero(~np.isfinite(values))
    gaps = gaps[np.unique(place[gaps], return_index=True)[1]]
    kept = np.unique(np.concatenate([extremes, gaps, [0, len(steps) - 1]]))
    return steps[kept], values[kept]


class Growing:
    """A curve that is read piece by piece and never takes more memory than some thousand points."""

    def __init__(self) -> None:
        self.steps = np.zeros(0, np.int64)
        self.values = np.zeros(0)

    def add(self, steps: np.ndarray, values: np.ndarray) -> None:
        """Takes the next piece, of later steps."""
        self.steps = np.concatenate([self.steps, steps])
        self.values = np.concatenate([self.values, values])
        if len(self.steps) > _ROOM * MOST_POINTS:
            self.steps, self.values = thinned(self.steps, self.values, 2 * MOST_POINTS)

    def cut(self, last: int) -> None:
        """Forgets what came after a step: a resume took it back."""
        kept = self.steps <= last
        self.steps, self.values = self.steps[kept], self.values[kept]
