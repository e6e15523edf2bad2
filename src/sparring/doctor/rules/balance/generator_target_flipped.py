"""SP408."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.families import SLACK, WORDS, impossible, least_d
from ...running.losses import Losses
from ...running.spans import too_short

_AVERAGED = 0.5  # D's loss may be the mean of its two terms, which many write


@rule(
    "SP408",
    "generator-target-flipped",
    needs=("losses",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Label the fakes as real in G's loss: G is to make D say real."),
        Remedy("If the log has G's loss with another sign or target on purpose (a saturating one), leave it as it is."),
    ],
)
def generator_target_flipped(
    losses: Losses, *, share: float = 0.1, slack: float = SLACK, points: int = 20
) -> Evidence | NotJudged | None:
    """G's loss is low where D is right: G is trained to be recognised.

    ## Measures
    The same score of a fake stands in both losses, so a G that fools D costs D something: at least -log(1 - e^-g) for
    binary cross-entropy, where g is G's loss. Flagged where D's loss, even taken as an average of its two terms, is
    lower than that by `slack` in more than `share` of at least `points` rows. Hinge and least squares have bounds of
    their own; where the loss is not known, a log must break all of them.

    ## Why it hurts
    G helps D instead of fooling it: both losses fall to 0, all looks well, and the pictures are noise.

    ## When it is wrong
    A saturating loss that is logged as log(1 - p), auxiliary terms with a negative sign, or a D that is judged on
    augmented fakes in its own step and plain ones in G's. Sound logs break the bound in at most .7 % of rows, flipped
    ones in at least 87 %.

    ## What to do
    Look at the target in G's loss.
    """
    if losses.family in ("wasserstein", "relativistic"):
        return NotJudged(f"{WORDS[losses.family]} sets D no such bound")
    if losses.partial:
        return NotJudged(f"D's loss is not the sum of its terms: {losses.partial}")
    steps, d, g = losses.warm
    if len(d) < points:
        return too_short(losses)
    if losses.averaged:
        d = d / 2
    families = [losses.family] if losses.family else ["bce", "hinge", "least-squares", "least-squares-halved"]
    broken = min(impossible(family, d, g, _AVERAGED) for family in families)
    if broken <= share or (not losses.family and float(np.median(g)) > 1):
        return None
    needed = least_d(families[0], g) * _AVERAGED
    rows = np.flatnonzero(d < needed - slack)
    worst = int(np.argmax(needed - d))
    return Evidence(
        f"G is trained towards the wrong target: with a loss of {float(np.median(g)):.2g} it says that it fools D, but "
        f"D's loss of {float(np.median(d)):.2g} is lower than such fakes allow, in {broken:.0%} of the rows. Both "
        "losses fall together only where G is rewarded for being recognised.",
        {
            "first_step": float(steps[rows[0]]),
            "worst_step": float(steps[worst]),
            "last_step": float(steps[rows[-1]]),
            "broken_share": broken,
            "d_loss": float(np.median(d)),
            "g_loss": float(np.median(g)),
        },
        "generator",
        undecided="The numbers cannot tell a flipped target from a saturating loss that is logged as it is: the line "
        "that makes G's loss does (its target for the fakes must be real).",
    )
