"""SP219."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Network, Step


@rule(
    "SP219",
    "mixed-batch-norm",
    needs=("discriminator", "step"),
    severity="warning",
    remedies=[
        Remedy("Call the discriminator twice, on reals and on fakes, and add the two losses."),
        Remedy("Or take batch norm out of the discriminator."),
    ],
)
def mixed_batch_norm(discriminator: Network, step: Step, *, change: float = 0.1) -> Evidence | None:
    """The discriminator norms reals and fakes together, so each one's score depends on the other kind.

    ## Measures
    In the training step that was given: whether D gets reals and fakes in one batch, has batch norm, and judges the
    reals differently there than alone, by more than `change` of the scores' deviation.

    ## Why it hurts
    With both in one batch the statistics tell D which is which, and in G's step, where fakes are alone, D is another
    network than the one that was trained: G follows a gradient that no longer holds.

    ## When it is wrong
    Where G's step joins reals to the fakes as well, so that D is the same in both.

    ## What to do
    Two calls, as the official DCGAN has them; joining batches saves little time.
    """
    if not step.mixed or step.mixed_change is None or step.mixed_change <= change:
        return None
    if not any(layer.training for layer in discriminator.of_kind("batch-norm")):
        return None
    return Evidence(
        "The discriminator gets reals and fakes in one batch and norms them together: its scores of the same reals "
        f"alone differ by {step.mixed_change:.0%} of their deviation. In G's step, with fakes alone, it is another "
        "network.",
        {"mixed_change": step.mixed_change},
        "discriminator",
    )
