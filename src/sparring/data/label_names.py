"""Which picture a name means, and what a picture's own name says of it."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparring.data.decode import picture_extensions
from sparring.data.sources import printable
from sparring.errors import SparringError

_HOLE = "{condition}"


@dataclass(frozen=True)
class Matched:
    """What names were found to mean.

    Attributes:
        paths: the picture of each name; None where it fits none, or several.
        ambiguous: names that fit several.
        unknown: names that fit none.
    """

    paths: list[str | None]
    ambiguous: list[str]
    unknown: list[str]


class Names:
    """The names of a data set's pictures.

    Args:
        paths: with "/" between folders.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.example = next(iter(paths), "")
        self._paths: list[dict[str, list[str]]] = []
        for key in _WAYS:
            found: dict[str, list[str]] = {}
            for path in paths:
                found.setdefault(key(_plain(path)), []).append(path)
            self._paths.append(found)

    def knows(self, name: str) -> bool:
        """Whether a name is that of a picture, with its ending."""
        plain = _plain(name)
        return any(key(plain) in paths for key, paths in zip(_WAYS[:2], self._paths[:2], strict=True))

    def match(self, names: Sequence[str]) -> Matched:
        """Finds the picture of each name.

        By the path, else by the file's name, else by the path without its ending, else by the name without it. The
        way that fits most names is taken for all of them, the first of these where several fit as many: else the name
        of a picture that is not there would be taken for another's of the same name in another folder.
        """
        plain = [_plain(name) for name in names]
        found = [[paths.get(key(name), []) for name in plain] for key, paths in zip(_WAYS, self._paths, strict=True)]
        best = max(found, key=lambda way: sum(len(fits) == 1 for fits in way))  # max: the first of equals
        if not any(len(fits) == 1 for fits in best):
            best = max(found, key=lambda way: sum(map(bool, way)))  # so that it can be said which are ambiguous
        return Matched(
            [fits[0] if len(fits) == 1 else None for fits in best],
            [name for name, fits in zip(names, best, strict=True) if len(fits) > 1],
            [name for name, fits in zip(names, best, strict=True) if not fits],
        )


def _plain(name: str) -> str:
    # macOS writes "é" as two characters where everybody else writes one.
    return unicodedata.normalize("NFC", name).strip().replace("\\", "/").removeprefix("./")


def _without_ending(path: str) -> str:
    bare, ending = os.path.splitext(path)
    return bare if ending.lower() in picture_extensions() else path  # "v1.5" has none


_WAYS: tuple[Callable[[str], str], ...] = (
    lambda path: path,
    lambda path: path.rpartition("/")[2],
    _without_ending,
    lambda path: _without_ending(path).rpartition("/")[2],
)


def brought_to_paths(
    names: Names, pairs: Sequence[tuple[str, Any]], label: str, *, several: bool
) -> tuple[dict[str, Any], list[str]]:
    """Brings conditions to pictures by their names.

    Args:
        names: of the pictures.
        pairs: (name, condition).
        label: what held them, for messages.
        several: whether a picture may have several; the first counts.

    Returns path -> condition, and sentences on names that fit no picture, or more than one.
    Raises SparringError where none fits, or one picture has two conditions that differ.
    """
    matched = names.match([name for name, _ in pairs])
    if not any(matched.paths):
        why = "fit several pictures each" if matched.ambiguous else "are not those of the pictures"
        raise SparringError(
            f"The names in {label} {why} (the first: {', '.join(name for name, _ in pairs[:3]) or 'none'}).",
            f"paths relative to the data's folder, or names of files, such as {names.example}",
        )
    values: dict[str, Any] = {}
    more = 0
    for path, (_, value) in zip(matched.paths, pairs, strict=True):
        if path is None:
            continue
        if path in values and not _equal(values[path], value):
            if not several:
                raise SparringError(
                    f"{label} gives {path} two conditions: {str(values[path])[:40]!r} and {str(value)[:40]!r}.",
                    "one for each picture",
                )
            more += 1
        values.setdefault(path, value)
    notes = _note(label, "fits several pictures", "fit several pictures", matched.ambiguous)
    notes += _note(label, "fits no picture", "fit no picture", matched.unknown)
    if more:
        notes.append(f"{more:,} more captions in {label} are of pictures that had one; the first of each counts")
    return values, notes


def _equal(first: Any, second: Any) -> bool:
    return bool(np.array_equal(np.asarray(first, dtype=object), np.asarray(second, dtype=object)))


def _note(label: str, one: str, many: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    first = ", ".join(map(printable, names[:3])) + (", ..." if len(names) > 3 else "")
    what = f"1 name {one}" if len(names) == 1 else f"{len(names):,} names {many}"
    return [f"{what} in {label}: {first}"]


def reader_of(pattern: str) -> Callable[[str], str | None]:
    """Returns a function that reads the condition out of a path by a pattern, or gives None where it does not fit.

    `{condition}` stands for what is to be read (as much as fits, without "/"), `*` for anything within a name, `**`
    for anything, `?` for one character, `[...]` for one of some. Without a "/" it is held to the file's name, else to
    the whole path; where it ends in `{condition}` or `*`, the file's ending is left out of that.

    Raises:
        SparringError: where `{condition}` does not stand in it exactly once, or a bracket is not closed.
    """
    if pattern.count(_HOLE) != 1 or len(re.findall(r"[{}]", pattern)) != 2:
        raise SparringError(
            f"The pattern {pattern!r} does not say what is to be read.",
            f"{_HOLE} in it, once, and no other braces",
            f"for example '{_HOLE}_*.png' or '*/{_HOLE}-[0-9]*.png'",
        )
    expression = re.compile(_expression(pattern), re.IGNORECASE | re.DOTALL)
    whole, bare = "/" in pattern, pattern.endswith((_HOLE, "*"))

    def read(path: str) -> str | None:
        name = path if whole else path.rpartition("/")[2]
        found = expression.fullmatch(_without_ending(name) if bare else name)
        return found["condition"] if found else None

    return read


def _expression(pattern: str) -> str:
    parts, place = [], 0
    while place < len(pattern):
        rest = pattern[place:]
        if rest.startswith(_HOLE):
            token, part = _HOLE, "(?P<condition>[^/]+)"
        elif rest.startswith("**"):
            token, part = "**", ".*"
        elif rest[0] == "*":
            token, part = "*", "[^/]*"
        elif rest[0] == "?":
            token, part = "?", "[^/]"
        elif rest[0] == "[":
            token, part = _bracket(rest, pattern)
        else:
            token, part = rest[0], re.escape(rest[0])
        parts.append(part)
        place += len(token)
    return "".join(parts)


def _bracket(rest: str, pattern: str) -> tuple[str, str]:
    """A set of characters such as [0-9] or [!a-z] at the start of `rest`, and the same as a regular expression."""
    found = re.match(r"\[(!?)([^\]]+)\]", rest)
    if found is None:
        raise SparringError(f"A bracket of the pattern {pattern!r} is not closed.", "sets such as [0-9] or [!_]")
    inside = re.sub(r"([\\^\[&~|])", r"\\\1", found[2])
    part = f"[{'^/' if found[1] else ''}{inside}]"
    try:
        re.compile(part)
    except re.error as error:
        raise SparringError(f"{found[0]} in the pattern {pattern!r} is no set: {error}.", "[0-9], [a-z]") from error
    return found[0], part


def words_of(text: str) -> str:
    """Returns a caption out of a file's name: underscores and hyphens become spaces."""
    return " ".join(text.replace("_", " ").replace("-", " ").split())
