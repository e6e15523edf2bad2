"""SP110."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Told


@rule(
    "SP110",
    "condition-indistinct",
    needs=("told",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy(
            "Give classes by an embedding, or as one-hot vectors; as a map, one channel a class, the same at all "
            "places."
        ),
        Remedy("Scale the condition to the size of what it is joined to."),
    ],
)
def condition_indistinct(told: Told, *, least: float = 0.05, least_share: float = 0.005) -> Evidence | None:
    """Different conditions arrive as nearly the same tensor.

    ## Measures
    Rows that differ in nothing but the condition, where they first meet weights: the least distance of two of them over
    the length of what differs at all, and over the length of everything that this layer is given. Of maps also the
    distance of their means and deviations by channel, which is what a convolution can tell by.

    ## Why it hurts
    The layer has to grow large weights before it can tell one condition from the next; until then the condition is
    noise, and G learns an average.

    ## When it is wrong
    Conditions that are alike by their meaning; and maps in which the place is the condition.

    ## What to do
    Print what the first layer gets for two conditions. A class repeated and reshaped into [height, width, classes]
    becomes a band of rows with all channels equal: repeat it along axes of its own instead.
    """
    near = told.distance < least
    faint = told.share is not None and told.share < least_share
    if not near and not faint:
        return None
    numbers = {"distance": told.distance} | ({} if told.share is None else {"share": told.share})
    if not near:
        message = (
            f"Two conditions differ by {told.share:.2g} of the length of what the layer is given: they are "
            "faint beside the rest."
        )
    elif told.pooled:
        message = (
            f"Two conditions give maps whose channels are on average the same, but for {told.distance:.2g} of their "
            "length: only the place in the map tells them apart, which a convolution hardly sees."
        )
    else:
        message = (
            f"Two different conditions are {told.distance:.2g} of their length apart where they first meet weights."
        )
    return Evidence(message, numbers, told.where)
