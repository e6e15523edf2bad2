"""SP608."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.quality import Quality, lasting, too_few
from ...running.spans import when


@rule(
    "SP608",
    "quality-regressed",
    needs=("quality",),
    severity="warning",
    remedies=[
        Remedy("Take the best checkpoint: it is kept, and `sparring sample` takes it by itself."),
        Remedy("Let the rates fall to the end, so that what was reached is kept.", {"lr_final": 0.1}),
        Remedy("Judge and keep an average of G over more pictures.", {"ema_half_life_images": "*4"}),
        Remedy("Penalise D's gradient on reals and fakes.", {"r1": 0.5, "r2": 0.5}),
    ],
)
def quality_regressed(
    quality: Quality, *, evaluations: int = 3, noises: float = 5.0, part: float = 0.25
) -> Evidence | NotJudged | None:
    """The pictures were better before, and do not come back.

    ## Measures
    The metric that decides: in the last `evaluations` of them or more it is worse than its best before by more than
    `noises` times its noise and by more than `part` of that best.

    ## Why it hurts
    Time that makes pictures worse. Losses do not show it.

    ## When it is wrong
    A run wavers, and one evaluation says little: so it must be several, and far.

    ## What to do
    Take what was best; then look for why it was lost among the other findings.
    """
    early = too_few(quality, evaluations + 1)
    if early is not None:
        return early
    worse = quality.worse_than_best(noises, part)
    found = lasting(worse, quality.steps, quality.loss, evaluations=evaluations)
    if found is None or found.ended:
        return None
    before = quality.loss[: found.last + 1]
    best = int(np.argmin(before))
    clause, numbers = when(found, quality.steps)
    value, now = float(quality.values[best]), float(quality.values[-1])
    return Evidence(
        f"Quality was lost {clause}: {quality.metric} was {value:.4g} at step {int(quality.steps[best]):,}, its best, "
        f"and is {now:.4g}.",
        {**numbers, "best_step": float(quality.steps[best]), "best": value, "last": now},
        "generator",
        undecided="The metric does not say what was lost: precision and coverage at both steps do, and two sheets.",
    )
