"""SP202."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Loss, Network


@rule(
    "SP202",
    "probabilities-into-logit-loss",
    needs=("discriminator", "loss"),
    severity="error",
    remedies=[
        Remedy("Leave the sigmoid at the end of the discriminator out; the loss applies its own."),
        Remedy(
            "Or keep it and use the loss for probabilities (BCELoss, from_logits=False), which is worse: see SP204."
        ),
    ],
)
def probabilities_into_logit_loss(
    discriminator: Network,
    loss: Loss,
    *,
    d_floor: float = 1.0064,
    g_floor: float = 0.3133,
    g_ceiling: float = 0.6931,
    families: tuple[str, ...] = ("bce-logits", "relativistic"),
) -> Evidence | None:
    """The discriminator ends in a sigmoid, and the loss applies another one.

    ## Measures
    What bounds the discriminator's output last to [0, 1], found from the operations that run, not from their names
    (a sigmoid, one that is clipped, a tanh that is moved); and the loss that was told. A loss on logits takes numbers
    of any size.

    ## Why it hurts
    A sigmoid of a sigmoid lies in [.5, .731]. D's loss, summed over reals and fakes, can never fall below
    softplus(-1) + ln 2 = `d_floor`, and G's stays between `g_floor` = softplus(-1) and `g_ceiling` = ln 2 whatever
    happens; gradients are shrunk by p(1 - p) on the way. The same bounds in a log give it away.

    ## When it is wrong
    Least squares on probabilities is not this fault: the least-squares loss applies no sigmoid.

    ## What to do
    Let the last layer be linear. In PyTorch the loss is BCEWithLogitsLoss, in Keras from_logits=True.
    """
    out = discriminator.output
    if loss.family not in families or out.squash not in ("sigmoid", "softmax", "tanh", "clamp") or loss.guessed:
        return None
    if out.least < 0 or out.most > 1:  # no probabilities
        return None
    bounds = (
        f"D's loss cannot fall below {d_floor} and G's stays in [{g_floor:.3f}, {g_ceiling:.3f}]"
        if loss.family == "bce-logits"
        else f"differences of two logits stay within -1 and 1, so no loss can fall below {g_floor:.3f}"
    )
    return Evidence(
        f"The discriminator ends in a {out.squash} and the loss ({loss.family}) applies a sigmoid of its own: "
        f"{bounds}, whatever is learned.",
        {"d_floor": d_floor, "g_floor": g_floor, "g_ceiling": g_ceiling, "d_loss": loss.d_loss, "g_loss": loss.g_loss},
        "discriminator, output",
    )
