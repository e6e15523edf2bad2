"""SP207."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import Loss, Network
from ...following import listed


@rule(
    "SP207",
    "batch-norm-under-penalty",
    needs=("discriminator", "loss"),
    severity="warning",
    remedies=[
        Remedy("Take batch norm out of the discriminator, or put layer or instance norm in its place."),
        Remedy(
            "Or keep it and take the penalty out; spectral norm needs none.",
            {"gp": 0.0, "dragan": 0.0, "r1": 0.0, "r2": 0.0, "d_spectral_norm": True},
        ),
    ],
)
def batch_norm_under_penalty(discriminator: Network, loss: Loss) -> Evidence | NotJudged | None:
    """The discriminator has batch norm, and a gradient penalty is asked of each of its pictures alone.

    ## Measures
    Batch norms of the discriminator that run in training mode, under R1, R2, a gradient penalty or DRAGAN's. One that
    is frozen in inference mode treats each picture alone and is let pass.

    ## Why it hurts
    The penalty holds the norm of the gradient at each picture. With batch norm a picture's score depends on the whole
    batch, so that gradient holds the others' share too: the penalty is of something else than what was meant
    (arXiv 1704.00028, section 4, leaves batch norm out for this reason).

    ## When it is wrong
    It is no fault of the numbers: such pairs do train, DRAGAN's own experiments among them, only not as the paper says.

    ## What to do
    Layer norm is what WGAN-GP's authors advise. R1 does well with no norm at all.
    """
    if not loss.penalty:
        return None
    norms = [layer.name for layer in discriminator.of_kind("batch-norm")]
    active = [layer.name for layer in discriminator.of_kind("batch-norm") if layer.training]
    if not norms:
        if not discriminator.traced:
            return NotJudged("the discriminator's structure")
        if any("batch-norm" in way for layer in discriminator.layers for way in layer.then):
            active = ["a function"]
    if not active:
        return None
    count = len(active)
    return Evidence(
        f"The discriminator has batch norm ({listed(active)}) and the loss a gradient penalty of each picture. Behind "
        "batch norm a picture's gradient holds the rest of the batch, so the penalty is not of what it was meant for.",
        {"batch_norms": count},
        f"discriminator, {listed(active)}",
        confidence="likely" if active == ["a function"] else "",
    )
