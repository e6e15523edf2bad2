"""Pictures that other people's objects yield: data sets with indices, loaders, lists, generators."""

from __future__ import annotations

import copy
import hashlib
import math
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, Self

import numpy as np
import torch

from sparring.conditions import Embed, Shape, embedder_name
from sparring.data.build import Options
from sparring.data.order import IndexOrder, check_draw, flips, mirror
from sparring.data.pack import identity_of
from sparring.data.passes import END, Pass, first_elements, seeded_items
from sparring.data.samples import ConditionReader, Raw, SampleReader, beside_picture, condition_reader
from sparring.data.sources import slug
from sparring.errors import SparringError
from sparring.seeds import seed_for

_PROBES = 16  # pictures that are looked at for size, channels and range before training starts
Piece = tuple[np.ndarray, Raw | None]  # pictures [B, H, W, C] in the data's own numbers, and their conditions
_UNEQUAL = "the passes differ in length, so a resumed run may draw other pictures"
_AGAIN = "something that can be iterated again (a list, a Dataset, a DataLoader)"


class _Stream:
    """What both kinds of streams share: a first look that fixes size, channels and range, and batches."""

    def __init__(self, first: list[Any], options: Options, what: Any, n: int | None, whole_pictures: bool) -> None:
        self.name, self.n = slug(type(what).__name__), n
        self.left_out: list[tuple[str, str]] = []
        self.condition: Shape | None = None
        self._conditions: ConditionReader | None = None
        self._what = what
        self._reader = SampleReader(options, whole_pictures)
        if not first:
            raise SparringError(f"The {type(what).__name__} holds nothing.", "at least one picture", "check your data")
        self._reader.decide_pillow_channels(first)
        pictures = [self._reader.read(sample) for sample in first]
        self._reader.decide_range(pictures)
        self._beside = [(beside_picture(sample), len(piece)) for sample, piece in zip(first, pictures, strict=True)]
        self.size_px, self.channels = self._reader.size_px, self._reader.channels
        digest = hashlib.blake2b(str(n).encode(), digest_size=16)
        for piece in pictures:
            digest.update(np.ascontiguousarray(piece).data)
        label = type(what).__name__
        shown = Options(self.size_px, self.channels, options.fit, options.background)
        self.identity = identity_of("stream", label, digest.hexdigest(), n, self.channels, shown)
        self.identity["range"] = self._reader.range
        self.notes = [
            f"{label}: {self.channels} x {self.size_px} x {self.size_px}, "
            f"{pictures[0].dtype} read as {self._reader.range} (decided by the first pictures)"
        ]

    def __len__(self) -> int:
        if self.n is None:
            raise TypeError(f"nobody knows the length of a {self.identity['source']}")
        return self.n

    def batch(self, position: int, count: int, *, seed: int, flip: bool) -> torch.Tensor:
        """Returns the pictures drawn at position .. position+count-1 of a run, in memory of their own.

        Args:
            position: number of pictures drawn before in this run.
            count: number of pictures.
            seed: the run's seed.
            flip: whether each picture is mirrored left to right with p = 0.5.

        Returns:
            float32, channels last  # [count, C, H, W] in [-1, 1]

        Raises:
            SparringError: where the data end early, or hold other shapes or values than the first did.
        """
        return self._drawn(position, count, seed, flip)[0]

    def draw(self, position: int, count: int, *, seed: int, flip: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Returns what `batch` does, and the condition of each picture.

        # [count, C, H, W] in [-1, 1]; int64 [count], float32 [count, size], or None where it has none

        Raises SparringError as `batch` does, and where an element has no condition, or one of another kind or size.
        """
        pictures, conditions = self._drawn(position, count, seed, flip)
        if self._conditions is None:
            return pictures, None
        numbers = [self._conditions.numbers(raw) for raw in conditions if raw is not None]
        return pictures, torch.from_numpy(np.concatenate(numbers))

    def conditioned(self, kind: str, embed: Embed | None = None, n_classes: int | None = None) -> Self:
        """Returns a view that gives a condition with each picture; of what is iterated once only one may be drawn from.

        An element is a pair (picture, condition) or a dict with a key such as "label" or "text".

        Args:
            kind: "class", "text" or "vector".
            embed: captions -> [n, k]; None for MiniLM.
            n_classes: number of classes, where the data set does not say it.

        Raises:
            SparringError: where the first elements have no such condition, or nobody knows how many classes there are.
        """
        view = self._copy()
        view._conditions = reader = condition_reader(kind, self._what, self._beside, embed, n_classes)
        view.condition = reader.shape
        digest = hashlib.blake2b(digest_size=16)
        for beside, n in self._beside:
            digest.update(reader.bytes_of(beside, n))
        name = "" if reader.embed is None else embedder_name(reader.embed)
        about = {"content": digest.hexdigest(), "read_from": "each element", "embedder": name}
        view.identity = {**self.identity, "condition": {**reader.shape.to_dict(), **about}}
        size = f"{reader.shape.size:,} {'classes' if kind == 'class' else 'numbers each'}"
        view.notes = [*self.notes, f"the {kind} conditions of each element: {size}"]
        return view

    def _copy(self) -> Self:
        return copy.copy(self)

    def _drawn(self, position: int, count: int, seed: int, flip: bool) -> tuple[torch.Tensor, list[Raw | None]]:
        """The pictures, and the conditions of each piece of them."""
        check_draw(position, count)
        out = np.empty((count, self.size_px, self.size_px, self.channels), np.float32)
        start, conditions = 0, []
        for piece, raw in self._pieces(position, count, seed):
            out[start : start + len(piece)] = self._reader.to_signed(piece)
            conditions.append(raw)
            start += len(piece)
        if flip:
            mirror(out, flips(position, count, seed))
        return torch.from_numpy(out).permute(0, 3, 1, 2), conditions

    def _read(self, element: Any) -> Piece:
        pictures = self._reader.read(element)
        if self._conditions is None:
            return pictures, None
        return pictures, self._conditions.read(beside_picture(element), len(pictures))

    def _pieces(self, position: int, count: int, seed: int) -> Iterator[Piece]:
        """Yields pieces that together hold `count` pictures."""
        raise NotImplementedError


class IndexedStream(_Stream):
    """A map-style data set (`__len__` and `__getitem__`), drawn in the order in which a pack would be.

    Args:
        dataset: gives one picture for each index in 0 .. len-1.
        options: what the user asked; 0 where the data decide.
    """

    def __init__(self, dataset: Any, options: Options) -> None:
        n = len(dataset)
        places = np.unique(np.linspace(0, n - 1, min(_PROBES, n)).round().astype(int)).tolist() if n else []
        super().__init__(seeded_items(dataset, places, places), options, dataset, n, whole_pictures=True)
        self._dataset, self._order = dataset, IndexOrder(n)

    def part(self, places: np.ndarray) -> IndexedStream:
        """Returns a view that draws only the pictures with these indices.  # int64 [n], at least one"""
        view = copy.copy(self)
        view.n, view._order = len(places), IndexOrder(len(places), np.asarray(places, np.int64))
        return view

    def _pieces(self, position: int, count: int, seed: int) -> Iterator[Piece]:
        indices = self._order.indices(position, count, seed).tolist()
        seeds = [seed_for(seed, "item", place) for place in range(position, position + count)]
        for item in seeded_items(self._dataset, indices, seeds):
            yield self._read(item)


class Stream(_Stream):
    """An iterable, in its own order: pass after pass, each restarted under random states of (seed, pass).

    Going on from a position restarts the pass that holds it and skips forward. For that all passes are taken to be as
    long as the first, except those that this object has seen to their ends.

    Args:
        iterable: yields pictures or batches; what can be iterated only once may be drawn from position 0 on, once.
        options: what the user asked; 0 where the data decide.
        n: pictures in one pass, if known.
    """

    def __init__(self, iterable: Any, options: Options, n: int | None = None) -> None:
        self._iterable = iterable
        self._once: Iterator[Any] | None = iterable if _is_one_shot(iterable) else None
        first = self._first(1)
        if first and _is_single_picture(first[0], options):
            first += self._first(_PROBES - 1) if self._once is not None else first_elements(iterable, _PROBES)[1:]
        self._ahead = deque(first)  # of what can be iterated only once, these are the start
        super().__init__(first, options, iterable, n, whole_pictures=False)
        self._lengths: dict[int, int] = {}
        self._seed: int | None = None
        self._pass: Pass | None = None
        self._pass_index, self._place, self._position = 0, 0, 0
        self._rest: Piece | None = None

    def _copy(self) -> Self:
        if self._once is not None and self._position:
            raise SparringError(
                "The iterable has been drawn from already, without conditions.",
                "conditions before the first picture",
                f"pass {_AGAIN}",
            )
        view = super()._copy()
        view._lengths, view._seed, view._pass, view._rest = dict(self._lengths), None, None, None
        return view

    def one_pass(self, most: int | None = None) -> Iterator[torch.Tensor]:
        """Yields the pictures of one pass and no more, for judges; at most `most` of them.

        # float32 [B, C, H, W] in [-1, 1]
        """
        left = math.inf if most is None else most
        for element in self._elements():
            pictures = self._reader.to_signed(self._reader.read(element))
            pictures = pictures[: int(min(left, len(pictures)))]
            left -= len(pictures)
            if len(pictures):
                yield torch.from_numpy(pictures).permute(0, 3, 1, 2)
            if left <= 0:
                return

    def _elements(self) -> Iterator[Any]:
        if self._once is not None:
            while self._ahead:
                yield self._ahead.popleft()
            yield from self._once
            return
        once = Pass(self._iterable, 0, 0)
        while (element := once.next()) is not END:
            yield element

    def _first(self, count: int) -> list[Any]:
        """Returns up to `count` elements from the start, or the next of what can be iterated only once."""
        return first_elements(self._iterable, count) if self._once is None else list(islice(self._once, count))

    def _pieces(self, position: int, count: int, seed: int) -> Iterator[Piece]:
        if position != self._position or (seed != self._seed and self._once is None):
            self._seek(position, seed)
        while count > 0:
            piece = self._take(count)
            count -= len(piece[0])
            yield piece

    def _take(self, most: int) -> Piece:
        """Returns the next 1 .. `most` pictures, going on in the next pass where one ends."""
        while self._rest is None or len(self._rest[0]) == 0:
            self._rest = self._next_element()
        pictures, raw = self._rest
        piece = pictures[:most], None if raw is None else raw[:most]
        self._rest = pictures[most:], None if raw is None else raw[most:]
        self._position += len(piece[0])
        self._place += len(piece[0])
        return piece

    def _next_element(self) -> Piece:
        if self._once is not None:
            return self._read(self._next_of_once())
        assert self._seed is not None
        if self._pass is None:
            self._pass = Pass(self._iterable, self._seed, self._pass_index)
        while (element := self._pass.next()) is END:
            self._end_pass()
            self._pass = Pass(self._iterable, self._seed, self._pass_index)
        return self._read(element)

    def _next_of_once(self) -> Any:
        if self._ahead:
            return self._ahead.popleft()
        assert self._once is not None
        try:
            return next(self._once)
        except StopIteration:
            raise SparringError(
                f"The iterable ended after {self._position:,} pictures.", _AGAIN, f"pass {_AGAIN} or a lower budget"
            ) from None

    def _end_pass(self) -> None:
        if self._place == 0:
            raise SparringError("A pass over the iterable yielded nothing.", _AGAIN, f"pass {_AGAIN}")
        self._lengths[self._pass_index] = self._place
        if self._place != self._lengths.get(0, self._place) and _UNEQUAL not in self.notes:
            self.notes.append(_UNEQUAL)
        self._pass_index, self._place = self._pass_index + 1, 0

    def _seek(self, position: int, seed: int) -> None:
        if self._once is not None:
            if position < self._position:
                raise SparringError(
                    f"The iterable is at picture {self._position:,} and cannot go back to {position:,}.",
                    _AGAIN,
                    f"pass {_AGAIN}",
                )
            self._skip(position - self._position)
            return
        if seed != self._seed:
            self._lengths.clear()  # a filter that draws random numbers gives other lengths
        self._seed, self._rest, self._pass = seed, None, None
        index, start = 0, 0
        length = self._lengths.get(0) or self.n
        # With no length known, pass 0 is counted by skipping through it, and the rest follows from that.
        while length is not None and start + self._lengths.get(index, length) <= position:
            start += self._lengths.get(index, length)
            index += 1
        self._pass_index, self._place, self._position = index, 0, start
        while self._position < position:
            self._skip_within_pass(position - self._position)
            if length is None and 0 in self._lengths and self._position < position:
                self._seek(position, seed)

    def _skip(self, count: int) -> None:
        while count > 0:
            count -= len(self._take(count)[0])

    def _skip_within_pass(self, count: int) -> None:
        before = self._pass_index
        while count > 0 and self._pass_index == before:
            count -= len(self._take(count)[0])


def open_stream(source: Any, options: Options) -> IndexedStream | Stream:
    """Opens any object that yields pictures. Raises SparringError for one that does not."""
    if hasattr(source, "__getitem__") and hasattr(source, "__len__"):
        return IndexedStream(source, options)
    if not hasattr(source, "__iter__"):
        raise SparringError(
            f"Pictures cannot come from a {type(source).__name__}.",
            "a folder, a zip, a .npy file, 'emoji', an array, a Dataset, a DataLoader or another iterable",
            "name the folder that holds your pictures",
        )
    return Stream(source, options, _pass_length(source))


def _is_single_picture(element: Any, options: Options) -> bool:
    reader = SampleReader(options, whole_pictures=False)
    reader.decide_pillow_channels([element])
    reader.read(element)
    return reader.takes_single_pictures


def _is_one_shot(iterable: Any) -> bool:
    return hasattr(iterable, "__next__")


def _pass_length(source: Any) -> int | None:
    """Pictures in one pass of a DataLoader over a map-style data set; None for all else."""
    if not isinstance(source, torch.utils.data.DataLoader) or isinstance(
        source.dataset, torch.utils.data.IterableDataset
    ):
        return None
    try:
        n = len(source.sampler)  # type: ignore[arg-type]  # not every sampler is sized: TypeError then
        if source.batch_size is None:
            return n if source.batch_sampler is None else None
        return len(source) * source.batch_size if source.drop_last else n
    except TypeError:
        return None
