"""SP508."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...running.facts import Rewinds


@rule(
    "SP508",
    "steps-rewound",
    needs=("rewinds",),
    severity="warning",
    remedies=[
        Remedy("Load a checkpoint once, before the loop, and never inside it."),
        Remedy("Save and load the optimisers' state with the weights, or each resume begins with a cold Adam."),
    ],
)
def steps_rewound(rewinds: Rewinds, *, few: int = 2, share: float = 0.01) -> Evidence | None:
    """The training goes back to where it was before, again and again.

    ## Measures
    How often the step counter goes back, and how often a checkpoint is loaded. Up to `few` times is a resume and
    information; more often, or loads in more than `share` of the rows, is a fault.

    ## Why it hurts
    A checkpoint that is loaded inside the loop throws away what the steps since have learned, and with the optimiser's
    state missing each return is a shock of its own.

    ## When it is wrong
    A log that several runs have written to looks the same, and so does one that a resume appends to.

    ## What to do
    Look for a load inside the loop.
    """
    back, loads = len(rewinds.jumps), len(rewinds.loads)
    if not back and loads <= few:
        return None
    often = back > few or loads > max(few, share * rewinds.rows)
    lost = sum(max(0, start - end) for start, end in rewinds.jumps)
    at = [start for start, _ in rewinds.jumps] or list(rewinds.loads)
    deepest = max(rewinds.jumps, key=lambda jump: jump[0] - jump[1], default=(at[0], at[0]))
    said = []
    if back:
        times = "once" if back == 1 else f"{back} times"
        said.append(f"the step counter goes back {times}, by {lost:,} steps in all (first at step {at[0]:,})")
    if loads:
        said.append(f"a checkpoint is loaded {loads} times")
    text = " and ".join(said)
    return Evidence(
        f"{text[0].upper()}{text[1:]}." + ("" if often else " It looks like a resume."),
        {
            "first_step": float(at[0]),
            "worst_step": float(deepest[0]),
            "last_step": float(at[-1]),
            "rewinds": float(back),
            "loads": float(loads),
            "steps_lost": float(lost),
        },
        severity="" if often else "info",
        confidence="likely",
        undecided="The log does not tell a resume from a second run that wrote into the same file: its dates, or the "
        "command that was run, do.",
    )
