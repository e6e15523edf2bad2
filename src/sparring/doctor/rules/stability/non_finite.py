"""SP501."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...running.facts import BadNumber

_SHORT = 80  # characters of a log's line that are repeated
_WHOLE = {"d": "discriminator", "g": "generator", "": ""}


@rule(
    "SP501",
    "non-finite",
    needs=("bad_numbers",),
    severity="error",
    remedies=[
        Remedy("Stop, and go back to the last checkpoint before it: nothing that follows can be repaired."),
        Remedy(
            "If D ends in a sigmoid, use the loss on logits: the logarithm of 0 is the commonest source, and PyTorch's "
            "BCELoss fails on NaN with 'all elements of input should be between 0 and 1'."
        ),
        Remedy("Compute in fp32, or bf16 in place of fp16, and see whether it stays.", {"precision": "fp32"}),
        Remedy("Clip the gradient of the network that was first.", {"d_clip_norm": 1.0, "g_clip_norm": 1.0}),
    ],
)
def non_finite(bad_numbers: tuple[BadNumber, ...]) -> Evidence | None:
    """A loss or a gradient is not a number any more, or without bound.

    ## Measures
    The first NaN or infinity in any loss or gradient, and which network's it was; or an error in the log that says so.
    D's numbers are logged before G's of the same step, so D is named where both are bad in one row. Infinite gradients
    that pass are left out: under loss scaling such steps are skipped.

    ## Why it hurts
    One NaN spreads to all weights in a single step.

    ## When it is wrong
    Where a log writes NaN for "not measured in this row".

    ## What to do
    Go back, and remove the cause; do not replace NaN by 0.
    """
    if not bad_numbers:
        return None
    first = bad_numbers[0]
    others = [bad.name for bad in bad_numbers[1:] if not bad.said and bad.name != first.name]
    if first.said:
        said = first.name if len(first.name) <= _SHORT else f"{first.name[:_SHORT]} .."
        text = f"Numbers are not finite, or an error says so, at step {first.step:,} ({said})"
    else:
        text = f"{first.name} is not finite at step {first.step:,}, before anything else is, in {first.rows} rows"
    then = f"; then {', '.join(others[:3])}" if others else ""
    rows = sum(bad.rows for bad in bad_numbers if not bad.said)
    return Evidence(
        f"{text}{then}." + (" It is finite again at the end of the log." if first.recovered else ""),
        {
            "first_step": float(first.step),
            "worst_step": float(first.step),
            "last_step": float(bad_numbers[-1].step),
            "rows": float(rows),
        },
        _WHOLE[first.network],
        undecided="The log does not say whether loss, gradient or weights were first: run the steps before it again "
        "from a checkpoint with torch.autograd.set_detect_anomaly(True).",
    )
