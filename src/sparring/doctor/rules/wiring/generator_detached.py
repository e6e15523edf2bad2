"""SP106."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import Wiring

_BY = {
    "discriminator": "D gives no gradient at its own input",
    "generator": "D gives a gradient at its input, and G does not take it",
    "": "it cannot be said where it is cut",
}


@rule(
    "SP106",
    "generator-detached",
    needs=("wiring",),
    severity="error",
    remedies=[
        Remedy("Look for detach(), .data, no_grad, argmax, round or a trip through NumPy between z and D's output."),
        Remedy("Detach fakes in D's update only, and make G's loss from D(fake) with its graph."),
    ],
)
def generator_detached(wiring: Wiring) -> list[Evidence] | NotJudged:
    """No gradient reaches G through D.

    ## Measures
    The gradient of D's output on G's pictures at G's parameters: whether there is a path, not how large it is. Of a
    training step: whether any backward pass before G's update writes G's gradients. Of a compiled Keras stack: whether
    its step changes G.

    ## Why it hurts
    G never learns; its loss wanders with D's.

    ## When it is wrong
    G is trained by reinforcement (policy gradients), or by a loss that does not go through D.

    ## What to do
    Call `D(G(z)).sum().backward()` yourself, and look at `.grad` from G's end to its beginning.
    """
    if wiring.pair is None and wiring.step is None and wiring.compiled is None:
        return NotJudged("both networks, a training step, or a compiled Keras stack")
    found = []
    pair, step, compiled = wiring.pair, wiring.step, wiring.compiled
    if pair is not None and pair.connected is False:
        found.append(
            Evidence(
                f"No gradient comes from D's output to any parameter of G: {_BY[pair.why_not]}.",
                {"gradient": 0.0},
                pair.why_not,
            )
        )
    elif step is not None and step.of("g") and "generator" not in step.left_frozen:
        own = step.of("g")
        if not any("generator" in update.computed or update.changed["generator"] > 0 for update in own):
            found.append(
                Evidence(
                    f"The step calls G's optimiser {len(own)} times, and no backward pass before it writes a "
                    "gradient of G.",
                    {"updates": float(len(own)), "changed": 0.0},
                    "step, generator",
                )
            )
    if compiled is not None and compiled.g_by_stack == 0 and not found:
        found.append(
            Evidence("One step of the compiled stack changes nothing of G.", {"g_by_stack": 0.0}, "combined, generator")
        )
    return found
