"""What went wrong, what was expected, how to fix it: the one error that users see."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SparringError(Exception):
    """A mistake or a mishap that a user can mend. The command line prints it without a traceback.

    Args:
        what: what happened, with the offending value.
        expected: what would have been right.
        fix: what to do now.
    """

    def __init__(self, what: str, expected: str = "", fix: str = "") -> None:
        self.what, self.expected, self.fix = what, expected, fix
        super().__init__(what, expected, fix)

    def __str__(self) -> str:
        lines = [self.what]
        if self.expected:
            lines.append(f"Expected: {self.expected}")
        if self.fix:
            lines.append(f"To fix it: {self.fix}")
        return "\n".join(lines)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns 'did you mean X?' when a known name is near `word`, else the list of the known names."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.55)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
