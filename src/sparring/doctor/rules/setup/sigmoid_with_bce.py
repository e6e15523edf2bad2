"""SP204."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import ON_PROBABILITIES, Loss, Network


@rule(
    "SP204",
    "sigmoid-with-bce",
    needs=("discriminator", "loss"),
    severity="warning",
    remedies=[
        Remedy(
            "Leave the sigmoid out and use the loss on logits: BCEWithLogitsLoss, or from_logits=True in Keras. Take "
            "the logits before the sigmoid, never by inverting p."
        ),
        Remedy("If the sigmoid cannot be reached, keep the discriminator's last layers and the loss in fp32."),
    ],
)
def sigmoid_with_bce(
    discriminator: Network,
    loss: Loss,
    *,
    torch_stuck: float = 16.7,
    torch_fades: float = 27.63,
    keras_stuck: float = 16.12,
) -> Evidence | None:
    """The discriminator ends in a sigmoid, and the loss takes the logarithm of it.

    ## Measures
    What bounds the discriminator's output last to [0, 1], and a loss on probabilities. Where the loss was not told, a
    sigmoid at the end is taken to go with one.

    ## Why it hurts
    In fp32 a sigmoid is exactly 1 from a logit of `torch_stuck` on: a fake judged so has a loss of 100 in torch and a
    gradient of exactly 0, for ever. Where the target is real and the logit is -L, the gradient falls as e^(27.63 - L)
    beyond L = `torch_fades`, so with G's loss at 32 to 45 its gradient is gone. Keras on torch clips p to
    [1e-7, 1 - 1e-7] first: beyond a logit of `keras_stuck` either way the gradient is 0. Half precision is far worse.

    ## When it is wrong
    While logits stay small the two forms are the same. Keras on TensorFlow takes the logits behind a sigmoid by
    itself, so this does not hold there.

    ## What to do
    Logits cost nothing: leave out the sigmoid, change the loss, and apply the sigmoid only where p is looked at.
    """
    out = discriminator.output
    if loss.family not in ON_PROBABILITIES or out.squash not in ("sigmoid", "tanh", "clamp"):
        return None
    if out.least < 0 or out.most > 1:
        return None
    stuck = keras_stuck if discriminator.framework == "keras" else torch_stuck
    if out.squash == "clamp":
        harm = f"It is clipped to [{out.least:g}, {out.most:g}] first: at either end the gradient is exactly 0."
    elif discriminator.framework == "keras":
        harm = (
            f"Keras on torch clips p, so beyond a logit of {keras_stuck} either way the gradient is exactly 0 (on "
            "TensorFlow Keras uses the logits behind the sigmoid, and this does not hold)."
        )
    else:
        harm = (
            f"In fp32 a fake with a logit of {torch_stuck} or more has a loss of 100 and a gradient of exactly 0, and "
            f"G's gradient fades from a loss of {torch_fades} on."
        )
    said = "the loss takes its logarithm" if not loss.guessed else "so the loss probably takes its logarithm"
    return Evidence(
        f"The discriminator ends in a {out.squash}, and {said}. {harm}",
        {} if out.squash == "clamp" else {"stuck_at_logit": stuck},
        "discriminator, output",
        confidence="likely" if loss.guessed else "",
    )
