"""SP509."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...running.facts import Track
from ...running.spans import when
from ...running.windows import moving_medians, stretches

_WHOLE = {"d": "discriminator", "g": "generator"}


@rule(
    "SP509",
    "clip-saturated",
    needs=("clips",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Take a gradient penalty in place of clipped weights.", {"gp": 10.0, "d_clip_weights": 0.0}),
        Remedy("Raise the bound that the gradient is clipped at, or lower the rate and clip less."),
    ],
)
def clip_saturated(
    clips: dict[tuple[str, str], Track], *, share: float = 0.9, window: int = 5
) -> list[Evidence] | None:
    """Clipping is no longer the exception: nearly all weights stand at the bound, or nearly all steps are cut.

    ## Measures
    The share of weights at the bound +-c, or of steps whose gradient was clipped, as a mean over `window` logged points
    and more: above `share` for 50 iterations and 5 points.

    ## Why it hurts
    A critic whose weights all stand at the bound can hold hardly more than their signs: it is a simple function of the
    picture. A gradient that is always cut has a fixed length, and the rate alone decides how far each step goes.

    ## When it is wrong
    Clipping a gradient on purpose in every step (normalised steps) is a method.

    ## What to do
    A penalty for weights; a higher bound or a lower rate for gradients.
    """
    found = []
    for (network, what), track in clips.items():
        width = max(window, min(50, len(track) // 4)) if what == "gradient" else window
        if len(track) < width + 4:
            continue
        if what == "gradient":
            sums = np.cumsum(np.concatenate(([0.0], track.values)))
            level, ends = (sums[width:] - sums[:-width]) / width, np.arange(width - 1, len(track))
        else:
            level, ends = moving_medians(track.values, width)
        stretch = stretches(level > share, level < share - 0.1, track.steps[ends], level)
        if stretch is None:
            continue
        clause, numbers = when(stretch, track.steps[ends])
        worst = float(level[stretch.worst])
        said = "of its weights stand at the bound" if what == "weights" else "of its steps have their gradient cut"
        found.append(
            Evidence(
                f"{network.upper()}: up to {worst:.0%} {said}, {clause}.",
                {**numbers, "share": worst},
                _WHOLE[network],
                undecided="The share does not say whether it costs quality: the same run with a penalty, or a bound "
                "ten times as high, does.",
            )
        )
    return found or None
