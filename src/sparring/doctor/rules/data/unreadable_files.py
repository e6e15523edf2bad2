"""SP301: files that look like pictures and cannot be read."""

from __future__ import annotations

from collections import Counter

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...pictures.facts import DataFacts


@rule(
    "SP301",
    "unreadable-files",
    needs=("pictures",),
    severity="warning",
    remedies=[
        Remedy("Look at the files that are named; repair, convert or download them again, or delete them."),
        Remedy(
            "Train as it is, if you can do without them: they are left out, and the run lists each with its reason."
        ),
    ],
)
def unreadable_files(pictures: DataFacts, *, most: int = 0) -> Evidence | None:
    """Some files look like pictures and cannot be read, so the networks never see them.

    ## Measures
    Every file with a picture's extension is decoded once. Counted are those that were left out: cut short, damaged,
    empty, no picture at all, too large, or not allowed to be read. More than `most` are reported.

    ## Why it hurts
    Training goes on without them. What is lost is not random: when a download broke off, whole classes may be
    missing, and what the generator never sees it never makes.

    ## When it is wrong
    Where the files are known to be broken, and few. A format that Pillow cannot read (HEIC, SVG) counts too, though
    the file itself is sound.

    ## What to do
    The message names the reasons and the first files. Convert HEIC and SVG to PNG or JPEG; download again what was
    cut short; delete what is no picture.
    """
    n = len(pictures.unreadable)
    if n <= most:
        return None
    reasons = Counter(reason.partition(" (")[0] for _, reason in pictures.unreadable)
    kinds = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common(3))
    more = len(reasons) - 3
    kinds += f", and {more} other reason{'s' if more > 1 else ''}" if more > 0 else ""
    path, reason = pictures.unreadable[0]
    files = "1 file" if n == 1 else f"{n:,} files"
    return Evidence(
        f"{files} of {pictures.n_files:,} ({n / pictures.n_files:.1%}) cannot be used: {kinds}. "
        f"The first is {path}: {reason}. The networks never see them.",
        {"unreadable": n, "files": pictures.n_files},
        where=path if n == 1 else "",
    )
