"""SP308: some classes have far more pictures than others."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...pictures.facts import DataFacts


@rule(
    "SP308",
    "class-imbalance",
    needs=("pictures",),
    severity="warning",
    remedies=[
        Remedy("Collect more pictures of the rare classes, or join them to classes that are near."),
        Remedy("Take fewer of the frequent ones, where there are more than enough."),
        Remedy("Augment what the discriminator sees: it learns rare classes by heart first.",
               {"augment": "color,translation,cutout"}),
    ],
)  # fmt: skip
def class_imbalance(pictures: DataFacts, *, ratio: float = 10.0) -> Evidence | NotJudged | None:
    """Some classes have ten times as many pictures as others.

    ## Measures
    The pictures of each class that are trained on; reported where the largest class has more than `ratio` times as
    many as the smallest that has any.

    ## Why it hurts
    Batches are drawn from all pictures alike, so a rare class is seen rarely. The discriminator learns its few
    pictures by heart, and the generator makes the same few again, or pictures of a frequent class.

    ## When it is wrong
    Where the frequencies are what is to be learnt, and nobody asks for pictures of the rare classes.

    ## What to do
    Join rare classes, collect more, or take fewer of the frequent ones. Judge the rare classes on their own:
    `sparring sample RUN --condition CLASS`.
    """
    if pictures.classes is None:
        return NotJudged("no classes were asked for (--condition class)")
    counts = {name: n for name, n in pictures.classes.items() if n}
    most, fewest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[most] <= ratio * counts[fewest]:
        return None
    rare = sum(ratio * n < counts[most] for n in counts.values())
    return Evidence(
        f"The class {most} has {counts[most]:,} pictures, {counts[most] / counts[fewest]:.0f} times as many as "
        f"{fewest} with {counts[fewest]:,}; {rare:,} of {len(counts):,} classes {'is' if rare == 1 else 'are'} that "
        "rare. The generator will hardly learn what it sees so rarely.",
        {"most": counts[most], "fewest": counts[fewest], "classes": len(counts), "rare": rare},
        where=fewest,
    )
