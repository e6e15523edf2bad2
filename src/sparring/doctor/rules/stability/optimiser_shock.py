"""SP507."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.facts import Track

_WHOLE = {"d": "discriminator", "g": "generator"}
_LEAST = 20  # recorded steps


@rule(
    "SP507",
    "optimiser-shock",
    needs=("shocks",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Skip such a step, or clip its gradient: it is known before it is made.", {"d_clip_mean": 2.0}),
        Remedy("Let Adam's second moment forget more slowly.", {"beta2": 0.999}),
        Remedy("Raise Adam's epsilon, so that tiny gradients make no giant steps."),
    ],
)
def optimiser_shock(
    shocks: dict[str, Track], *, size: float = 4.0, warm: int = 500, far: float = 6.0, floor: float = 0.15
) -> list[Evidence] | NotJudged | None:
    """A gradient meets an optimiser that has forgotten how large gradients are: its step will be giant.

    ## Measures
    sqrt(mean(g^2 / v)) before a step, where g is the gradient and v Adam's second moment: above `size`, after the
    first `warm` steps (v is young in them). About 1 is usual. Small batches have ratios of 4 all the time, so it must
    also lie `far` deviations above what this training usually has, on the logarithm and robust, the deviation at least
    `floor`; it takes 20 recorded steps to know that.

    ## Why it hurts
    v decays while gradients are tiny, as under a D that has won. The next real gradient is then divided by far too
    little (arXiv 2506.04805). It is the only sign that comes before the step, so the step can still be clipped.

    ## When it is wrong
    A short beta2 follows gradients so fast that the ratio stays bounded, whatever happens; after a checkpoint without
    the optimiser's state it is large once.

    ## What to do
    Clip or skip that step.
    """
    found = []
    for network, track in shocks.items():
        logs = np.log(np.maximum(track.values[track.steps >= warm], 1e-12))
        if len(logs) < _LEAST:
            continue
        usual = float(np.median(logs))
        spread = max(1.4826 * float(np.median(np.abs(logs - usual))), floor)
        bound = max(size, float(np.exp(min(usual + far * spread, 60.0))))
        over = np.flatnonzero((track.values > bound) & (track.steps >= warm))
        if not len(over):
            continue
        worst = int(over[np.argmax(track.values[over])])
        found.append(
            Evidence(
                f"A gradient of {network.upper()} is {track.values[worst]:.3g} times what Adam is used to, at step "
                f"{int(track.steps[worst]):,}; so it goes in {len(over)} recorded steps, first at "
                f"{int(track.steps[over[0]]):,}.",
                {
                    "first_step": float(track.steps[over[0]]),
                    "worst_step": float(track.steps[worst]),
                    "last_step": float(track.steps[over[-1]]),
                    "shock": float(track.values[worst]),
                    "times": float(len(over)),
                },
                _WHOLE[network],
                remedies=(
                    Remedy(
                        f"Clip {network.upper()}'s gradient by the running mean of its norm, or skip such a step.",
                        {f"{network}_clip_mean": 2.0},
                    ),
                    Remedy("Raise Adam's epsilon, so that tiny gradients make no giant steps."),
                ),
                undecided="It does not tell a freak batch from gradients that were tiny before: the gradient's norm "
                "over the last 1 / (1 - beta2) steps does.",
            )
        )
    if not found and not any((track.steps >= warm).sum() >= _LEAST for track in shocks.values()):
        return NotJudged("too little was recorded after the first steps")
    return found or None
