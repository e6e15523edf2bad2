"""SP310: pictures far from square."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...pictures.facts import DataFacts


@rule(
    "SP310",
    "extreme-aspect",
    needs=("pictures",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Keep the whole picture, with bars: --fit pad --background COLOUR."),
        Remedy("Crop the files yourself so that what matters is in a square."),
    ],
)
def extreme_aspect(pictures: DataFacts, *, aspect: float = 2.0, share: float = 0.1) -> Evidence | None:
    """Many files are far from square, so that cropping loses much of them, or squeezing distorts them.

    ## Measures
    The longer side of each file by its shorter one. Reported where more than a `share` of the files are over
    `aspect`: a square out of the middle then holds less than half of the picture. With --fit pad nothing is lost, and
    nothing reported.

    ## Why it hurts
    What is cut off is not learnt: heads of standing people, both ends of a car. Squeezed pictures keep everything and
    are distorted, each by its own factor, so the generator learns distortions.

    ## When it is wrong
    Where what matters is in the middle, or the file has broad borders. Textures lose nothing.

    ## What to do
    `sparring data PATH --sheet sheet.png` shows what is left of the pictures. If too little, --fit pad or a crop of
    your own.
    """
    if pictures.fit == "pad":
        return None
    long = sum(n for (width, height), n in pictures.sizes.items() if max(width, height) > aspect * min(width, height))
    if long <= share * pictures.n:
        return None
    lost = sum((1 - min(size) / max(size)) * n for size, n in pictures.sizes.items()) / pictures.n
    worst = max(pictures.sizes, key=lambda size: max(size) / min(size))
    done = f"cropping loses {lost:.0%} of all their area" if pictures.fit == "crop" else "squeezing distorts them"
    return Evidence(
        f"{long:,} of {pictures.n:,} files ({long / pictures.n:.0%}) are more than {aspect:g} times as long one way as "
        f"the other; the extreme is {worst[0]} x {worst[1]} px. To make squares of them, {done}.",
        {"long": long, "files": pictures.n, "mean_loss": lost},
    )
