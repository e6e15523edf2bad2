"""SP108."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Compiled


@rule(
    "SP108",
    "frozen-after-compile",
    needs=("compiled",),
    severity="error",
    remedies=[
        Remedy(
            "Set discriminator.trainable = True before each train_on_batch of D, and False before each one of the "
            "stack: "
            "that is right in every version of Keras."
        ),
        Remedy("Or write the step yourself, with an optimiser for each network, and no stack."),
    ],
)
def frozen_after_compile(compiled: Compiled) -> Evidence | None:
    """D was frozen after it was compiled: under Keras 3 its own step trains nothing.

    ## Measures
    One `train_on_batch` of the compiled D, on a copy of its state: the largest change of a weight.

    ## Why it hurts
    Keras 3 reads `trainable` when it steps, Keras 2 read it when it compiled. The recipe of the classic programs
    (compile D, set `trainable = False`, compile the stack) was right then; now D never learns, its loss rises, G's
    falls to nothing, and there is only a warning that the model has no trainable weights.

    ## When it is wrong
    The loop itself sets `trainable` before each step: then hand that loop over as `step`, and it is run instead.

    ## What to do
    Set the flag before each step, not once.
    """
    if compiled.d_by_d is None or compiled.d_by_d > 0:
        return None
    changed = {"d_by_d": compiled.d_by_d}
    if compiled.g_by_stack is not None:
        changed["g_by_stack"] = compiled.g_by_stack
    if not compiled.d_frozen:
        return Evidence(
            "One train_on_batch of the compiled D changes none of its weights.",
            changed,
            "discriminator",
            confidence="likely",
        )
    stack = (
        "" if compiled.g_by_stack is None else f", while the stack's step moves G by up to {compiled.g_by_stack:.2g}"
    )
    return Evidence(
        f"D is compiled, and trainable = False stands on it: one train_on_batch of D changes its weights by exactly "
        f"0{stack}. "
        "Unless the loop thaws it before each step, D never learns.",
        changed,
        "discriminator",
    )
