"""SP505."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...running.losses import CEILINGS, Losses

_WHOLE = {"d": "discriminator", "g": "generator"}
_LOGITS = Remedy(
    "Use the loss on logits, taken before the sigmoid (BCEWithLogitsLoss, from_logits=True); never by inverting p."
)


@rule(
    "SP505",
    "loss-at-ceiling",
    needs=("losses",),
    severity="warning",
    confidence="likely",
    remedies=[
        _LOGITS,
        Remedy("If the sigmoid cannot be reached, keep D's last layers and the loss in fp32."),
        Remedy("Go back to the checkpoint before it: from the ceiling there is no gradient that leads back."),
    ],
)
def loss_at_ceiling(
    losses: Losses, *, fades: float = 27.63, within: float = 2e-3, points: int = 5
) -> list[Evidence] | None:
    """A loss stands at the bound of its own arithmetic, or beyond it: there its gradient is gone.

    ## Measures
    Losses within `within` of a constant that only a clamp gives, in `points` rows or more, which must be half of all
    that come near it: 100 (PyTorch's BCELoss), 16.118 and 15.942 (Keras), 27.631, 23.026, 18.421 and 13.816 (-ln of an
    epsilon of 1e-12, 1e-10, 1e-8, 1e-6); for D half of them too, where the log averages its two terms. And, for binary
    cross-entropy after the warm-up, a loss of G above `fades` in `points` of 20 rows: if D ends in a sigmoid (PyTorch,
    fp32), G's gradient is e^(27.63 - loss) of what it should be.

    ## Why it hurts
    Where the loss is clamped the gradient is exactly 0: nothing pulls the network back. Beyond 27.63 it fades.

    ## When it is wrong
    On logits such losses are large, but whole: then the gradient is there, and only the ceiling's constants count.
    The official DCGAN example passes 27.63 in its first iterations and comes back.

    ## What to do
    Logits. They give the same numbers everywhere else, and a gradient here.
    """
    found = [_clamped(losses, network, within) for network, (_, rows) in losses.ceilings.items() if rows >= points]
    if losses.family in ("bce", "") and losses.warm_from < len(losses):
        steps, _, g = losses.warm
        above = np.flatnonzero(g > fades)
        beyond = losses.ceilings.get("g", (0.0, 0))[0] >= fades
        spans = above[points - 1 :] - above[: max(0, len(above) - points + 1)]
        if not beyond and len(spans) and int(spans.min()) < 4 * points:
            found.append(_faded(losses, steps, g, above, fades))
    return found or None


def _clamped(losses: Losses, network: str, within: float) -> Evidence:
    constant, count = losses.ceilings[network]
    values = losses.of(network) / (2.0 if network == "d" and losses.averaged else 1.0)
    rows = np.flatnonzero(np.abs(values - constant) <= within)
    whole = constant if constant in CEILINGS else 2 * constant
    half = "" if constant in CEILINGS else f", half of {whole:g}"
    return Evidence(
        f"{network.upper()}'s loss stands at {constant:g}{half}, the ceiling of {CEILINGS[whole]}, in {count} rows "
        f"from {losses.unit} {int(losses.steps[rows[0]]):,} to {int(losses.steps[rows[-1]]):,}. There its gradient is "
        "exactly 0.",
        {
            "first_step": float(losses.steps[rows[0]]),
            "worst_step": float(losses.steps[rows[0]]),
            "last_step": float(losses.steps[rows[-1]]),
            "ceiling": constant,
            "rows": float(count),
        },
        _WHOLE[network],
        undecided="Whether every picture of the batch is stuck, or the mean only happens to lie there: D's logits "
        "before the sigmoid (beyond 16.7 in PyTorch, 16.1 in Keras) decide it.",
    )


def _faded(losses: Losses, steps: np.ndarray, g: np.ndarray, above: np.ndarray, fades: float) -> Evidence:
    worst = int(np.argmax(g))
    # In logarithms: e^-740 is 0 as a number.
    power = (fades - float(g[worst])) / float(np.log(10))
    back = above[-1] < len(g) - 1
    after = f" It is below {fades} again from {losses.unit} {int(steps[above[-1] + 1]):,} on." if back else ""
    return Evidence(
        f"G's loss lies above {fades} in {len(above)} rows from {losses.unit} {int(steps[above[0]]):,} to "
        f"{int(steps[above[-1]]):,}, {g[worst]:.4g} at most: if D ends in a sigmoid, G's gradient there is "
        f"e^(27.63 - loss) of what it should be, down to 1e{power:.0f}.{after}",
        {
            "first_step": float(steps[above[0]]),
            "worst_step": float(steps[worst]),
            "last_step": float(steps[above[-1]]),
            "first_row": float(losses.warm_from + above[0]),
            "last_row": float(losses.warm_from + above[-1]),
            "rows": float(len(above)),
            "g_loss": float(g[worst]),
            "attenuation": 10.0**power,
        },
        "generator",
        remedies=(_LOGITS, Remedy("Clip D's gradient, so that no single update throws G there.", {"d_clip_norm": 1.0})),
        undecided="The log does not show whether D ends in a sigmoid; on logits the gradient is whole, however large "
        "the loss. `sparring check` on D decides it (SP204).",
    )
