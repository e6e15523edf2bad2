"""Both losses of a training in one frame: sums of D's two terms, at the same steps, with all that is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...history import History, Series
from .families import LN2, UNDECIDED, family_of, guess, impossible

_MOST = 1e30  # larger losses count as that: their squares must be numbers too
WARM_UP = 500  # iterations in which losses of 25 to 40 are normal (the official DCGAN example, iterations 50 to 150)
SATURATING = ("minimax", "saturating")  # names of a loss whose G has log(1 - p)
SMOOTHED = 0.3251  # the least that D's real term can be where reals are labelled .9
# What a loss stands at when its probability was clamped, and whose clamp it is.
CEILINGS: dict[float, str] = {
    100.0: "PyTorch's BCELoss", 16.118: "Keras, p at 1e-7", 15.942: "Keras, p at 1 - 1e-7 in fp32",
    27.631: "an epsilon of 1e-12", 23.026: "an epsilon of 1e-10", 18.421: "an epsilon of 1e-8",
    13.816: "an epsilon of 1e-6",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Losses:
    """What rules on balance and stability look at.

    Attributes:
        steps: rows in which D's and G's loss are both there and finite  # int64 [n], ascending
        d: the sum of D's adversarial terms, as far as they are known apart  # float64 [n]
        g: G's adversarial loss  # float64 [n]
        family: "bce", "hinge", "wasserstein", "least-squares", "least-squares-halved", "relativistic" or "" (unknown).
        sure: how sure that is: 1 where it was told, less where it was guessed.
        averaged: "told" or "guessed" where the log has half of D's sum, and `d` is twice its numbers; else "".
        partial: why `d` is not the sum ("real term only", "penalties included"); "" where it is, as far as known.
        smoothed: running means, or means of epochs: single rows say little.
        floor: what smoothed targets leave of D's sum at best.
        warm_from: the first row after the warm-up; n where none is.
        spacing: steps from row to row, the median.
        steps_known: whether steps are iterations; else they are rows.
        counted: what steps count where they are no iterations ("epoch", "tick", "row").
        starts_late: the log begins in the middle of a training.
        ceilings: network -> (constant, rows that stand on it), where a loss is clamped.
        names: what the log calls them: D's, G's.
        accuracy: D's, 0 to 1, in each row; None where it is not logged  # float64 [n]
    """

    steps: np.ndarray
    d: np.ndarray
    g: np.ndarray
    family: str = ""
    sure: float = 0.0
    averaged: str = ""
    partial: str = ""
    smoothed: bool = False
    floor: float = 0.0
    warm_from: int = 0
    spacing: float = 1.0
    steps_known: bool = True
    counted: str = "row"
    starts_late: bool = False
    ceilings: dict[str, tuple[float, int]] = field(default_factory=dict)
    names: tuple[str, str] = ("d_loss", "g_loss")
    accuracy: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def warm(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Steps, D and G after the warm-up  # [m] each"""
        return self.steps[self.warm_from :], self.d[self.warm_from :], self.g[self.warm_from :]

    @property
    def least(self) -> np.ndarray:
        """D's sum after the warm-up, at its least: not doubled where an average was only guessed  # float64 [m]"""
        return self.d[self.warm_from :] / (2.0 if self.averaged == "guessed" else 1.0)

    @property
    def unit(self) -> str:
        """What steps count."""
        return "step" if self.steps_known else self.counted

    def of(self, network: str) -> np.ndarray:
        """D's or G's values  # float64 [n]"""
        return self.d if network == "d" else self.g


def losses_of(history: History, loss: str | None = None) -> Losses | None:
    """Both losses of a history; None where one of them is not there.

    Args:
        history: of one training.
        loss: the name of its loss, or None: as the history knows it, else guessed.
    """
    g_series = history.of("g", "loss") or history.of("g", "fake")
    found = _d_series(history)
    if g_series is None or found is None:
        return None
    parts, partial = found
    columns = history.aligned(*parts, g_series)
    steps, d, g = columns[0], np.asarray(sum(columns[1:-1]), np.float64), columns[-1].astype(np.float64)
    fine = np.isfinite(d) & np.isfinite(g)
    steps, d, g = steps[fine], np.clip(d[fine], -_MOST, _MOST), np.clip(g[fine], -_MOST, _MOST)
    if len(steps) < 2:
        return None
    # A log that was thinned keeps the extremes of each block: its rows do not follow one another.
    spacing = max(float(np.median(np.diff(steps))), float(history.facts.get("thinned", 1)))
    late = history.steps_known and max(history.complete_from, int(steps[0]) - round(spacing)) >= WARM_UP
    if str(loss or history.facts.get("loss")) in SATURATING and len(g) and float(np.median(g)) < 0:
        # G minimises log(1 - p). The same p in the loss that all else here speaks of: -log p.
        g = -np.log(-np.expm1(np.minimum(g, -1e-6)))
    family, sure = _family(history, loss, d, g)
    averaged = _average(parts, family, d, g) if family in ("bce", "hinge") and not partial else ""
    notes = " ".join(s.note for s in (*parts, g_series)).lower()
    smoothed = "running" in notes or "epoch" in notes
    scale = 2.0 if averaged else 1.0
    clamps = family in ("bce", "relativistic", "")  # no other loss takes a logarithm
    return Losses(
        steps, scale * d, g, family, sure, averaged, partial, smoothed,
        _floor(history, family, scale * d, g), _warm_from(history, steps, late), spacing, history.steps_known,
        str(history.facts.get("steps_are", "row")).removesuffix("s"), late,
        {n: c for n, v in (("d", d), ("g", g)) if clamps and (c := _ceiling(v, n == "d")) is not None},
        (" + ".join(s.name for s in parts), g_series.name), _accuracy(history, steps),
    )  # fmt: skip


def _family(history: History, loss: str | None, d: np.ndarray, g: np.ndarray) -> tuple[str, float]:
    """The family and how sure it is: told, as the log's producer has it unless its numbers deny it, or guessed."""
    for told in (loss, history.facts.get("loss"), history.facts.get("family")):
        family = family_of(str(told or ""))
        if family == "least-squares" and impossible(family, d, g) > 0.05:
            # Least squares is written with halves as often as without.
            family = "least-squares-halved" if impossible("least-squares-halved", d, g) <= 0.05 else family
        if family:
            return family, 1.0
    seen, sure = guess(d, g)
    usual = family_of(str(history.facts.get("usual_loss", "")))
    if not usual:
        return seen, sure
    if seen == usual:
        return usual, 0.9
    # A score below 0, or a D lower than the usual loss allows, shows that another one was taken.
    return (usual, 0.7) if seen == "" or (sure <= 0.6 and impossible(usual, d, g, 0.5) <= 0.1) else (seen, sure)


def _d_series(history: History) -> tuple[list[Series], str] | None:
    """What makes up D's adversarial loss, and why it is not all of it."""
    real, fake = history.of("d", "real"), history.of("d", "fake")
    if real is not None and fake is not None:
        return [real, fake], ""
    whole = history.of("d", "loss")
    if whole is None:
        return ([real], "real term only") if real is not None else None
    if "real" in whole.note.lower() and "only" in whole.note.lower():
        return [whole], "real term only"
    beside = history.of("d", "penalty") or history.of("d", "auxiliary")
    return [whole], "penalties included" if beside is not None and "whole" in whole.note.lower() else ""


def _average(parts: list[Series], family: str, d: np.ndarray, g: np.ndarray) -> str:
    note = parts[0].note.lower()
    if len(parts) > 1 or "sum" in note:
        return ""
    if "average" in note:
        return "told"
    if family == "bce" and abs(np.median(d) - LN2) < 0.03 and abs(np.median(g) - LN2) < 0.1:
        return "guessed"
    return "guessed" if impossible(family, d, g) > 0.1 and impossible(family, d, g, 0.5) <= 0.02 else ""


def _floor(history: History, family: str, d: np.ndarray, g: np.ndarray) -> float:
    """What targets of .9 leave: told, or seen as a wall that D's loss never passes."""
    told = float(history.facts.get("label_smoothing", 0.0) or 0.0)
    if family != "bce":
        return 0.0
    if told > 0:
        return float(-(1 - told) * np.log(1 - told) - told * np.log(told))
    low = float(np.quantile(d, 0.01))
    wall = float(d.min()) >= SMOOTHED - 0.002 and SMOOTHED <= low < SMOOTHED + 0.06
    return SMOOTHED if wall and float(np.median(g)) > 2 and float(np.median(d)) < SMOOTHED + 0.15 else 0.0


def _warm_from(history: History, steps: np.ndarray, late: bool) -> int:
    if late:
        return 0
    if not history.steps_known:
        # Rows are at least an iteration each, mostly many more.
        return min(WARM_UP, max(3, len(steps) // 10))
    return int(np.searchsorted(steps, WARM_UP))


def _ceiling(values: np.ndarray, halves: bool, within: float = 2e-3, least: int = 5) -> tuple[float, int] | None:
    """The constant of a clamp that a loss stands on, and in how many rows."""
    best: tuple[float, int] | None = None
    for constant in CEILINGS:
        for share in (1.0, 0.5) if halves else (1.0,):
            rows = int(np.sum(np.abs(values - share * constant) <= within))
            # A loss that wanders past a constant is near it more often than on it.
            near = int(np.sum(np.abs(values - share * constant) <= 50 * within))
            if rows >= max(least, near / 2) and (best is None or rows > best[1]):
                best = (share * constant, rows)
    return best


def _accuracy(history: History, steps: np.ndarray) -> np.ndarray | None:
    """D's accuracy as it was last logged at each of these steps, 0 to 1."""
    series = history.of("d", "accuracy") or history.of("", "accuracy")
    if series is None or not len(series) or "class" in series.note:
        return None
    values = np.asarray(series.values, np.float64)
    if float(np.nanmax(values, initial=0.0)) > 1.5:
        values = values / 100
    return np.asarray(values[np.maximum(np.searchsorted(series.steps, steps, side="right") - 1, 0)])


def undecided_of(losses: Losses) -> tuple[float, float] | None:
    """Where D's sum and G stand when D tells nothing apart; None for a loss that has no such point."""
    return UNDECIDED.get(losses.family)
