"""Looks at a set of pictures once and gives what the SP3 rules judge by. In pieces: memory holds a few pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ...data import BUILTIN, IndexedStream, Pack, Stream, conditioned, open_data
from ...data.builtin import usual_size
from ...data.table import Row
from .facts import Captions, Channel, DataFacts
from .repeats import exact_groups, fingerprints, near_groups, repeats_of, thumbnails

_BYTES = 4 << 20  # pixels that are looked at at once
_CHANNELS = {1: ("grey",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}
_NUMBERS = "; 1 numbers each"  # what a note then says of the captions
_COPY = "looks exactly like "  # how the reason begins where a copy was left out

Say = Callable[[str], object]


def scan(source: Any, *, cache: Any = None, say: Say | None = None, **reading: Any) -> dict[str, Any]:
    """Returns the facts about a set of pictures by name, for `catalogue.judge`. Files are read and never changed.

    Args:
        source: as for `opened`.
        cache: folder of packs.
        say: called with a line when pictures must be read.
        reading: the other arguments of `opened`.

    Raises:
        SparringError: as `train` would: for a source without a usable picture, and for conditions that it lacks.
    """
    return facts_of(opened(source, cache=cache, say=say, **reading))


def opened(
    source: Any,
    *,
    size: int | None = None,
    channels: int | Literal["auto"] = "auto",
    fit: str = "crop",
    background: str = "white",
    path: Any = None,
    condition: str | None = None,
    condition_from: Any = None,
    cache: Any = None,
    say: Say | None = None,
) -> Pack | IndexedStream | Stream:
    """Opens pictures as `train` does; captions are read, and not turned into numbers.

    Args:
        source: as for `train`: a folder, zip, .npy or .npz, a built-in name, or an array of pictures.
        size: side of the pictures in px; by default 64, 28 for fashion-mnist, or what an array has.
        channels: 1, 3, 4, or "auto": the files decide.
        fit: "crop", "pad" or "squeeze".
        background: colour under transparent parts where there is no alpha channel.
        path: folder of a built-in set.
        condition: "class", "text" or "vector"; None or "none" for none.
        condition_from: where those are read; None for what lies with the pictures.
        cache: folder of packs.
        say: called with a line when pictures must be read.

    Raises SparringError as `scan`.
    """
    size = usual_size(source) if size is None else size
    data = open_data(
        source, size_px=size, channels=channels, fit=fit, background=background, path=path, cache=cache, say=say
    )
    told = conditioned(source, data, None if condition == "none" else condition, condition_from, _no_numbers)
    told.notes = [note.removesuffix(_NUMBERS) for note in told.notes]
    return told


def _no_numbers(captions: list[str]) -> np.ndarray:
    return np.ones((len(captions), 1), np.float32)


def facts_of(data: Any) -> dict[str, Any]:
    """Returns the facts about pictures that are open already; none about a loader's, which may never come again."""
    return {"pictures": _facts(data) if isinstance(data, Pack) else None}


def _facts(data: Pack) -> DataFacts:
    rows = _rows(data)
    used = sorted((row for row in rows if row.row is not None), key=lambda row: row.row or 0)
    left_out = [row for row in rows if row.row is None]
    unreadable = tuple((row.path, row.reason) for row in left_out if not row.reason.startswith(_COPY))
    pixels, paths = _pixels(data, len(used)), tuple(row.path for row in used)
    exact = exact_groups(pixels.prints)
    repeated = {place for group in exact for place in group[1:]}
    among = np.array([place for place in range(len(used)) if place not in repeated], np.int64)
    near = near_groups(pixels.small, pixels.contrast, data.pictures, among)
    modes = Counter(row.mode for row in used)
    return DataFacts(
        source=str(data.identity["source"]),
        built_in=data.identity["kind"] in BUILTIN,
        n_files=len(rows),
        n=len(used),
        size_px=data.size_px,
        channels=data.channels,
        fit=str(data.identity["fit"]),
        unreadable=unreadable,
        dropped=len(left_out) - len(unreadable),
        modes=dict(modes.most_common()),
        mode_examples=_first_of_each_mode(used),
        sizes=dict(Counter((row.width_px, row.height_px) for row in used).most_common()),
        paths=paths,
        deviations=tuple((pixels.deviations.max(axis=1) / 255).tolist()),
        channel_facts=pixels.channels,
        exact=repeats_of(exact, paths),
        near=repeats_of(near, paths),
        **_of_conditions(data, paths),
    )


def _first_of_each_mode(rows: list[Row]) -> dict[str, str]:
    return {row.mode: row.path for row in reversed(rows)}


def _rows(data: Pack) -> list[Row]:
    """The table; of an array without the hashes, which are not needed here and take long."""
    if data.has_table:
        return data.table()
    mode, side = {1: "L", 3: "RGB", 4: "RGBA"}[data.channels], data.size_px
    return [replace(row, mode=mode, width_px=side, height_px=side) for row in data.listing()]


@dataclass(frozen=True)
class _Pixels:
    """What is kept of the pixels.

    Attributes:
        prints: a hash of each picture.
        small: a small version of each  # float32 [n, K]
        deviations: of each picture and channel  # float64 [n, C] in [0, 255]
        channels: each channel over all pictures.
    """

    prints: list[bytes]
    small: np.ndarray
    deviations: np.ndarray
    channels: tuple[Channel, ...]

    @property
    def contrast(self) -> np.ndarray:
        """Of each picture, the standard deviation around the means of its channels  # float64 [n]."""
        return np.asarray(np.sqrt(np.square(self.deviations).mean(axis=1)))


def _pixels(data: Pack, n: int) -> _Pixels:
    """Reads every pixel once. Sums of whole numbers, so that a plain picture's deviation is exactly 0."""
    count = data.size_px**2
    each = max(1, _BYTES // (count * data.channels))
    prints: list[bytes] = []
    small: list[np.ndarray] = []
    sums, squares = np.zeros((2, n, data.channels), np.float64)
    lowest, highest = [255] * data.channels, [0] * data.channels
    for start in range(0, n, each):
        places = np.arange(start, min(n, start + each))
        pictures = data.pictures(places)
        prints += fingerprints(pictures)
        small.append(thumbnails(pictures))
        for c in range(data.channels):
            plane = np.ascontiguousarray(pictures[..., c]).reshape(len(places), count)
            sums[places, c] = plane.sum(axis=1, dtype=np.uint64)
            squares[places, c] = np.square(plane, dtype=np.uint16).sum(axis=1, dtype=np.uint64)  # 255^2 < 2^16
            lowest[c], highest[c] = min(lowest[c], int(plane.min())), max(highest[c], int(plane.max()))
    means, powers = sums / count, squares / count
    deviations = np.sqrt(np.maximum(powers - np.square(means), 0))
    of_all = np.sqrt(np.maximum(powers.mean(axis=0) - np.square(means.mean(axis=0)), 0))
    channels = tuple(
        Channel(name, lowest[c] / 255, highest[c] / 255, float(means[:, c].mean()) / 255, float(of_all[c]) / 255)
        for c, name in enumerate(_CHANNELS[data.channels])
    )
    return _Pixels(prints, np.concatenate(small), deviations, channels)


def _of_conditions(data: Pack, paths: tuple[str, ...]) -> dict[str, Any]:
    conditions = data.conditions
    if conditions is None:
        return {}
    has = conditions.has(np.arange(len(paths)))
    kind = conditions.shape.kind
    found: dict[str, Any] = {"condition": kind}
    found["missing"] = tuple(path for path, known in zip(paths, has, strict=True) if not known)
    named = [caption for caption, known in zip(conditions.captions, has, strict=True) if known]
    if kind == "class":
        counts = Counter(conditions.values[conditions.places].tolist())
        names = conditions.shape.names or tuple(map(str, range(conditions.shape.size)))
        found["classes"] = {name: counts[number] for number, name in enumerate(names)}
    if kind == "text":
        common, common_n = Counter(named).most_common(1)[0]
        found["captions"] = Captions(len(set(named)), common, common_n)
    return found
