"""SP304: pictures of one plain colour."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...pictures.facts import DataFacts


@rule(
    "SP304",
    "constant-images",
    needs=("pictures",),
    severity="warning",
    remedies=[
        Remedy("Look at the pictures that are named, and delete those that show nothing."),
        Remedy("If only what is cut off shows something, keep the whole picture: --fit pad."),
    ],
)
def constant_images(pictures: DataFacts, *, deviation: float = 1 / 255, share: float = 0.001) -> Evidence | None:
    """Some pictures are of one plain colour: they show nothing.

    ## Measures
    The standard deviation of each channel within each picture, at the size of training and with 1 for full. A picture
    is plain when none of them reaches `deviation`, one grey level of 255. One plain picture is worth knowing (info);
    from a `share` of all on it is a warning.

    ## Why it hurts
    A plain picture is the easiest thing that a generator can make. If reals hold some, making nothing but plain
    pictures is rewarded, and scales that are computed for each picture (contrast, norms of instances) divide by zero.

    ## When it is wrong
    Where plain pictures belong to the data: colour cards, masks that may be empty, blank frames that are to be
    learnt.

    ## What to do
    Such files are mostly failed exports, covers and blank pages, or transparent pictures drawn in the colour of their
    background: another --background shows those.
    """
    plain = [path for path, found in zip(pictures.paths, pictures.deviations, strict=True) if found < deviation]
    if not plain:
        return None
    n = len(plain)
    subject = "1 picture" if n == 1 else f"{n:,} pictures"
    return Evidence(
        f"{subject} of {pictures.n:,} ({n / pictures.n:.1%}) {'is' if n == 1 else 'are'} of one plain colour at "
        f"{pictures.size_px} px: {', '.join(plain[:3])}{', ...' if n > 3 else ''}. The generator is rewarded for "
        "making such pictures.",
        {"plain": n, "pictures": pictures.n},
        where=plain[0],
        severity="warning" if n >= share * pictures.n else "info",
    )
