"""SP405."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.facts import Track
from ...running.spans import when
from ...running.windows import stretches


@rule(
    "SP405",
    "discriminator-not-updated",
    needs=("updates",),
    severity="error",
    remedies=[
        Remedy("See that D's optimiser holds D's parameters, and that its step() is called after D's backward pass."),
        Remedy("See that D's parameters are not frozen (requires_grad, trainable) when D's step is made."),
        Remedy("See that D's gradient reaches them: no detach, no_grad or trip through NumPy on the way."),
    ],
)
def discriminator_not_updated(
    updates: dict[tuple[str, str], Track], *, still: float = 1e-12, points: int = 5, steps: int = 0
) -> Evidence | NotJudged | None:
    """D's step leaves D's weights as they were.

    ## Measures
    How much D's weights change in D's own step, relative to their size: at most `still` in `points` logged points one
    after the other, over at least `steps` steps.

    ## Why it hurts
    D does not learn, while G trains against it. The losses alone show this late, and in the shape of other faults.

    ## When it is wrong
    A warm-up of the learning rate begins at exactly 0; so does what a schedule ends at. Updates below the precision of
    bf16 weights vanish too: that is a fault, but of the precision.

    ## What to do
    Look at the optimiser first, then at what is frozen, then at the way of the gradient.
    """
    track = updates.get(("d", "d"))
    if track is None:
        return NotJudged("the change of D's weights in D's step was not recorded")
    still_rows = track.values <= still
    found = stretches(still_rows, ~still_rows, track.steps, -track.values, least_steps=steps, least_points=points)
    if found is None:
        return None
    clause, numbers = when(found, track.steps)
    passed = updates.get(("d", "g"))
    also = passed is not None and float(np.median(passed.values)) > still
    other = " They do change in G's step: the optimisers are crossed, or one." if also else ""
    return Evidence(
        f"D's weights do not change in D's step {clause}.{other}",
        {**numbers, "rows": float(found.held)},
        "discriminator",
        undecided="The change of weights does not tell a missing optimiser from frozen parameters or a cut gradient: "
        "`sparring check --step FILE:NAME` names which.",
    )
