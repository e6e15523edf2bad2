"""SP309: pictures without a class, caption or vector."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...pictures.facts import WORDS, DataFacts


@rule(
    "SP309",
    "missing-conditions",
    needs=("pictures",),
    severity="warning",
    remedies=[
        Remedy(
            "Complete the table or the file names that the conditions are read from; check spelling and extensions."
        ),
        Remedy("Take these pictures out, or train without conditions, if they cannot be told."),
    ],
)
def missing_conditions(pictures: DataFacts, *, most: int = 0) -> Evidence | NotJudged | None:
    """Some pictures have no class, caption or vector, so they are not trained on.

    ## Measures
    The pictures that can be read and for which no condition was found; more than `most` are reported. (Where more
    than half have none, nothing is trained at all, and that is an error of its own.)

    ## Why it hurts
    They are left out. Mostly it is one kind that is missing (a folder, an extension, names with umlauts), and what
    the networks never see they never make.

    ## When it is wrong
    Where only a part of the pictures was meant to be used.

    ## What to do
    Look at the first names: do they stand in the table, spelt like that? docs/conditions.md says what is looked for.
    """
    if not pictures.condition:
        return NotJudged("no conditions were asked for (--condition)")
    n = len(pictures.missing)
    if n <= most:
        return None
    word, subject = WORDS[pictures.condition], "1 picture" if n == 1 else f"{n:,} pictures"
    return Evidence(
        f"{subject} of {pictures.n:,} ({n / pictures.n:.1%}) {'has' if n == 1 else 'have'} no {word} and "
        f"{'is' if n == 1 else 'are'} not trained on: {', '.join(pictures.missing[:3])}{', ...' if n > 3 else ''}.",
        {"missing": n, "pictures": pictures.n},
        where=pictures.missing[0],
    )
