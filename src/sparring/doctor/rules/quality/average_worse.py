"""SP610."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.quality import Quality, Sheet, lasting, too_few
from ...running.spans import when


@rule(
    "SP610",
    "average-worse",
    needs=("average", "quality"),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Shorten the average's half-life: early on it is to be a small part of what was seen.",
               {"ema_half_life_images": "/4"}),
        Remedy("Average batch norm's statistics together with the weights, or measure them anew for the average."),
        Remedy("Sample from the generator itself until the average has caught up."),
    ],
)  # fmt: skip
def average_worse(
    average: Sheet,
    quality: Quality,
    *,
    noises: float = 5.0,
    part: float = 0.25,
    evaluations: int = 3,
    warm: int = 1_000,
) -> Evidence | NotJudged | None:
    """The average of the generator draws worse than the generator itself.

    ## Measures
    The metric that decides, of both on the same latents: the average is worse by more than `noises` noises and by more
    than `part`, in `evaluations` of them one after the other from step `warm` on.

    ## Why it hurts
    The average is what is judged, kept and sampled.

    ## When it is wrong
    While G learns fast its average lags behind; it catches up. Of a few pictures the metric is noisy.

    ## What to do
    A shorter half-life, or batch norm's statistics.
    """
    early = too_few(average, evaluations, warm)
    if early is not None:
        return early
    sign = 1.0 if quality.lower else -1.0
    raw, averaged = average["value_raw"], average["value_average"]
    margin = np.maximum(noises * average["noise_raw"], part * np.abs(raw))
    behind = sign * (averaged - raw)
    on = (behind > margin) & (average.steps >= warm)
    found = lasting(on, average.steps, behind, evaluations=evaluations)
    if found is None:
        return None
    clause, numbers = when(found, average.steps)
    row = found.worst
    return Evidence(
        f"The average of G is worse than G itself {clause}: {quality.metric} is {float(averaged[row]):.4g} of its "
        f"pictures, and {float(raw[row]):.4g} of G's own.",
        {**numbers, "average": float(averaged[row]), "raw": float(raw[row])},
        "generator",
        undecided="The metric does not tell an average that lags from one whose batch norm is off: the average with "
        "its statistics measured anew decides it.",
    )
