"""SP206."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Loss, Network


@rule(
    "SP206",
    "softmax-on-one-unit",
    needs=("discriminator", "loss"),
    severity="error",
    remedies=[
        Remedy("One unit wants a sigmoid's loss: BCEWithLogitsLoss, binary_crossentropy with from_logits=True."),
        Remedy("Or give the discriminator two units, one for real and one for fake."),
    ],
)
def softmax_on_one_unit(discriminator: Network, loss: Loss) -> Evidence | None:
    """A softmax runs over a single unit, and so is always 1.

    ## Measures
    Either the loss is a softmax cross-entropy and the discriminator gives one number for a picture, or the
    discriminator itself ends in a softmax and gives exactly 1 for everything.

    ## Why it hurts
    A softmax makes its units sum to 1; of one unit it makes 1. The cross-entropy is then exactly 0, and so is its
    gradient: the discriminator never learns, while its loss looks perfect.

    ## When it is wrong
    Never: such a loss does not depend on the network.

    ## What to do
    Use the binary form for one unit. With two units the softmax is right.
    """
    out = discriminator.output
    channel = -1 if discriminator.framework == "keras" else 1
    units = out.shape[channel] if len(out.shape) > 1 else 1
    ones = out.squash == "softmax" and out.low == out.high == 1
    if not ones and not (loss.family == "softmax" and units == 1):
        return None
    whose = "The discriminator ends in a softmax" if ones else "The loss is a softmax cross-entropy"
    return Evidence(
        f"{whose} over one unit (output {list(out.shape)}), which is 1 whatever comes in. The loss does not depend on "
        "the discriminator, its gradient is 0, and nothing is learned.",
        {"units": 1, "low": out.low, "high": out.high, "d_loss": loss.d_loss},
        "discriminator, output",
    )
