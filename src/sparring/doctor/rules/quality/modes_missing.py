"""SP602."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.quality import Sheet, lasting, too_few
from ...running.spans import when


@rule(
    "SP602",
    "modes-missing",
    needs=("modes",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Take larger batches: D sees only side by side what G repeats and leaves out.", {"batch": "*2"}),
        Remedy("Pair each real with a fake in the loss, which leaves no bad minima (R3GAN).", {"loss": "relativistic"}),
        Remedy("Penalise D's gradient on reals and fakes.", {"r1": 0.5, "r2": 0.5}),
        Remedy("Widen G where it is the smaller of the two.", {"width": "*2"}),
    ],
)
def modes_missing(
    modes: Sheet,
    *,
    share: float = 0.33,
    faithful: float = 0.6,
    growth: float = 1.1,
    evaluations: int = 5,
    repeated: float = 0.25,
    lively: float = 0.25,
    warm: int = 1_000,
) -> Evidence | NotJudged | None:
    """The generator draws part of the data well and leaves the rest out.

    ## Measures
    Recall or coverage below `share` of what reals reach against reals, while precision has reached `faithful` of
    theirs, in `evaluations` of them one after the other from step `warm` on, in which it has not grown by a factor
    `growth`. Or fakes that are nearly copies of one another: the distance to the nearest other fake, over the mean
    distance, below `repeated` of what it is among reals, in three of them, where fakes are at least `lively` as far
    apart as reals.

    ## Why it hurts
    What G leaves out it never learns again by itself: D is not asked about it.

    ## When it is wrong
    Blurred pictures cover little, however many there are: so precision must be there, and progress must have ended. In
    a birthday test a repeated picture among s bounds the support by about s squared.

    ## What to do
    What lets D compare: batches, pairs, penalties; then capacity.
    """
    early = too_few(modes, 3, warm)
    if early is not None:
        return early
    late = modes.steps >= warm
    apart = np.nan_to_num(modes["apart"] / np.maximum(modes["apart_reals"], 1e-12), nan=np.inf)
    copies = lasting((apart < repeated) & (modes["spread"] > lively) & late, modes.steps, -apart, evaluations=3)
    if copies is not None:
        clause, numbers = when(copies, modes.steps)
        worst = float(apart[copies.worst])
        return Evidence(
            f"The generator repeats a few pictures {clause}: the nearest other fake is {worst:.0%} as near as it would "
            "be among reals, measured by how far all are apart.",
            {**numbers, "apart": worst},
            "generator",
            undecided=_UNDECIDED,
        )
    for name in ("recall", "coverage"):
        part = modes[name] / np.maximum(modes[f"{name}_reals"], 1e-12)
        true = modes["precision"] >= faithful * modes["precision_reals"]
        found = lasting((part < share) & true & late, modes.steps, -part, evaluations=evaluations)
        if found is None:
            continue
        rows = modes[name][found.first : found.last + 1]
        half = len(rows) // 2
        if float(np.median(rows[-half:])) > growth * float(np.median(rows[:half])):
            continue
        clause, numbers = when(found, modes.steps)
        worst = float(part[found.worst])
        return Evidence(
            f"The generator leaves part of the data out {clause}: its {name} is down to {worst:.0%} of what reals "
            f"reach, though its precision is {float(np.median(modes['precision'][found.first : found.last + 1])):.0%}.",
            {**numbers, name: worst},
            "generator",
            undecided=_UNDECIDED,
        )
    return None


_UNDECIDED = (
    "The shares do not say which kinds are missing: with classes `sparring measure --metrics modes --features own` "
    "names them; without, look at the held-out pictures that are farthest from any fake."
)
