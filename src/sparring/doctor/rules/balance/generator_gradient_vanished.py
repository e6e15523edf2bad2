"""SP404."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.facts import Track
from ...running.spans import when
from ...running.windows import moving_medians, stretches


@rule(
    "SP404",
    "generator-gradient-vanished",
    needs=("gradients",),
    severity="warning",
    remedies=[
        Remedy("If D ends in a sigmoid, leave it out and use the loss on logits: a saturated sigmoid has no gradient."),
        Remedy("Use the non-saturating loss for G.", {"loss": "non-saturating"}),
        Remedy("Penalise D's gradient, so that it stays informative far from the data.", {"r1": 0.5, "r2": 0.5}),
    ],
)
def generator_gradient_vanished(
    gradients: dict[str, Track], *, ratio: float = 1e-3, early: int = 50, window: int = 5
) -> Evidence | NotJudged | None:
    """G's gradient has shrunk to next to nothing: G no longer learns.

    ## Measures
    The median of G's gradient norm over `window` logged points, against the median of its first `early`: less than
    `ratio` of it, for 50 iterations and 5 points.

    ## Why it hurts
    Without gradient there is no learning. Adam hides it for a while, since it divides by the gradient's size; then what
    it divides by has decayed, and the next gradient that comes makes a giant step.

    ## When it is wrong
    Where the loss is scaled down on purpose, or the first gradients were giant.

    ## What to do
    Numerics first (logits), then the form of G's loss, then a penalty on D.
    """
    track = gradients.get("g")
    if track is None:
        return NotJudged("G's gradient was not recorded")
    if len(track) < 2 * window + 5:
        return NotJudged("too few gradients were recorded")
    first = float(np.median(track.values[: min(early, len(track) // 2)]))
    medians, ends = moving_medians(track.values, window)
    low = medians < ratio * first
    found = stretches(low, medians > 3 * ratio * first, track.steps[ends], -medians)
    if first <= 0 or found is None:
        return None
    clause, numbers = when(found, track.steps[ends])
    worst = float(medians[found.worst])
    return Evidence(
        f"G's gradient has vanished {clause}: its norm is {worst:.2g}, where it was {first:.2g} early on. G no longer "
        "learns.",
        {**numbers, "gradient": worst, "early_gradient": first},
        "generator",
        undecided="The norm does not tell a saturated sigmoid from a D that is flat far from the data: D's logits on "
        "fakes decide it (beyond 16.7 either way it is the sigmoid).",
    )
