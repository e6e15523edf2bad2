"""A training's numbers while they come: columns of bounded length, and the history that they make."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..history import History, Series
from .readers.json_lines import OWN, TAGS
from .readers.reading.laying_out import with_a_whole_loss
from .readers.reading.naming import tag

RECENT = 1_000  # rows of a signal that stay as they are; what is older keeps its extremes
_BLOCK = 8  # older rows of which the lowest and the highest are kept
_BEFORE, _FAR, _LEAST = 50, 8.0, 0.1  # rows of the jump test, its bound in deviations, and its least deviation
_NEAR = math.exp(_FAR * _LEAST)  # times the median before: what is lower leaps for no deviation
_MOST_EVENTS = 2 * RECENT  # that are kept, of each kind: a loop that reloads in every step must not fill the memory
_LOSSES = ("loss", "real", "fake")


class Recorder:
    """Keeps what a training tells, in bounded memory: per signal some 1,000 newest rows, and the extremes before.

    Args:
        loss: the name of the training's loss, where it is known.
        producer: who tells it.
        facts: whatever else is known, as `History.facts` has it; "losses_are": "running mean" where they are not of
            single steps.
    """

    def __init__(self, loss: str | None = None, producer: str = "", facts: Mapping[str, Any] | None = None) -> None:
        self._facts = dict(facts or {})
        self._columns: dict[str, Column] = {}
        self._loss, self._producer = loss, producer
        self._first: int | None = None
        self._last = 0
        self._rewinds: list[tuple[int, int]] = []
        self._events: list[tuple[int, str]] = []
        self._evaluations: list[dict[str, Any]] = []

    @property
    def rows(self) -> int:
        """Rows of the longest signal since the beginning."""
        return max((column.seen for column in self._columns.values()), default=0)

    def add(self, step: int, values: Mapping[str, float]) -> bool:
        """Takes the numbers of a step; those that are not finite stay so.

        A step at or before the last one takes back what was told of the steps from it on, and is kept as a rewind.

        Args:
            step: of the training; it may have gaps.
            values: signal -> number, by the names of our own runs ("d_loss", "g_grad_norm"), or any that a log has.

        Returns:
            Whether something leapt, or was not finite: worth a look at once.
        """
        if self._first is None:
            self._first = step
        elif step <= self._last and any(column.has(step) for name in values if (column := self._columns.get(name))):
            self.rewind(step - 1)
        self._last = max(self._last, step)
        leapt = False
        for name, value in values.items():
            column = self._columns.get(name)
            if column is None:
                column = self._columns[name] = Column()
            leapt |= column.add(step, value)
        return leapt

    def rewind(self, to: int) -> None:
        """The training goes on from an earlier step: what came after it was taken back."""
        if self._last > to and len(self._rewinds) < _MOST_EVENTS:
            self._rewinds.append((self._last, to))
        self._last = to
        for column in self._columns.values():
            column.cut(to)
        self._evaluations = [each for each in self._evaluations if each["step"] <= to]

    def happened(self, step: int, what: str) -> None:
        """Notes what is no number: "checkpoint loaded"."""
        if len(self._events) < _MOST_EVENTS:
            self._events.append((step, what))

    def evaluated(self, step: int, values: Mapping[str, Any]) -> None:
        """Takes what an evaluation measured; see `quality.facts`."""
        self._evaluations.append({"step": step, **values})

    def saw(self, facts: Mapping[str, Any]) -> None:
        """Takes what is known of the networks by now, by the names of `sparring.doctor.facts`."""
        if facts:
            self._facts["seen"] = dict(facts)
        loss = facts.get("loss")
        if loss is not None and loss.family and not loss.guessed:
            self._facts["family"] = loss.family

    def history(self) -> History:
        """All of it, as rules and readers have it."""
        facts = dict(self._facts)
        if self._loss:
            facts["loss"] = self._loss
        if self._evaluations:
            facts["evaluations"] = list(self._evaluations)
        note = str(facts.get("losses_are", ""))
        series = tuple(_series(name, column, note) for name, column in self._columns.items() if len(column))
        return History(
            series=tuple(with_a_whole_loss(list(series))),
            producer=self._producer,
            complete_from=self._first if self._first is not None and self._first > self._spacing(series) else 0,
            rewinds=tuple(self._rewinds),
            events=tuple(self._events),
            lines=self.rows,
            facts=facts,
        )

    def _spacing(self, series: tuple[Series, ...]) -> float:
        steps = max((each.steps for each in series), key=len, default=np.zeros(0))
        return float(np.median(np.diff(steps))) if len(steps) > 1 else 1.0


class Column:
    """One signal over steps, bounded."""

    def __init__(self) -> None:
        self._steps, self._values = array("q"), array("d")
        self._old = np.zeros((0, 2))  # rows that were thinned: step, value
        self.seen = 0

    def __len__(self) -> int:
        return len(self._steps) + len(self._old)

    def has(self, step: int) -> bool:
        """Whether this step or a later one was told already."""
        return bool(self._steps) and self._steps[-1] >= step

    def add(self, step: int, value: float) -> bool:
        """Keeps a number; returns whether it leapt above the 50 before it, or is not finite."""
        leapt = not math.isfinite(value) or self._leaps(value)
        self._steps.append(step)
        self._values.append(value)
        self.seen += 1
        if len(self._steps) >= 2 * RECENT:
            self._thin()
        return leapt

    def cut(self, to: int) -> None:
        """Forgets what came after a step."""
        while self._steps and self._steps[-1] > to:
            self._steps.pop()
            self._values.pop()
        if not self._steps:
            self._old = self._old[self._old[:, 0] <= to]

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values  # int64 [n], float64 [n]"""
        steps = np.concatenate([self._old[:, 0].astype(np.int64), np.array(self._steps, np.int64)])
        return steps, np.concatenate([self._old[:, 1], np.array(self._values, np.float64)])

    def _leaps(self, value: float) -> bool:
        if value <= 0 or len(self._values) < _BEFORE:
            return False
        last = self._values[-_BEFORE:]
        ordered = sorted(last)
        # Nearly every number stops here, which costs a tenth of what follows.
        if not ordered[0] > 0 or value <= _NEAR * ordered[(_BEFORE - 1) // 2] or not all(number > 0 for number in last):
            return False
        before = np.log(np.array(last))
        middle = np.median(before)
        spread = max(1.4826 * float(np.median(np.abs(before - middle))), _LEAST)
        return bool(math.log(value) - middle > _FAR * spread)

    def _thin(self) -> None:
        """Moves all but the newest rows to the old ones; these are thinned where they are too many."""
        steps = np.array(self._steps[:-RECENT], np.float64)
        moved = np.stack([steps, np.array(self._values[:-RECENT])], 1)
        self._old = np.concatenate([self._old, moved])
        del self._steps[:-RECENT], self._values[:-RECENT]
        while len(self._old) > RECENT:
            self._old = _extremes(self._old)


def _extremes(rows: np.ndarray) -> np.ndarray:
    """Of each block of rows the lowest, the highest and what is not finite first  # float64 [n, 2]"""
    blocks = rows[: len(rows) // _BLOCK * _BLOCK, 1].reshape(-1, _BLOCK)
    fine = np.isfinite(blocks)
    begins = np.arange(len(blocks)) * _BLOCK
    some, bad = fine.any(axis=1), ~fine.all(axis=1)
    lowest = begins + np.argmin(np.where(fine, blocks, np.inf), axis=1)
    highest = begins + np.argmax(np.where(fine, blocks, -np.inf), axis=1)
    kept = np.concatenate([lowest[some], highest[some], (begins + np.argmin(fine, axis=1))[bad]])
    rest = np.arange(len(blocks) * _BLOCK, len(rows))  # less than a block
    return np.asarray(rows[np.unique(np.concatenate([kept, rest]))])


def _series(name: str, column: Column, note: str) -> Series:
    steps, values = column.rows()
    told = TAGS[OWN].get(name) or tag(name)
    notes = (told.note, note if told.network and told.term in _LOSSES else "")
    return Series(name, told.network, told.term, steps, values, note=", ".join(filter(None, notes)))
