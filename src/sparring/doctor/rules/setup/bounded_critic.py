"""SP205."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Loss, Network


@rule(
    "SP205",
    "bounded-critic",
    needs=("discriminator", "loss"),
    severity="error",
    remedies=[
        Remedy("Let the discriminator end in its last linear layer or convolution, without an activation."),
        Remedy("Or keep it and use the loss that fits it: binary cross-entropy."),
    ],
)
def bounded_critic(
    discriminator: Network, loss: Loss, *, families: tuple[str, ...] = ("wasserstein", "hinge"), widest: float = 10.0
) -> Evidence | None:
    """The discriminator's scores are squashed, and the loss needs scores of any size.

    ## Measures
    What bounds the discriminator's output last, under the Wasserstein and the hinge loss; a bound that leaves more
    than `widest` between the least and the largest score (a soft cap far out) is let pass.

    ## Why it hurts
    A Wasserstein critic measures a distance by the difference of its scores; behind a sigmoid it can never be more than
    1, and its gradient dies as it gets there. Hinge asks for scores beyond -1 and 1: a sigmoid never gives one below
    0, and a tanh reaches them only where its gradient is gone.

    ## When it is wrong
    Where the squashed number is not the score: say with d_call which output the loss is of.

    ## What to do
    Remove the activation. A score needs no meaning on its own.
    """
    out = discriminator.output
    if loss.family not in families or out.squash not in ("sigmoid", "tanh", "softmax", "clamp"):
        return None
    if out.most - out.least > widest:
        return None
    reason = (
        "the distance that it measures can never be more than "
        f"{out.most - out.least:g}, and its gradient dies on the way there"
        if loss.family == "wasserstein"
        else "the hinge asks for scores beyond -1 and 1, which it never gives or only without gradient"
    )
    return Evidence(
        f"The discriminator ends in a {out.squash} ({out.least:g} to {out.most:g}) under the {loss.family} loss: "
        f"{reason}.",
        {"least": out.least, "most": out.most},
        "discriminator, output",
    )
