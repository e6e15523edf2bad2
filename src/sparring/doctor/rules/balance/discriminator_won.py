"""SP401."""

from __future__ import annotations

import math

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.families import WORDS
from ...running.losses import Losses
from ...running.spans import lasting, too_short, when
from ...running.windows import Stretch, moving_medians, stretches

_FAR = 2.5  # a regime ends where D's median is that many times its bound


@rule(
    "SP401",
    "discriminator-won",
    needs=("losses",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy(
            "Look for what gives the reals away first: another range than G's (data in [0, 1] under a tanh), a "
            "constant channel, letterbox bars: `sparring check` and `sparring data`."
        ),
        Remedy("Give D's loss its logits, without a sigmoid before it."),
        Remedy("Penalise D's gradient on reals and fakes.", {"r1": 0.5, "r2": 0.5}),
        Remedy("Put a spectral norm on D's layers.", {"d_spectral_norm": True}),
        Remedy(
            "With few pictures, and if D does worse on held-out ones, augment what it sees.",
            {"augment": "color,translation,cutout"},
        ),
        Remedy("Lower D's learning rate.", {"d_lr": "/2"}),
    ],
)
def discriminator_won(
    losses: Losses,
    *,
    bce_d: float = 0.1,
    bce_g: float = 3.0,
    hinge_d: float = 0.05,
    squares_d: float = 0.02,
    halves_d: float = 0.01,
    ahead_d: float = 0.2,
    ahead_g: float = 5.0,
    ahead_steps: int = 1000,
    accuracy: float = 0.995,
    window: int = 30,
) -> Evidence | NotJudged | None:
    """D tells every real picture from every fake one, and has for long: G learns less and less from it.

    ## Measures
    Medians over `window` logged points after the warm-up, which must hold for 50 iterations and 5 points. Binary
    cross-entropy: the sum of D's terms, less the floor of smoothed labels, below `bce_d` and G above `bce_g`. Hinge:
    D below `hinge_d`, or below `bce_d` with G above `bce_g`. Least squares: D below `squares_d`, or `halves_d` where
    the loss is written with halves. As a hint, of both of the first two: D below `ahead_d` with G above `ahead_g` for
    `ahead_steps`, which is beyond what sound runs show of either. Where D's loss does not say it, but its accuracy is
    logged: that at or above `accuracy`, as a hint.

    ## Why it hurts
    Where D is certain, its output hardly changes with the picture, and that change is all that G learns from. Some
    runs go on improving so for long (one for 42,000 steps) and collapse then: it is a risk, not yet a failure.

    ## When it is wrong
    In the first hundreds of iterations a D ahead is normal (they are left out). Under the hinge loss the bound lies at
    the lower end of what sound runs show, so it is a hint there. Under Wasserstein losses D's loss says nothing of it.

    ## What to do
    In this order: what gives the reals away, the numerics of the loss, who is updated, a penalty or spectral norm,
    augmentation if the held-out pictures ask for it, and only then rates and sizes. Never a loop that trains G until
    its loss is low.
    """
    family = losses.family
    if family in ("wasserstein", "relativistic") or losses.partial:
        if losses.accuracy is not None:
            return _by_accuracy(losses, accuracy, window)
        if losses.partial:
            return NotJudged(f"D's loss is not the sum of its terms: {losses.partial}")
        return NotJudged(f"{WORDS[family]} of D does not tell how well it tells reals from fakes")
    floor = losses.floor
    bound = {"hinge": hinge_d, "least-squares": squares_d, "least-squares-halved": halves_d}.get(family, bce_d)
    g_on = bce_g if family in ("bce", "") else -math.inf
    found = lasting(losses, bound + floor, _FAR * bound + floor, g_on, 0.6 * g_on, d_low=True, window=window)
    if found is None and family == "hinge":
        found = lasting(losses, bce_d, _FAR * bce_d, bce_g, 0.6 * bce_g, d_low=True, window=window)
    ahead = None
    if family in ("bce", "", "hinge"):
        ahead = lasting(losses, ahead_d + floor, 2 * ahead_d + floor, ahead_g, 0.6 * ahead_g, d_low=True, window=window)
    if isinstance(ahead, tuple) and losses.steps_known:
        first, last = losses.warm[0][[ahead[0].first, ahead[0].last]]
        ahead = ahead if last - first >= ahead_steps else None  # a leap puts D ahead for a moment, too
    if isinstance(found, NotJudged) or isinstance(ahead, NotJudged):
        return found if isinstance(found, NotJudged) else None
    if found is None:
        return None if ahead is None else _by_lead(losses, *ahead)
    stretch, d, g = found
    clause, numbers = when(stretch, losses.warm[0], losses.unit)
    if ahead is not None and ahead[0].first < stretch.first:
        numbers["began_step"] = float(losses.warm[0][ahead[0].first])
        clause += f", and was far ahead from {losses.unit} {numbers['began_step']:,.0f} on"
    share = stretch.held / max(1, len(losses.warm[0]))
    less = f" ({floor:.3f} of it is the floor of smoothed labels)" if floor else ""
    return Evidence(
        f"The discriminator has won {clause}: its loss is {d:.2g}{less} and G's {g:.3g} (medians). What G learns from "
        "it shrinks: a risk, even while the pictures still improve.",
        {**numbers, "d_loss": d, "g_loss": g, "share": min(1.0, share)},
        "discriminator",
        confidence="hint" if family in ("hinge", "") else "",
        undecided=_UNDECIDED,
    )


def _by_lead(losses: Losses, stretch: Stretch, d: float, g: float) -> Evidence:
    clause, numbers = when(stretch, losses.warm[0], losses.unit)
    return Evidence(
        f"The discriminator is far ahead {clause}: its loss is {d:.2g} and G's {g:.3g} (medians), beyond what sound "
        "runs show. If it goes on so, G learns less and less from it.",
        {**numbers, "d_loss": d, "g_loss": g},
        "discriminator",
        confidence="hint",
        undecided=_UNDECIDED,
    )


def _by_accuracy(losses: Losses, accuracy: float, window: int) -> Evidence | NotJudged | None:
    assert losses.accuracy is not None
    steps, values = losses.warm[0], losses.accuracy[losses.warm_from :]
    if len(steps) < 5:
        return too_short(losses)
    medians, ends = moving_medians(values, window)
    found = stretches(medians >= accuracy, medians < accuracy - 0.03, steps[ends], medians)
    if found is None:
        return None
    clause, numbers = when(found, steps[ends], losses.unit)
    height = float(medians[found.worst])
    return Evidence(
        f"The discriminator has won {clause}: it is right about {height:.1%} of all pictures. What G learns from it "
        "shrinks: a risk, even while the pictures still improve.",
        {**numbers, "accuracy": height},
        "discriminator",
        confidence="hint",
        undecided=_UNDECIDED,
    )


_UNDECIDED = (
    "The numbers cannot tell a D that found a shortcut in the data from one that is only stronger. `sparring check` on "
    "both networks and the data decides it; beyond that, D's accuracy on reals it never saw."
)
