"""Which training pictures are nearest to a new one: by colours in squares, which is quick and needs no network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_SIDE_PX = 16  # of the small pictures that are compared
_MOST = 100_000  # pictures; of more, every so many-th is compared
_AT_ONCE = 2_000


class Nearness:
    """Training pictures, made small.

    Args:
        images: of a pack  # uint8 [N, H, W, C]
        left_out: places of pictures that were not trained on.

    Attributes:
        told: what is compared, in a sentence.
    """

    def __init__(self, images: np.ndarray, left_out: set[int]) -> None:
        places = np.array([place for place in range(len(images)) if place not in left_out], np.int64)
        trained_on = len(places)
        places = places[:: -(-trained_on // _MOST)] if trained_on > _MOST else places
        self._images, self._places = images, places
        some = [_small(np.asarray(images[places[i : i + _AT_ONCE]])) for i in range(0, len(places), _AT_ONCE)]
        self._small = np.concatenate(some) if some else np.zeros((0, 1), np.uint8)
        of = f"{len(places):,}" if len(places) == trained_on else f"{len(places):,} of {trained_on:,}"
        self.told = (
            f"The nearest of {of} training pictures, by colours in {_SIDE_PX} x {_SIDE_PX} squares; 0: the same."
        )

    def of(self, picture: np.ndarray, n: int) -> Iterator[tuple[np.ndarray, float]]:
        """The nearest of them and how far each is: the root of the mean square, where 1 is from black to white.

        Args:
            picture: uint8  # [C, H, W]
            n: how many.
        """
        own = _small(picture.transpose(1, 2, 0)[None]).astype(np.float32)
        apart = np.empty(len(self._small), np.float32)
        for i in range(0, len(apart), _AT_ONCE):
            apart[i : i + _AT_ONCE] = np.square(self._small[i : i + _AT_ONCE] - own).mean(1)
        for place in np.argsort(apart, kind="stable")[:n]:
            found = np.asarray(self._images[self._places[place]]).transpose(2, 0, 1)
            yield np.ascontiguousarray(found), float(np.sqrt(apart[place])) / 255


def _small(images: np.ndarray) -> np.ndarray:
    """Means over squares; under alpha 0 nothing counts.  # uint8 [N, H, W, C] -> uint8 [N, _SIDE_PX**2 * C]"""
    n, side, _, channels = images.shape
    if side < _SIDE_PX:
        return np.ascontiguousarray(images).reshape(n, -1)
    edges = np.linspace(0, side, _SIDE_PX + 1).astype(int)[:-1]
    if channels == 4:
        seen = images[..., :3].astype(np.uint16) * images[..., 3:] // 255
        images = np.concatenate([seen.astype(np.uint8), images[..., 3:]], -1)
    summed = np.add.reduceat(np.add.reduceat(images, edges, 1, dtype=np.uint32), edges, 2)
    widths = np.diff(np.append(edges, side))
    return (summed // (widths[:, None] * widths[None])[None, :, :, None]).astype(np.uint8).reshape(n, -1)
