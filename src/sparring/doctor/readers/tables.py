"""Tables with a header (csv, tsv): Lightning's metrics.csv, exports of W&B and TensorBoard, plain ones."""

from __future__ import annotations

import csv
import re

from .reading.engine import Engine
from .reading.layouts import Cell
from .reading.numbers import IGNORED, POSITIONS

TABLE, LIGHTNING, WANDB, TENSORBOARD = "a table", "Lightning CSVLogger", "a W&B export", "a TensorBoard export"
_NAME = re.compile(r"[A-Za-z_(%#/][^=\n]{0,120}$")
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?$|[-+]?(?:nan|inf(?:inity)?)$", re.IGNORECASE
)
_MOST_CELLS = 2000


class Tables:
    """Reads the rows under a header; a header is known by the row that follows it."""

    def __init__(self) -> None:
        self._header: list[str] = []
        self._delimiter = ""
        self._roles: list[str] = []
        self._producer = TABLE
        self._full: tuple[str, ...] = ()

    def take(self, text: str, line: int, engine: Engine) -> bool:
        """Reads a row under the header that came last, or a header."""
        if self._delimiter:
            cells = _cells(text, self._delimiter)
            if len(cells) == len(self._header):
                if cells == self._header:  # it was opened anew
                    return True
                if self._row(cells, text, line, engine):
                    return True
        return self._begin(text, engine)

    def _begin(self, text: str, engine: Engine) -> bool:
        """Takes a line that looks like a header as one, until a row fits it; nothing is lost if it is none."""
        delimiter = next((mark for mark in ("\t", ",", ";") if mark in text), "")
        if not delimiter or len(text) > 20_000:
            return False
        cells = _cells(text, delimiter)
        named = [cell for cell in cells if cell]
        if not 2 <= len(cells) <= _MOST_CELLS or len(set(named)) < len(named) or not all(map(_NAME.match, named)):
            return False
        if delimiter == "," and not self._alike(named, text):
            return False
        engine.layouts.known.clear()  # they may be of rows under another header
        self._header, self._delimiter, self._roles = cells, delimiter, list(map(_role, cells))
        self._producer = _producer(cells)
        self._full = tuple(role for role in self._roles if role)
        return False

    @staticmethod
    def _alike(named: list[str], text: str) -> bool:
        """Whether words between commas are names of columns and not a sentence."""
        return ": " not in text and not any(cell.endswith((".", "!", "?")) for cell in named)

    def _row(self, cells: list[str], text: str, line: int, engine: Engine) -> bool:
        roles, numbers = [], []
        for cell, role in zip(cells, self._roles, strict=True):
            if role and cell and _NUMBER.match(cell):
                roles.append(role)
                numbers.append(float(cell))
            elif cell and role and not _NAME.match(cell):
                return False
        if not roles or all(role.startswith("@") for role in roles):
            return bool(roles)
        if not engine.add(self._producer, line, roles, numbers):
            return False
        if len(roles) == len(self._full) and '"' not in text:
            engine.learn(self._producer, text, self._spans(text))
        return True

    def _spans(self, text: str) -> list[Cell]:
        """Where the numbers of a full row stand."""
        found, at = [], 0
        for cell, role in zip(text.split(self._delimiter), self._roles, strict=True):
            if role:
                start = at + len(cell) - len(cell.lstrip())
                found.append(Cell(role, start, start + len(cell.strip())))
            at += len(cell) + 1
        return found


def _cells(text: str, delimiter: str) -> list[str]:
    if '"' in text:
        try:
            return [cell.strip() for cell in next(csv.reader([text], delimiter=delimiter), [])]
        except csv.Error:
            return []
    return [cell.strip() for cell in text.split(delimiter)]


def _producer(header: list[str]) -> str:
    names = {name.lower() for name in header}
    if {"wall time", "step", "value"} <= names:
        return TENSORBOARD
    if {"_step", "_runtime"} <= names or any(name.endswith("__min") for name in names):
        return WANDB
    return LIGHTNING if {"epoch", "step"} <= names and header == sorted(header) else TABLE


def _role(name: str) -> str:
    """What a column is: a position, a name, or "" for nothing to keep."""
    small = name.lower()
    if not name or small in IGNORED or small.endswith(("__min", "__max")) or small in ("", "unnamed: 0", "index"):
        return ""
    return POSITIONS.get(small, name)
