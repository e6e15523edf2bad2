"""SP203."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import ON_PROBABILITIES, Loss, Network
from ...following import is_last


@rule(
    "SP203",
    "logits-into-probability-loss",
    needs=("discriminator", "loss"),
    severity="error",
    remedies=[
        Remedy("Keep the discriminator and use the loss on logits: BCEWithLogitsLoss, or from_logits=True in Keras."),
    ],
)
def logits_into_probability_loss(discriminator: Network, loss: Loss) -> Evidence | NotJudged | None:
    """The loss takes probabilities, and the discriminator gives numbers that leave [0, 1].

    ## Measures
    What bounds the discriminator's output, and where that is not known, the numbers that it gives on a few batches and
    whether anything stands between its last weights and its end.

    ## Why it hurts
    The logarithm of a negative number is not a number: torch's BCELoss stops with an error, a loss written by hand
    gives NaN, and Keras clips the number to [1e-7, 1 - 1e-7], where its gradient is exactly 0.

    ## When it is wrong
    Where the program applies the sigmoid between the discriminator and the loss: then say that the loss is bce-logits.

    ## What to do
    Do not add a sigmoid to mend it: a loss on logits does the same without its losses of precision (SP204).
    """
    if loss.family not in ON_PROBABILITIES or loss.guessed:
        return None
    out = discriminator.output
    if out.least >= 0 and out.most <= 1:
        return None
    outside = out.low < 0 or out.high > 1
    bounded = out.squash and (out.least > float("-inf") or out.most < float("inf"))
    straight = any(way == ("output",) for layer in discriminator.layers if is_last(layer) for way in layer.then)
    if not (outside or bounded or straight):
        return NotJudged("what bounds the discriminator's output")
    end = f"ends in a {out.squash}" if bounded else "ends in no sigmoid"
    return Evidence(
        f"The loss ({loss.family}) takes probabilities, and the discriminator {end}: on a few batches it gives numbers "
        f"from {out.low:.3g} to {out.high:.3g}. Outside [0, 1] the loss is an error, NaN, or without gradient.",
        {"low": out.low, "high": out.high},
        "discriminator, output",
    )
