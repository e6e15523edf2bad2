"""SP406."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.facts import Track
from ...running.spans import unmoved


@rule(
    "SP406",
    "generator-not-updated",
    needs=("updates",),
    severity="error",
    remedies=[
        Remedy("See that G's optimiser holds G's parameters, and that its step() is called after G's backward pass."),
        Remedy("See that G's parameters are not frozen (requires_grad, trainable) when G's step is made."),
        Remedy("See that G's gradient reaches them: no detach, no_grad or trip through NumPy on the way."),
    ],
)
def generator_not_updated(
    updates: dict[tuple[str, str], Track], *, still: float = 1e-12, points: int = 5, steps: int = 0
) -> Evidence | NotJudged | None:
    """G's step leaves G's weights as they were.

    ## Measures
    How much G's weights change in G's own step, relative to their size: at most `still` in `points` logged points one
    after the other, over at least `steps` steps.

    ## Why it hurts
    G does not learn, while D trains against it. The losses alone show this late, and in the shape of other faults.

    ## When it is wrong
    A warm-up of the learning rate begins at exactly 0; so does what a schedule ends at. Updates below the precision of
    bf16 weights vanish too: that is a fault, but of the precision.

    ## What to do
    Look at the optimiser first, then at what is frozen, then at the way of the gradient.
    """
    return unmoved(updates, "g", "generator", still=still, points=points, steps=steps)
