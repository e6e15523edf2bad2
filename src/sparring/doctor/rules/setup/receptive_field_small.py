"""SP212."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import Network


@rule(
    "SP212",
    "receptive-field-small",
    needs=("discriminator",),
    severity="info",
    confidence="hint",
    remedies=[
        Remedy("Give the discriminator more layers with stride 2, or a second one that sees a smaller copy."),
        Remedy("End it in a dense layer, or a mean over all places, so that one number is of the whole picture."),
    ],
)
def receptive_field_small(discriminator: Network, *, part: float = 0.25) -> Evidence | NotJudged | None:
    """Each of the discriminator's numbers sees only a small part of the picture.

    ## Measures
    How far apart the pixels lie that one of its numbers has a gradient from, as a part of the picture's side; of
    several outputs the one that sees most. Norms are left out of it: through their statistics everything depends on
    everything, faintly. Less than `part` is reported; that number is a proposal.

    ## Why it hurts
    It judges texture alone. Nothing tells the generator that an eye stands where a mouth should be.

    ## When it is wrong
    For textures, and where another loss looks after the whole, as the L1 of pix2pix does: its discriminator judges
    patches on purpose.

    ## What to do
    Count the layers with stride 2: each doubles what is seen.
    """
    if discriminator.field is None:
        return NotJudged("pictures that a gradient comes back to")
    if discriminator.field >= part:
        return None
    return Evidence(
        f"Each of the discriminator's numbers sees {discriminator.field:.0%} of the picture's side: it judges texture, "
        "and nobody judges the whole.",
        {"field": discriminator.field},
        "discriminator",
    )
