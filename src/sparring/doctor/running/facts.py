"""What a history holds, as facts that rules name: each only where the history has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...history import History, Series
from .losses import losses_of
from .quality import FACTS as QUALITY
from .quality import facts_of_quality

# Series by these names are known whoever recorded them. MOVED: |change of the weights| / |weights| in one phase.
MOVED = {
    ("d", "d"): "d_moved_in_d_step", ("g", "g"): "g_moved_in_g_step",
    ("d", "g"): "d_moved_in_g_step", ("g", "d"): "g_moved_in_d_step",
}  # fmt: skip
SHOCK = {"d": "d_shock", "g": "g_shock"}  # sqrt(mean(g^2 / v)) of Adam before a step
AT_CLIP = {"d": "d_weights_at_clip", "g": "g_weights_at_clip"}  # share of weights that stand at +-c
CLIPPED = {"d": "d_gradient_clipped", "g": "g_gradient_clipped"}  # 1 where the gradient was clipped, or the share
NAMED = (*MOVED.values(), *SHOCK.values(), *AT_CLIP.values(), *CLIPPED.values())

FACTS: dict[str, str] = {
    "losses": "Losses: D's and G's loss at the same steps, their family, warm-up and spacing",
    "gradients": "dict: network -> Track of its gradient's norm",
    "accuracies": "dict: all, real, fake -> Track of D's accuracy, 0 to 1",
    "updates": "dict: (network, phase) -> Track of its weights' relative change in that phase",
    "rate_tracks": "dict: network -> Track of its learning rate",
    "shocks": "dict: network -> Track of its gradient's size against Adam's second moment",
    "clips": "dict: (network, weights or gradient) -> Track of the share that is clipped",
    "rewinds": "Rewinds: what a log tells of restarts; none is a fact too",
    "bad_numbers": "tuple of BadNumber: what was not finite; empty is a fact too",
} | QUALITY


@dataclass(frozen=True, eq=False)
class Track:
    """One number over steps, finite.

    Attributes:
        steps: ascending  # int64 [n]
        values: # float64 [n]
        name: as the log has it.
    """

    steps: np.ndarray
    values: np.ndarray
    name: str = ""

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class Rewinds:
    """What a log tells of restarts.

    Attributes:
        jumps: where the counter went back, as (from, to).
        loads: steps at which a checkpoint was loaded.
        rows: rows of the log.
    """

    jumps: tuple[tuple[int, int], ...] = ()
    loads: tuple[int, ...] = ()
    rows: int = 0


@dataclass(frozen=True)
class BadNumber:
    """Where a number was first not finite, or an error said so.

    Attributes:
        step: of it.
        network: "d", "g" or "".
        name: of the series, or what the log said.
        rows: how many rows were not finite.
        recovered: whether the series was finite again at its end.
        said: it was an event, not a number.
    """

    step: int
    network: str
    name: str
    rows: int = 1
    recovered: bool = False
    said: bool = False


def facts_of(history: History, loss: str | None = None) -> dict[str, Any]:
    """What rules on running trainings may look at; see `FACTS`.

    Args:
        history: of one training.
        loss: the name of its loss, where somebody said so.
    """
    facts: dict[str, Any] = {
        "losses": losses_of(history, loss),
        "gradients": _by_network(history, "gradient"),
        "accuracies": _accuracies(history),
        "updates": _named(history, MOVED),
        "rate_tracks": _by_network(history, "rate"),
        "shocks": _named(history, SHOCK),
        "clips": _named(history, {(n, "weights"): s for n, s in AT_CLIP.items()})
        | _named(history, {(n, "gradient"): s for n, s in CLIPPED.items()}),
    }
    facts = {name: fact for name, fact in facts.items() if fact is not None and fact != {}}
    if history.series:
        facts["bad_numbers"] = _bad_numbers(history)
    if history.steps_known and history.series:
        loads = tuple(step for step, what in history.events if "load" in what.lower() or "resum" in what.lower())
        facts["rewinds"] = Rewinds(history.rewinds, loads, max(map(len, history.series)))
    return facts | facts_of_quality(history)


def _track(series: Series | None, fit: Callable[[np.ndarray], np.ndarray] = lambda x: x) -> Track | None:
    if series is None:
        return None
    values = np.asarray(series.values, np.float64)
    fine = np.isfinite(values)
    return Track(series.steps[fine], fit(np.clip(values[fine], -1e30, 1e30)), series.name) if fine.any() else None


def _by_network(history: History, term: str) -> dict[str, Track]:
    found = {network: _track(history.of(network, term)) for network in ("d", "g")}
    return {network: track for network, track in found.items() if track is not None}


def _named(history: History, names: dict[Any, str]) -> dict[Any, Track]:
    found = {key: _track(history.named(name)) for key, name in names.items()}
    return {key: track for key, track in found.items() if track is not None}


def _accuracies(history: History) -> dict[str, Track]:
    def share(values: np.ndarray) -> np.ndarray:
        return values / 100 if float(values.max()) > 1.5 else values

    found = {
        what: _track(history.of("d", term) or history.of("", term), share)
        for what, term in (("all", "accuracy"), ("real", "accuracy_real"), ("fake", "accuracy_fake"))
    }
    return {what: track for what, track in found.items() if track is not None}


_MUST_BE_FINITE = ("loss", "real", "fake", "gradient")


def _bad_numbers(history: History) -> tuple[BadNumber, ...]:
    """First of each series that a loss or a gradient is; in the order of steps, D's before G's."""
    found = []
    for series in history.series:
        if series.term not in _MUST_BE_FINITE or not series.network:
            continue
        bad = ~np.isfinite(np.asarray(series.values, np.float64))
        if bad.any() and not bad.all():
            recovered = not bad[-min(5, len(bad)) :].any()
            if series.term == "gradient" and recovered:
                continue  # under loss scaling an infinite gradient is skipped, and the scale lowered
            at = int(np.argmax(bad))
            found.append(BadNumber(int(series.steps[at]), series.network, series.name, int(bad.sum()), recovered))
        elif bad.all() and len(bad):
            found.append(BadNumber(int(series.steps[0]), series.network, series.name, int(bad.sum())))
    for step, what in history.events:
        low = what.lower()
        if "between 0 and 1" in low or "nan" in low.replace("nanny", "").split() or "nan detected" in low:
            found.append(BadNumber(step, "", what, said=True))
    return tuple(sorted(found, key=lambda bad: (bad.step, bad.network != "d")))
