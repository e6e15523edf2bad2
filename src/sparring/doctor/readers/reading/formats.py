"""What a file of `readers` says of its format; and how one record of it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .layouts import Cell
from .naming import Tag
from .numbers import once, scan, value, where

Cells = Callable[[str], list[Cell]]


@dataclass(frozen=True, eq=False)
class Format:
    """One log format.

    Attributes:
        producer: what writes it.
        mark: found in each text of it, and in no other; its groups named epoch, epochs, batch, batches, step, steps,
            kimg or images are where the record stands.
        cells: finds the numbers of a record; by default `name: number` wherever there is one.
        tags: what its names mean, where the name alone does not tell.
        drop: names of numbers that say nothing of the training.
        silent: whether what fits `mark` is known and holds nothing to keep.
        many: whether several records may share a line; each begins where `mark` is found.
        carried: whether records stand where the last text that told a position alone said.
        epoch_from: what its first epoch, and the first batch of an epoch, is called.
        usual_loss: the loss that its producer has unless told otherwise.
        note: what is known of each of its losses.
    """

    producer: str
    mark: re.Pattern[str]
    cells: Cells | None = None
    tags: Mapping[str, Tag] = field(default_factory=dict)
    drop: frozenset[str] = frozenset()
    silent: bool = False
    many: bool = False
    carried: bool = False
    epoch_from: int = 0
    usual_loss: str = ""
    note: str = ""

    def read(self, text: str) -> list[Cell]:
        """The numbers of one record, its position among them; none where it has none."""
        found = self.mark.search(text)
        if found is None:
            return []
        told = [Cell(f"@{name}", *found.span(name)) for name in self.mark.groupindex if found[name] is not None]
        if self.cells is not None:
            return once(told + self.cells(text))
        cells = [cell for cell in scan(text, found.end() if told else 0) if cell.role not in self.drop]
        if told:
            cells = [cell for cell in cells if not cell.role.startswith("@")]
        return once(told + cells)


def read_any(text: str) -> list[Cell]:
    """The numbers of a text of no known format."""
    return once(where(text) + scan(text))


def values(text: str, cells: list[Cell]) -> list[float]:
    """The numbers themselves. Raises ValueError where one is none."""
    return [value(text[cell.start : cell.end]) for cell in cells]
