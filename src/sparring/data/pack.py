"""Pictures at hand: decoded, in one array of bytes (mapped from a file, or in memory), in any order, at full speed."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sparring.conditions import Conditions, Shape
from sparring.data.build import Options, Say, build_pack, pack_key, read_meta
from sparring.data.decode import DECODER_VERSION
from sparring.data.order import IndexOrder, flips, mirror
from sparring.data.sources import Source
from sparring.data.table import Row, content_hash, perceptual_hash, read_table
from sparring.errors import SparringError

# Pictures that are gathered, mirrored and scaled together, so that they stay in a core's cache meanwhile. In NumPy, on
# one core: torch's operators are a fifth faster on an idle machine, and each waits 8 ms for its threads on a busy one.
_CHUNK = 16


class Pack:
    """A data set whose pictures are all decoded.

    Args:
        images: uint8  # [N, H, W, C] in [0, 255]; read, never written
        name: short slug for a run's folder.
        identity: what a checkpoint must find again, JSON-able.
        notes: sentences on what was decided.
        left_out: (path, reason) of every file that could not be used.
        rows: gives the table when it is asked for; None to make it from the pictures.

    Attributes:
        conditions: one for each picture; None before `conditioned`.
        condition: what those are.
    """

    def __init__(
        self,
        images: np.ndarray,
        *,
        name: str,
        identity: dict[str, Any],
        notes: list[str],
        left_out: list[tuple[str, str]],
        rows: Callable[[], list[Row]] | None = None,
    ) -> None:
        self._images, self._rows = images, rows
        self.name, self.identity, self.notes, self.left_out = name, identity, notes, left_out
        self.n: int | None = len(images)
        self.size_px, self.channels = int(images.shape[1]), int(images.shape[3])
        self.conditions: Conditions | None = None
        self.condition: Shape | None = None
        self._places: np.ndarray | None = None  # of the pictures that are drawn; None: all
        self._order = IndexOrder(len(images))

    def __len__(self) -> int:
        return self._order.n

    def batch(self, position: int, count: int, *, seed: int, flip: bool) -> torch.Tensor:
        """Returns the pictures drawn at position .. position+count-1 of a run, in memory of their own.

        What comes is a function of the arguments alone. Every epoch (n pictures) is a fresh permutation; a batch
        that reaches over an epoch's end goes on in the next.

        Args:
            position: number of pictures drawn before in this run.
            count: number of pictures.
            seed: the run's seed.
            flip: whether each picture is mirrored left to right with p = 0.5.

        Returns:
            float32, channels last  # [count, C, H, W] in [-1, 1]
        """
        return self._at(self._order.indices(position, count, seed), position, seed, flip)

    def draw(self, position: int, count: int, *, seed: int, flip: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Returns what `batch` does, and the condition of each picture.

        # [count, C, H, W] in [-1, 1]; int64 [count], float32 [count, size], or None where it has none
        """
        indices = self._order.indices(position, count, seed)
        pictures = self._at(indices, position, seed, flip)
        return pictures, None if self.conditions is None else self.conditions.of(indices)

    def _at(self, indices: np.ndarray, position: int, seed: int, flip: bool) -> torch.Tensor:
        """The pictures in these rows, as they look where they are drawn at `position` and after."""
        count = len(indices)
        mirrored = flips(position, count, seed) if flip else np.zeros(count, bool)
        out = np.empty((count, *self._images.shape[1:]), np.float32)
        for start in range(0, count, _CHUNK):
            pixels = self._images[indices[start : start + _CHUNK]]
            mirror(pixels, mirrored[start : start + _CHUNK])
            values = out[start : start + _CHUNK]
            np.multiply(pixels, np.float32(1 / 127.5), out=values, dtype=np.float32)
            np.subtract(values, np.float32(1), out=values)
        return torch.from_numpy(out).permute(0, 3, 1, 2)

    def pictures(self, indices: Any) -> np.ndarray:
        """Returns pictures by their rows in the pack, as they are stored: uint8  # [n, H, W, C] in [0, 255]."""
        return np.array(self._images[np.asarray(indices, dtype=np.int64)])

    def part(self, places: np.ndarray) -> Pack:
        """Returns a view that draws only the pictures in these rows of the pack; `pictures` and `table` are as before.

        Args:
            places: rows of the pack, int64  # [n], at least one
        """
        return self._view(np.asarray(places, np.int64), self.conditions)

    def conditioned(self, conditions: Conditions) -> Pack:
        """Returns a view that draws only pictures that have a condition, each with its own.

        Raises SparringError where none of the pictures that are drawn has one.
        """
        if len(conditions.values) != len(self._images):
            raise ValueError(f"{len(conditions.values):,} conditions for {len(self._images):,} pictures")
        view = self._view(np.arange(len(self._images)) if self._places is None else self._places, conditions)
        view.identity = {**self.identity, "condition": conditions.identity}
        view.notes = [*self.notes, *conditions.notes]
        return view

    def _view(self, places: np.ndarray, conditions: Conditions | None) -> Pack:
        if conditions is not None:
            places = places[conditions.has(places)]
            if len(places) == 0:
                raise SparringError(f"None of these pictures has a {conditions.shape.kind}.", "pictures that have one")
        view = copy.copy(self)
        view.n, view._places, view.conditions = len(places), places, conditions
        view.condition = None if conditions is None else conditions.shape
        view._order = IndexOrder(len(places), places)
        return view

    def hashes(self) -> list[str]:
        """Returns a hash of each picture's content (of its file where there is one), in the order of the rows."""
        if self._rows is None:
            return [content_hash(picture) for picture in self._images]
        found = {row.row: row.content_hash for row in self._rows() if row.row is not None}
        return [found[row] for row in range(len(self._images))]

    @property
    def has_table(self) -> bool:
        """Whether its pictures come from files, so that the table says more than their order."""
        return self._rows is not None

    def table(self) -> list[Row]:
        """Returns one row for each file, also those left out, in the order of their paths."""
        if self._rows is not None:
            return self._rows()
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[self.channels]
        return [
            replace(
                row,
                mode=mode,
                width_px=self.size_px,
                height_px=self.size_px,
                content_hash=content_hash(picture),
                perceptual_hash=perceptual_hash(picture),
            )
            for row, picture in zip(self.listing(), self._images, strict=True)
        ]

    def listing(self) -> list[Row]:
        """Returns the table, but for pictures that come from no files without what takes long to compute."""
        if self._rows is not None:
            return self._rows()
        width = len(str(len(self._images) - 1))
        return [Row(f"{index:0{width}d}", "", row=index) for index in range(len(self._images))]


def open_pack(source: Source, options: Options, cache: Path, say: Say | None, progress: bool) -> Pack:
    """Opens the pack of a source, which is built unless it is in the cache. Raises SparringError as `build_pack`."""
    folder = cache / "packs" / pack_key(source, options)
    repaired = ""
    if folder.exists():
        try:
            return _opened(source, options, folder, repaired)
        except (OSError, ValueError, KeyError, TypeError) as error:
            repaired = f"the pack in the cache was damaged ({error}), so all pictures were read again"
            if say is not None:
                say(f"the pack in the cache is damaged ({error}); it is made again")
            shutil.rmtree(folder, ignore_errors=True)
            if folder.exists():
                raise SparringError(
                    f"The damaged pack {folder} cannot be removed.", "a cache that can be written", "remove it by hand"
                ) from error
    build_pack(source, options, folder, say, progress)
    return _opened(source, options, folder, repaired)


def _opened(source: Source, options: Options, folder: Path, repaired: str) -> Pack:
    meta = read_meta(folder, options.size_px)
    left_out = [(path, reason) for path, reason in meta["left_out"]]
    notes = list(meta["notes"])
    if left_out:
        files = "1 file" if len(left_out) == 1 else f"{len(left_out):,} files"
        notes.append(f"{files} left out; the list is in {folder / 'table.csv'}")
    if repaired:
        notes.append(repaired)
    return Pack(
        np.load(folder / "images.npy", mmap_mode="r"),
        name=source.name,
        identity=identity_of(source.kind, source.label, meta["fingerprint"], meta["n"], meta["channels"], options),
        notes=notes,
        left_out=left_out,
        rows=lambda: read_table(folder / "table.csv"),
    )


def identity_of(
    kind: str, label: str, fingerprint: str, n: int | None, channels: int, options: Options
) -> dict[str, Any]:
    """Returns what tells one data set from another, without any path of this machine."""
    return {
        "kind": kind,
        "source": label,
        "fingerprint": fingerprint,
        "n": n,
        "size_px": options.size_px,
        "channels": channels,
        "fit": options.fit,
        "background": options.background,
        "decoder": DECODER_VERSION,
    }
