"""Lines that differ from one read before in their numbers alone are read by a pattern made from it, which is faster."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .columns import Table

BLOCKS = "█▉▊▋▌▍▎▏░▒▓━─╸╺╴╶▁▂▃▄▅▆▇"
DIGITS = r"(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][-+]?+[0-9]++)?+"
NUMBER = rf"[-+]?+(?:{DIGITS}|(?i:nan|inf(?:inity)?+)(?![0-9A-Za-z_]))"
_TOKENS = re.compile(
    rf"(?P<bar>\[[=>.]{{3,}}+\])|(?P<gap>[\s{BLOCKS}]++)|(?P<number>[0-9]++)|"
    rf"(?P<text>[^\s0-9\[{BLOCKS}]++|\[)"
)
# White space but the end of a line, so that no pattern goes beyond its own.
_GAP = rf"[ \t\x0b-\x0d\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000{BLOCKS}]++"
# Any number, and some words that are none: what is caught must still be a float.
_ROUGHLY = "([-+.0-9eEaAfFiInNtTyY]++)"
_MOST, _MOST_MADE = 8, 400


class Cell(NamedTuple):
    """A number in a text: what it is, and where it stands."""

    role: str
    start: int
    end: int


class Layout(NamedTuple):
    """A pattern with a group for each number to keep, and the table that they belong to."""

    pattern: re.Pattern[str]
    lines: re.Pattern[str]  # the same, for whole lines of a longer text
    table: Table
    carried: tuple[str, ...]  # roles that come from a line before


class Layouts:
    """The layouts seen last, the newest first."""

    def __init__(self) -> None:
        self.known: list[Layout] = []
        self._made = self._asked = 0
        self._seen: dict[tuple[str, ...], None] = {}

    def learn(self, text: str, cells: Sequence[Cell], table: Table, carried: tuple[str, ...]) -> None:
        """Makes a layout of a text that was read, when its like comes the second time."""
        self._asked += 1
        if self._made >= _MOST_MADE or len(text) > 2000 or (self._asked > 2000 and self._asked % 16):
            return  # a text of ever new lines is not worth the search
        source = _source(text, cells)
        key = (source, *carried, table.producer, *table.roles)
        if key not in self._seen:
            if len(self._seen) > 200:
                self._seen.clear()
            self._seen[key] = None
            return
        if any(layout.pattern.pattern == source for layout in self.known):
            return  # it is known and fits not even the text that it is made from: a number with commas
        self._made += 1
        self.known.insert(0, Layout(re.compile(source), re.compile(f"^{source}$", re.MULTILINE), table, carried))
        del self.known[_MOST:]


def _source(text: str, cells: Sequence[Cell]) -> str:
    parts, at = [], 0
    for _, start, end in cells:
        parts += [_general(text[at:start]), _ROUGHLY]
        at = end
    return "".join([*parts, _general(text[at:])])


def _general(text: str) -> str:
    """A pattern for a text: gaps, bars and numbers as wide as may be, the rest as it stands."""
    parts = []
    for found in _TOKENS.finditer(text):
        kind = found.lastgroup
        if kind == "bar":
            parts.append(r"\[[=>.]++\]")
        elif kind == "gap":
            parts.append(_GAP)
        elif kind == "number":
            parts.append(r"[0-9]++")
        else:
            parts.append(re.escape(found[0]))
    return "".join(parts)
