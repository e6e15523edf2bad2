"""Files that say something of pictures: CSV and JSON lines in all the forms that people have, and arrays."""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sparring.conditions import Kind
from sparring.data.decode import MAX_BYTES
from sparring.data.sources import printable
from sparring.errors import SparringError, did_you_mean

FILE_COLUMNS = ("file_name", "filename", "file", "path", "file_path", "filepath", "image", "img", "name", "id")
COLUMNS: dict[Kind, tuple[str, ...]] = {
    "class": ("label", "class", "category", "target"),
    "text": ("text", "caption", "prompt", "description"),
    "vector": ("vector", "embedding", "condition"),  # else all that hold numbers
}
TABLES = (".csv", ".tsv", ".jsonl")
_LOOKED_AT = 100  # rows by which the column of names is known
_LISTED = 12  # more columns than this are not written out in a message
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Table:
    """A file of rows.

    Attributes:
        label: what it is called in messages.
        columns: their names; "1", "2", ... where the file has none.
        rows: (line in the file, one cell for each column); None or "" for an empty cell.
        decimal_comma: whether "0,5" is a number, as in files whose cells are separated by semicolons.
        notes: sentences on how it was read.
    """

    label: str
    columns: list[str]
    rows: list[tuple[int, list[Any]]]
    decimal_comma: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Beside:
    """The files that lie among the pictures of a folder or a zip.

    Attributes:
        read: gives a file's bytes by its path in the data set; None where there is no such file.
        top: names of what lies at the top.
    """

    read: Callable[[str], bytes | None]
    top: Sequence[str] = ()


@contextmanager
def files_beside(source: Any, kind: str) -> Iterator[Beside]:
    """Opens what lies among the pictures; there is nothing for sources other than a folder and a zip."""
    if kind == "folder":
        root = Path(source).expanduser()
        yield Beside(lambda path: read_file(root / path), _visible(entry.name for entry in root.iterdir()))
    elif kind == "zip":
        with zipfile.ZipFile(Path(source).expanduser()) as archive:
            top = _visible(name for name in archive.namelist() if "/" not in name)
            yield Beside(lambda path: _read_entry(archive, path), top)
    else:
        yield Beside(lambda path: None)


def _visible(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if not name.startswith("."))


def read_file(path: Path) -> bytes | None:
    """Returns a file's bytes; None where there is none. Raises SparringError where it cannot be read."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise SparringError(f"{printable(str(path))} cannot be read: {error.strerror}.", "a readable file") from error


def _read_entry(archive: zipfile.ZipFile, path: str) -> bytes | None:
    try:
        about = archive.getinfo(path)
    except KeyError:
        return None
    try:
        if about.file_size > MAX_BYTES:  # also what keeps a zip bomb from filling the memory
            raise OSError(f"it is too large ({about.file_size / 2**30:.1f} GiB)")
        return archive.read(about)
    except (OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:  # RuntimeError: it is encrypted
        raise SparringError(f"{printable(path)} in the zip cannot be read: {error}.", "a sound, open zip") from error


def parse_table(label: str, raw: bytes, is_picture: Callable[[str], bool]) -> Table:
    """Reads the rows of a .csv, .tsv or .jsonl file.

    Args:
        label: the file's name.
        raw: its bytes.
        is_picture: whether a cell is the name of a picture: by that a first line without column names is known.

    Raises:
        SparringError: for an empty file, and for one that is not what its ending says; it names the line.
    """
    text, notes = _decoded(label, raw)
    if not text.strip():
        raise SparringError(f"{label} is empty.", "one line for each picture")
    if label.lower().endswith(".jsonl"):
        return _json_lines(label, text, notes)
    delimiter = "\t" if label.lower().endswith(".tsv") else _delimiter(text)
    return _separated(label, text, delimiter, notes, is_picture)


def _decoded(label: str, raw: bytes) -> tuple[str, list[str]]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):  # Excel's "Unicode text"
        return raw.decode("utf-16", "replace"), []
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace"), [f"{label} is not UTF-8; it was read as Windows-1252 (Latin-1)"]


def _delimiter(text: str) -> str:
    first = next(line for line in text.splitlines() if line.strip())
    bare = "".join(first.split('"')[::2])  # without what stands in quotes
    return max(_DELIMITERS, key=bare.count)


def _separated(label: str, text: str, delimiter: str, notes: list[str], is_picture: Callable[[str], bool]) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    rows: list[tuple[int, list[Any]]] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise SparringError(
            f"Line {reader.line_num:,} of {label} cannot be read: {error}.",
            f"cells separated by {delimiter!r}, those with {delimiter!r} or quotes in them within double quotes",
            "save the file again from a spreadsheet or with Python's csv module",
        ) from error
    columns = [str(cell) for cell in rows[0][1]]
    if any(is_picture(cell) for cell in columns):
        columns = [str(number) for number in range(1, len(columns) + 1)]
        notes.append(f"{label} has no line of column names, so its columns are called 1 to {len(columns)}")
    else:
        del rows[0]
    for line, cells in rows:
        if len(cells) > len(columns):
            raise SparringError(
                f"Line {line:,} of {label} has {len(cells)} cells, and there are {len(columns)} columns.",
                f"a text with {delimiter!r} in it within double quotes",
                "save the file again from a spreadsheet or with Python's csv module",
            )
        cells.extend([""] * (len(columns) - len(cells)))
    return Table(label, columns, rows, delimiter == ";", notes)


def _json_lines(label: str, text: str, notes: list[str]) -> Table:
    records: list[tuple[int, dict[str, Any]]] = []
    for line, content in enumerate(text.split("\n"), 1):  # not splitlines: JSON may hold U+2028
        if not content.strip():
            continue
        try:
            record = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise SparringError(f"Line {line:,} of {label} is no JSON: {error}.", "one object a line") from error
        if not isinstance(record, dict):
            raise SparringError(
                f"Line {line:,} of {label} is a {type(record).__name__}.",
                'one object a line, such as {"file_name": "0001.png", "text": "a red apple"}',
            )
        records.append((line, record))
    columns = list(dict.fromkeys(key for _, record in records for key in record))
    return Table(
        label, columns, [(line, [record.get(name) for name in columns]) for line, record in records], False, notes
    )


def file_column(table: Table, is_picture: Callable[[str], bool]) -> int:
    """Finds the column that names the pictures: by what stands in it, then by its own name, else the first."""
    plain = [_plain(name) for name in table.columns]
    known = [plain.index(name) for name in FILE_COLUMNS if name in plain]
    for column in (*known, *range(len(plain))):
        if any(is_picture(str(cells[column])) for _, cells in table.rows[:_LOOKED_AT]):
            return column
    return known[0] if known else 0


def _plain(column: str) -> str:
    return column.strip().casefold().replace(" ", "_").replace("-", "_")


def value_columns(table: Table, kind: Kind, wanted: str, files: int, *, guess: bool) -> list[int]:
    """Chooses the columns that hold the conditions.

    Args:
        table: the file.
        kind: "class", "text" or "vector".
        wanted: what the user typed: "a", for vectors also "a,b" or "a-z" (a to z as they stand); "" for nothing.
        files: the column that names the pictures.
        guess: whether a lone other column is taken whatever its name.

    Returns their places; none where nothing was wanted and no column is plain.
    Raises SparringError for a column that is not there, and for several where one is needed.
    """
    others = [column for column in range(len(table.columns)) if column != files]
    if wanted:
        found = _wanted(table, wanted)
        if kind != "vector" and len(found) != 1:
            raise SparringError(f"{table.label}:{wanted} names {len(found)} columns.", f"one column for a {kind}")
        return found
    plain = [_plain(name) for name in table.columns]
    known = [plain.index(name) for name in COLUMNS[kind] if name in plain]
    if known:
        return known[:1]
    if kind == "vector":
        return [column for column in others if holds_numbers(table, column)]
    return others if guess and len(others) == 1 else []


def _wanted(table: Table, wanted: str) -> list[int]:
    if wanted in table.columns:
        return [table.columns.index(wanted)]
    found: list[int] = []
    for part in wanted.split(","):
        found.extend(_one_or_range(table, part.strip()))
    return found


def _one_or_range(table: Table, name: str) -> list[int]:
    if name in table.columns:
        return [table.columns.index(name)]
    for place, letter in enumerate(name):
        first, last = name[:place].strip(), name[place + 1 :].strip()
        if letter == "-" and first in table.columns and last in table.columns:
            start, end = table.columns.index(first), table.columns.index(last)
            if start <= end:
                return list(range(start, end + 1))
    alike = [place for place, column in enumerate(table.columns) if _plain(column) == _plain(name)]
    if len(alike) == 1:
        return alike
    raise SparringError(f"{table.label} has no column {name!r}.", columns_of(table), did_you_mean(name, table.columns))


def columns_of(table: Table) -> str:
    """Returns a sentence that lists the columns."""
    more = f" and {len(table.columns) - _LISTED} more" if len(table.columns) > _LISTED else ""
    return f"one of its columns: {', '.join(table.columns[:_LISTED])}{more}"


def holds_numbers(table: Table, column: int) -> bool:
    """Whether every cell of a column that is not empty is a number."""
    cells = [cells[column] for _, cells in table.rows if cells[column] not in (None, "")]
    try:
        for cell in cells:
            number(cell, table.decimal_comma)
    except (TypeError, ValueError):
        return False
    return bool(cells)


def number(cell: Any, decimal_comma: bool = False) -> float:
    """Returns the number in a cell. Raises TypeError or ValueError where there is none."""
    if isinstance(cell, bool):
        return float(cell)
    if isinstance(cell, str) and decimal_comma:
        cell = cell.replace(",", ".")
    return float(cell)


def read_array(label: str, raw: bytes, key: str = "") -> np.ndarray:
    """Reads an array of a .npy, or the array `key` of a .npz, without Python objects.

    Raises SparringError where it is damaged, holds objects, or has no such key.
    """
    try:
        loaded = np.load(io.BytesIO(raw), allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            if key in loaded.files:
                return loaded[key]
            names = loaded.files
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise SparringError(
            f"{label} cannot be read: {' '.join(str(error).split())}",
            "an array of numbers or of strings, without Python objects",
            "save it again with numpy.save(path, numpy.array(values))",
        ) from error
    raise SparringError(
        f"{label} has no array {key!r}.", f"one of {', '.join(names)}", f"{label}:{next(iter(names), '')}"
    )
