"""SP105."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import Compiled, Pair, Step, Wiring

_NAMES = {"g": "generator", "d": "discriminator"}


@rule(
    "SP105",
    "optimizer-crossed",
    needs=("wiring",),
    severity="error",
    remedies=[
        Remedy("Build each optimiser from its own network: Adam(G.parameters()), Adam(D.parameters())."),
        Remedy("Give G and D layers of their own; where one has to be shared, freeze it in one of them."),
    ],
)
def optimizer_crossed(wiring: Wiring) -> list[Evidence] | NotJudged:
    """An optimiser holds the other network's parameters, or misses its own; or G and D share a parameter.

    ## Measures
    Which parameters both networks hold; in a training step, which parameters each optimiser holds; of compiled Keras
    models, whether the stack's step changes D.

    ## Why it hurts
    G's update then makes D take fakes for real, so that D's verdict means nothing and the pictures stay noise, while
    both losses look peaceful. An optimiser without its own network leaves that network as it began.

    ## When it is wrong
    A third optimiser of both for a further loss (InfoGAN), and a single optimiser behind a gradient reversal: the
    first is not reported, the second as an info.

    ## What to do
    Print what each optimiser holds; in Keras freeze D before the stack is stepped, and thaw it before D is.
    """
    found: list[Evidence] = []
    if wiring.pair is not None:
        found += _shared(wiring.pair)
    if wiring.step is not None:
        found += _crossed(wiring.step)
    if wiring.compiled is not None:
        found += _stack(wiring.compiled)
    if wiring.pair is None and wiring.step is None and wiring.compiled is None:
        return NotJudged("both networks, a training step, or compiled Keras models")
    return found


def _shared(pair: Pair) -> list[Evidence]:
    if not pair.shared:
        return []
    names = ", ".join(pair.shared)
    return [
        Evidence(
            f"G and D share trainable parameters ({names} ..): each update of one changes the other.",
            {"shared": float(len(pair.shared))},
            names,
        )
    ]


def _crossed(step: Step) -> list[Evidence]:
    if step.optimizers == 1 and "?" in step.holds:
        return _single(step)
    found = []
    pure = {
        word: any(n for n, _ in [holds[_NAMES[word]]]) and not holds[_NAMES["d" if word == "g" else "g"]][0]
        for word, holds in step.holds.items()
        if word in _NAMES
    }
    if all(pure.get(word) for word in _NAMES):
        return []  # further optimisers, of both, are for further losses
    for word, role in _NAMES.items():
        other = _NAMES["d" if word == "g" else "g"]
        holds = step.holds.get(word)
        if holds is not None and holds[other][0]:
            count, total = holds[other]
            found.append(
                Evidence(
                    f"The optimiser of the {role} also holds {count} of {total} parameters of the {other}, and changes "
                    f"them by up to {max((u.changed[other] for u in step.of(word)), default=0.0):.2g} in its update.",
                    {"held": float(count), "parameters": float(total)},
                    f"optimiser of the {role}",
                )
            )
        unseen = not any(each[role][0] for each in step.holds.values())
        if step.of_user and unseen and any(each[role][1] for each in step.holds.values()):
            found.append(
                Evidence(
                    f"No optimiser of the step holds a parameter of the {role}: it never changes.",
                    {"held": 0.0, "optimizers": float(step.optimizers)},
                    role,
                )
            )
    return found


def _single(step: Step) -> list[Evidence]:
    """One optimiser of both: right only where a reversed gradient comes in one update."""
    once = len(step.of("?")) == 1
    message = f"One optimiser holds both networks and steps {len(step.of('?'))} times: each step changes both."
    if once:
        message = "One optimiser updates both networks at once, which is right only behind a gradient reversal."
    return [
        Evidence(
            message,
            {"optimizers": 1.0, "updates": float(len(step.of("?")))},
            "optimiser",
            severity="info" if once else "",
            confidence="hint" if once else "",
        )
    ]


def _stack(compiled: Compiled) -> list[Evidence]:
    if not compiled.d_by_stack:
        return []
    return [
        Evidence(
            f"One step of the compiled stack, which is to train G, changes D by up to {compiled.d_by_stack:.2g}: "
            "as it stands, G's turn teaches D to take fakes for real.",
            {"d_by_stack": compiled.d_by_stack, "g_by_stack": compiled.g_by_stack or 0.0},
            "combined",
            confidence="likely",
            remedies=(
                Remedy("Set discriminator.trainable = False before each step of the stack, and True before each of D."),
            ),
        )
    ]
