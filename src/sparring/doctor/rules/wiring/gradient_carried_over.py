"""SP107."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Step

_NAMES = {"g": "G", "d": "D", "?": "both"}


@rule(
    "SP107",
    "gradient-carried-over",
    needs=("step",),
    severity="warning",
    remedies=[
        Remedy("Call zero_grad() of the optimiser before the first backward pass of its own update."),
        Remedy("Detach fakes in D's update, so that it leaves nothing in G."),
    ],
)
def gradient_carried_over(step: Step) -> list[Evidence]:
    """An update uses a gradient that was left from an earlier one.

    ## Measures
    In a run of the training step, after one that warms up: gradients that were there when an optimiser had stepped,
    were not cleared before the next backward pass added to them, and went into an update. Several backward passes for
    one update are no fault.

    ## Why it hurts
    D's update then also follows G's loss, which asks for the opposite, or all earlier steps; Adam hides it for a while.

    ## When it is wrong
    Where one accumulates over several calls of the step on purpose, and steps the optimiser each time.

    ## What to do
    Clear before you add: zero_grad, backward, step, in this order for each network.
    """
    found = []
    for word, name in _NAMES.items():
        late = [update for update in step.of(word) if update.carried_over]
        if late:
            of = " and ".join(dict.fromkeys(role for update in late for role in update.carried_over))
            found.append(
                Evidence(
                    f"{len(late)} of {len(step.of(word))} updates by the optimiser of {name} use gradients of the "
                    f"{of} that "
                    "were left from an update before: they were not cleared.",
                    {"updates": float(len(step.of(word))), "carried_over": float(len(late))},
                    f"step, optimiser of {name}",
                )
            )
    return found
