"""SP306: files whose pixels mean different things."""

from __future__ import annotations

from collections import Counter

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...pictures.facts import DataFacts

_COLOURS = {
    "1": "black and white", "L": "grey", "LA": "grey", "La": "grey",
    "CMYK": "CMYK (print colours)", "LAB": "Lab colours", "HSV": "HSV colours", "I": "grey of 16 or 32 bits",
    "F": "grey in floating point",
}  # fmt: skip
_ALPHA, _OPAQUE = ("LA", "La", "PA", "RGBA", "RGBa"), ("1", "L", "RGB", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")


@rule(
    "SP306",
    "mixed-modes",
    needs=("pictures",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Convert all files to one mode yourself, and look at some of the rarer kind first."),
        Remedy("If all are to be grey: --channels 1. If transparency does not matter: --channels 3."),
    ],
)
def mixed_modes(pictures: DataFacts, *, share: float = 0.01) -> Evidence | None:
    """The files hold pixels of different kinds: grey and colour, screen and print, with and without transparency.

    ## Measures
    Pillow's mode of every file, gathered into kinds: black and white, grey, grey of more than 8 bits, colour (RGB and
    palettes), CMYK, others; and apart from that whether the mode has an alpha channel (of palettes nobody knows). It
    is reported where the files that are not of the most frequent kind are a `share` of all, for either question.

    ## Why it hurts
    All are brought to the same channels, and that is a guess for each: CMYK is converted without its colour profile
    and comes out garish, 16 bits are scaled by what the largest value seems to mean, transparent files are laid on a
    plain background that the others do not have. The generator learns each kind as a kind of picture.

    ## When it is wrong
    Grey pictures saved as such by a program that saves space look the same as in colour, and an alpha channel may be
    opaque throughout. Old photographs among new ones may be just what is wanted.

    ## What to do
    Look at one file of each kind (the message names them). Convert the files with a program that knows their colour
    profiles, or choose --channels 1 or 3 so that all are brought to what they have in common.
    """
    colours, alphas = Counter[str](), Counter[str]()
    for mode, n in pictures.modes.items():
        colours[_colour(mode)] += n
        if mode in _ALPHA or mode in _OPAQUE:
            alphas["with an alpha channel" if mode in _ALPHA else "without one"] += n
    rarer = max(_rarer(colours), _rarer(alphas))
    if rarer == 0 or rarer < share * pictures.n:
        return None
    listed = ", ".join(f"{n:,} {mode} ({pictures.mode_examples[mode]})" for mode, n in pictures.modes.items())
    split = colours if _rarer(colours) >= share * pictures.n else alphas
    return Evidence(
        f"The files are of different kinds: {', '.join(f'{n:,} {kind}' for kind, n in split.most_common())}. By mode: "
        f"{listed}. They are all brought to {pictures.channels} channel{'s' * (pictures.channels > 1)}, and the "
        "generator learns what that does to each kind.",
        {f"mode_{mode}": n for mode, n in pictures.modes.items()},
    )


def _colour(mode: str) -> str:
    return "grey of 16 or 32 bits" if mode.startswith("I;16") else _COLOURS.get(mode, "colour")


def _rarer(kinds: Counter[str]) -> int:
    return kinds.total() - max(kinds.values(), default=0)
