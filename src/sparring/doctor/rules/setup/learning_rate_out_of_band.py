"""SP216."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule


@rule(
    "SP216",
    "learning-rate-out-of-band",
    needs=("rates",),
    severity="warning",
    confidence="likely",
    remedies=[Remedy("Begin with 2e-4 for both, as DCGAN has it.", {"d_lr": 2e-4, "g_lr": 2e-4})],
)
def learning_rate_out_of_band(rates: dict[str, float], *, least: float = 1e-7, most: float = 1e-2) -> list[Evidence]:
    """A learning rate lies outside all that GANs are trained with.

    ## Measures
    The rates as they are set, of Adam and its kin: below `least` or above `most`. What a rate does is seen only while
    training (SP506).

    ## Why it hurts
    Too high, the weights jump and losses go to their ceilings or to NaN in a few steps; too low, nothing moves.

    ## When it is wrong
    For other optimisers: plain gradient descent, or one that scales its steps by the weights, may want more.

    ## What to do
    Mostly it is a typing error: 2e-4 and not 2e4 or .2.
    """
    words = {"d_lr": "discriminator", "g_lr": "generator"}
    found = []
    for name, rate in rates.items():
        if least <= rate <= most:
            continue
        side = "above" if rate > most else "below"
        found.append(
            Evidence(
                f"The {words.get(name, name)}'s learning rate is {rate:g}, {side} all that GANs are trained with "
                f"({least:g} to {most:g}).",
                {name: rate},
                words.get(name, name),
                remedies=(Remedy("Begin with 2e-4, as DCGAN has it.", {name: 2e-4} if name in words else {}),),
            )
        )
    return found
