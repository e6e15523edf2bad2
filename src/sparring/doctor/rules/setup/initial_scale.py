"""SP218."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Network

_SCALE_FREE = ("softmax",)  # many numbers that sum to 1: each is small


@rule(
    "SP218",
    "initial-scale",
    needs=("networks",),
    severity="info",
    confidence="hint",
    remedies=[
        Remedy("Look at the range of the data first: pixels of 0 to 255 make every number large."),
        Remedy("Let the weights begin so that numbers keep their size from layer to layer.", {"init": "xavier"}),
    ],
)
def initial_scale(
    networks: tuple[Network, ...],
    *,
    largest: float = 10.0,
    shared: float = 0.1,
    offset: float = 100.0,
    least: float = 0.01,
) -> list[Evidence]:
    """The untrained networks give numbers that are far too large or too small, or no numbers at all.

    ## Measures
    The discriminator's first outputs on a few batches: none may be larger than `largest`. What all pictures share, a
    deviation below `shared` of the size, is let pass up to `offset`: sums over all places, as SNGAN has them, were
    measured to begin at 7 to 33, and D's last bias takes that back. The generator's: their standard deviation must be
    `least` or more. Exactly 0 is let pass, since layers that begin at zero rightly give it, and so is a softmax over
    many units. All these numbers are proposals.

    ## Why it hurts
    With a logit of 10 the logistic loss has a gradient of 5e-5 on one side: D begins certain of something it has not
    learned. A generator whose pictures are all the same grey gives D an easy start.

    ## When it is wrong
    A Wasserstein critic has no scale of its own. Networks without a norm may shrink numbers at first and recover soon.

    ## What to do
    Print the deviation of each layer's output, and look for the first that is out of scale.
    """
    found = []
    for network in networks:
        out = network.output
        size = max(abs(out.low), abs(out.high))
        is_offset = out.std < shared * size and size <= offset
        if not out.finite:
            said = f"The untrained {network.role} gives numbers that are not finite (NaN or infinity)."
            cure = Remedy("Print each layer's output, and look for the first that is not finite: a log or a root of 0?")
            found.append(Evidence(said, {}, network.role, severity="error", confidence="certain", remedies=(cure,)))
        elif network.role == "discriminator" and size > largest and not is_offset:
            found.append(
                Evidence(
                    f"The untrained discriminator gives numbers up to {size:.3g} in size (median {out.size:.3g}): it "
                    "begins certain of something it has not learned.",
                    {"largest": size, "median": out.size},
                    network.role,
                )
            )
        elif network.role == "generator" and 0 < out.std < least and out.squash not in _SCALE_FREE:
            found.append(
                Evidence(
                    f"What the untrained generator makes has a standard deviation of {out.std:.2g}: all pictures are "
                    "almost the same plain grey.",
                    {"std": out.std},
                    network.role,
                )
            )
    return found
