"""SP604."""

from __future__ import annotations

import numpy as np

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...running.quality import Sheet, lasting, too_few
from ...running.spans import when
from ...running.windows import Stretch


@rule(
    "SP604",
    "condition-ignored-by-generator",
    needs=("obedience",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Look whether labels belong to their pictures: a table that was sorted otherwise, an index off by one."),
        Remedy("Look whether the condition reaches G at all, and D: `sparring check` swaps it."),
        Remedy("Show D real pictures with wrong conditions as fakes.", {"mismatch": 0.5}),
        Remedy("Let D name the class.", {"class_weight": 1.0}),
    ],
)
def condition_ignored_by_generator(
    obedience: Sheet,
    *,
    share: float = 0.1,
    judge: float = 3.0,
    effect: float = 0.05,
    lively: float = 0.2,
    evaluations: int = 4,
    span: int = 2_000,
    warm: int = 1_000,
    above: float = 0.3,
    least: float = 0.03,
    few: int = 500,
) -> Evidence | NotJudged | None:
    """What the generator is asked for makes no difference to what it draws.

    ## Measures
    How often fakes are recognised as what they were asked for: less than `share` of the way from chance to what reals
    reach, which must be `judge` times chance for it to mean anything. Or the same z with another condition: pictures
    that are less than `effect` as far apart as with another z. In `evaluations` of them one after the other, over
    `span` steps, from step `warm` on and to the last, while fakes are `lively` as far apart as reals. Or the
    reals themselves are recognised by chance only: neither `above` times chance nor `least` of the way to 1 beyond it,
    over `few` steps, at any time. Even a weak judge does better where labels say anything of their pictures.

    ## Why it hurts
    A conditional generator that does not listen is an unconditional one.

    ## When it is wrong
    A G learns to draw before it learns to listen, and texts take longest. With shuffled labels it uses the condition
    as noise: pictures change with it (1.7 to 11 times as much as with z), and are what was asked for by chance only.

    ## What to do
    Labels first, wiring second, and only then what D is rewarded for.
    """
    chance, reals, value = (obedience[name] for name in ("obedience_chance", "obedience_reals", "obedience"))
    lost = reals < chance + np.minimum(above * chance, least * (1 - chance))
    found = lasting(lost, obedience.steps, -reals, evaluations=evaluations, span=few)
    if found is not None and not found.ended:
        return _labels_say_nothing(obedience, found)
    early = too_few(obedience, evaluations, warm)
    if early is not None:
        return early
    late = (obedience.steps >= warm) & ~(obedience["spread"] < lively)
    unmoved = obedience["condition_effect"] < effect
    deaf = (value < chance + share * (reals - chance)) & (reals >= judge * chance)
    found = lasting((unmoved | deaf) & late, obedience.steps, -value, evaluations=evaluations, span=span)
    if found is None or found.ended:
        return None
    clause, numbers = when(found, obedience.steps)
    row = found.worst
    told = {"obedience": float(value[row]), "chance": float(chance[row]), "reals": float(reals[row])}
    moved = obedience["condition_effect"][row]
    if np.isfinite(moved):
        told["condition_effect"] = float(moved)
    return Evidence(
        f"The generator does not follow its conditions {clause}: {told['obedience']:.1%} of its pictures are "
        f"recognised as what they were asked for, where chance is {told['chance']:.1%} and reals have "
        f"{told['reals']:.0%}.",
        {**numbers, **told},
        "generator",
        undecided="Obedience does not tell labels that are wrong from conditions that do not arrive: twenty pictures "
        "with their labels, looked at, decide the first; `sparring check` the second.",
    )


def _labels_say_nothing(obedience: Sheet, found: Stretch) -> Evidence:
    clause, numbers = when(found, obedience.steps)
    names = {"obedience": "obedience", "chance": "obedience_chance", "reals": "obedience_reals"}
    told = {name: float(obedience[column][found.worst]) for name, column in names.items()}
    return Evidence(
        f"Labels say nothing of their pictures {clause}: {told['reals']:.1%} of the reals themselves are recognised as "
        f"what they are said to be, where chance is {told['chance']:.1%}. There is nothing that the generator could "
        "follow.",
        {**numbers, **told},
        "generator",
        confidence="hint",
        undecided="A judge that is too weak for these pictures looks the same: twenty pictures with their labels, "
        "looked at, decide it.",
    )
