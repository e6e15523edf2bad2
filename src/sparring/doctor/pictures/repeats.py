"""Finds pictures that repeat another: exactly by their bytes, and nearly by small versions that the pixels confirm."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from .facts import Repeats

# How far apart two copies are, as a part of their contrast. Measured on emoji drawn at 256 px, saved as JPEG of quality
# 50 to 95 and brought to 32, 64 or 128 px: 95 % lie within .07. Saved so at 64 px itself they lie at .1 to .2, and most
# are missed. Emoji that differ in a detail (clock faces) lie at .12 to .16.
MOST_APART = 0.12
_LEAST_APART = 1.5  # of 255: what rounding and JPEG leave in a plain picture, which has no contrast
# Small versions of _SIDE x _SIDE are written in their _AXES main directions; each of _TABLES tables puts pictures into
# cells by 3 of these, about _IN_A_CELL in each, sorts each cell by a fourth, and compares each with the _NEXT ones.
_SIDE, _AXES, _TABLES, _IN_A_CELL, _NEXT = 4, 8, 6, 4, 6
_BYTES = 4 << 20  # pixels that are compared at once
_SHOWN_GROUPS, _SHOWN_PATHS = 20, 6

Pictures = Callable[[np.ndarray], np.ndarray]  # places, int64 [n] -> uint8 [n, H, W, C]


def fingerprints(pictures: np.ndarray) -> list[bytes]:
    """Returns a hash of each picture's pixels.  # uint8 [n, H, W, C]"""
    return [hashlib.blake2b(picture.data, digest_size=16).digest() for picture in pictures]


def exact_groups(prints: Sequence[bytes]) -> list[list[int]]:
    """Returns the places of the pictures with equal hashes, all those that have an equal, in the order of the first."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for place, one in enumerate(prints):
        groups[one].append(place)
    return [group for group in groups.values() if len(group) > 1]


def thumbnails(pictures: np.ndarray) -> np.ndarray:
    """Returns the means of 4 x 4 fields of each picture.  # uint8 [n, H, W, C] -> float32 [n, 16 C] in [0, 255]"""
    n, height, _, channels = pictures.shape
    field = height // _SIDE
    whole = pictures[:, : field * _SIDE, : field * _SIDE].reshape(n, _SIDE, field, _SIDE, field, channels)
    return np.einsum("nafbgc->nabc", whole, dtype=np.float32).reshape(n, -1) / np.float32(field**2)


def near_groups(small: np.ndarray, contrast: np.ndarray, pictures: Pictures, among: np.ndarray) -> list[list[int]]:
    """Returns the places of pictures that look the same.

    The time grows with the number of pictures, not with its square, so that a few are missed.

    Args:
        small: what `thumbnails` made of them  # float32 [n, 16 C]
        contrast: the standard deviation of each around the means of its channels, in [0, 255]  # float64 [n]
        pictures: gives the pixels.
        among: the places that are compared, int64  # [m]
    """
    if len(among) < 2:
        return []
    small, contrast = small[among], contrast[among]
    # Means of fields cannot lie farther apart than the pixels do; but for those at the edge, in no whole field.
    side = pictures(among[:1]).shape[1]
    slack = side / (side // _SIDE * _SIDE)
    pairs = _candidates(small, _Tolerance(contrast, slack))
    each = max(1, _BYTES // pictures(among[:1]).nbytes)
    found = [
        _confirmed(pairs[start : start + each], _Tolerance(contrast), pictures, among)
        for start in range(0, len(pairs), each)
    ]
    near = np.concatenate([np.zeros((0, 2), np.int64), *found])
    return [[int(among[place]) for place in group] for group in _joined(near, len(among))]


def _candidates(small: np.ndarray, most: _Tolerance) -> np.ndarray:
    """Pairs of near small versions: places in `small`, the lower one first  # int64 [m, 2]."""
    centred = small - small.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)  # by growing variance
    along = centred @ axes[:, ::-1][:, :_AXES]
    along /= along.std(axis=0) + 1e-6
    cells_a_side = max(1.0, (len(small) / _IN_A_CELL) ** (1 / 3))
    rng, found = np.random.default_rng(0), [np.zeros((0, 2), np.int64)]
    for _ in range(_TABLES):
        *three, fourth = along[:, rng.permutation(_AXES)[:4]].T
        cells = np.floor(np.stack(three, axis=1) * (cells_a_side / 4) + rng.random(3)).astype(np.int64)  # 4 deviations
        order = np.lexsort((fourth, *cells.T))
        for step in range(1, min(_NEXT + 1, len(order))):
            a, b = order[:-step], order[step:]
            same = (cells[a] == cells[b]).all(axis=1)
            a, b = a[same], b[same]
            near = np.sqrt(np.square(small[a] - small[b]).mean(axis=1)) <= most(a, b)
            found.append(np.stack([np.minimum(a, b)[near], np.maximum(a, b)[near]], axis=1))
    return np.unique(np.concatenate(found), axis=0)


class _Tolerance:
    """How far apart two pictures may be, in [0, 255], to look the same."""

    def __init__(self, contrast: np.ndarray, slack: float = 1.0) -> None:
        self._contrast, self._slack = contrast, slack

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        lower = np.minimum(self._contrast[a], self._contrast[b])
        most: np.ndarray = np.maximum(MOST_APART * lower, _LEAST_APART) * self._slack
        return most


def _confirmed(pairs: np.ndarray, most: _Tolerance, pictures: Pictures, among: np.ndarray) -> np.ndarray:
    """Those of the pairs whose pixels are near."""
    a, b = pictures(among[pairs[:, 0]]).astype(np.int16), pictures(among[pairs[:, 1]]).astype(np.int16)
    apart = np.sqrt(np.square((a - b).reshape(len(pairs), -1), dtype=np.int32).mean(axis=1))
    return pairs[apart <= most(*pairs.T)]


def _joined(pairs: np.ndarray, n: int) -> list[list[int]]:
    """Pairs -> groups, each in order."""
    above = list(range(n))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    for a, b in pairs.tolist():
        first, second = sorted((top(a), top(b)))
        above[second] = first
    groups: dict[int, list[int]] = defaultdict(list)
    for place in np.unique(pairs).tolist():
        groups[top(place)].append(place)
    return list(groups.values())


def repeats_of(groups: list[list[int]], paths: Sequence[str]) -> Repeats:
    """Groups of places, as facts."""
    largest_first = sorted(groups, key=len, reverse=True)
    return Repeats(
        n=sum(len(group) - 1 for group in groups),
        groups=len(groups),
        examples=tuple(tuple(paths[i] for i in group[:_SHOWN_PATHS]) for group in largest_first[:_SHOWN_GROUPS]),
        largest=max(map(len, groups), default=0),
    )
