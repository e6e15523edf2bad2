"""SP402."""

from __future__ import annotations

import math

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.families import WORDS
from ...running.losses import Losses
from ...running.spans import lasting, when


@rule(
    "SP402",
    "generator-won",
    needs=("losses",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy(
            "See that D is trained at all. Keras 3 reads `trainable` when it steps, so D.trainable=False before the "
            "stack is compiled freezes D for good: set it to True before D's step and to False before the stack's."
        ),
        Remedy("See that each optimiser holds the parameters of its own network, and no others."),
        Remedy("Zero D's gradient before D's backward pass, not only G's before G's."),
        Remedy("If all of that is right, raise D's rate.", {"d_lr": "*2"}),
    ],
)
def generator_won(
    losses: Losses,
    *,
    bce_d: float = 2 * math.log(2),
    bce_g: float = 0.6,
    hinge_d: float = 2.0,
    hinge_g: float = -0.5,
    squares_d: float = 0.5,
    squares_g: float = 0.1,
    window: int = 30,
) -> Evidence | NotJudged | None:
    """D does worse than a coin while G fools it with ease: D is not learning.

    ## Measures
    Medians over `window` logged points after the warm-up, which must hold for 50 iterations and 5 points. Binary
    cross-entropy: the sum of D's terms at or above `bce_d` (what a coin gets) and G below `bce_g`. As a hint, hinge: D
    above `hinge_d`, G below `hinge_g`; least squares: D above `squares_d`, G below `squares_g`.

    ## Why it hurts
    G learns to please a judge that has stopped judging, and what pleases it need not look like anything. G's loss near
    0 is the late stage; a D that is frozen sat at 1.7 to 1.9 with G at .37 to .47. Of 58 sound runs none was here.

    ## When it is wrong
    Where the log has D's loss of other pictures than G's (augmentation in D's step alone), or penalties mixed into it.

    ## What to do
    Find out why D does not learn before changing any number of the training.
    """
    if losses.family in ("wasserstein", "relativistic", ""):
        return NotJudged(f"{WORDS[losses.family]} has no level that would show it")
    if losses.partial:
        return NotJudged(f"D's loss is not the sum of its terms: {losses.partial}")
    half = 0.5 if losses.family == "least-squares-halved" else 1.0
    d_on, g_on = {"bce": (bce_d, bce_g), "hinge": (hinge_d, hinge_g)}.get(
        losses.family, (half * squares_d, half * squares_g)
    )
    g_off = g_on + 0.2 if losses.family != "bce" else g_on * 1.2
    found = lasting(losses, d_on, d_on * 0.93, g_on, g_off, d_low=False, window=window)
    if found is None or isinstance(found, NotJudged):
        return found
    stretch, d, g = found
    clause, numbers = when(stretch, losses.warm[0], losses.unit)
    return Evidence(
        f"The generator has won {clause}: D's loss is {d:.3g}, no better than the {d_on:.3g} of a coin, and G's "
        f"{g:.2g} (medians). D is not learning.",
        {**numbers, "d_loss": d, "g_loss": g},
        "discriminator",
        confidence="" if losses.family == "bce" else "hint",
        undecided=_UNDECIDED,
    )


_UNDECIDED = (
    "A frozen D, one optimiser for both networks, crossed optimisers and a gradient that is not zeroed give the same "
    "curves. The change of D's weights in each phase tells them apart (D's step / G's step: frozen 0 / 0, a shared "
    "optimiser about 1 / 1, not zeroed large / 0): `sparring check --step FILE:NAME`."
)
