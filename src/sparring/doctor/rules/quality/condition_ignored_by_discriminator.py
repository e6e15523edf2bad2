"""SP605."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.quality import Sheet, lasting, too_few
from ...running.spans import when


@rule(
    "SP605",
    "condition-ignored-by-discriminator",
    needs=("critic_of_conditions",),
    severity="warning",
    confidence="hint",
    remedies=[
        Remedy("Look whether labels belong to their pictures: with shuffled ones there is nothing to be learned."),
        Remedy("Look whether the condition reaches D's output: `sparring check` swaps it."),
        Remedy("Show D real pictures with wrong conditions as fakes.", {"mismatch": 0.5}),
        Remedy("Give D the condition by projection.", {"d_conditioning": "projection"}),
    ],
)
def condition_ignored_by_discriminator(
    critic_of_conditions: Sheet, *, auc: float = 0.55, evaluations: int = 4, span: int = 2_000, warm: int = 2_000
) -> Evidence | NotJudged | None:
    """The discriminator judges a real picture alike, whatever it is said to show.

    ## Measures
    How often D prefers a real picture with its own condition to one with another's: below `auc` (.5 is chance), both
    on held-out reals and on those that D learns from, in `evaluations` of them one after the other, over `span` steps,
    from step `warm` on and to the last.

    ## Why it hurts
    G learns to follow conditions from nobody but D.

    ## When it is wrong
    D first learns what a picture is, then what goes with what: early it is at chance, and with many different texts for
    long. A D that names classes in place of judging pairs is not asked.

    ## What to do
    Labels, wiring, then mismatched pairs.
    """
    early = too_few(critic_of_conditions, evaluations, warm)
    if early is not None:
        return early
    columns = [critic_of_conditions[name] for name in ("d_condition_auc", "d_condition_auc_train")]
    best = np.maximum(*columns)
    late = critic_of_conditions.steps >= warm
    found = lasting((best < auc) & late, critic_of_conditions.steps, -best, evaluations=evaluations, span=span)
    if found is None or found.ended:
        return None
    clause, numbers = when(found, critic_of_conditions.steps)
    return Evidence(
        f"The discriminator does not mind conditions {clause}: it prefers a real with its own condition to one with "
        f"another's in {float(columns[1][found.worst]):.0%} of pairs, and in {float(columns[0][found.worst]):.0%} of "
        "pictures that it never saw; half is chance.",
        {
            **numbers,
            "auc": float(columns[0][found.worst]),
            "auc_training": float(columns[1][found.worst]),
        },
        "discriminator",
        undecided="It does not tell a D that is not given the condition from one that cannot use it: `sparring check` "
        "decides the first.",
    )
