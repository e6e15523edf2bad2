"""SP217."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Loss


@rule(
    "SP217",
    "saturating-generator-loss",
    needs=("loss",),
    severity="warning",
    remedies=[
        Remedy(
            "Let G maximise log D(G(z)) instead: the same loss with the label of reals, as the paper itself advises.",
            {"loss": "non-saturating"},
        )
    ],
)
def saturating_generator_loss(loss: Loss) -> Evidence | None:
    """The generator minimises log(1 - D), whose gradient vanishes where it is needed most.

    ## Measures
    The loss as it was told: minimax.

    ## Why it hurts
    Early on the discriminator is sure that fakes are fakes, D(G(z)) = p is near 0, and the gradient of log(1 - p) by
    the logit is -p: near 0 as well. That of -log p is p - 1, near -1. Both have the same fixed point (arXiv 1406.2661,
    section 3).

    ## When it is wrong
    Where the discriminator is held weak on purpose, as for a proof or an exercise.

    ## What to do
    Swap the label in G's step: ones where there were zeros, and no minus sign.
    """
    if not loss.saturating:
        return None
    return Evidence(
        "The generator minimises log(1 - D): where D is sure that a picture is fake (p near 0) the gradient is p, so G "
        "learns least when it is worst.",
        {"g_loss": loss.g_loss},
        "generator's loss",
    )
