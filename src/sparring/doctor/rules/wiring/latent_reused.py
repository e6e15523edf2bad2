"""SP112."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import Step


@rule(
    "SP112",
    "latent-reused",
    needs=("step",),
    severity="warning",
    remedies=[
        Remedy("Draw z anew in every step: z = torch.randn(batch, latent, device=device), inside the loop."),
        Remedy("Do not seed the generator of random numbers within the step."),
    ],
)
def latent_reused(step: Step, *, least_std: float = 1e-3) -> Evidence | NotJudged | None:
    """G is given the same z in every step, or a z without variance.

    ## Measures
    What G is given in two runs of the training step, and the deviation of z within a batch.

    ## Why it hurts
    G learns one batch of pictures by heart, and gives noise, or one picture, for every other z.

    ## When it is wrong
    Methods that learn a z for each picture (GLO, IMLE).

    ## What to do
    Keep the fixed z for the pictures that you look at, and draw another for training.
    """
    if step.same_z is None or step.z_std is None:
        return NotJudged("z, which the step does not give to G as a tensor")
    numbers = {"z_std": step.z_std}
    if step.z_std < least_std:
        return Evidence(
            f"z has a deviation of {step.z_std:.2g} within a batch: G is given one and the same z for all pictures.",
            numbers,
            "step, z",
        )
    if step.same_z:
        return Evidence("Two runs of the step give G exactly the same z.", numbers, "step, z")
    return None
