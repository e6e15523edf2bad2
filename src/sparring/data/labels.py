"""Conditions from what people have beside their pictures: folders, tables, texts, file names, arrays.

One reader a function. `READERS` says which of them are tried, in turn, where the user names nothing.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sparring.conditions import Conditions, Embed, Kind, check_kind
from sparring.data.build import Say
from sparring.data.builtin import FASHION_CLASSES, emoji_caption_of
from sparring.data.label_names import Names, brought_to_paths, reader_of, words_of
from sparring.data.label_tables import (
    TABLES,
    Beside,
    Table,
    columns_of,
    file_column,
    files_beside,
    holds_numbers,
    parse_table,
    read_array,
    read_file,
    value_columns,
)
from sparring.data.label_values import Embedding, Reading, classes_of, texts_of, vectors_of
from sparring.data.pack import Pack
from sparring.data.sources import printable
from sparring.data.table import Row
from sparring.errors import SparringError
from sparring.folder import cache_folder

_METADATA = tuple(f"metadata{ending}" for ending in TABLES)
_LABEL_KEYS = ("y_train", "labels", "label", "y")  # of an .npz: Keras' name first
_PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev"}  # folders that are no classes
_ENDINGS = (*TABLES, ".npy", ".npz")
_PATTERN = "a pattern of file names such as '{condition}_*.png'"


@dataclass(frozen=True)
class _Ask:
    """A data set, and what is asked of it.

    Attributes:
        kind: of condition.
        source: what the user named.
        pack: what it became.
        rows: of all its files, those that were left out too.
        places: path -> place in the pack, of those that were not.
        beside: the other files there.
    """

    kind: Kind
    source: Any
    pack: Pack
    rows: list[Row]
    places: dict[str, int]
    beside: Beside

    @cached_property
    def names(self) -> Names:
        return Names([row.path for row in self.rows])

    @property
    def used(self) -> list[Row]:
        return [row for row in self.rows if row.row is not None]


def read_conditions(
    source: Any,
    pack: Pack,
    kind: str,
    where: Any = None,
    embed: Embed | None = None,
    cache: str | os.PathLike[str] | None = None,
    say: Say | None = None,
    progress: bool = True,
) -> tuple[Conditions, list[str]]:
    """Reads one condition for each picture.

    Args:
        source: what the user named, as `open_data` had it.
        pack: what `open_data` gave.
        kind: "class", "text" or "vector".
        where: None for what lies with the pictures; a file (.csv, .tsv, .jsonl, .npy, .npz), with columns as
            "FILE:COLUMN"; a pattern with {condition} in it; {path: condition}; a function from a path to a condition;
            or an array or list in the order of the pictures.
        embed: captions -> [n, k]; None for MiniLM.
        cache: as for `open_data`.
        say: called with one line of text when captions must be embedded; None for silence.
        progress: whether a bar is shown on stderr meanwhile, if that is a terminal.

    Returns the conditions, and the paths of the pictures that have none.

    Raises:
        SparringError: where nothing is found (it says what was looked for), for files that cannot be read or
            contradict themselves, and where more than half of the pictures have no condition.
    """
    rows = pack.listing()
    places = {row.path: row.row for row in rows if row.row is not None}
    with files_beside(source, pack.identity["kind"]) as beside:
        ask = _Ask(check_kind(kind), source, pack, rows, places, beside)
        reading = _found(ask) if where is None else _given(ask, where)
    paths = [row.path for row in ask.used]
    if ask.kind == "class":
        conditions = classes_of(reading, paths)
    elif ask.kind == "text":
        conditions = texts_of(reading, paths, Embedding(embed, cache_folder(cache), say, progress))
    else:
        conditions = vectors_of(reading, paths)
    has = conditions.has(np.arange(len(paths)))
    return conditions, [path for path, known in zip(paths, has, strict=True) if not known]


def _found(ask: _Ask) -> Reading:
    for reader in READERS[ask.kind]:
        reading = reader(ask)
        if reading is not None:
            return reading
    raise _nothing(ask)


def _given(ask: _Ask, where: Any) -> Reading:
    if isinstance(where, str | os.PathLike):
        word = os.fspath(where)
        names_file = any(word[:cut].lower().endswith(_ENDINGS) for cut in _cuts(word))
        return _from_pattern(ask, word) if "{" in word and not names_file else _from_file(ask, word)
    if isinstance(where, Mapping):
        pairs = [(str(name), value) for name, value in where.items()]
        return _matched(ask, pairs, "what was given", "the mapping")
    if callable(where):
        return Reading({place: where(row.path) for place, row in enumerate(ask.used)}, "what was given")
    if isinstance(where, torch.Tensor):
        where = where.detach().cpu()
    if hasattr(where, "__array__"):  # arrays, tensors, columns of data frames
        where = np.asarray(where)
    if isinstance(where, np.ndarray | Sequence):
        return _in_order(ask, where, "what was given")
    raise SparringError(
        f"Conditions cannot come from a {type(where).__name__}.",
        f"a file, {_PATTERN}, a dict of paths, a function, or an array or list in the order of the pictures",
    )


def _built_in(ask: _Ask) -> Reading | None:
    """Emoji have categories and names, Fashion-MNIST has labels."""
    source = ask.pack.identity["kind"]
    if source == "emoji" and ask.kind == "class":
        return Reading({place: row.folder for place, row in enumerate(ask.used)}, "the emoji's categories")
    if source == "emoji":
        caption = emoji_caption_of()
        captions = {place: caption(row.path) for place, row in enumerate(ask.used)}
        return Reading(captions, "the emoji's Unicode names")
    if source == "fashion-mnist" and ask.kind == "class" and any(row.folder for row in ask.used):
        values = {place: FASHION_CLASSES.get(row.folder) for place, row in enumerate(ask.used)}
        return Reading(values, "Fashion-MNIST's labels", order=tuple(FASHION_CLASSES.values()))
    return None


def _metadata(ask: _Ask) -> Reading | None:
    """Files metadata.csv, .tsv or .jsonl at the top or in any folder, with paths relative to it (Hugging Face)."""
    folders = {""}
    for row in ask.rows:
        above = row.path.rpartition("/")[0]
        while above not in folders:
            folders.add(above)
            above = above.rpartition("/")[0]
    pairs: list[tuple[str, Any]] = []
    notes, names, decimal_comma = [], set(), False
    for folder in sorted(folders):
        inside = f"{folder}/" if folder else ""
        for name in _METADATA:
            raw = ask.beside.read(inside + name)
            if raw is None:
                continue
            table = parse_table(inside + name, raw, ask.names.knows)
            found = _pairs(ask, table, "", guess=False)
            if found is not None:
                pairs += [(inside + str(file), value) for file, value in found[0]]
                notes += table.notes
                names.add(f"{name} ({found[1]})")
                decimal_comma |= table.decimal_comma
    if not pairs:
        return None
    reading = _matched(ask, pairs, ", ".join(sorted(names)), "the metadata")
    return Reading(reading.values, reading.how, [*notes, *reading.notes], decimal_comma=decimal_comma)


def _folder_names(ask: _Ask) -> Reading | None:
    """The first folder that not all pictures share, past train/, test/ and the like."""
    if not any(row.folder for row in ask.used) or ask.pack.identity["kind"] not in ("folder", "zip"):
        return None
    folders = [row.folder.split("/") if row.folder else [] for row in ask.used]
    depth, deepest = 0, max(map(len, folders))
    while depth < deepest:
        here = {parts[depth] if len(parts) > depth else "" for parts in folders}
        if len(here) > 1 and not {name.lower() for name in here} <= _PARTS:
            break
        depth += 1
    values = {place: parts[depth] for place, parts in enumerate(folders) if len(parts) > depth}
    return Reading(values, "the folders' names") if values else None


def _text_beside(ask: _Ask) -> Reading | None:
    """`name.txt` beside `name.png`: its first line that is not empty."""
    values, longer = {}, 0
    for place, row in enumerate(ask.used):
        raw = ask.beside.read(os.path.splitext(row.path)[0] + ".txt")
        if raw is not None:
            text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")
            lines = [line for line in text.splitlines() if line.strip()]
            values[place] = lines[0] if lines else ""
            longer += len(lines) > 1
    notes = [f"{longer:,} of the .txt files have several lines; the first is the caption"] if longer else []
    return Reading(values, "the .txt beside each picture", notes) if values else None


def _labels_in_npz(ask: _Ask) -> Reading | None:
    """The labels in the .npz that the pictures come from."""
    if ask.pack.identity["kind"] != "npy" or Path(ask.source).suffix.lower() != ".npz":
        return None
    file = Path(ask.source).expanduser()
    with np.load(file, allow_pickle=False) as loaded:
        key = next((key for key in _LABEL_KEYS if key in loaded.files), None)
    if key is None:
        return None
    array = read_array(printable(file.name), file.read_bytes(), key)
    return _in_order(ask, array, f"{printable(file.name)}:{key}")


def _array_beside(ask: _Ask) -> Reading | None:
    """The one .npy at the top of the folder."""
    arrays = [name for name in ask.beside.top if name.lower().endswith(".npy")]
    raw = ask.beside.read(arrays[0]) if len(arrays) == 1 else None
    return None if raw is None else _in_order(ask, read_array(printable(arrays[0]), raw), printable(arrays[0]))


READERS: dict[Kind, tuple[Callable[[_Ask], Reading | None], ...]] = {
    "class": (_built_in, _metadata, _folder_names, _labels_in_npz),
    "text": (_built_in, _metadata, _text_beside),
    "vector": (_metadata, _array_beside),
}
_LOOKED_FOR: dict[Kind, str] = {
    "class": "a column label, class, category or target in metadata.csv, .tsv or .jsonl; folders named after classes; "
    "y_train or labels in an .npz",
    "text": "a column text, caption, prompt or description in metadata.csv, .tsv or .jsonl; name.txt beside name.png",
    "vector": "columns of numbers in metadata.csv, .tsv or .jsonl; one .npy among the pictures",
}


def _nothing(ask: _Ask) -> SparringError:
    source, what = ask.pack.identity["kind"], "caption" if ask.kind == "text" else ask.kind
    shared = source in ("folder", "zip") and ask.kind == "class"
    also = " (folders that all pictures share, and train/ or test/, are no classes)" if shared else ""
    return SparringError(
        f"The data {ask.pack.identity['source']!r} name no {what} of their pictures{also}.",
        _LOOKED_FOR[ask.kind] if source in ("folder", "zip", "npy") else f"a {what} for each picture, from elsewhere",
        f"name what holds them with --condition-from: a file, as labels.csv:COLUMN, or an .npy with a row for each "
        f"picture, or {_PATTERN}",
    )


def _from_pattern(ask: _Ask, pattern: str) -> Reading:
    read = reader_of(pattern)
    found = {place: text for place, row in enumerate(ask.used) if (text := read(row.path)) is not None}
    if not found:
        raise SparringError(
            f"No picture's name fits the pattern {pattern!r}; the first is {ask.used[0].path}.",
            "names of pictures with {condition} where their condition stands, * and ? for the rest",
        )
    if ask.kind == "text":
        found = {place: words_of(text) for place, text in found.items()}
    return Reading(found, f"file names by {pattern}")


def _from_file(ask: _Ask, word: str) -> Reading:
    name, raw, wanted = _opened(ask, word)
    label = printable(os.path.basename(name))
    if name.lower().endswith((".npy", ".npz")):
        key = f":{wanted}" if wanted else ""
        return _in_order(ask, read_array(label, raw, wanted), label + key)
    table = parse_table(label, raw, ask.names.knows)
    found = _pairs(ask, table, wanted, guess=True)
    if found is None:
        raise SparringError(
            f"{label} does not say which column holds the {ask.kind}.", columns_of(table), f"{label}:COLUMN"
        )
    reading = _matched(ask, found[0], f"{label} ({found[1]})", label)
    notes = [*table.notes, *reading.notes]
    return Reading(reading.values, reading.how, notes, decimal_comma=table.decimal_comma)


def _opened(ask: _Ask, word: str) -> tuple[str, bytes, str]:
    """A file by "FILE" or "FILE:COLUMNS", from here or from among the pictures: its name, bytes and the columns."""
    for cut in _cuts(word):
        name, columns = word[:cut], word[cut + 1 :]
        if name.lower().endswith(_ENDINGS):
            raw = read_file(Path(name).expanduser())
            raw = ask.beside.read(name) if raw is None else raw
            if raw is not None:
                return name, raw, columns
    shown = printable(word)
    if not any(word[:cut].lower().endswith(_ENDINGS) for cut in _cuts(word)):
        raise SparringError(
            f"Conditions cannot come from {shown!r}.",
            f"a file ({', '.join(_ENDINGS)}), or {_PATTERN}",
            _near(ask, word),
        )
    raise SparringError(f"There is no file {shown!r}, here or among the pictures.", "a file", _near(ask, word))


def _cuts(word: str) -> list[int]:
    """Where a file's name may end in "FILE:COLUMNS"; both may hold colons."""
    return [len(word), *(place for place, letter in enumerate(word) if letter == ":")]


def _near(ask: _Ask, word: str) -> str:
    here = [name for name in (*os.listdir(), *ask.beside.top) if name.lower().endswith(_ENDINGS)]
    name = next((word[:cut] for cut in _cuts(word) if word[:cut].lower().endswith(_ENDINGS)), word)
    near = difflib.get_close_matches(os.path.basename(name), here, n=1)
    return f"did you mean {printable(near[0])!r}?" if near else "give its path"


def _pairs(ask: _Ask, table: Table, wanted: str, *, guess: bool) -> tuple[list[tuple[str, Any]], str] | None:
    """(name of a picture, what stands in the chosen columns) of each line, and the columns' names; None without any."""
    files = file_column(table, ask.names.knows)
    columns = value_columns(table, ask.kind, wanted, files, guess=guess)
    if not columns:
        return None
    whole = len(columns) == 1 and not (ask.kind == "vector" and holds_numbers(table, columns[0]))
    pairs = [
        (str(cells[files]), cells[columns[0]] if whole else [cells[column] for column in columns])
        for _, cells in table.rows
        if cells[files] not in (None, "")
    ]
    first, last = table.columns[columns[0]], table.columns[columns[-1]]
    return pairs, first if len(columns) == 1 else f"{first} to {last}"


def _matched(ask: _Ask, pairs: Sequence[tuple[str, Any]], how: str, label: str) -> Reading:
    """Brings (name, condition) to pictures; of several captions the first of each picture counts."""
    found, notes = brought_to_paths(ask.names, pairs, label, several=ask.kind == "text")
    return Reading({ask.places[path]: value for path, value in found.items() if path in ask.places}, how, notes)


def _in_order(ask: _Ask, values: Any, how: str) -> Reading:
    """Conditions in the order of the pictures, of those that can be used or of all files."""
    n = 0 if isinstance(values, np.ndarray) and values.ndim == 0 else len(values)
    if n == len(ask.used):
        return Reading({place: values[place] for place in range(n)}, how)
    if n == len(ask.rows):
        return Reading({row.row: values[place] for place, row in enumerate(ask.rows) if row.row is not None}, how)
    left_out = f" ({len(ask.rows):,} with those left out)" if len(ask.rows) > len(ask.used) else ""
    raise SparringError(
        f"{how} has {n:,} rows, and there are {len(ask.used):,} pictures{left_out}.",
        "one row for each picture, in the order of their sorted paths",
    )
