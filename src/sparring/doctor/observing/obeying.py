"""Whether pictures are what they were asked for, by means of real classes alone: cheap enough for a training's loop.

The doctor of our own runs asks a classifier of features; a loop of somebody's has pictures and labels. A picture,
brought to mean 0 and length 1, is named after the nearest mean of the classes of reals seen so far (the nearest
centroid of pixels; it is right about some 80 % of digits, 70 % of clothes, and hardly of photographs). So reals are
named in the same way, before they count in a mean, and where those are at chance too nothing can be said.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .numbers_of import NotUnderstoodError, array_of, is_tensor

_MOST_PICTURES, _SIDE = 64, 16  # of a batch, and numbers along a side, that are looked at
_MOST_CLASSES = 100  # more are captions or coordinates, and have no means
_KNOWN = 5  # reals of a class from which on its mean counts
_ENOUGH = 512  # fakes, and reals, that make a figure: its deviation is 2 % at most
_BATCHES = 16  # that wait before they are named: on an accelerator that is one wait for many
_APART, _PART = 250, 0.02  # steps from one figure to the next, and the part of the training's length so far

# A batch: pictures [n, ...] and conditions [n, ...] as they were told, detached, on their device.
Told = tuple[Any, Any]


class Obeying:
    """Gathers reals and fakes with their conditions, and says from time to time how well the fakes obey."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Any, Any]] = []  # side, pictures, conditions; read when a figure is asked for
        self._classes: dict[bytes, int] = {}
        self._sums, self._counts = np.zeros((0, 0)), np.zeros(0)
        self._hits = {"real": [0, 0], "fake": [0, 0]}  # right, of
        self._next = 0
        self.off = False  # conditions are not a few classes

    def seen(self, side: str, pictures: Any, conditions: Any) -> None:
        """Takes a batch.

        Args:
            side: "real" or "fake".
            pictures: in any layout  # [n, ...]
            conditions: class numbers [n] or [n, 1], one-hot rows, or vectors of which each class has one  # [n, ...]

        Raises NotUnderstoodError where they are not of the same length.
        """
        if self.off:
            return
        if len(pictures) != len(conditions):
            raise NotUnderstoodError(f"has {len(conditions)} rows for {len(pictures)} pictures")
        places = (slice(_MOST_PICTURES), *(slice(None, None, max(1, n // _SIDE)) for n in pictures.shape[1:]))
        x: Any = pictures.detach() if is_tensor(pictures) else array_of(pictures)
        told = conditions.detach() if is_tensor(conditions) else np.asarray(conditions)
        # Copies: a loop may write into its batches.
        if is_tensor(x):
            x = x[places].float()
        self._waiting.append((side, x.clone() if is_tensor(x) else x[places].astype(np.float64), _copy(told)))

    @property
    def differ(self) -> bool:
        """Whether several conditions were told."""
        return len(self._classes) > 1 or self.off

    @property
    def is_due(self) -> bool:
        """Whether enough has come to be named."""
        return len(self._waiting) >= _BATCHES

    def measured(self, step: int) -> dict[str, float] | None:
        """`obedience`, `obedience_reals` and `obedience_chance`, in 0 .. 1, of what came since the last figure.

        Returns None where that was not enough, or not long ago.
        """
        waiting, self._waiting = self._waiting, []
        for side, pictures, conditions in waiting:
            self._name(side, _flat(pictures), self._numbered(_flat(conditions, raw=True)))
        if self.off or step < self._next or min(n for _, n in self._hits.values()) < _ENOUGH:
            return None
        found = {side: right / n for side, (right, n) in self._hits.items()}
        self._hits = {"real": [0, 0], "fake": [0, 0]}
        self._next = step + max(_APART, int(_PART * step))
        known = int((self._counts >= _KNOWN).sum())
        return {"obedience": found["fake"], "obedience_reals": found["real"], "obedience_chance": 1 / known}

    def _numbered(self, rows: np.ndarray) -> np.ndarray:
        """Each row's class: rows that are equal are of one class  # int [n]"""
        found = [self._classes.setdefault(row.tobytes(), len(self._classes)) for row in rows]
        self.off |= len(self._classes) > _MOST_CLASSES
        return np.array(found)

    def _name(self, side: str, pictures: np.ndarray, classes: np.ndarray) -> None:
        good = np.isfinite(pictures).all(1)
        pictures, classes = pictures[good], classes[good]
        if self.off or not len(pictures):
            return
        pictures = pictures - pictures.mean(1, keepdims=True)
        pictures /= np.linalg.norm(pictures, axis=1, keepdims=True) + 1e-12
        if not self._sums.size:
            self._sums = np.zeros((_MOST_CLASSES, pictures.shape[1]))
            self._counts = np.zeros(_MOST_CLASSES)
        if pictures.shape[1] != self._sums.shape[1]:
            raise NotUnderstoodError("changes its size from step to step")
        known = np.flatnonzero(self._counts >= _KNOWN)
        judged = np.isin(classes, known)
        if len(known) > 1 and judged.any():
            means = self._sums[known] / self._counts[known, None]
            # |x - m|^2 without |x|^2, which is the same for all.
            distance = (means**2).sum(1) - 2 * pictures[judged] @ means.T
            self._hits[side][0] += int((known[distance.argmin(1)] == classes[judged]).sum())
            self._hits[side][1] += int(judged.sum())
        if side == "real":
            np.add.at(self._sums, classes, pictures)
            np.add.at(self._counts, classes, 1)


def _copy(conditions: Any) -> Any:
    few = conditions[:_MOST_PICTURES]
    return few.clone() if is_tensor(few) else few.copy()


def _flat(rows: Any, raw: bool = False) -> np.ndarray:
    """Rows as float64, or for `raw` one-hot and others alike as float32, which are equal where they were  # [n, k]"""
    if is_tensor(rows):
        torch = sys.modules["torch"]
        rows = rows.to(torch.float32).cpu().numpy()
    return np.ascontiguousarray(rows.reshape(len(rows), -1), np.float32 if raw else np.float64)
