"""Part of the pictures is never trained on: what a judge compares the generator with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sparring.data.pack import Pack
from sparring.data.stream import IndexedStream
from sparring.errors import SparringError
from sparring.seeds import seed_for

# Below so many pictures none is held out unless asked for: a hundred are too few to judge by, and the rest needs them.
FEWEST = 500


@dataclass(frozen=True)
class Split:
    """A data set in two parts.

    Attributes:
        training: draws from the pictures to train on.
        held_out: places (rows of the pack, or indices of the data set) of those that are not, ascending  # int64 [n]
        source: the whole of it.
    """

    training: Pack | IndexedStream
    held_out: np.ndarray
    source: Pack | IndexedStream

    def pictures(self) -> torch.Tensor:
        """Returns the held-out pictures, in the order of their places: uint8  # [n, C, H, W] in [0, 255]."""
        if isinstance(self.source, Pack):
            return torch.from_numpy(self.source.pictures(self.held_out)).permute(0, 3, 1, 2)
        pages = [self.source.part(self.held_out[i : i + 1]).batch(0, 1, seed=0, flip=False) for i in range(self.n)]
        return torch.cat(pages).add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)

    @property
    def n(self) -> int:
        """How many are held out."""
        return len(self.held_out)

    def names(self) -> list[str]:
        """Returns the path (or the index) of each held-out picture."""
        if not isinstance(self.source, Pack):
            return [str(place) for place in self.held_out]
        paths = {row.row: row.path for row in self.source.table() if row.row is not None}
        return [paths[int(place)] for place in self.held_out]


def usual_number(n: int) -> int:
    """How many of n pictures are held out where nobody says.

    A tenth, but up to 500 as much as a fifth, and 2,000 at most: more would cost time at every evaluation and sharpen
    little. None of fewer than 500.
    """
    return 0 if n < FEWEST else min(max(n // 10, min(500, n // 5)), 2000)


def hold_out(source: Any, count: int | None, seed: int = 0) -> Split | None:
    """Sets pictures aside that training never sees: a function of the data, `count` and `seed` alone.

    Equal pictures (by content) stay on one side, so the parts may differ from `count` by a few.

    Args:
        source: what `open_data` gave.
        count: how many; None for the usual number, 0 for none.
        seed: another seed, other pictures.

    Returns the two parts, or None where nothing is held out.
    Raises SparringError when it was asked for and cannot be done.
    """
    if count == 0:
        return None
    if not isinstance(source, Pack | IndexedStream) or source.n is None:
        if count is None:
            return None
        raise SparringError(
            f"--held-out is {count}, but the pictures of a {type(source).__name__} cannot be told apart beforehand.",
            "a folder, an array or a data set with indices",
            "--held-out 0, or hold pictures out yourself and measure against them.",
        )
    wanted = usual_number(source.n) if count is None else count
    if wanted == 0:
        return None
    if not 2 <= wanted <= source.n - 2:
        raise SparringError(f"--held-out is {count} of {source.n:,} pictures.", f"0, or 2 to {source.n - 2:,}")
    groups = _groups(source)
    order = np.random.Generator(np.random.Philox(seed_for(seed, "held out"))).permutation(groups.max() + 1)
    taken = np.cumsum(np.bincount(groups)[order])
    aside = np.zeros(len(order), bool)
    aside[order[: np.searchsorted(taken, wanted) + 1]] = True
    held_out, rest = np.flatnonzero(aside[groups]), np.flatnonzero(~aside[groups])
    if isinstance(source, Pack) and source.conditions is not None:  # a picture without one cannot be judged by it
        held_out = held_out[source.conditions.has(held_out)]
    if len(rest) < 2:
        raise SparringError(
            "Nearly all of the pictures are copies of one, so none can be held out.", "different pictures"
        )
    return Split(source.part(rest), held_out, source)


def _groups(source: Pack | IndexedStream) -> np.ndarray:
    """A number for each picture, equal for pictures of equal content where that is known."""
    if not isinstance(source, Pack):
        return np.arange(len(source))
    return np.unique(np.array(source.hashes()), return_inverse=True)[1]
