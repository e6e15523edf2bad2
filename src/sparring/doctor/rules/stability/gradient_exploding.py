"""SP504."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.facts import Track
from ...running.spans import when
from ...running.windows import moving_medians, stretches

_WHOLE = {"d": "discriminator", "g": "generator"}


@rule(
    "SP504",
    "gradient-exploding",
    needs=("gradients",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Clip the norm of its gradient.", {"d_clip_norm": 1.0, "g_clip_norm": 1.0}),
        Remedy("Penalise D's gradient at the pictures, which bounds it from within.", {"r1": 0.5}),
        Remedy("Lower the rate of that network.", {"d_lr": "/2"}),
    ],
)
def gradient_exploding(
    gradients: dict[str, Track], *, norm: float = 100.0, times: float = 10.0, early: int = 50, window: int = 5
) -> list[Evidence] | NotJudged | None:
    """A network's gradient grows without end.

    ## Measures
    The median over `window` logged points of the gradient's norm: above `times` its median, that of the first `early`
    or of all, whichever is more, and either above `norm`, too, or still rising in the last fifth; for 50 iterations
    and 5 points.

    ## Why it hurts
    Steps along such gradients throw the weights about; the next stage is NaN.

    ## When it is wrong
    A norm is a sum over all parameters, and over the batch where losses are summed: a large network may stand above
    `norm` from the start and be well, so what counts is how far it has grown.

    ## What to do
    Clip first, since it costs nothing; then bound D's gradient.
    """
    found = []
    for network, track in gradients.items():
        if len(track) < 2 * window + 5:
            continue
        first = float(np.median(track.values[: min(early, len(track) // 2)]))
        medians, ends = moving_medians(track.values, window)
        fifth = max(2, len(medians) // 5)
        tail = medians[-fifth:]
        rising = float(np.median(tail[len(tail) // 2 :])) > 1.2 * float(np.median(tail[: max(1, len(tail) // 2)]))
        # While D is far ahead its gradient is next to nothing: as low a level as that says nothing of what is usual.
        usual = max(first, float(np.median(track.values)))
        bound = times * usual if rising else max(norm, times * usual)
        stretch = stretches(medians > bound, medians < 0.7 * bound, track.steps[ends], medians)
        if stretch is None:
            continue
        clause, numbers = when(stretch, track.steps[ends])
        worst = float(medians[stretch.worst])
        found.append(
            Evidence(
                f"{network.upper()}'s gradient has a norm of up to {worst:.3g} {clause}; early on it was {first:.3g}.",
                {**numbers, "gradient": worst, "early_gradient": first},
                _WHOLE[network],
                undecided="The norm does not say where it comes from: the norms layer by layer do, and whether it is "
                "the penalty's or the loss's.",
            )
        )
    if not found and all(len(track) < 2 * window + 5 for track in gradients.values()):
        return NotJudged("too few gradients were recorded")
    return found or None
