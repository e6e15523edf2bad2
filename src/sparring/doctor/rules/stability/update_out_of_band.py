"""SP506."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.facts import Track
from ...running.spans import when
from ...running.windows import moving_medians, stretches

_WHOLE = {"d": "discriminator", "g": "generator"}


@rule(
    "SP506",
    "update-out-of-band",
    needs=("updates",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Lower the rate of that network where its steps are too large.", {"d_lr": "/4", "g_lr": "/4"}),
        Remedy("Raise it where they are too small.", {"d_lr": "*4", "g_lr": "*4"}),
    ],
)
def update_out_of_band(
    updates: dict[tuple[str, str], Track],
    *,
    low: float = -4.0,
    high: float = -1.0,
    window: int = 30,
    few: int = 10,
    slack: float = 0.3,
) -> list[Evidence] | NotJudged | None:
    """A network's steps are out of all proportion to its weights.

    ## Measures
    log10 of the change of a network's weights in its own step over their size, as a median over logged points: above
    `high` over `window` of them, or below `low` over `few`, which must hold for 50 iterations and 5 points. Measured
    against the first tenth of the log where steps grow smaller all along, as under a schedule: a level that was in the
    band and sinks by the schedule is left alone. It is over where it is `slack` inside the band.

    ## Why it hurts
    A change of a tenth in each step forgets as fast as it learns; a change of less than 1e-4 needs ten thousand steps
    for what should take ten.

    ## When it is wrong
    At the end of a schedule, in a warm-up of the rate, and in networks whose weights are large by construction
    (weights that are scaled when they are used).

    ## What to do
    Change the rate by 4 and look again.
    """
    found, known = [], False
    for network in ("d", "g"):
        track = updates.get((network, network))
        if track is None:
            continue
        moving = track.values > 0
        if moving.sum() < few:
            continue
        known = True
        steps, logs = track.steps[moving], np.log10(track.values[moving])
        start = float(np.median(logs[: max(10, len(logs) // 10)]))
        for over, wide in ((True, window), (False, few)):
            if len(logs) < wide:
                continue
            medians, ends = moving_medians(logs, wide)
            if over:
                stretch = stretches(medians > high, medians < high - slack, steps[ends], medians)
            elif start >= low:
                continue  # it sinks from within the band: a schedule
            else:
                stretch = stretches(medians < low, medians > low + slack, steps[ends], -medians)
            if stretch is None:
                continue
            clause, numbers = when(stretch, steps[ends])
            worst = float(medians[stretch.worst])
            factor = "/4" if over else "*4"
            found.append(
                Evidence(
                    f"{network.upper()}'s steps are too {'large' if over else 'small'} {clause}: each changes its "
                    f"weights by {10**worst:.2g} of their size, where {10**low:g} to {10**high:g} is usual.",
                    {**numbers, "log10_update": worst},
                    _WHOLE[network],
                    remedies=(Remedy(f"Change {network.upper()}'s rate by 4.", {f"{network}_lr": factor}),),
                    undecided="The ratio does not tell a rate that is off from weights of an unusual size: the ratio "
                    "layer by layer does.",
                )
            )
    if not known:
        return NotJudged("the change of weights was not recorded, or too seldom")
    return found or None
