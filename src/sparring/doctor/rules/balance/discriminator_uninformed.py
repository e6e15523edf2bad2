"""SP403."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.families import LN2, LN4, WORDS
from ...running.losses import Losses, undecided_of
from ...running.spans import too_short


@rule(
    "SP403",
    "discriminator-uninformed",
    needs=("losses",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("See that pictures reach D's output: `sparring check` shows layers that are cut off or dead."),
        Remedy("See that D is updated: its optimiser holds its parameters, and they are not frozen."),
        Remedy("If D's units have died, start again with a leaky ReLU and a lower rate.", {"d_lr": "/4"}),
    ],
)
def discriminator_uninformed(
    losses: Losses,
    *,
    share: float = 0.9,
    within: float = 0.004,
    near: float = 0.05,
    last: float = 0.2,
    points: int = 20,
) -> Evidence | NotJudged | None:
    """D gives every picture the same answer: its loss stands where a coin's would, and does not move.

    ## Measures
    Over the `last` part of the log: `share` of D's losses lie within `within` of their median, and that within `near`
    of what a D gets that tells nothing apart (2 ln 2 for binary cross-entropy, 2 for hinge, 1/2 for least squares).
    At least `points` logged points after the warm-up.

    ## Why it hurts
    An answer that does not depend on the picture has no gradient: G learns nothing at all.

    ## When it is wrong
    Near 2 ln 2 alone is healthy: 23 of 58 sound runs came within .05 of it. None of them was flat; 4 of 4 dead critics
    were. Means of whole epochs and running means are flat by themselves, so they are not judged; nor is a log with
    two decimals. For Wasserstein losses a D near 0 says nothing.

    ## What to do
    Find what cuts D off from its pictures.
    """
    level = undecided_of(losses)
    if level is None:
        return NotJudged(f"{WORDS[losses.family]} has no level that would show it")
    if losses.smoothed:
        return NotJudged("running means and means of epochs are flat by themselves")
    steps, d, _ = losses.warm
    rows = max(points, round(last * len(losses)))
    if len(d) < points:
        return too_short(losses)
    d, steps = d[-rows:], steps[-rows:]
    middle = float(np.median(d))
    apart = np.diff(np.unique(d.round(8)))
    if len(apart) and apart.min() > within:
        return NotJudged("D's loss is logged with too few decimals")
    places = [level[0], LN2, LN4] if losses.family == "bce" else [level[0]]
    flat = float(np.mean(np.abs(d - middle) <= within))
    if min(abs(middle - place) for place in places) > near or flat < share:
        return None
    if not len(apart) and abs(middle * 100 - round(middle * 100)) < 1e-6:
        return NotJudged("D's loss is logged with too few decimals")
    return Evidence(
        f"D's loss stands at {middle:.4f}, where a D stands that tells nothing apart, and does not move: {flat:.0%} of "
        f"the last {len(d)} logged points lie within {within} of it. Its answer does not depend on the picture, so G "
        "learns nothing.",
        {
            "first_step": float(steps[0]),
            "worst_step": float(steps[-1]),
            "last_step": float(steps[-1]),
            "d_loss": middle,
            "flat_share": flat,
        },
        "discriminator",
        undecided="The numbers cannot tell dead units from layers that are cut off, or a D that nobody updates: "
        "`sparring check` on D decides it.",
    )
