"""SP603."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.quality import Sheet, lasting, too_few
from ...running.spans import when


@rule(
    "SP603",
    "collapse-within-class",
    needs=("within",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Look at how many pictures those classes have: `sparring data` counts them."),
        Remedy("Give z more weight against the condition: the condition in the norms, z in the first layer.",
               {"g_conditioning": "norm"}),
        Remedy("Lower the weight of what rewards a picture for being named rightly.", {"class_weight": "/2"}),
    ],
)  # fmt: skip
def collapse_within_class(
    within: Sheet,
    *,
    median: float = 0.25,
    least: float = 0.12,
    conditions: float = 0.1,
    effect: float = 8.0,
    lively: float = 0.25,
    evaluations: int = 3,
    warm: int = 1_000,
) -> Evidence | NotJudged | None:
    """Each condition, or one of them, has nearly one picture.

    ## Measures
    Of classes the mean distance of two fakes of one class, in pixels, over that of two of its reals: the median class
    below `median`, or one class below `least`. Of texts and vectors the distance of two fakes of one condition over
    that of two reals below `conditions`, while another condition moves a picture `effect` times as far as another z.
    In `evaluations` of them one after the other from step `warm` on, while all fakes together are at least `lively` as
    far apart as reals.

    ## Why it hurts
    Such a generator obeys perfectly and has one picture for each wish.

    ## When it is wrong
    A text of which there is one picture in the data may rightly have nearly one: the bound is low there.

    ## What to do
    Pictures of that class first; then the balance of z and condition.
    """
    early = too_few(within, evaluations, warm)
    if early is not None:
        return early
    late = (within.steps >= warm) & (within["spread"] >= lively)
    if "spread_of_condition" in within.columns:
        values = within["spread_of_condition"]
        on = (values < conditions) & (within["condition_effect"] > effect)
        found = lasting(on & late, within.steps, -values, evaluations=evaluations)
        said = "two pictures of one condition are {0:.1%} as far apart as two reals"
    else:
        median_class, values = within["spread_within"], within["spread_within_least"]
        on = (median_class < median) | (values < least)
        found = lasting(on & late, within.steps, -values, evaluations=evaluations)
        said = "in class {1:.0f} two pictures are {0:.1%} as far apart as two of its reals"
    if found is None:
        return None
    clause, numbers = when(found, within.steps)
    worst, which = float(values[found.worst]), float(np.nan_to_num(within["least_class"][found.worst]))
    return Evidence(
        f"The generator has nearly one picture for a condition {clause}: {said.format(worst, which)}.",
        {**numbers, "spread_within": worst},
        "generator",
        undecided="The distance does not tell a G that ignores z from data that have one picture of a kind: a sheet of "
        "one condition with many z, beside its reals, decides it.",
    )
