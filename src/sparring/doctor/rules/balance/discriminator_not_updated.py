"""SP405."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.facts import Track
from ...running.spans import unmoved


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
    return unmoved(updates, "d", "discriminator", still=still, points=points, steps=steps)
