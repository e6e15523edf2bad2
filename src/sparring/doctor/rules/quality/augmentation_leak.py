"""SP611."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.quality import Sheet, lasting, too_few
from ...running.spans import when


@rule(
    "SP611",
    "augmentation-leak",
    needs=("leak",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Augment fakes like reals, in D's step and in G's, and let the gradient through it."),
        Remedy("Lower the probability of what leaks: below .8 it can be told from the data (arXiv 2006.06676).",
               {"augment_p": 0.6}),
        Remedy("Leave out cutout and translation.", {"augment": "color"}),
    ],
)  # fmt: skip
def augmentation_leak(
    leak: Sheet, *, more: float = 0.1, times: float = 3.0, evaluations: int = 3, warm: int = 1_000
) -> Evidence | NotJudged | None:
    """What an augmentation does to pictures for D's eyes is in the samples.

    ## Measures
    The share of fakes with a flat middle-gray box of a quarter of the side, or such a strip along an edge, as cutout
    and translation leave it: above that of the reals by `more`, and `times` as high, in `evaluations` of them one after
    the other from step `warm` on.

    ## Why it hurts
    G has learned the augmentation as part of the data.

    ## When it is wrong
    A young G has gray places of its own. Leaks of colour, of turns and of mirrored edges are not seen by this.

    ## What to do
    Both sides alike first; then how often.
    """
    early = too_few(leak, evaluations, warm)
    if early is not None:
        return early
    share, reals = leak["leak"], leak["leak_reals"]
    on = (share > reals + more) & (share > times * reals) & (leak.steps >= warm)
    found = lasting(on, leak.steps, share, evaluations=evaluations)
    if found is None:
        return None
    clause, numbers = when(found, leak.steps)
    worst = float(share[found.worst])
    return Evidence(
        f"An augmentation leaks into the pictures {clause}: {worst:.0%} of them have a gray box or edge, and "
        f"{float(np.median(reals)):.0%} of the reals.",
        {**numbers, "share": worst, "share_of_reals": float(np.median(reals))},
        "generator",
        undecided="Holes alone do not tell an augmentation of the reals alone from one that is applied too often: look "
        "at where D's step and G's step apply it.",
    )
