"""SP606."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.quality import Quality, Sheet, lasting, too_few
from ...running.spans import when


@rule(
    "SP606",
    "discriminator-overfit",
    needs=("critic_gap", "quality"),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Augment what D sees of reals and fakes alike.", {"augment": "color,translation,cutout"}),
        Remedy("Or let the augmentation follow the gap.", {"augment": "bgc", "ada_target": 0.6}),
        Remedy("Begin from a run on more pictures (--from), or add pictures."),
        Remedy("Penalise D's gradient on the reals.", {"r1": 0.5}),
        Remedy("Take a narrower D.", {"width": "/2"}),
    ],
)
def discriminator_overfit(
    critic_gap: Sheet,
    quality: Quality,
    *,
    gap: float = 0.5,
    sign: float = 0.6,
    noises: float = 5.0,
    part: float = 0.25,
    evaluations: int = 3,
    warm: int = 500,
) -> Evidence | NotJudged | None:
    """The discriminator knows its training pictures by heart, and takes others for fakes.

    ## Measures
    D's mean logits: (training - held out) / (training - fakes), 0 where reals are alike to it and 1 where held-out ones
    look like fakes. Above `gap`, with a mean sign on training reals above `sign` where the loss has signs, in
    `evaluations` of them one after the other from step `warm` on. A warning where the metric is by then worse than its
    best by `noises` noises and `part` of it; else an information, for a gap alone is no failure.

    ## Why it hurts
    What D knows by heart it does not need to understand: G is told to draw those pictures, or nothing at all.

    ## When it is wrong
    The gap reached .9 to 1.3 on sixty pictures in runs whose quality was unhurt (arXiv 2006.06676 has r_v and r_t as
    signs, not as verdicts).

    ## What to do
    Augmentation first: it is made for this. Then more pictures, then a D that can hold less.
    """
    early = too_few(critic_gap, evaluations, warm)
    if early is not None:
        return early
    train, held, fake = (critic_gap[name] for name in ("d_train", "d_held", "d_fake"))
    between = train - fake
    scale = np.median(np.abs(between))
    ratio = np.where(between > 0.1 * scale, (train - held) / np.maximum(between, 1e-9), 0.0)
    sure = ~(critic_gap["d_sign_train"] <= sign)
    on = (ratio > gap) & sure & (critic_gap.steps >= warm)
    found = lasting(on, critic_gap.steps, ratio, evaluations=evaluations)
    if found is None:
        return None
    clause, numbers = when(found, critic_gap.steps)
    worse = quality.worse_than_best(noises, part) & (quality.steps >= critic_gap.steps[found.first])
    lost = bool(worse[-1]) and not found.ended
    worst = float(ratio[found.worst])
    beside = (
        f" Meanwhile {quality.metric} has fallen behind its best of step {int(quality.steps[quality.best]):,}."
        if lost
        else " Quality has not suffered by it so far."
    )
    return Evidence(
        f"D knows its training pictures by heart {clause}: held-out reals lie {worst:.0%} of the way from those to the "
        f"fakes.{beside}",
        {**numbers, "gap": worst},
        "discriminator",
        severity="" if lost else "info",
        undecided="The gap does not say whether it costs quality: the same run with augmentation does.",
    )
