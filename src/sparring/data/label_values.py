"""What was read for each picture, in whatever form -> conditions: classes numbered, captions embedded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sparring.conditions import (
    Conditions,
    Embed,
    class_conditions,
    embedder_name,
    numbers_in,
    text_conditions,
    vector_conditions,
)
from sparring.data.build import Say
from sparring.data.embedding import embed_captions
from sparring.data.label_tables import number
from sparring.errors import SparringError
from sparring.text import embedder

_MOST_LONELY = 20  # classes: so many may have a picture each, as in a try with a few pictures
_NAMED = 5  # pictures without a condition that a message names
_LISTED = 10  # more classes than this are not written out in a note


@dataclass(frozen=True)
class Reading:
    """What one reader found.

    Attributes:
        values: what was read for each picture, by its place in the pack; missing ones may be left out, or None.
        how: where it was read, without any path of this machine.
        notes: sentences on what was decided.
        order: the classes in the order of their numbers, where that is known.
        decimal_comma: whether "0,5" is a number.
    """

    values: dict[int, Any]
    how: str
    notes: list[str] = field(default_factory=list)
    order: tuple[str, ...] = ()
    decimal_comma: bool = False


@dataclass(frozen=True)
class Embedding:
    """How captions become numbers: by what (None: MiniLM), and what `embed_captions` needs besides."""

    embed: Embed | None
    cache: Path
    say: Say | None
    progress: bool


def classes_of(reading: Reading, paths: Sequence[str]) -> Conditions:
    """Numbers the classes: as the data set has it, by number where all are numbers, else by the alphabet.

    Raises SparringError for one class alone, for fractions, and where nearly every picture has a class of its own.
    """
    found = {place: name for place, value in reading.values.items() if (name := _name(value, paths[place]))}
    missing = _missing_note("class", paths, found, reading)
    names = {name: _whole(name) for name in set(found.values())}
    if None not in names.values():
        fraction = next((name for name, whole in names.items() if whole == ""), None)
        if fraction is not None:
            raise SparringError(
                f"{reading.how} holds {fraction!r}, which is no class.", "whole numbers or names", "--condition vector"
            )
        found = {place: str(names[name]) for place, name in found.items()}
    counts = Counter(found.values())
    known = reading.order or tuple(sorted(counts, key=_rank if None not in names.values() else _by_alphabet))
    _check_classes(known, counts, reading)
    numbers = np.full(len(paths), -1, np.int64)
    number_of = {name: number for number, name in enumerate(known)}
    for place, name in found.items():
        numbers[place] = number_of.get(name, -1)
    listed = ", ".join(known[:_LISTED]) + (", ..." if len(known) > _LISTED else "")
    fewest, most = (extreme(counts[name] for name in known) for extreme in (min, max))
    each = f"{most:,} pictures each" if fewest == most else f"{fewest:,} to {most:,} pictures"
    notes = [f"{len(known):,} classes of {each}, from {reading.how}: {listed}"]
    alike = [name for name, n in Counter(map(str.casefold, known)).items() if n > 1]
    if alike:
        notes.append(f"classes whose names differ in capitals alone count as different ({', '.join(alike[:3])})")
    return class_conditions(numbers, known, reading.how, [*reading.notes, *notes, *missing])


def texts_of(reading: Reading, paths: Sequence[str], how: Embedding) -> Conditions:
    """Makes captions into numbers. Raises SparringError where a caption is no text, or MiniLM is not installed."""
    found = {place: text for place, value in reading.values.items() if (text := _caption(value, paths[place]))}
    missing = _missing_note("caption", paths, found, reading)
    captions = [found.get(place, "") for place in range(len(paths))]
    embed = embedder() if how.embed is None else how.embed
    values = embed_captions(captions, embed, how.cache, how.say, how.progress)
    notes = [f"{len(set(found.values())):,} different captions, from {reading.how}; {values.shape[1]} numbers each"]
    return text_conditions(captions, values, embedder_name(embed), reading.how, [*reading.notes, *notes, *missing])


def vectors_of(reading: Reading, paths: Sequence[str]) -> Conditions:
    """Makes vectors. Raises SparringError for what is no number, infinite numbers and different lengths."""
    found = {}
    for place, value in reading.values.items():
        vector = _vector(value, paths[place], reading)
        if vector is not None:
            found[place] = vector
    missing = _missing_note("vector", paths, found, reading)
    first = next(iter(found))
    values, has = np.zeros((len(paths), len(found[first])), np.float32), np.zeros(len(paths), bool)
    for place, vector in found.items():
        if len(vector) != values.shape[1]:
            raise SparringError(
                f"{paths[place]} has {len(vector)} numbers, and {paths[first]} has {values.shape[1]}.",
                "equally many for all pictures",
            )
        values[place], has[place] = vector, True
    if not np.isfinite(values).all():
        worst = paths[int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])]
        raise SparringError(f"The vector of {worst} holds a number that is not finite.", "finite numbers, or none")
    notes = [f"vectors of {values.shape[1]:,} numbers, from {reading.how}"]
    return vector_conditions(values, has, reading.how, [*reading.notes, *notes, *missing])


def _missing_note(what: str, paths: Sequence[str], found: Collection[int], reading: Reading) -> list[str]:
    """A sentence on pictures without a condition. Raises SparringError where those are more than half."""
    missing = [path for place, path in enumerate(paths) if place not in found]
    if not missing:
        return []
    first = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
    if 2 * len(missing) > len(paths):
        raise SparringError(
            f"{len(missing):,} of {len(paths):,} pictures have no {what} in {reading.how}: {first}"
            + "".join(f"\n({note})" for note in reading.notes),
            f"a {what} for at least half of the pictures",
            "complete it, or take the others out of the data",
        )
    return [f"{len(missing):,} of {len(paths):,} pictures have no {what} and are not trained on: {first}"]


def _name(value: Any, path: str) -> str:
    """A class' name; "" where there is none. A row of zeros and a one (one-hot) stands for the place of the one."""
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    if isinstance(value, list | tuple | np.ndarray) and np.ndim(value) > 0:
        row = np.asarray(value)
        if row.size == 1:  # Keras' own data sets have labels of shape [N, 1]
            return _name(row.item(), path)
        if row.ndim == 1 and row.dtype.kind in "biuf" and sorted(row.tolist()) == [0] * (len(row) - 1) + [1]:
            return str(int(row.argmax()))
        raise SparringError(
            f"The class of {path} is {str(value)[:60]}.", "a name, a number, or a row of zeros and a one"
        )
    if isinstance(value, dict):
        raise SparringError(f"The class of {path} is {str(value)[:60]}.", "a name or a number")
    name = _sound(str(value))
    return "" if name.casefold() == "nan" else name


def _whole(name: str) -> str | None:
    """The whole number that a name stands for ("3.0" for 3); "" for a fraction; None where it is no number."""
    if re.fullmatch(r"[+-]?[0-9]+", name):
        return name
    if not re.fullmatch(r"[+-]?[0-9]*\.?[0-9]+(\.|[eE][+-]?[0-9]+)?", name):
        return None
    value = float(name)
    return str(int(value)) if value.is_integer() else ""


def _rank(name: str) -> tuple[int, str]:
    return int(name), name


def _by_alphabet(name: str) -> tuple[str, str]:
    return name.casefold(), name


def _check_classes(names: Sequence[str], counts: Counter[str], reading: Reading) -> None:
    total = sum(counts.values())
    if len(counts) < 2:
        raise SparringError(
            f"All {total:,} pictures are of one class ({next(iter(counts))}), by {reading.how}.",
            "two classes or more",
            "train without a condition, or name another column",
        )
    if len(names) > max(_MOST_LONELY, total / 2):
        raise SparringError(
            f"{reading.how} holds {len(names):,} classes for {total:,} pictures.",
            "several pictures of each class",
            "another column, or --condition text if these are captions",
        )


def _caption(value: Any, path: str) -> str:
    if isinstance(value, list | tuple):
        value = next((one for one in value if isinstance(one, str) and one.strip()), None)
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    if isinstance(value, dict | np.ndarray):
        raise SparringError(
            f"The caption of {path} is {str(value)[:60]}.",
            "a few words",
            "if they are vectors already: --condition vector",
        )
    return _sound(str(value))


def _sound(text: str) -> str:
    """Single spaces, and a question mark for what is no character (half of a surrogate pair)."""
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())


def _vector(value: Any, path: str, reading: Reading) -> np.ndarray | None:
    """One picture's numbers, float32 [k]; None where it has none, or only some."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        if isinstance(value, str):
            value = numbers_in(value)
        elif isinstance(value, list | tuple):
            cells = [float("nan") if cell in (None, "") else cell for cell in value]
            value = [number(cell, reading.decimal_comma) for cell in cells]
        with np.errstate(over="ignore"):  # too large for 32 bits: infinite, and refused as such
            vector = np.atleast_1d(np.asarray(value, np.float32))
    except (TypeError, ValueError) as error:
        raise SparringError(f"The vector of {path} is {str(value)[:60]!r}.", "numbers") from error
    if vector.ndim != 1:
        raise SparringError(f"The vector of {path} has the shape {list(vector.shape)}.", "[k]: one row of numbers")
    return None if len(vector) == 0 or np.isnan(vector).any() else vector
