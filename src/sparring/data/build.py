"""Makes packs: every picture decoded once, in threads, into one file of arrays that training maps into memory."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from PIL import Image

from sparring.data.channels import decide_channels
from sparring.data.decode import (
    DECODER_VERSION,
    Fitting,
    Picture,
    UnusableError,
    background_rgb,
    fitted,
    read_picture,
    reason_for,
)
from sparring.data.parallel import in_order, reading_threads
from sparring.data.sources import Item, Listing, Source
from sparring.data.table import Row, content_hash, fingerprint, perceptual_hash, write_table
from sparring.errors import SparringError

_STALE_S = 24 * 3600  # a build that has not ended within a day was killed
_TEMPORARY = ".building-"

Say = Callable[[str], object]
A = TypeVar("A")


@dataclass(frozen=True)
class Options:
    """What the user asked of the pictures; `channels` of 0 means that the files decide."""

    size_px: int
    channels: int
    fit: str
    background: str


def pack_key(source: Source, options: Options) -> str:
    """Returns the name of a pack's folder: equal while files, options and decoder stay the same."""
    what = [source.kind, source.stamp, vars(options), DECODER_VERSION]
    return hashlib.blake2b(json.dumps(what).encode(), digest_size=12).hexdigest()


def build_pack(source: Source, options: Options, target: Path, say: Say | None, progress: bool) -> None:
    """Decodes a source into the folder `target`, which appears whole or not at all.

    Two processes may build the same pack at once: the one that is ready first wins, and both packs are equal.

    Raises:
        SparringError: where no picture is usable, or the cache cannot be written or is full.
    """
    with source.open() as listing, _cache_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(target.parent)
        temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=target.parent))
        try:
            # Pillow warns of odd files; they get a row in the table instead. Set here, around all threads, since
            # filters belong to the process.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _fill(source, listing, options, temporary, say, progress)
            try:
                temporary.rename(target)
            except OSError:
                if not target.is_dir():  # else another process was ready first
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _fill(source: Source, listing: Listing, options: Options, folder: Path, say: Say | None, progress: bool) -> None:
    notes, items = list(listing.notes), listing.items
    # Arrays are there already: threads would only wait for each other (Fashion-MNIST: 14 s with, 9 s without).
    with reading_threads(needed=any(item.peek is not None for item in items)) as pool:
        channels = options.channels
        if channels == 0:
            channels, why = decide_channels(items, pool)
            notes.append(why)
        fitting = Fitting(options.size_px, channels, options.fit, background_rgb(options.background))
        _check_room(folder, len(items) * options.size_px**2 * channels)
        decoded = in_order(pool, partial(_decode, fitting=fitting, distinct=source.distinct), items)
        text = f"reading {len(items):,} pictures of {source.label} once"
        rows, n = _write_images(folder, shown(decoded, len(items), text, say, progress), fitting)
    if n == 0:
        raise _nothing_usable(source, rows)
    write_table(folder / "table.csv", rows)
    meta = {
        "n": n,
        "channels": channels,
        "fingerprint": fingerprint(rows),
        "notes": notes,
        "left_out": [[row.path, row.reason] for row in rows if row.row is None],
        "bytes": {name: (folder / name).stat().st_size for name in ("images.npy", "table.csv")},
    }
    (folder / "pack.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")


@dataclass(frozen=True)
class _Decoded:
    row: Row
    pixels: np.ndarray | None = None
    native_hash: str = ""


def _decode(item: Item, fitting: Fitting, distinct: bool) -> _Decoded:
    """Reads, decodes and fits one picture; never raises for what is wrong with it."""
    row, head = Row(item.path, item.folder, reason=item.reason), b""
    if item.reason:
        return _Decoded(row)
    try:
        raw = item.read()
        row = replace(row, content_hash=content_hash(raw))
        if isinstance(raw, np.ndarray):
            image = Image.fromarray(raw[..., 0] if raw.shape[2] == 1 else raw)
            picture = Picture(image, image.mode, *image.size)
        else:
            head = raw[:512]
            picture = read_picture(raw, draft_px=fitting.size_px)
        row = replace(row, mode=picture.mode, width_px=picture.width_px, height_px=picture.height_px)
        native_hash = content_hash(_visible(picture.image)) if distinct else ""
        pixels = fitted(picture.image, fitting)
        return _Decoded(replace(row, perceptual_hash=perceptual_hash(pixels)), pixels, native_hash)
    except UnusableError as error:
        return _Decoded(replace(row, reason=str(error)))
    except Exception as error:  # one bad file must not stop a build, whatever a plugin of Pillow raises on it
        return _Decoded(replace(row, reason=reason_for(error, head)))


def _visible(image: Image.Image) -> np.ndarray:
    pixels = np.array(image.convert("RGBA"))
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def _write_images(folder: Path, decoded: Iterable[_Decoded], fitting: Fitting) -> tuple[list[Row], int]:
    """Writes images.npy picture by picture, so that memory holds a few; returns all rows and how many have pixels."""
    rows: list[Row] = []
    first_with: dict[str, str] = {}
    n = 0
    with (folder / "images.npy").open("wb") as file:
        start = _write_header(file, 0, fitting)
        for one in decoded:
            if one.pixels is None:
                rows.append(one.row)
            elif one.native_hash and one.native_hash in first_with:
                rows.append(replace(one.row, reason=f"looks exactly like {first_with[one.native_hash]}"))
            else:
                first_with[one.native_hash] = one.row.path
                rows.append(replace(one.row, row=n))
                file.write(one.pixels.data)
                n += 1
        file.seek(0)
        if _write_header(file, n, fitting) != start:  # NumPy leaves room for any number of rows, since 1.23
            raise RuntimeError("the header of images.npy has changed its length")
    return rows, n


def _write_header(file: IO[bytes], n: int, fitting: Fitting) -> int:
    """Writes the .npy header of n pictures; returns where the data start, in bytes."""
    shape = (n, fitting.size_px, fitting.size_px, fitting.channels)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.tell()


def shown(steps: Iterable[A], n: int, text: str, say: Say | None, progress: bool) -> Iterable[A]:
    """Passes `n` steps on under a progress bar on stderr, or after one line where that is no terminal."""
    if progress and sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track

        return track(steps, description=text, total=n, console=Console(stderr=True), transient=True)
    if say is not None:
        say(text)
    return steps


def _nothing_usable(source: Source, rows: list[Row]) -> SparringError:
    first = "; ".join(f"{row.path}: {row.reason}" for row in rows[:3])
    return SparringError(
        f"None of the {len(rows):,} pictures in {source.label} can be used. The first: {first}.",
        "pictures that Pillow can read",
        "open some of them in a picture viewer, and convert them to PNG or JPEG",
    )


@contextmanager
def _cache_errors(packs: Path) -> Iterator[None]:
    """Says what to do about a cache that cannot be written. Reading pictures raises nothing: see `_decode`."""
    try:
        yield
    except OSError as error:
        raise SparringError(
            f"The cache {packs} cannot be written: {error.strerror or error}.",
            "a folder that can be written, with room for the decoded pictures",
            "set SPARRING_CACHE to such a folder",
        ) from error


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SparringError(
            f"The cache {folder.parent} has {free / 2**20:,.0f} MiB left, and the pictures need {needed / 2**20:,.0f}.",
            "room for the decoded pictures",
            "set SPARRING_CACHE to a folder on a larger disk, or choose a smaller size",
        )


def _remove_stale(packs: Path) -> None:
    for folder in packs.glob(f"{_TEMPORARY}*"):
        try:
            age_s = time.time() - folder.stat().st_mtime
        except OSError:  # another process has just removed it
            continue
        if age_s > _STALE_S:
            shutil.rmtree(folder, ignore_errors=True)


def read_meta(folder: Path, size_px: int) -> dict[str, Any]:
    """Reads a pack's pack.json and checks that all files are whole.

    Raises:
        OSError, ValueError, KeyError or TypeError: where anything is missing or damaged.
    """
    meta = json.loads((folder / "pack.json").read_text(encoding="utf-8"))
    for name, size in meta["bytes"].items():
        if (found := (folder / name).stat().st_size) != size:
            raise ValueError(f"{name} holds {found:,} bytes of {size:,}")
    shape = np.load(folder / "images.npy", mmap_mode="r").shape
    if shape != (meta["n"], size_px, size_px, meta["channels"]):
        raise ValueError(f"images.npy has the shape {shape}")
    return meta
