"""Where each record stands in its training: positions as the log tells them -> steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .columns import COUNT

UNITS = ("steps", "images", "ticks", "epochs")  # the first that a log has is its unit
_TOO_MANY = 0.2  # of all records: a counter that goes back so often counts no training


@dataclass(eq=False)
class Part:
    """A table with its steps.

    Attributes:
        producer: of what format.
        roles: of its columns from the third on.
        rows: as `columns.Table` gives them  # float64 [n, 2 + roles]
        steps: of each row; NaN where not known  # float64 [n]
        unit: of its steps, one of `UNITS`; "" where it told none.
    """

    producer: str
    roles: tuple[str, ...]
    rows: np.ndarray
    steps: np.ndarray = field(default_factory=lambda: np.zeros(0))
    unit: str = ""

    def column(self, role: str) -> np.ndarray | None:
        """A column by its role."""
        return self.rows[:, 2 + self.roles.index(role)] if role in self.roles else None


def place(parts: Sequence[Part], begins: Mapping[str, int], facts: dict[str, Any]) -> str:
    """Fills in the steps of all parts; returns their unit, "" where rows were counted.

    Args:
        parts: tables, without steps.
        begins: what the first epoch is called, by producer; guessed where it is not told.
        facts: what is learned on the way is added: length of an epoch, epochs.
    """
    for part in parts:
        part.steps, part.unit = _told(part, begins.get(part.producer, 0), facts)
    unit = next((unit for unit in UNITS if any(part.unit == unit for part in parts)), "")
    if unit == "epochs" and any(_stands_still(part) for part in parts if part.unit == unit):
        unit = ""
    if not unit:
        _count(parts)
        return ""
    known = [part for part in parts if part.unit == unit]
    counts = np.concatenate([part.rows[:, COUNT] for part in known])
    order = np.argsort(counts, kind="stable")
    counts, steps = counts[order], np.concatenate([part.steps for part in known])[order]
    for part in parts:
        if part.unit != unit:
            at = np.searchsorted(counts, part.rows[:, COUNT], "right") - 1
            part.steps = steps[np.maximum(at, 0)]
    return unit


def _told(part: Part, first: int, facts: dict[str, Any]) -> tuple[np.ndarray, str]:
    step, epoch, batch = (part.column(role) for role in ("@step", "@epoch", "@batch"))
    epochs, batches, steps = (part.column(role) for role in ("@epochs", "@batches", "@steps"))
    if epochs is not None and len(epochs):
        facts["epochs"] = float(epochs[-1])
    if epoch is not None and step is not None and steps is not None and batch is None and _wraps(epoch, step):
        batch, batches, step = step, steps, None  # "Epoch 3/10 Step 20/100": a step of the epoch
    if epoch is not None and step is not None and batch is None and _wraps(epoch, step):
        batch, step = step, None
    if step is None and batch is not None and epoch is None:
        step = batch
    if step is not None:
        return step, "steps"
    if epoch is not None and batch is not None:
        return _of_epochs(epoch, batch, batches, first, facts), "steps"
    for role, factor, unit in (("@images", 1.0, "images"), ("@kimg", 1000.0, "images"), ("@tick", 1.0, "ticks")):
        found = part.column(role)
        if found is not None:
            return found * factor, unit
    return (epoch, "epochs") if epoch is not None else (np.full(len(part.rows), np.nan), "")


def _wraps(epoch: np.ndarray, step: np.ndarray) -> bool:
    """Whether a counter begins anew with the epochs."""
    onward = np.diff(epoch) > 0
    return bool(onward.any()) and bool((np.diff(step)[onward] < 0).mean() > 0.5)


def _of_epochs(
    epoch: np.ndarray, batch: np.ndarray, batches: np.ndarray | None, first: int, facts: dict[str, Any]
) -> np.ndarray:
    """epoch x length + batch; the length as told, or the furthest batch and one record more."""
    finite = batch[np.isfinite(batch)]
    if not len(finite):
        return epoch
    if batches is not None and np.isfinite(batches).any():
        length = float(np.nanmax(batches))
    elif (np.diff(epoch) > 0).any() and not _wraps(epoch, batch):
        return batch  # it counts on through the epochs
    else:
        gaps = np.diff(finite)
        gap = float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 1.0
        length = float(finite.max()) + (gap if finite.min() < gap else 0.0)
        facts["epoch_length_inferred"] = True
    facts["epoch_length"] = length
    begun = first if first == 0 or np.nanmin(epoch) >= first else 0
    steps: np.ndarray = (epoch - begun) * max(length, 1.0) + batch
    return steps


def _stands_still(part: Part) -> bool:
    """Whether several records of the same make-up share an epoch: then it is not where they stand."""
    return len(part.steps) > 1 and bool((np.diff(part.steps) == 0).mean() > 0.2)


def _count(parts: Sequence[Part]) -> None:
    """Counts the records of the commonest kind; all others stand where the last of these did."""
    if not parts:
        return
    main = max(parts, key=lambda part: len(part.rows))
    alike = [part for part in parts if set(part.roles) & set(main.roles)]
    counts = np.sort(np.concatenate([part.rows[:, COUNT] for part in alike]))
    for part in parts:
        at = np.searchsorted(counts, part.rows[:, COUNT], "right") - 1
        part.steps = np.maximum(at, 0).astype(float)


@dataclass(frozen=True)
class Course:
    """How the counter of a log went.

    Attributes:
        starts: records at which a run begins, the first of them 0  # counts
        rewinds: (count of the first record after it, step before, step after).
        sound: whether the counter counts a training at all.
    """

    starts: tuple[int, ...]
    rewinds: tuple[tuple[int, float, float], ...]
    sound: bool = True


def course(parts: Sequence[Part], unit: str, facts: dict[str, Any]) -> Course:
    """Where the counter went back: to where a run began (then a new one begins), or less far.

    A counter that begins anew at least three times, always from the same number, counts the batches of an epoch
    that the log does not tell: the steps go on.
    """
    known = [part for part in parts if part.unit == unit and len(part.rows)]
    if not unit or not known:
        return Course((0,), ())
    main = max(known, key=lambda part: len(part.rows))
    steps, counts = main.steps, main.rows[:, COUNT]
    good = np.isfinite(steps)
    steps, counts = steps[good], counts[good]
    back = np.flatnonzero(np.diff(steps) < 0) + 1
    if len(back) > max(3, _TOO_MANY * len(steps)):
        return Course((0,), (), sound=False)
    starts, rewinds, begun = [0], [], steps[0] if len(steps) else 0.0
    for at in back:
        if steps[at] <= begun:
            starts.append(int(at))
            begun = steps[at]
        else:
            rewinds.append((int(counts[at]), float(steps[at - 1]), float(steps[at])))
    if len(starts) > 3 and not rewinds and unit == "steps" and _regular(steps, starts):
        _unroll(known, steps, counts, starts, facts)
        return Course((0,), ())
    return Course((0, *(int(counts[at]) for at in starts[1:])), tuple(rewinds))


def _regular(steps: np.ndarray, starts: list[int]) -> bool:
    ends = steps[np.array(starts[1:]) - 1]
    return bool((ends == ends[0]).all() and (steps[starts] == steps[0]).all() and ends[0] > steps[0])


def _unroll(
    parts: Sequence[Part], steps: np.ndarray, counts: np.ndarray, starts: list[int], facts: dict[str, Any]
) -> None:
    gap = float(np.median(np.diff(steps[: starts[1]])))
    length = float(steps[starts[1] - 1] - steps[0] + gap)
    facts["epoch_length"], facts["epoch_length_inferred"] = length, True
    begins = counts[starts]
    for part in parts:
        epoch = np.maximum(np.searchsorted(begins, part.rows[:, COUNT], "right") - 1, 0)
        part.steps = part.steps + epoch * length
