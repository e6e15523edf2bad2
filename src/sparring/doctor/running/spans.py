"""When something was so: in words and in numbers, the same for every rule."""

from __future__ import annotations

import numpy as np

from ..catalogue import Evidence, NotJudged
from .facts import Track
from .losses import Losses
from .windows import LEAST_STEPS, Stretch, moving_medians, stretches

WINDOW = 30  # logged points of a median


def when(stretch: Stretch, steps: np.ndarray, unit: str = "step") -> tuple[str, dict[str, float]]:
    """A clause on when it was so, and its first, worst and last step.

    Args:
        stretch: rows of `steps`.
        steps: of the rows  # int64 [n]
        unit: what steps count.
    """
    first, last = int(steps[stretch.first]), int(steps[stretch.last])
    numbers = {"first_step": first, "worst_step": int(steps[stretch.worst]), "last_step": last}
    if stretch.times > 1:
        text = f"{stretch.times} times between {unit} {first:,} and {last:,}"
    elif stretch.ended:
        text = f"from {unit} {first:,} to {last:,}"
    else:
        text = f"from {unit} {first:,} to the end of the log"
    return text, {name: float(number) for name, number in numbers.items()}


def lasting(
    losses: Losses, d_on: float, d_off: float, g_on: float, g_off: float, *, d_low: bool, window: int = WINDOW
) -> tuple[Stretch, float, float] | NotJudged | None:
    """Where the medians of both losses stay on one side of a corner: D below and G above, or the other way round.

    Args:
        losses: of the training.
        d_on: bound of D's median where it begins.
        d_off: where it ends, further out.
        g_on: bound of G's median; infinite where G does not matter.
        g_off: where it ends.
        d_low: D below its bound and G above its own; else D above and G below.
        window: logged points of a median.

    Returns:
        (rows after the warm-up, D's median in them, G's), None, or why it cannot be judged.
    """
    steps, d, g = losses.warm
    if len(steps) < 5:
        return too_short(losses)
    if not d_low:
        d = losses.least
    (low_d, ends), (low_g, _) = moving_medians(d, window), moving_medians(g, window)
    sign = 1.0 if d_low else -1.0
    on = (sign * low_d < sign * d_on) & (sign * low_g > sign * g_on)
    off = (sign * low_d > sign * d_off) | (sign * low_g < sign * g_off)
    least = LEAST_STEPS if losses.steps_known else 0
    found = stretches(on, off, steps[ends], -sign * low_d, least_steps=least)
    if found is None and len(ends) < 5 and on.all():
        # Fewer points than a window and five: they all lie in the first.
        span = steps[-1] - steps[0]
        found = (
            Stretch(0, len(ends) - 1, len(ends) - 1, len(ends))
            if span >= LEAST_STEPS or not losses.steps_known
            else None
        )
    if found is None:
        return None
    back = min(window, len(steps)) - 1
    rows = Stretch(
        int(ends[found.first]) - back, int(ends[found.last]), int(ends[found.worst]),
        found.held, found.times, found.ended,
    )  # fmt: skip
    inside = slice(rows.first, rows.last + 1)
    return rows, float(np.median(d[inside])), float(np.median(g[inside]))


def unmoved(
    updates: dict[tuple[str, str], Track], word: str, role: str, *, still: float, points: int, steps: int
) -> Evidence | NotJudged | None:
    """Where a network's weights stay as they are in its own step.

    Args:
        updates: (network, step) -> the relative change of weights; words "d" and "g".
        word: of the network.
        role: of the network, in words.
        still: a change of at most this is none.
        points: logged points one after the other.
        steps: that they span at least.
    """
    other = "g" if word == "d" else "d"
    own_name, other_name = word.upper(), other.upper()
    track = updates.get((word, word))
    if track is None:
        return NotJudged(f"the change of {own_name}'s weights in {own_name}'s step was not recorded")
    still_rows = track.values <= still
    found = stretches(still_rows, ~still_rows, track.steps, -track.values, least_steps=steps, least_points=points)
    if found is None:
        return None
    clause, numbers = when(found, track.steps)
    passed = updates.get((word, other))
    also = passed is not None and float(np.median(passed.values)) > still
    crossed = f" They do change in {other_name}'s step: the optimisers are crossed, or one." if also else ""
    return Evidence(
        f"{own_name}'s weights do not change in {own_name}'s step {clause}.{crossed}",
        {**numbers, "rows": float(found.held)},
        role,
        undecided="The change of weights does not tell a missing optimiser from frozen parameters or a cut gradient: "
        "`sparring check --step FILE:NAME` names which.",
    )


def too_short(losses: Losses) -> NotJudged:
    """Why a log without rows after the warm-up is not judged."""
    return NotJudged(f"the log ends in the warm-up, or soon after it ({losses.unit} {int(losses.steps[-1]):,})")
