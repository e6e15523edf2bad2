"""SP409."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.families import WORDS
from ...running.losses import Losses
from ...running.spans import too_short
from ...running.windows import cycle


@rule(
    "SP409",
    "oscillation",
    needs=("losses",),
    severity="warning",
    confidence="hint",
    remedies=[
        Remedy("Penalise D's gradient on the reals: it damps the cycle (arXiv 1801.04406).", {"r1": 0.5}),
        Remedy("Take Adam's first moment out.", {"beta1": 0.0}),
        Remedy(
            "Judge and keep an average of G, which stands still inside the cycle.", {"ema_half_life_images": 10_000}
        ),
    ],
)
def oscillation(
    losses: Losses,
    *,
    periods: float = 3.0,
    share: float = 0.6,
    phase: float = 120.0,
    points: int = 64,
    size: float = 0.15,
    part: int = 4,
) -> Evidence | NotJudged | None:
    """D and G chase each other in a circle: as one's loss rises the other's falls, at a steady beat.

    ## Measures
    The strongest common period of both losses after the warm-up, in at least `points` rows: more than `periods` of it,
    `share` of all movement of each lies on it, the two are at least `phase` degrees apart, and D moves by `size` of
    its own level or more. It must be there in both halves of the log, with the same period to one part in `part`.

    ## Why it hurts
    The two circle round the point that they should meet in, and no step of the circle is better than the last.

    ## When it is wrong
    Schedules that go up and down (cyclic rates), or data in a fixed order, beat too: the period is then theirs. This
    criterion is a proposal that few logs have tested.

    ## What to do
    A penalty damps it; an average of G is better than any point of the circle.
    """
    steps, d, g = losses.warm
    if len(d) < points:
        return too_short(losses)
    if losses.family == "wasserstein":
        return NotJudged(f"{WORDS[losses.family]} has no fixed level to circle round")
    cycles, of_all, apart = cycle(d, g)
    moves = float(np.std(d)) / max(float(np.median(np.abs(d))), 1e-6)
    if cycles <= periods or of_all < share or apart < phase or moves < size:
        return None
    half = len(d) // 2
    parts = [cycle(d[:half], g[:half])[0], cycle(d[half:], g[half:])[0]]
    if any(abs(each - cycles / 2) > max(1.0, cycles / 2 / part) for each in parts):
        return None
    period = float(steps[-1] - steps[0]) / cycles
    return Evidence(
        f"D and G go round in a circle: their losses rise and fall against each other with a period of about "
        f"{period:,.0f} {losses.unit}s, {cycles:.0f} times in this log. {of_all:.0%} of their movement is that beat.",
        {
            "first_step": float(steps[0]),
            "worst_step": float(steps[int(np.argmax(d))]),
            "last_step": float(steps[-1]),
            "period": period,
            "cycles": cycles,
            "share": of_all,
        },
        "discriminator and generator",
        undecided="The numbers cannot tell the game's own circle from a beat of the schedule or of the data's order: "
        "compare the period with the length of an epoch, and look whether it stays when the data are shuffled.",
    )
