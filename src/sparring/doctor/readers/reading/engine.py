"""Pieces of text -> records in a store: by the layouts known, by the formats, or by what any log has in common."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Protocol

import numpy as np

from .columns import Store
from .formats import Format, read_any, values
from .happenings import Happenings
from .layouts import Cell, Layouts
from .naming import Tag

GENERIC = ""
_DIGIT = re.compile(r"[0-9]")
_PLACE = re.compile(
    r"\W*+(?i:(?:start(?:ing)?|begin(?:ning)?|train(?:ing)?)\s++)?(?i:epoch|ep|step|iter|iteration|global step)"
    r"\W*+[0-9][0-9/ ]*+(?:of [0-9]++)?\W*+$"
)  # a line that says where the training stands and nothing else
_MOST_EVENTS = 2000
_FEW = 4  # texts that are learned from before more are tried at once


Tags = Mapping[str, dict[str, Tag]]


def _in_parts(texts: Sequence[str]) -> list[Sequence[str]]:
    """A few at first, so that they are learned from; then more at a time."""
    return [texts[:_FEW], *(texts[at : at + 256] for at in range(_FEW, len(texts), 256))]


class Whole(Protocol):
    """A reader of lines that are told apart by more than a pattern: JSON, tables."""

    def take(self, text: str, line: int, engine: Engine) -> bool:
        """Reads a line; whether it was one of its own."""
        ...


class Engine:
    """Reads one log.

    Args:
        formats: all known ones; where two fit, the earlier reads.
        wholes: makers of readers that are asked before them.
        tags: what the names of these mean, by producer.
    """

    def __init__(
        self, formats: Sequence[Format], wholes: Sequence[Callable[[], Whole]] = (), tags: Tags | None = None
    ) -> None:
        self.formats, self.wholes = list(formats), [make() for make in wholes]
        self.by_name = {each.producer: each for each in reversed(formats)}
        self.tags = {each.producer: dict(each.tags) for each in reversed(formats)} | dict(tags or {})
        for each in formats:
            self.tags[each.producer] |= each.tags
        self.store = Store()
        self.layouts = Layouts()
        self.events: list[tuple[int, str]] = []
        self.events_left_out = 0
        self.rewound: list[tuple[int, int]] = []  # (records before it, last step that stays): told, not guessed
        self.records: Counter[str] = Counter()
        self.not_understood = 0
        self.facts: dict[str, object] = {}
        self.title = ""  # what the log is called
        self._happenings = Happenings()
        self._context: dict[str, float] = {}  # where the last text that told a position alone stood
        self._newest: Format | None = None

    def pieces(self, line: int, texts: Sequence[str]) -> None:
        """Reads all pieces of a line: many that are alike, as of a progress bar, at once."""
        for part in _in_parts(texts) if len(texts) > _FEW else [texts]:
            if len(part) > _FEW and self.block(line, "\n".join(part), 0):
                continue
            for text in part:
                if not self._known(text, line) and text:
                    self._piece(text, line)

    def block(self, line: int, text: str, of_lines: int = 1) -> bool:
        """Reads lines that are all alike, and known, at once; whether they were."""
        known = self.layouts.known
        if not known or known[0].carried:
            return False
        _, lines, table, _ = known[0]
        rows = lines.findall(text)
        if not rows or len(rows) != text.count("\n") + 1:
            return False
        flat = map(float, chain.from_iterable(rows) if isinstance(rows[0], tuple) else rows)
        try:
            numbers = np.fromiter(flat, float, len(rows) * len(table.roles)).reshape(len(rows), -1)
        except ValueError:
            return False
        self.store.add_rows(table, line, numbers, of_lines)
        self.records[table.producer] += len(rows)
        return True

    def part(self, line: int, texts: list[str]) -> str:
        """Reads what is there of a line that has not ended; returns what must wait for more."""
        if not texts:
            return ""
        self.pieces(line, texts[:-1])
        last = texts[-1]
        found = self._format_of(last)
        at = 0
        if found is not None and found.many:
            starts = [match.start() for match in found.mark.finditer(last)]
            at = starts[-1] if starts else 0
        if at == 0:
            at = max(last.rfind(" "), 0) or len(last)
        self.pieces(line, [last[:at]])
        return last[at:]

    def add(self, producer: str, line: int, roles: Sequence[str], numbers: Sequence[float]) -> bool:
        """Keeps a record that was read by other means; whether there was room for its kind."""
        table = self.store.table(producer, tuple(roles))
        if table is None:
            return False
        self.store.add(table, line, numbers)
        self.records[producer] += 1
        return True

    def learn(self, producer: str, text: str, cells: Sequence[Cell]) -> None:
        """Makes texts like one that was just kept readable by a layout."""
        table = self.store.table(producer, tuple(cell.role for cell in cells))
        if table is not None:
            self.layouts.learn(text, cells, table, ())

    def happened(self, what: str) -> None:
        """Keeps an event, where the log stands."""
        if len(self.events) < _MOST_EVENTS:
            self.events.append((self.store.count, what))
        else:
            self.events_left_out += 1

    def _known(self, text: str, line: int) -> bool:
        """Reads a text by a layout."""
        known = self.layouts.known
        for at, (pattern, _, table, carried) in enumerate(known):
            found = pattern.fullmatch(text)
            if found is None:
                continue
            try:
                numbers = list(map(float, found.groups()))
            except ValueError:
                continue
            if carried:
                numbers += [self._context.get(role, float("nan")) for role in carried]
            self.store.add(table, line, numbers)
            self.records[table.producer] += 1
            if at:
                known.insert(0, known.pop(at))
            return True
        return False

    def _piece(self, text: str, line: int) -> None:
        if any(whole.take(text, line, self) for whole in self.wholes):
            return
        found = self._format_of(text)
        if found is None:
            return self._other(text, line)
        if found.silent:
            return None
        if found.many:
            starts = [match.start() for match in found.mark.finditer(text)]
            if len(starts) > 1:
                for part in _in_parts([text[a:b] for a, b in pairwise([0, *starts[1:], len(text)])]):
                    if self.block(line, "\n".join(part), 0):
                        continue
                    for each in part:
                        if not self._known(each, line):
                            self._record(found, each, line)
                return None
        if not self._record(found, text, line):
            self._other(text, line)
        return None

    def _format_of(self, text: str) -> Format | None:
        if self._newest is not None and self._newest.mark.search(text):
            return self._newest
        for each in self.formats:
            if each.mark.search(text):
                if not each.silent:
                    self._newest = each
                return each
        return None

    def _other(self, text: str, line: int) -> None:
        """A line of no format: something that happened, numbers with names, or nothing understood."""
        if (
            not self._happened(text)
            and _DIGIT.search(text)
            and not self._keep(GENERIC, read_any(text), text, line, True)
        ):
            self.not_understood += 1

    def _happened(self, text: str) -> bool:
        what, traced = self._happenings.of(text)
        if what:
            self.happened(what)
        return traced or bool(what)

    def _record(self, found: Format, text: str, line: int) -> bool:
        return self._keep(found.producer, found.read(text), text, line, found.carried)

    def _keep(self, producer: str, cells: list[Cell], text: str, line: int, carry: bool) -> bool:
        """Keeps the numbers found in a text, or the place that it tells; whether there were any."""
        try:
            numbers = values(text, cells)
        except ValueError:
            return False
        if not cells:
            return False
        if all(cell.role.startswith("@") for cell in cells):
            if producer == GENERIC and not _PLACE.match(text):
                return False
            self._context = dict(zip((cell.role for cell in cells), numbers, strict=True))
            return True
        own = {cell.role for cell in cells}
        context = self._context if carry and not own & {"@step", "@kimg"} else {}
        carried = tuple(role for role in context if role not in own)
        roles = (*(cell.role for cell in cells), *carried)
        table = self.store.table(producer, roles)
        if table is None:
            return False
        self.store.add(table, line, [*numbers, *(context[role] for role in carried)])
        self.records[producer] += 1
        self.layouts.learn(text, cells, table, carried)
        return True
