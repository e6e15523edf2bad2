"""SP609."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.quality import Sheet, lasting, too_few
from ...running.spans import when


@rule(
    "SP609",
    "checkerboard-artefact",
    needs=("checkerboard",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Give transposed convolutions a kernel that their stride divides: 4 for stride 2."),
        Remedy("Or enlarge by resizing, followed by a convolution (distill.pub/2016/deconv-checkerboard).",
               {"network": "resnet"}),
        Remedy("Judge an average of G, which smooths what wavers.", {"ema_half_life_images": 10_000.0}),
    ],
)  # fmt: skip
def checkerboard_artefact(
    checkerboard: Sheet, *, times: float = 5.0, fading: float = 0.7, evaluations: int = 4, warm: int = 2_000
) -> Evidence | NotJudged | None:
    """A fine grid lies over all pictures.

    ## Measures
    The power of the pictures at the frequencies of 2 and 4 px, over that of neighbouring frequencies: more than `times`
    what it is in reals (1 where they have none), in `evaluations` of them one after the other from step `warm` on, and
    not fading: the later half of them is at least `fading` of the earlier.

    ## Why it hurts
    The eye sees it at once, and D has an easy sign of a fake.

    ## When it is wrong
    Each young G of transposed convolutions has one, which fades as it learns. Pixel art and halftones have grids of
    their own: reals are measured, too.

    ## What to do
    Kernels first; then another way to enlarge.
    """
    early = too_few(checkerboard, evaluations, warm)
    if early is not None:
        return early
    ratio = checkerboard["checkerboard"] / np.maximum(checkerboard["checkerboard_reals"], 1.0)
    on = (ratio > times) & (checkerboard.steps >= warm)
    found = lasting(on, checkerboard.steps, ratio, evaluations=evaluations)
    if found is None:
        return None
    rows = ratio[found.first : found.last + 1]
    half = len(rows) // 2
    if float(np.median(rows[-half:])) < fading * float(np.median(rows[:half])):
        return None
    clause, numbers = when(found, checkerboard.steps)
    worst = float(ratio[found.worst])
    return Evidence(
        f"A checkerboard lies over the pictures {clause}: at the frequencies of strides they have {worst:.3g} times "
        "the power that their neighbours and the reals' lead to expect.",
        {**numbers, "times": worst},
        "generator",
        undecided="The spectrum does not say which layer makes it: the layer whose stride has that period, counted "
        "from the output, is the first to look at.",
    )
