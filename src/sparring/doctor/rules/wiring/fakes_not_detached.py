"""SP109."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Step


@rule(
    "SP109",
    "fakes-not-detached",
    needs=("step",),
    severity="info",
    remedies=[
        Remedy("Give D G(z).detach() in its own update, or make the fakes under torch.no_grad()."),
        Remedy("Or ask for D's gradients alone: loss.backward(inputs=list(D.parameters()))."),
    ],
)
def fakes_not_detached(step: Step) -> Evidence | None:
    """D's update also computes G's gradient.

    ## Measures
    Whether a backward pass of D's own update writes gradients of G.

    ## Why it hurts
    G's part of that pass is thrown away: about the cost of another step of G. It is harmless as long as G's gradient is
    cleared before its own update.

    ## When it is wrong
    Both networks are meant to follow this loss.

    ## What to do
    Detach; where the same fakes serve G's update too, keep the ones with a graph beside.
    """
    if not step.fakes_kept_graph:
        return None
    count = sum("generator" in update.computed for update in step.of("d"))
    return Evidence(
        f"{count} of {len(step.of('d'))} updates of D also compute G's gradient, because the fakes keep their graph.",
        {"updates": float(count)},
        "step, discriminator",
    )
