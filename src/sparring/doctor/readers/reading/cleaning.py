"""Text as it came from a terminal -> pieces to read: no colours, no cursor moves, each redraw a piece of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Possessive, so that no text, however odd, is gone over twice.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]?|\][^\x07\x1b]*+\x07?|[()#][0-9A-Za-z]|[@-Z\\^_a-z0-9=>])?")
BLOCK = 1 << 14  # characters of whole lines that are tried at once
LONGEST = 1 << 16  # characters without an end of line that wait for more; a longer line is read in parts


class Cleaner:
    """Cuts text that arrives in parts into lines, and lines into pieces."""

    def __init__(self) -> None:
        self.lines = 0  # ends of lines seen
        self._waiting = ""

    def feed(self, text: str) -> Iterator[tuple[int, str]]:
        """Yields (number of the first, text) of some whole lines, a bounded part of them at a time."""
        whole, end, rest = text.rpartition("\n")
        if not end:
            self._waiting += rest
            return
        whole, self._waiting = self._waiting + whole, rest
        at = 0
        while at <= len(whole):
            stop = whole.find("\n", at + BLOCK)
            block = whole[at : len(whole) if stop < 0 else stop]
            at = len(whole) + 1 if stop < 0 else stop + 1
            first = self.lines + 1
            self.lines += block.count("\n") + 1
            yield first, block

    def long(self) -> tuple[int, list[str]] | None:
        """What waits for its end, where that is a long line; it is gone from here: give back what must wait on."""
        if len(self._waiting) < LONGEST:
            return None
        waiting, self._waiting = self._waiting, ""
        if waiting.endswith("\x1b"):
            return None if len(waiting) == 1 else (self.lines + 1, pieces(waiting[:-1]))
        return self.lines + 1, pieces(waiting)

    def redrawn(self) -> tuple[int, list[str]] | None:
        """What was drawn in full of a line that is drawn over and over; None where there is nothing new."""
        at = self._waiting.rfind("\r", 0, len(self._waiting) - 1)
        if at <= 0:
            return None
        drawn, self._waiting = self._waiting[:at], self._waiting[at:]
        return self.lines + 1, pieces(drawn)

    def give_back(self, text: str) -> None:
        """Text that shall be read together with what comes after it."""
        self._waiting = text + self._waiting

    def end(self) -> tuple[int, list[str]] | None:
        """What stands after the last end of line, if anything does."""
        waiting, self._waiting = self._waiting, ""
        if not waiting:
            return None
        self.lines += 1
        return self.lines, pieces(waiting)


def plain(text: str) -> bool:
    """Whether a text shows as it stands, with no escape sequences and no cursor moves."""
    return "\r" not in text and "\x1b" not in text and "\b" not in text


def pieces(line: str) -> list[str]:
    """A line without its escape sequences, cut where the cursor went back: what it showed, one after the other."""
    if "\x1b" in line:
        line = _ESCAPES.sub("", line)
    if "\r" in line or "\b" in line:
        return [piece for piece in line.replace("\b", "\r").split("\r") if piece]
    return [line]
