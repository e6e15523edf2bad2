"""In which order pictures are drawn, and which are mirrored: functions of the seed and the position, with no state."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache

import numpy as np

from sparring.seeds import seed_for

_FLIP_BLOCK = 8192  # positions whose coins are tossed together; a part of the order, so it must not be changed


class IndexOrder:
    """The order in which `n` pictures are drawn: every epoch a fresh permutation, drawn from (seed, epoch) alone.

    Args:
        n: number of pictures, at least 1.
        places: where in the data set each of them stands, int64  # [n]; None: at 0 .. n-1
    """

    def __init__(self, n: int, places: np.ndarray | None = None) -> None:
        if n < 1:
            raise ValueError(f"an order needs at least 1 picture, not {n}")
        self.n, self._places = n, places
        self._epochs: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()

    def epoch(self, seed: int, epoch: int) -> np.ndarray:
        """Returns one epoch's permutation of 0 .. n-1, int64  # [n]. The two last used are kept."""
        key = (seed, epoch)
        if key not in self._epochs:
            generator = np.random.Generator(np.random.Philox(seed_for(seed, "order", epoch)))
            self._epochs[key] = generator.permutation(self.n)
            while len(self._epochs) > 2:  # a batch that straddles two epochs needs both
                self._epochs.popitem(last=False)
        self._epochs.move_to_end(key)
        return self._epochs[key]

    def indices(self, position: int, count: int, seed: int) -> np.ndarray:
        """Returns the places of the pictures drawn at position .. position+count-1 of a run, int64  # [count]."""
        check_draw(position, count)
        parts = []
        while count > 0:
            epoch, place = divmod(position, self.n)
            part = self.epoch(seed, epoch)[place : place + count]
            parts.append(part)
            position, count = position + len(part), count - len(part)
        drawn = np.concatenate(parts)
        return drawn if self._places is None else self._places[drawn]


def flips(position: int, count: int, seed: int) -> np.ndarray:
    """Returns which of the pictures drawn at position .. position+count-1 are mirrored (p = 0.5), bool  # [count].

    The position in a run stands for (epoch, place in the epoch), and needs no known length of an epoch.
    """
    check_draw(position, count)
    first, last = position // _FLIP_BLOCK, (position + count - 1) // _FLIP_BLOCK
    start = position - first * _FLIP_BLOCK
    coins = np.concatenate([_coins(seed, block) for block in range(first, last + 1)])
    return coins[start : start + count]


@lru_cache(maxsize=4)
def _coins(seed: int, block: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(seed_for(seed, "flip", block))).random(_FLIP_BLOCK) < 0.5


def mirror(pictures: np.ndarray, which: np.ndarray) -> None:
    """Mirrors some pictures left to right in place.

    Args:
        pictures: of any type  # [B, H, W, C]
        which: those to be mirrored, bool  # [B]
    """
    places = np.flatnonzero(which)
    if len(places):
        before = pictures[places]
        for channel in range(pictures.shape[3]):  # one by one: runs of W numbers, and not of C, for NumPy's inner loop
            pictures[places, :, :, channel] = before[:, :, ::-1, channel]


def check_draw(position: int, count: int) -> None:
    """Raises ValueError unless position >= 0 and count >= 1."""
    if position < 0 or count < 1:
        raise ValueError(f"position must be >= 0 and count >= 1, not position={position} and count={count}")
