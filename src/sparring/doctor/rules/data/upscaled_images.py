"""SP307: pictures that had to be enlarged."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...pictures.facts import DataFacts

_SIZES_PX = (256, 128, 64, 32, 28, 16)  # what the networks are built for


@rule("SP307", "upscaled-images", needs=("pictures",), severity="warning")
def upscaled_images(pictures: DataFacts, *, share: float = 0.5, factor: float = 1.1) -> Evidence | None:
    """Most files are smaller than the size of training, so that they are enlarged.

    ## Measures
    How much each file must be enlarged: size of training by its shorter side (with --fit pad, its longer side).
    Reported where more than a `share` of the files must be enlarged `factor` times or more.

    ## Why it hurts
    Enlarging invents no detail: the reals are blurred, and the generator learns blur. Time grows with the number of
    pixels, so twice the side costs about four times as much for nothing.

    ## When it is wrong
    Drawings with hard edges, and where pictures must have a size for some other program.

    ## What to do
    Train at the largest size that most files have, or get larger files. A trained generator's pictures can be
    enlarged afterwards just as well.
    """
    longer = pictures.fit == "pad"
    sides = sorted((max(size) if longer else min(size), n) for size, n in pictures.sizes.items())
    small = sum(n for side, n in sides if pictures.size_px >= factor * side)
    if small <= share * pictures.n:
        return None
    median = _middle(sides, pictures.n)
    fitting = next((size for size in _SIZES_PX if size <= median), None)
    remedies = [Remedy(f"Train at {fitting} px: --size {fitting}.")] if fitting else []
    return Evidence(
        f"{small:,} of {pictures.n:,} files ({small / pictures.n:.0%}) are smaller than the {pictures.size_px} px of "
        f"training and are enlarged; half of all have a {'longer' if longer else 'shorter'} side of {median} px or "
        "less. The generator learns their blur.",
        {"smaller": small, "files": pictures.n, "median_side_px": median, "size_px": pictures.size_px},
        remedies=(*remedies, Remedy("Get the pictures in a larger size.")),
    )


def _middle(sides: list[tuple[int, int]], total: int) -> int:
    seen = 0
    for side, n in sides:
        seen += n
        if 2 * seen >= total:
            return side
    return 0
