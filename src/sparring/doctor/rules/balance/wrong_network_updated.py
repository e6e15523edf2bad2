"""SP407."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.facts import Track
from ...running.spans import when
from ...running.windows import stretches


@rule(
    "SP407",
    "wrong-network-updated",
    needs=("updates",),
    severity="error",
    remedies=[
        Remedy("Give each optimiser the parameters of its own network only."),
        Remedy("In Keras: set D.trainable to False before the stack's step, and to True before D's own."),
    ],
)
def wrong_network_updated(
    updates: dict[tuple[str, str], Track], *, moved: float = 1e-9, points: int = 5, steps: int = 0
) -> list[Evidence] | NotJudged | None:
    """A network's weights change in the other one's step.

    ## Measures
    How much D's weights change in G's step (and G's in D's), relative to their size: more than `moved` in `points`
    logged points one after the other, over at least `steps` steps. Weights only: running statistics of batch norm and
    the vectors of spectral norm move in every forward, and that is right.

    ## Why it hurts
    In G's step the loss falls if D judges worse. A D that is updated there unlearns what it has just learned.

    ## When it is wrong
    Where both are updated in one step on purpose (a gradient reversed between them).

    ## What to do
    Look at what each optimiser holds.
    """
    found = []
    for network, phase in (("d", "g"), ("g", "d")):
        track = updates.get((network, phase))
        if track is None:
            continue
        on = track.values > moved
        stretch = stretches(on, ~on, track.steps, track.values, least_steps=steps, least_points=points)
        if stretch is None:
            continue
        clause, numbers = when(stretch, track.steps)
        size = float(np.median(track.values))
        own = updates.get((network, network))
        numbers |= {"moved": size} | ({"moved_in_own_step": float(np.median(own.values))} if own is not None else {})
        found.append(
            Evidence(
                f"{network.upper()}'s weights change in {phase.upper()}'s step {clause}, by {size:.2g} of their size "
                "at a time.",
                numbers,
                {"d": "discriminator", "g": "generator"}[network],
                undecided="The change of weights does not say through which optimiser: `sparring check --step "
                "FILE:NAME` does.",
            )
        )
    if not found and ("d", "g") not in updates and ("g", "d") not in updates:
        return NotJudged("the change of weights in the other network's step was not recorded")
    return found or None
