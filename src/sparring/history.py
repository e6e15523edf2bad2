"""Signals as columns over steps, whoever recorded them: a log of ten years ago, a live loop, or a run of ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

NETWORKS = ("d", "g", "")
# What a number is of its network: its whole loss, a term of it, or something beside it.
TERMS = (
    "loss", "real", "fake", "penalty", "auxiliary", "accuracy", "accuracy_real", "accuracy_fake", "logit_real",
    "logit_fake", "p_real", "p_fake", "p_fake_after", "gradient", "rate", "quality", "other",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Series:
    """One named number over steps.

    Attributes:
        name: as its log has it ("Loss_D", "d_loss").
        network: "d", "g" or "" (of both, or of neither).
        term: one of `TERMS`.
        steps: where it was recorded, ascending  # int64 [n]
        values: what it was; NaN and infinities as they were  # float64 [n]
        lines: line of the log that it was read from, for each; empty for what came from no text  # int64 [n] or [0]
        note: what else is known of it: "average of two terms", "real term only", "running mean" ..; "" for nothing.
    """

    name: str
    network: str
    term: str
    steps: np.ndarray
    values: np.ndarray
    lines: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    note: str = ""

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, eq=False)
class History:
    """What is known of one training, or of one part of it between two restarts.

    Attributes:
        series: in the order in which they first appear.
        producer: what wrote it, by its format ("the official DCGAN example"); "" where that is not known.
        steps_known: whether steps are iterations that the log told; else they are rows counted here.
        complete_from: the first step that the training had, as far as the log tells; 0 for its beginning.
        rewinds: steps at which the counter went back, as (from, to).
        events: (step, what happened): checkpoints loaded, NaN lines, tracebacks, restarts.
        not_understood: lines that held numbers and fitted nothing.
        lines: all lines read.
        facts: whatever else is known: loss family, batch, epochs, length of an epoch.
    """

    series: tuple[Series, ...] = ()
    producer: str = ""
    steps_known: bool = True
    complete_from: int = 0
    rewinds: tuple[tuple[int, int], ...] = ()
    events: tuple[tuple[int, str], ...] = ()
    not_understood: int = 0
    lines: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    def of(self, network: str, term: str = "loss") -> Series | None:
        """The first series of a network and a term; None where there is none."""
        return next((s for s in self.series if s.network == network and s.term == term), None)

    def named(self, name: str) -> Series | None:
        """The series of a name, None where there is none."""
        return next((s for s in self.series if s.name == name), None)

    def aligned(self, *wanted: Series) -> tuple[np.ndarray, ...]:
        """Steps that all of these have, and the values of each there: the last of one recorded twice  # [n] each"""
        lasts = []
        for each in wanted:
            steps, back = np.unique(each.steps[::-1], return_index=True)
            lasts.append((steps, each.values[::-1][back]))
        common = lasts[0][0]
        for steps, _ in lasts[1:]:
            common = np.intersect1d(common, steps, assume_unique=True)
        return (common, *(values[np.searchsorted(steps, common)] for steps, values in lasts))
