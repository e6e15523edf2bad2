"""What a picture is to show: a class, a text or a vector, as the numbers that the networks are given."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import torch
from torch import Tensor

from .errors import SparringError, did_you_mean
from .seeds import seed_for

Kind = Literal["class", "text", "vector"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Captions -> one row of numbers for each, an array or a tensor  # [n, k]
Embed = Callable[[list[str]], Any]

_LISTED = 20  # more names than this are not written out in a message
_FAR = 10.0  # numbers beyond +-10 drown the latent, whose own are about 1
_SHORT, _LONG = 0.5, 2.0  # the networks take captions for vectors of length 1


@dataclass(frozen=True)
class Shape:
    """What the conditions of a data set are, without any of them: enough to build networks by.

    Attributes:
        kind: "class", "text" or "vector".
        size: the number of classes, or of the numbers in one condition.
        names: the classes' names in their order; () where they have none, and for the other kinds.
    """

    kind: Kind
    size: int
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_kind(self.kind)
        fewest = 2 if self.kind == "class" else 1
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < fewest:
            raise SparringError(f"The size of a {self.kind} condition is {self.size!r}.", f"{fewest} or more")
        if self.names and (self.kind != "class" or len(self.names) != self.size):
            raise SparringError(
                f"A {self.kind} condition of size {self.size} has {len(self.names)} names.",
                "one name for each class, or none",
            )

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain data for JSON."""
        return {"kind": self.kind, "size": self.size, "names": list(self.names)}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Shape:
        """Returns what `to_dict` wrote. Raises SparringError where it is damaged."""
        try:
            return cls(data["kind"], data["size"], tuple(map(str, data["names"])))
        except (KeyError, TypeError) as error:
            raise SparringError(
                f"The condition {data!r} cannot be read ({error}).", "kind, size and names", "restore recipe.json"
            ) from error


@dataclass(frozen=True)
class Conditions:
    """One condition for each picture of a data set.

    Attributes:
        shape: what they are.
        values: by place in the data set: int64 [n] with -1, or float32 [n, size] with 0 where a picture has none.
        captions: what a person would call each: the class' name or the caption; "" for vectors and where there is none.
        identity: equal for equal conditions; JSON-able, and without any path of this machine.
        notes: sentences on what was decided.
        places: those of the pictures that have a condition, ascending  # int64 [m]
    """

    shape: Shape
    values: np.ndarray
    captions: list[str]
    identity: dict[str, Any]
    notes: list[str]
    places: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def of(self, places: np.ndarray) -> Tensor:
        """Returns the conditions of some pictures  # int64 [N] in 0 .. size-1, or float32 [N, size].

        Raises ValueError where one of them has no condition.
        """
        if not self.has(places).all():
            raise ValueError("a picture without a condition was asked for its condition")
        return torch.from_numpy(self.values[places])

    def has(self, places: np.ndarray) -> np.ndarray:
        """Returns which of these pictures have a condition, bool  # [N]."""
        return self._has[places]

    @cached_property
    def _has(self) -> np.ndarray:
        known = np.zeros(len(self.values), bool)
        known[self.places] = True
        return known

    def part(self, places: np.ndarray) -> Conditions:
        """Returns a view of which only the pictures at these places are left.  # int64 [n]

        Raises SparringError where none of them has a condition.
        """
        left = self.places[np.isin(self.places, places)]
        if len(left) == 0:
            raise SparringError("None of these pictures has a condition.", "one picture with a condition, or more")
        return replace(self, places=left)

    def draw(self, n: int, seed: int) -> np.ndarray:
        """Chooses conditions to sample with, given as the places of pictures that have them  # int64 [n].

        Classes come one after the other, over and over. Of the other kinds come those of different pictures; each
        picture once before any comes twice. The i-th is a function of (seed, i) alone.
        """
        if self.shape.kind == "class":
            _, first = np.unique(self.values[self.places], return_index=True)
            return self.places[first][np.arange(n) % len(first)]
        rounds = range(-(-n // len(self.places)))
        orders = [np.random.Generator(np.random.Philox(seed_for(seed, "conditions", index))) for index in rounds]
        return np.concatenate([np.zeros(0, np.int64), *(order.permutation(self.places) for order in orders)])[:n]


def class_conditions(
    numbers: np.ndarray, names: Sequence[str], how: str, notes: Sequence[str] = (), *, named: bool = True
) -> Conditions:
    """Makes class conditions.

    Args:
        numbers: the class of each picture, -1 where it has none  # int64 [n] in -1 .. len(names)-1
        names: what each class is called.
        how: where they were read, without any path of this machine.
        notes: sentences on what was decided.
        named: whether `names` are more than the numbers of the classes.

    Raises SparringError where there are fewer than two classes.
    """
    shape = Shape("class", len(names), tuple(names) if named else ())
    captions = [names[number] if number >= 0 else "" for number in numbers.tolist()]
    content = _hash([numbers.astype("<i8").tobytes()])
    return _conditions(shape, numbers.astype(np.int64), captions, numbers >= 0, content, how, "", notes)


def text_conditions(
    captions: Sequence[str], values: np.ndarray, embedder: str, how: str, notes: Sequence[str] = ()
) -> Conditions:
    """Makes text conditions.

    Args:
        captions: of each picture; "" where it has none.
        values: their numbers  # float32 [n, size]
        embedder: the name of what made the numbers.
        how: where the captions were read, without any path of this machine.
        notes: sentences on what was decided.
    """
    # Not of the values: the last bits of an embedding differ between machines, and would stop a run from going on.
    content = _hash([caption.encode() + b"\0" for caption in captions])
    has = np.array([caption != "" for caption in captions], bool)
    notes, length = list(notes), float(np.median(np.linalg.norm(values[has], axis=1)))
    if not _SHORT < length < _LONG:
        notes.append(f"the captions' vectors have a length of {length:.3g}; brought to length 1 they train better")
    shape = Shape("text", values.shape[1])
    return _conditions(shape, values, list(captions), has, content, how, embedder, notes)


def vector_conditions(values: np.ndarray, has: np.ndarray, how: str, notes: Sequence[str] = ()) -> Conditions:
    """Makes vector conditions.

    Args:
        values: finite numbers  # float32 [n, size]
        has: which of the pictures have one, bool  # [n]
        how: where they were read, without any path of this machine.
        notes: sentences on what was decided.
    """
    values = np.where(has[:, None], values, np.float32(0)).astype(np.float32)
    notes, reach = list(notes), float(np.abs(values).max(initial=0))
    if reach > _FAR:
        notes.append(f"the vectors hold numbers as far from 0 as {reach:g}; scaled to about [-1, 1] they train better")
    content = _hash([values.astype("<f4").tobytes(), has.tobytes()])
    return _conditions(Shape("vector", values.shape[1]), values, [""] * len(values), has, content, how, "", notes)


def _conditions(
    shape: Shape,
    values: np.ndarray,
    captions: list[str],
    has: np.ndarray,
    content: str,
    how: str,
    embedder: str,
    notes: Sequence[str],
) -> Conditions:
    identity = {**shape.to_dict(), "content": content, "read_from": how, "embedder": embedder}
    return Conditions(shape, values, captions, identity, list(notes), np.flatnonzero(has))


def _hash(parts: Sequence[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def check_kind(kind: str) -> Kind:
    """Returns the kind of a condition if it is one. Raises SparringError if not."""
    if kind not in KINDS:
        raise SparringError(f"There is no condition {kind!r}.", ", ".join(KINDS), did_you_mean(str(kind), KINDS))
    return cast(Kind, kind)


def embedded(captions: Sequence[str], embed: Embed, size: int | None = None) -> np.ndarray:
    """Returns the numbers that `embed` makes of captions, checked  # float32 [n, k].

    Args:
        captions: at least one.
        embed: gives an array or tensor of one row for each caption.
        size: the k that it must be, if that is known.

    Raises SparringError for another shape, and for numbers that are not finite.
    """
    found = embed(list(captions))
    if isinstance(found, Tensor):
        found = found.detach().to("cpu", torch.float32).numpy()
    try:
        with np.errstate(over="ignore"):  # too large for 32 bits: infinite, and refused as such
            values = np.asarray(found, np.float32)
    except (TypeError, ValueError) as error:
        raise _bad_embedding(embed, f"no array of numbers ({error})", len(captions), size) from error
    if values.ndim != 2 or len(values) != len(captions) or values.shape[1] != (size or values.shape[1] or 1):
        raise _bad_embedding(embed, f"the shape {list(values.shape)}", len(captions), size)
    if not np.isfinite(values).all():
        worst = captions[int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])]
        raise SparringError(
            f"{embedder_name(embed)} gives numbers that are not finite for {worst!r}.", "finite numbers"
        )
    return values


def embedder_name(embed: Embed) -> str:
    """Returns what an embedder is called: its `name` if it has one, else the function's or the class' own."""
    return str(getattr(embed, "name", "") or getattr(embed, "__qualname__", "") or type(embed).__qualname__)


def _bad_embedding(embed: Embed, what: str, n: int, size: int | None) -> SparringError:
    return SparringError(
        f"{embedder_name(embed)} gives {what} for {n} captions.",
        f"an array or tensor of shape [{n}, {size or 'k'}]: one row for each caption, all of one length",
        "mend the function that turns captions into numbers",
    )


def encode(shape: Shape, words: Sequence[str], embed: Embed | None = None) -> Tensor:
    """Turns what a user typed into conditions.

    Args:
        shape: what the generator was trained with.
        words: names (or numbers) of classes; captions; or vectors as "0.1,0.2,..." or as a .npy file of one or more.
        embed: turns captions into numbers; needed for text alone.

    Returns:
        One for each word, and for a .npy one for each of its rows  # int64 [N] or float32 [N, size]

    Raises:
        SparringError: for a word that is no condition of this shape; it names the near one.
    """
    if not words:
        raise SparringError(f"There is no {shape.kind} to encode.", "one or more")
    if shape.kind == "class":
        return torch.tensor([_class_number(shape, word) for word in words], dtype=torch.int64)
    if shape.kind == "vector":
        return torch.from_numpy(np.concatenate([_vectors(shape.size, word) for word in words]))
    if embed is None:
        raise SparringError(
            "Captions were given, and nothing that turns them into numbers.",
            "the embedder that the run was trained with",
            "pass it again (embed=)",
        )
    captions = [" ".join(word.split()) for word in words]
    if "" in captions:
        raise SparringError("A caption is empty.", "a few words", 'for example "red apple"')
    return torch.from_numpy(embedded(captions, embed, shape.size))


def _class_number(shape: Shape, word: str) -> int:
    name = word.strip()
    if name in shape.names:
        return shape.names.index(name)
    alike = [number for number, known in enumerate(shape.names) if known.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    if re.fullmatch(r"[0-9]+", name) and int(name) < shape.size:
        return int(name)
    numbers = f"a number from 0 to {shape.size - 1}"
    if not shape.names:
        raise SparringError(f"There is no class {word!r}.", numbers, "their names are not known here")
    hint = did_you_mean(name, shape.names)
    if not hint.startswith("did you mean") and len(shape.names) > _LISTED:
        hint = f"the first of them: {', '.join(shape.names[:_LISTED])}"
    raise SparringError(f"There is no class {word!r}.", f"one of {shape.size} names, or {numbers}", hint)


def numbers_in(text: str) -> list[float]:
    """Returns the numbers of "0.1,0.2", "[0.1 0.2]" or "0.1; 0.2". Raises ValueError where something else is in it."""
    return [float(number) for number in re.split(r"[,;\s]+", text.strip(" \t\r\n,;[]()"))]


def _vectors(size: int, word: str) -> np.ndarray:
    """The vectors of one word, float32  # [rows, size]."""
    expected = f'{size} numbers such as "0.1,0.2", or a .npy file of shape [{size}] or [n, {size}]'
    shown = word if len(word) < 60 else f"{word[:57]}..."
    if word.strip().lower().endswith(".npy"):
        try:
            found = np.load(Path(word.strip()).expanduser(), allow_pickle=False)
            values = np.atleast_2d(np.asarray(found, np.float64))
        except (OSError, EOFError, ValueError, TypeError) as error:
            raise SparringError(f"{shown} cannot be read: {error}.", expected) from error
    else:
        try:
            values = np.array([numbers_in(word)])
        except ValueError:
            raise SparringError(f"{shown!r} is no vector.", expected) from None
    if values.ndim != 2 or values.shape[1] != size or len(values) == 0:
        raise SparringError(f"{shown!r} holds the shape {list(values.shape)}.", expected)
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise SparringError(f"{shown!r} holds numbers that are not finite.", expected)
    return values
