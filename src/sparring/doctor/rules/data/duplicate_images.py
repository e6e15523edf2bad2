"""SP302: the same picture several times."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...pictures.facts import DataFacts


@rule(
    "SP302",
    "duplicate-images",
    needs=("pictures",),
    severity="warning",
    remedies=[
        Remedy("Keep one of each group, and delete the others."),
        Remedy("If they are many because they matter more, keep them, and measure against a set without copies."),
    ],
)
def duplicate_images(pictures: DataFacts, *, share: float = 0.05) -> Evidence | None:
    """A good part of the pictures repeats another one.

    ## Measures
    Two pictures are the same when their pixels are, at the size of training; and nearly the same when their pixels
    differ by no more than 12 % of their contrast (saved again as JPEG, scaled, slightly brighter). Which pairs are
    compared is decided by versions of 4 x 4 fields. Counted is how many would have to go until none repeats another;
    reported from a `share` of all on.

    ## Why it hurts
    The discriminator sees such a picture more often than the others and learns it by heart first, and the generator is
    paid for making it. Copies on both sides of the split into training and held-out pictures make memorising look like
    quality; exact copies of files are kept on one side, near ones are not.

    ## When it is wrong
    Pictures that differ in a small detail count as nearly the same: clock faces, frames of a film, a full sheet with
    one other letter. Mirrored, turned or cut copies are not found. Nor are drawings with hard edges that were saved as
    JPEG at about the size of training, since that blurs them, and in large sets a few of the others.

    ## What to do
    Look at the groups that are named; `sparring data PATH --json` gives more of them. Delete all but one of each.
    """
    exact, near = pictures.exact, pictures.near
    n = exact.n + near.n
    if n < share * pictures.n or n == 0:
        return None
    shown = (exact.examples or near.examples)[0]
    largest = exact.largest if exact.examples else near.largest
    parts = [f"{exact.n:,} exactly"] * bool(exact.n) + [f"{near.n:,} nearly"] * bool(near.n)
    return Evidence(
        f"{n:,} of {pictures.n:,} pictures ({n / pictures.n:.1%}) repeat another one, {' and '.join(parts)}. The "
        f"largest group has {largest:,}: {', '.join(shown[:3])}{', ...' if largest > len(shown[:3]) else ''}. "
        "What comes often is learnt by heart first.",
        {"exact": exact.n, "near": near.n, "pictures": pictures.n, "share": n / pictures.n},
        where=shown[0],
        confidence="certain" if exact.n >= share * pictures.n else "likely",
    )
