"""What evaluations measured, as facts of the rules on quality: columns over steps, each only where it was measured.

The names are those of an "evaluation" event of ours; whoever records evaluations gives what they have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...history import History
from ..catalogue import NotJudged
from .windows import Stretch, stretches

# Distance of neighbouring fakes over that of reals, in pixels: of a batch, as a loop that is watched tells it.
SPREAD = "g_spread"
WARM = 1_000  # steps before which a generator may still be gray, and all its pictures alike

FACTS: dict[str, str] = {
    "quality": "Quality: the metric that decides, at every evaluation",
    "spread": "dict: evaluations, batches -> Sheet of spread: distance of fakes in pixels, over that of reals",
    "modes": "Sheet: recall, coverage and precision with those of reals (.._reals), and apart where it was measured",
    "within": "Sheet: spread_within (median class) and spread_within_least of classes, or spread_of_condition",
    "obedience": "Sheet: obedience, obedience_reals, obedience_chance; condition_effect where it was measured",
    "critic_of_conditions": "Sheet: d_condition_auc on held-out reals, and d_condition_auc_train",
    "critic_gap": "Sheet: D's mean logits d_train, d_held, d_fake; d_sign_train where the loss has a boundary",
    "nearness": "Sheet: nearest_train, nearest_held, nearest: distances to the nearest real",
    "checkerboard": "Sheet: checkerboard and checkerboard_reals: how far frequencies of strides stand out",
    "average": "Sheet: value_raw and value_average of the metric, with noise_raw",
    "leak": "Sheet: leak and leak_reals: shares of pictures with holes that an augmentation makes",
}
# Fact -> (columns that it needs, columns that it has where they were measured).
_SHEETS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "modes": (
        ("recall", "coverage", "precision", "recall_reals", "coverage_reals", "precision_reals"),
        ("apart", "apart_reals", "spread"),
    ),
    "obedience": (("obedience", "obedience_reals", "obedience_chance"), ("condition_effect", "spread")),
    "critic_of_conditions": (("d_condition_auc", "d_condition_auc_train"), ()),
    "critic_gap": (("d_train", "d_held", "d_fake"), ("d_sign_train",)),
    "nearness": (("nearest_train", "nearest_held", "nearest"), ()),
    "checkerboard": (("checkerboard", "checkerboard_reals"), ()),
    "average": (("value_raw", "value_average", "noise_raw"), ()),
    "leak": (("leak", "leak_reals"), ()),
}


@dataclass(frozen=True, eq=False)
class Sheet:
    """Some columns of evaluations: those rows in which all that is needed was measured.

    Attributes:
        steps: of the rows, ascending  # int64 [n]
        columns: name -> values; what was measured at some of them only is NaN at others  # float64 [n] each
    """

    steps: np.ndarray
    columns: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, name: str) -> np.ndarray:
        """A column; NaN everywhere where it was never measured  # float64 [n]"""
        return self.columns.get(name, np.full(len(self.steps), np.nan))


@dataclass(frozen=True, eq=False)
class Quality:
    """The metric that decides.

    Attributes:
        metric: its name.
        lower: whether lower is better.
        steps: ascending  # int64 [n]
        values: # float64 [n]
        noise: one standard deviation of each, over other fakes of the same generator  # float64 [n]
    """

    metric: str
    lower: bool
    steps: np.ndarray
    values: np.ndarray
    noise: np.ndarray

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def loss(self) -> np.ndarray:
        """The values so turned that lower is better  # float64 [n]"""
        return self.values if self.lower else -self.values

    @property
    def best(self) -> int:
        """The row of the best evaluation."""
        return int(np.argmin(self.loss))

    def worse_than_best(self, noises: float, part: float) -> np.ndarray:
        """Where it is worse than the best before it, by more than so many noises and that part of it  # bool [n]"""
        best = np.minimum.accumulate(self.loss)
        margin = np.maximum(noises * np.maximum(self.noise, self.noise[self.best]), part * np.abs(best))
        return np.asarray(self.loss - best > margin)


def facts_of_quality(history: History) -> dict[str, Any]:
    """The facts of `FACTS` that a history has.

    Args:
        history: whose `facts["evaluations"]` are dicts of "step" and values, in any order; what is no number is none.
    """
    rows = [row for row in history.facts.get("evaluations") or () if _number(row.get("step")) is not None]
    rows = sorted({int(row["step"]): row for row in rows}.values(), key=lambda row: int(row["step"]))
    facts: dict[str, Any] = {name: _sheet(rows, *columns) for name, columns in _SHEETS.items()}
    facts["within"] = _sheet(rows, ("spread_within", "spread_within_least", "spread"), ("least_class",)) or _sheet(
        rows, ("spread_of_condition", "condition_effect", "spread"), ()
    )
    spreads = {"evaluations": _sheet(rows, ("spread",), ()), "batches": _batches(history)}
    facts["spread"] = {name: sheet for name, sheet in spreads.items() if sheet is not None}
    facts["quality"] = _quality(rows)
    return {name: fact for name, fact in facts.items() if fact is not None and fact != {}}


def _quality(rows: Sequence[Mapping[str, Any]]) -> Quality | None:
    told = [row for row in rows if isinstance(row.get("metric"), str) and row.get("better") in ("lower", "higher")]
    told = [row for row in told if row["metric"] == told[-1]["metric"]]
    found = _sheet(told, ("value",), ("noise",))
    if found is None:
        return None
    return Quality(
        told[-1]["metric"],
        told[-1]["better"] == "lower",
        found.steps,
        found["value"],
        np.nan_to_num(found["noise"]),
    )


def _sheet(rows: Sequence[Mapping[str, Any]], needed: Sequence[str], beside: Sequence[str]) -> Sheet | None:
    table = {name: [_number(row.get(name)) for row in rows] for name in (*needed, *beside)}
    whole = [all(table[name][at] is not None for name in needed) for at in range(len(rows))]
    if not any(whole):
        return None
    steps = np.array([int(row["step"]) for row, kept in zip(rows, whole, strict=True) if kept], np.int64)
    columns = {
        name: np.array(
            [np.nan if value is None else value for value, kept in zip(column, whole, strict=True) if kept], np.float64
        )
        for name, column in table.items()
    }
    return Sheet(steps, {name: column for name, column in columns.items() if not np.isnan(column).all()})


def _batches(history: History) -> Sheet | None:
    series = history.named(SPREAD)
    if series is None:
        return None
    fine = np.isfinite(series.values)
    return Sheet(series.steps[fine], {"spread": np.asarray(series.values[fine], np.float64)}) if fine.any() else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**62:
        return None
    return float(value)


def lasting(
    on: np.ndarray, steps: np.ndarray, badness: np.ndarray, *, evaluations: int, span: int = 0
) -> Stretch | None:
    """What was so in several evaluations one after the other; see `windows.stretches`.

    Args:
        on: where it is so  # bool [n]
        steps: of the evaluations  # int64 [n]
        badness: the larger the worse  # float64 [n]
        evaluations: at least.
        span: steps from the first of them to the last, at least.
    """
    return stretches(on, ~on, steps, badness, least_steps=span, least_points=evaluations)


def too_few(sheet: Sheet | Quality, least: int, warm: int = 0) -> NotJudged | None:
    """Why so few evaluations are not judged; None where they are enough.

    Args:
        sheet: the evaluations.
        least: that are needed.
        warm: step before which they do not count.
    """
    count = int((sheet.steps >= warm).sum())
    if count >= least:
        return None
    after = f" from step {warm:,} on" if warm else ""
    return NotJudged(f"{count} of the {least} evaluations that it takes{after}")
