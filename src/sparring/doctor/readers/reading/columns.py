"""Where the numbers of a log are kept while it is read: bounded, however long it is.

Records of the same make-up share a table of float64 rows. Beyond `MOST` numbers the fullest table is thinned: of each
`width` records one after the other (of the log, a power of two) it keeps those in which some column is lowest, highest
or first NaN, and the last. So no extreme is ever lost, and what is left is even over the log.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np

MOST = 8_000_000  # numbers kept, of 8 bytes
_BLOCK = 1 << 16
MOST_TABLES = 512
COUNT, LINE = 0, 1  # the first two columns of each row: which record of the log, and the line it stands in


class Table:
    """The records of one make-up.

    Args:
        producer: of what format they are.
        roles: what each number of a record is: a name, or a position ("@step", "@epoch", ..).
    """

    def __init__(self, producer: str, roles: tuple[str, ...]) -> None:
        self.producer, self.roles, self.width = producer, roles, 1
        self.fresh = array("d")
        self._blocks: list[np.ndarray] = []

    def __len__(self) -> int:
        return len(self.fresh) // (len(self.roles) + 2) + sum(len(block) for block in self._blocks)

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return len(self) * (len(self.roles) + 2)

    def rows(self) -> np.ndarray:
        """All of it  # float64 [records, 2 + roles]."""
        self._settle()
        if len(self._blocks) > 1:
            self._blocks = [np.concatenate(self._blocks)]
        return self._blocks[0] if self._blocks else np.empty((0, len(self.roles) + 2))

    def thin(self, records: int) -> None:
        """Keeps about as many records as are asked for, at least the extremes of each bucket."""
        rows = self.rows()
        each = 3 * len(self.roles) + 1
        span = float(rows[-1, COUNT]) + 1 if len(rows) else 1.0
        while self.width < each or span / self.width * each > records:
            self.width *= 2
        self._blocks = [_thinned(rows, self.width)]

    def _settle(self) -> None:
        if self.fresh:
            self._blocks.append(np.array(self.fresh).reshape(-1, len(self.roles) + 2))
            self.fresh = array("d")


def _thinned(rows: np.ndarray, width: int) -> np.ndarray:
    bucket = (rows[:, COUNT] // width).astype(np.int64)
    starts = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    which = np.cumsum(np.diff(bucket, prepend=bucket[0]) != 0)
    keep = np.zeros(len(rows), bool)
    keep[np.append(starts[1:] - 1, len(rows) - 1)] = True
    for column in rows.T[2:]:
        nan = np.isnan(column)
        for filled, extreme in ((np.inf, np.minimum), (-np.inf, np.maximum)):
            values = np.where(nan, filled, column)
            _keep_first(keep, values == extreme.reduceat(values, starts)[which], which)
        if nan.any():
            _keep_first(keep, nan, which)
    kept: np.ndarray = rows[keep]
    return kept


def _keep_first(keep: np.ndarray, wanted: np.ndarray, which: np.ndarray) -> None:
    """Marks the first wanted row of each bucket."""
    at = np.flatnonzero(wanted)
    keep[at[np.diff(which[at], prepend=-1) != 0]] = True


class Store:
    """All tables of a log, and how many records it had."""

    def __init__(self) -> None:
        self.tables: dict[tuple[str, tuple[str, ...]], Table] = {}
        self.count = 0
        self._since = 0

    def table(self, producer: str, roles: tuple[str, ...]) -> Table | None:
        """The table of a make-up; None where there are too many kinds of records to keep."""
        found = self.tables.get((producer, roles))
        if found is None and len(self.tables) < MOST_TABLES:
            found = self.tables[producer, roles] = Table(producer, roles)
        return found

    def add(self, table: Table, line: int, values: Iterable[float]) -> None:
        """Keeps one record; `values` as many as the table has roles."""
        fresh = table.fresh
        fresh.append(self.count)
        fresh.append(line)
        fresh.extend(values)
        self.count += 1
        if not self.count % _BLOCK:
            self._check()

    def add_rows(self, table: Table, line: int, values: np.ndarray, of_lines: int) -> None:
        """Keeps many records, the first of a line; each of the line `of_lines` after that of the one before."""
        n, before = len(values), self.count
        rows = np.empty((n, values.shape[1] + 2))
        rows[:, COUNT] = np.arange(before, before + n)
        rows[:, LINE] = line + of_lines * np.arange(n)
        rows[:, 2:] = values
        table.fresh.frombytes(rows.tobytes())
        self.count += n
        if self.count // _BLOCK > before // _BLOCK:
            self._check()

    def _check(self) -> None:
        if sum(table.numbers for table in self.tables.values()) <= MOST:
            return
        fullest = max(self.tables.values(), key=lambda table: table.numbers)
        fullest.thin(MOST // 2 // (len(fullest.roles) + 2))
