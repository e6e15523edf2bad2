"""SP502."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.losses import Losses
from ...running.windows import jumps

_WHOLE = {"d": "discriminator", "g": "generator"}
_LEAST = 0.01  # losses below are alike
_AFTER = 5  # rows whose median tells that it is over


@dataclass(frozen=True)
class _Seen:
    """One network's loss, as jumps."""

    values: np.ndarray
    z: np.ndarray
    middle: np.ndarray
    spread: np.ndarray
    seen: np.ndarray  # what z was measured on
    alarms: np.ndarray


@rule(
    "SP502",
    "loss-spike",
    needs=("losses",),
    severity="warning",
    confidence="likely",
    remedies=[Remedy("Clip the gradient's norm of the network that moved first.")],
)
def loss_spike(
    losses: Losses,
    *,
    z: float = 8.0,
    window: int = 50,
    mad_floor: float = 0.1,
    signed_z: float = 12.0,
    signed_floor: float = 0.2,
    material: float = 0.1,
    stir: float = 3.0,
    near: int = 3,
    lasts: int = 3,
) -> list[Evidence] | NotJudged | None:
    """A loss leaps: one update threw a network out of its place.

    ## Measures
    The logarithm of each loss against the median of the `window` rows before, in robust deviations (1.4826 times the
    median absolute deviation, at least `mad_floor`): more than `z`, after the warm-up, to at least `material`. A loss
    that goes below 0 has no logarithm: there the loss itself is taken, with at least `signed_floor` of its usual size
    as deviation, and `signed_z`. Who moved first: D's loss is logged before D's step and G's after it, so a G that
    leaps in the row in which D first stirs (`stir` deviations, within `near` rows), or before, was thrown by D's own
    update. That holds only where every iteration is logged. A leap that is over before `lasts` rows have passed is
    information, no warning: single batches do that in sound runs. So is one of which fewer rows have been seen yet.

    ## Why it hurts
    Adam's step is as large for a freak gradient as for a good one once its second moment has decayed. What was learned
    over hours can be lost in one step, and with a sigmoid before the loss the gradient that would bring it back is
    gone.

    ## When it is wrong
    In the first iterations, where losses of 25 to 40 are normal (they are left out), or where a schedule or a new
    stage of growing begins. On stationary series it alarms falsely in 0 to 5 of 100 logs.

    ## What to do
    Go back to the checkpoint before it, clip the network that moved first, and take the sigmoid out of D.
    """
    if losses.smoothed:
        return NotJudged("running means and means of epochs hide single steps")
    if len(losses) <= window:
        return NotJudged(f"{len(losses)} rows: {window} are needed to know what is usual")
    both = {
        n: _seen(losses.of(n), losses.warm_from, window, z, mad_floor, signed_z, signed_floor, material)
        for n in ("d", "g")
    }
    every = np.flatnonzero(both["d"].alarms | both["g"].alarms)
    if not len(every):
        return None
    starts = every[np.concatenate(([True], np.diff(every) > window))]
    exact = losses.spacing == 1 and losses.steps_known
    by: dict[str, list[tuple[int, str]]] = {}
    for row in starts[:200]:
        mover, why = _mover(both, int(row), stir, near, exact)
        by.setdefault(mover, []).append((int(row), why))
    return [_evidence(losses, both, network, rows, exact, lasts) for network, rows in by.items()]


def _seen(
    values: np.ndarray, warm: int, window: int, z: float, floor: float, signed_z: float, signed_floor: float,
    material: float,
) -> _Seen:  # fmt: skip
    if float(values.min()) < 0:
        size = np.median(np.abs(values))
        usual = np.abs(jumps(np.abs(values), window, 1.0)[1])
        apart, middle, spread = jumps(values, window, signed_floor * np.maximum(usual, max(size, 0.05)))
        alarms = np.abs(apart) > signed_z
        seen, apart = values, np.abs(apart)
    else:
        seen = np.log(np.maximum(values, _LEAST))
        apart, middle, spread = jumps(seen, window, floor)
        alarms = (apart > z) & (values >= material)
    alarms[: max(warm, window)] = False
    return _Seen(values, apart, middle, spread, seen, alarms)


def _mover(both: dict[str, _Seen], row: int, stir: float, near: int, exact: bool) -> tuple[str, str]:
    """Which network was thrown first, and how that is known."""
    if not exact:
        network = "d" if both["d"].alarms[row] and both["d"].z[row] >= both["g"].z[row] else "g"
        return network, "rows lie too far apart to tell which network moved first"
    low = max(0, row - near)
    first = {}
    for network, seen in both.items():
        over = np.flatnonzero(seen.z[low : row + near + 1] > stir)
        first[network] = low + int(over[0]) if len(over) else -1
    # A loss may have stirred a little a row or two before; what leaps counts from its own leap.
    first = {n: row if both[n].alarms[row] and n == "g" else at for n, at in first.items()}
    d, g = first["d"], first["g"]
    if g >= 0 and (d < 0 or g <= d):
        return "d", "G's loss, which is logged after D's step, is high already where D's first stirs: D's own update"
    if g >= 0:
        return "g", "D's loss, which is logged before D's step, rose first: G's update before it, or a freak batch"
    return "g", "D's loss rose and G's did not: G's update before it, or a freak batch"


def _evidence(
    losses: Losses, both: dict[str, _Seen], network: str, rows: list[tuple[int, str]], exact: bool, lasts: int
) -> Evidence:
    def height(row: int) -> float:
        return max(float(seen.z[row]) for seen in both.values())

    def over(row: int) -> int:
        return _back(both[max(both, key=lambda n: both[n].z[row])], row)

    # The one that lasts longest is told of; among equals the highest.
    first, why = max(rows, key=lambda each: (over(each[0]) - each[0], height(each[0])))
    loud = max(both, key=lambda n: both[n].z[first])
    seen = both[loud]
    usual = float(np.exp(seen.middle[first]) if seen.seen is not seen.values else seen.middle[first])
    back = over(first)
    steps = losses.steps
    # The height that it reached before it was over.
    peak = first + int(np.argmax(np.abs(seen.values[first : max(back, first + 1)])))
    then = (
        f"; by {losses.unit} {int(steps[back]):,} it is back"
        if back < len(steps)
        else "; it is not back by the end of the log"
    )
    more = f" Such leaps: {len(rows)}, first at {int(steps[rows[0][0]]):,}." if len(rows) > 1 else ""
    below = " or less" if seen.seen is not seen.values and usual <= 1.01 * _LEAST else ""
    text = (
        f"{loud.upper()}'s loss leaps from {usual:.3g}{below} to {seen.values[first]:.3g} at {losses.unit} "
        f"{int(steps[first]):,} and reaches {seen.values[peak]:.3g}{then}.{more}"
    )
    text += f" The {_WHOLE[network]} moved first ({why})." if exact else ""
    last = max(min(back, len(steps) - 1), rows[-1][0])
    numbers = {
        "first_step": float(steps[rows[0][0]]), "worst_step": float(steps[peak]),
        "last_step": float(steps[last]), "first_row": float(first), "z": float(height(first)),
        "before": usual, "reached": float(seen.values[peak]), "times": float(len(rows)),
        "recovered_row": float(back) if back < len(steps) else -1.0,
        "d_loss": float(losses.d[first]), "g_loss": float(losses.g[first]),
    }  # fmt: skip
    remedies = (
        Remedy(
            f"Go back to the checkpoint before it, and clip the norm of {network.upper()}'s gradient"
            + ("." if exact else " (which network moved first is not known: clip D's first, then both)."),
            {f"{network if exact else 'd'}_clip_norm": 1.0},
        ),
        Remedy("If D ends in a sigmoid, use the loss on logits: it keeps the gradient that leads back."),
        Remedy("Let Adam forget more slowly what gradients were like, or lower the rate.", {"d_lr": "/2"}),
    )
    undecided = (
        "The losses do not show what set it off: a freak batch, or Adam's second moment that has decayed while "
        "gradients were tiny. The size of the gradient against it, sqrt(mean(g^2 / v)) before each step, decides "
        "(above 2: the latter)."
    )
    if not exact:
        undecided = f"Rows are {losses.spacing:g} {losses.unit}s apart, too far to tell who moved first. " + undecided
    confidence = "" if exact and network == "d" else "hint"
    brief = all(over(row) - row < lasts or len(steps) - row < lasts for row, _ in rows)
    severity = "info" if brief else ""
    return Evidence(text, numbers, _WHOLE[network], severity, confidence, remedies, undecided)


def _back(seen: _Seen, first: int) -> int:
    """The first row after it from which on the loss is as before; n where it never is."""
    bound = seen.middle[first] + 3 * seen.spread[first]
    rest = seen.seen[first:]
    if seen.seen is seen.values:
        rest, bound = np.abs(rest - seen.middle[first]), 3 * seen.spread[first]
    low = rest <= bound
    if not low.any():
        return len(seen.values)
    # At the end of what is there the rows that follow may be fewer: the last one stands for those that are missing.
    low = np.concatenate([low, np.full(_AFTER - 1, bool(low[-1]))])
    calm = 1 + np.flatnonzero(np.convolve(low, np.ones(_AFTER), "valid")[1:] >= _AFTER - 1)
    return first + int(calm[0]) if len(calm) else len(seen.values)
