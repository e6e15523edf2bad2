"""Reads a log while it is written, or all at once."""

from __future__ import annotations

from collections.abc import Mapping

from ...history import History
from . import table
from .reading.cleaning import Cleaner, pieces, plain
from .reading.engine import Engine
from .reading.laying_out import histories


def engine() -> Engine:
    """A new engine with all formats."""
    return Engine(table.FORMATS, table.WHOLES, table.TAGS)


class Following:
    """A log that comes in parts, as from a pipe.

    `feed` it text as it comes, at any cuts; `history` is what stands there so far. Memory is bounded; see
    `reading.columns` for how a long log is thinned.

    Args:
        names: names of columns by what they are ({"d_loss": "my_col"}), where the log's own do not tell.
        title: what the log is called; names numbers that stand there without a name.
    """

    def __init__(self, names: Mapping[str, str] | None = None, title: str = "") -> None:
        self.engine = engine()
        self.engine.title = title
        self._names = names
        self._cleaner = Cleaner()

    def feed(self, text: str) -> int:
        """Reads more of the log; returns how many records have been read in all."""
        cleaner = self._cleaner
        for line, block in cleaner.feed(text):
            self._block(line, block)
        drawn = cleaner.redrawn()
        if drawn is not None:
            self.engine.pieces(*drawn)
        long = cleaner.long()
        if long is not None:
            cleaner.give_back(self.engine.part(*long))
        return self.engine.store.count

    def _block(self, line: int, block: str) -> None:
        """Reads some whole lines: all at once where they are alike."""
        as_it_stands = plain(block)
        if as_it_stands and self.engine.block(line, block):
            return
        for number, text in enumerate(block.split("\n"), line):
            self.engine.pieces(number, [text] if as_it_stands else pieces(text))

    def end(self) -> None:
        """Reads what stands after the last end of line: nothing more will come."""
        last = self._cleaner.end()
        if last is not None:
            self.engine.pieces(*last)

    def histories(self) -> list[History]:
        """One for each run; see `reading.laying_out.histories`."""
        return histories(self.engine, self._cleaner.lines, self._names)

    def history(self) -> History:
        """The run that goes on: the last one."""
        return self.histories()[-1]
