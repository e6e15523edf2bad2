"""SP607."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.quality import Sheet, lasting, too_few
from ...running.spans import when


@rule(
    "SP607",
    "memorisation",
    needs=("nearness",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Take the checkpoint before it began."),
        Remedy("Add pictures, or begin from a run on more of them (--from)."),
        Remedy("Augment what D sees: it then knows the pictures less well.", {"augment": "color,translation,cutout"}),
        Remedy("Take a narrower pair.", {"width": "/2"}),
    ],
)
def memorisation(
    nearness: Sheet, *, ratio: float = 0.65, near: float = 0.8, evaluations: int = 2, warm: int = 500
) -> Evidence | NotJudged | None:
    """The generator draws its training pictures again.

    ## Measures
    How near fakes lie to training pictures: their median distance to the nearest one, over that of held-out reals,
    below `near`. And how much nearer than to held-out pictures, both in units of what reals have: below `ratio`. In
    `evaluations` of them one after the other from step `warm` on.

    ## Why it hurts
    Copies are no new pictures, and may not be yours to publish.

    ## When it is wrong
    Blurred pictures lie near to everything: so they are compared with held-out ones as well, to which copies are no
    nearer than before. Features may overlook what makes a picture new.

    ## What to do
    Stop earlier, or give it more to learn from.
    """
    early = too_few(nearness, evaluations, warm)
    if early is not None:
        return early
    to_training = nearness["nearest_train"] / np.maximum(nearness["nearest_held"], 1e-12)
    against = to_training / np.maximum(nearness["nearest"], 1e-12)
    on = (to_training < near) & (against < ratio) & (nearness.steps >= warm)
    found = lasting(on, nearness.steps, -against, evaluations=evaluations)
    if found is None:
        return None
    clause, numbers = when(found, nearness.steps)
    row = found.worst
    return Evidence(
        f"The generator draws training pictures again {clause}: its pictures lie {float(to_training[row]):.0%} as far "
        f"from the nearest of them as new reals do, and {float(nearness['nearest'][row]):.0%} as far from others.",
        {**numbers, "to_training": float(to_training[row]), "to_held_out": float(nearness["nearest"][row])},
        "generator",
        undecided="A median does not say which pictures: a sheet of fakes, each beside its nearest training picture, "
        "shows it.",
    )
