"""SP503."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.losses import Losses
from ...running.windows import drift


@rule(
    "SP503",
    "loss-drift",
    needs=("losses",),
    severity="info",
    confidence="hint",
    remedies=[
        Remedy("Keep checkpoints from before it, and look at the pictures since."),
        Remedy("Penalise D's gradient, which holds the losses where they are.", {"r1": 0.5}),
    ],
)
def loss_drift(
    losses: Losses, *, warm: int = 60, sd_floor: float = 0.15, k: float = 1.0, h: float = 12.0, most: float = 5.0
) -> Evidence | NotJudged | None:
    """G's loss has left the level that it had: it climbs, slowly.

    ## Measures
    The surprises of the logarithm of G's loss under a first-order model, learned from the first `warm` rows after the
    warm-up (deviation at least `sd_floor`). They are summed, each lessened by `k` deviations and never below 0; the
    alarm is where the sum passes `h`. A single row adds `most` deviations at the most: a leap is no drift.

    ## Why it hurts
    A slow climb is how a D on its way to winning looks, and it comes before leaps: 28 iterations before in one case.

    ## When it is wrong
    Often: in 5 to 7 of 100 sound logs, since G's loss may find another level and be well there. It is no more than
    information. Charts from quality control without the model alarm in most sound logs.

    ## What to do
    Look at the pictures, and at what else this report says.
    """
    if losses.smoothed:
        return NotJudged("running means and means of epochs carry drift by themselves")
    steps, _, g = losses.warm
    if len(g) < warm + 10:
        return NotJudged(f"{len(g)} rows after the warm-up: {warm + 10} are needed")
    if losses.family in ("hinge", "wasserstein") or float(np.quantile(g, 0.01)) <= 0:
        return NotJudged("G's loss may go below 0 and has no logarithm")
    found = drift(np.log(np.maximum(g, 1e-6)), warm=warm, sd_floor=sd_floor, k=k, h=h, most=most)
    if found is None:
        return None
    alarm, began, level = found
    usual, now = float(np.exp(level)), float(np.median(g[began : alarm + 1]))
    top = alarm + int(np.argmax(g[alarm:]))
    return Evidence(
        f"G's loss leaves its level of {usual:.3g} from about {losses.unit} {int(steps[began]):,} on, and is certain "
        f"to have by {losses.unit} {int(steps[alarm]):,} ({now:.3g} in between).",
        {
            "first_step": float(steps[alarm]),
            "worst_step": float(steps[top]),
            "last_step": float(steps[-1]),
            "began_step": float(steps[began]),
            "alarm_row": float(losses.warm_from + alarm),
            "level": usual,
            "g_loss": now,
        },
        "generator",
        undecided="A climb alone does not tell a D that pulls ahead from a G that has found another level: fixed "
        "samples from before and after decide it.",
    )
