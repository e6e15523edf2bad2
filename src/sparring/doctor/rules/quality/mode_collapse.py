"""SP601."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.quality import Sheet, lasting
from ...running.spans import when
from ...running.windows import moving_medians, stretches

_BATCHES = 15  # rows of a median, where each is of one batch


@rule(
    "SP601",
    "mode-collapse",
    needs=("spread",),
    severity="warning",
    remedies=[
        Remedy("Look at z first: fresh noise in every step, of unit variance, that reaches G's output."),
        Remedy("Go back to the best checkpoint: a collapsed G seldom comes back."),
        Remedy("Lower G's rate, or let D take more steps: it must keep up with what G repeats.", {"g_lr": "/2"}),
        Remedy("Penalise D's gradient, so that it stays informative away from the reals.", {"r1": 0.5, "r2": 0.5}),
    ],
)
def mode_collapse(
    spread: dict[str, Sheet],
    *,
    low: float = 0.1,
    was: float = 0.3,
    evaluations: int = 3,
    warm: int = 1_000,
    span: int = 200,
) -> Evidence | NotJudged | None:
    """All pictures of the generator are nearly the same one.

    ## Measures
    The mean distance of two fakes, in pixels, over that of two reals: below `low` in `evaluations` of them one after
    the other, or as a median over 15 batches for `span` steps, each after step `warm`. Earlier where it had been above
    `was` before.

    ## Why it hurts
    G has found one picture that passes, and D chases it from place to place: neither learns anything else. Both losses
    may lie in the middle of the healthy band all the while.

    ## When it is wrong
    A young G is gray all over, and slow ones stay so for long; that is why it must last. Data whose pictures differ in
    a few pixels only are not meant: it is relative to them.

    ## What to do
    z first, since a constant one looks just like it; then back to the best checkpoint, and a slower G.
    """
    enough = False
    for kind, sheet in spread.items():
        values, steps = sheet["spread"], sheet.steps
        if kind == "batches":
            values, ends = moving_medians(values, _BATCHES)
            steps = steps[ends]
        late = (steps >= warm) | (np.maximum.accumulate(values) > was)
        enough |= int(late.sum()) >= evaluations
        on = (values < low) & late
        if kind == "batches":
            found = stretches(on, values > 2 * low, steps, -values, least_steps=span)
        else:
            found = lasting(on, steps, -values, evaluations=evaluations)
        if found is None:
            continue
        clause, numbers = when(found, steps)
        worst = float(values[found.worst])
        return Evidence(
            f"The generator has collapsed {clause}: two of its pictures are {worst:.1%} as far apart as two reals.",
            {**numbers, "spread": worst},
            "generator",
            undecided="The distance does not tell a G that ignores z from one that is given the same z every time: G "
            "on two different z, outside of the training, decides it.",
        )
    return None if enough else NotJudged(f"no {evaluations} measurements from step {warm:,} on")
