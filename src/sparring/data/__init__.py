"""Pictures for training, from whatever people have: `open_data("photos/").batch(0, 64, seed=0, flip=True)`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch

from sparring.conditions import Embed, Shape
from sparring.data.arrays import array_pictures, array_source
from sparring.data.build import Options, Say
from sparring.data.builtin import BUILTIN, builtin_source
from sparring.data.decode import background_rgb
from sparring.data.labels import read_conditions
from sparring.data.pack import Pack, identity_of, open_pack
from sparring.data.sources import Source, folder_source, printable, zip_source
from sparring.data.split import Split, hold_out
from sparring.data.stream import IndexedStream, Stream, open_stream
from sparring.data.table import Row, content_hash
from sparring.errors import SparringError, did_you_mean
from sparring.folder import cache_folder

__all__ = [
    "BUILTIN",
    "ImageSource",
    "IndexedStream",
    "Pack",
    "Row",
    "Split",
    "Stream",
    "conditioned",
    "hold_out",
    "open_data",
    "read_conditions",
]

FITS = ("crop", "pad", "squeeze")
SMALLEST_PX, LARGEST_PX = 4, 2048  # below, no network has room to shrink; above, one picture takes 12 MiB


@runtime_checkable
class ImageSource(Protocol):
    """Where real pictures come from.

    Attributes:
        size_px: side of the pictures.
        channels: 1, 3 or 4.
        n: number of pictures; None where nobody knows.
        name: short slug for a run's folder.
        notes: sentences on what was decided.
        left_out: (path, reason) of every file that could not be used.
        identity: equal for equal data and options; JSON-able.
        condition: what comes with each picture; None for pictures alone.
    """

    size_px: int
    channels: int
    n: int | None
    name: str
    notes: list[str]
    left_out: list[tuple[str, str]]
    identity: dict[str, Any]
    condition: Shape | None

    def __len__(self) -> int: ...

    def batch(self, position: int, count: int, *, seed: int, flip: bool) -> torch.Tensor:
        """Returns the pictures drawn at position .. position+count-1 of a run  # [count, C, H, W] in [-1, 1]."""
        ...

    def draw(self, position: int, count: int, *, seed: int, flip: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Returns what `batch` does, and the condition of each picture.

        # int64 [count], float32 [count, size], or None where it has none
        """
        ...


def open_data(
    source: Any,
    *,
    size_px: int | None = 64,
    channels: int | Literal["auto"] = "auto",
    fit: str = "crop",
    background: str = "white",
    path: str | os.PathLike[str] | None = None,
    cache: str | os.PathLike[str] | None = None,
    say: Say | None = None,
    progress: bool = True,
) -> Pack | IndexedStream | Stream:
    """Opens pictures for training.

    Files are decoded once into a pack in the cache, and mapped into memory from then on; they are never changed.
    Files that cannot be used are left out, each with a reason. Arrays become packs in memory. Data sets, loaders and
    other iterables of pictures are drawn from as they are.

    Args:
        source: a folder, a .zip, a .npy or .npz file, "emoji" or "fashion-mnist"; an array or tensor of pictures; a
            Dataset, a DataLoader, or any iterable of pictures.
        size_px: side of the pictures; files are resized to it, arrays must have it; None for the size that they have.
        channels: 1 (grey), 3 (RGB), 4 (RGB and alpha) or "auto", which the data decide.
        fit: what becomes of pictures that are not square: "crop", "pad" or "squeeze".
        background: colour under transparent parts where there is no alpha channel, and of the bars of "pad".
        path: folder that holds the files of "fashion-mnist", where Debian's package is not installed.
        cache: folder for packs, else $SPARRING_CACHE, $XDG_CACHE_HOME/sparring or ~/.cache/sparring.
        say: called with one line of text when pictures must be read (it can take a while); None for silence.
        progress: whether a bar is shown on stderr meanwhile, if that is a terminal.

    Raises:
        SparringError: for a source that is not there or holds no pictures, and for options that make no sense.
    """
    options = _checked(size_px, channels, fit, background)
    if isinstance(source, (np.ndarray, torch.Tensor)):
        return _open_array(source, options)
    if isinstance(source, Mapping):
        raise SparringError("Pictures cannot come from a dict.", "one array of pictures", "pass the array itself")
    if not isinstance(source, (str, os.PathLike)):
        return open_stream(source, options)
    named, notes = _named(source, None if path is None else Path(path).expanduser())
    if not options.size_px:
        options = _with_native_size(options, named)
    pack = open_pack(named, options, cache_folder(cache), say, progress)
    pack.notes[:0] = notes
    return pack


def conditioned(
    source: Any,
    data: Pack | IndexedStream | Stream,
    kind: str | None,
    where: Any = None,
    embed: Embed | None = None,
    say: Say | None = None,
) -> Pack | IndexedStream | Stream:
    """Returns the data with a condition beside each picture; as they are where `kind` is None.

    Pictures without a condition are left out, each with a reason.

    Args:
        source: what the user named.
        data: what `open_data` made of it.
        kind: "class", "text" or "vector".
        where: see `read_conditions`; people's own loaders give theirs with each picture.
        embed: captions -> [n, k]; None for MiniLM.
        say: called with one line of text when captions must be embedded.

    Raises:
        SparringError: where no conditions are found, or they cannot be used.
    """
    if kind is None:
        if where is not None:
            raise SparringError(
                f"Conditions are to be read from {where!r}, but of what kind is not said.",
                "--condition class, text or vector",
            )
        return data
    if not isinstance(data, Pack):
        if where is not None:
            raise SparringError(
                "Conditions of a loader come with its pictures.",
                "(picture, condition) pairs",
                "leave --condition-from out.",
            )
        return data.conditioned(kind, embed)
    conditions, missing = read_conditions(source, data, kind, where, embed, say=say)
    told = data.conditioned(conditions)
    if missing:
        told.left_out = [*told.left_out, *((path, f"it has no {kind}") for path in missing)]
    return told


def _checked(size_px: int | None, channels: int | str, fit: str, background: str) -> Options:
    """Returns the options with 0 for what the data decide."""
    if size_px is not None and (not isinstance(size_px, int) or not SMALLEST_PX <= size_px <= LARGEST_PX):
        raise SparringError(
            f"A size of {size_px!r} px makes no sense.", f"a whole number from {SMALLEST_PX} to {LARGEST_PX}", "size 64"
        )
    if channels not in ("auto", 1, 3, 4):
        raise SparringError(f"channels={channels!r} makes no sense.", '1, 3, 4 or "auto"', 'channels="auto"')
    if fit not in FITS:
        raise SparringError(f"fit={fit!r} is unknown.", ", ".join(FITS), did_you_mean(str(fit), FITS))
    background_rgb(background)
    return Options(size_px or 0, 0 if channels == "auto" else int(channels), fit, background)


def _named(source: str | os.PathLike[str], path: Path | None) -> tuple[Source, list[str]]:
    """Finds out what a word or a path stands for; returns it with a note where that was not plain."""
    word = os.fspath(source)
    file = Path(word).expanduser()
    if word in BUILTIN and (path is not None or not file.exists()):
        return builtin_source(word, path), []
    if path is not None:
        raise SparringError(
            f"path= does not go with {printable(word)!r}.", "path= for 'fashion-mnist' only", "leave it out"
        )
    notes = []
    if word in BUILTIN:
        notes.append(f"{word!r} was taken for what lies here under that name, not for the built-in data set")
    if file.is_dir():
        return folder_source(file), notes
    if file.suffix.lower() in (".npy", ".npz") and file.is_file():
        return array_source(file), notes
    if file.is_file() and (file.suffix.lower() == ".zip" or _starts_like_zip(file)):
        return zip_source(file), notes
    if file.exists():
        raise SparringError(
            f"Pictures cannot come from the file {printable(word)}.",
            "a folder of pictures, a .zip, a .npy or a .npz",
            "unpack it into a folder, or put single pictures into one, and name that folder",
        )
    raise SparringError(
        f"There is no {printable(word)!r}.", "a folder, a .zip, a .npy or .npz file, or a built-in name", _near(file)
    )


def _starts_like_zip(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def _near(file: Path) -> str:
    """Suggests the built-in name, or the neighbour of a path that is not there, that is nearest."""
    word = printable(file.name)
    try:
        beside = [printable(entry) for entry in os.listdir(file.parent) if not entry.startswith(".")]
    except OSError:
        return did_you_mean(word, BUILTIN)
    suggestion = did_you_mean(word, [*BUILTIN, *beside])
    # Without a near name, all names of a large folder would be listed.
    return suggestion if suggestion.startswith("did you mean") else f"built in: {', '.join(BUILTIN)}"


def _with_native_size(options: Options, source: Source) -> Options:
    size_px = source.native_px
    if source.kind == "npy":
        with source.open() as listing:
            first = listing.items[0].read()
            assert isinstance(first, np.ndarray)
            size_px = first.shape[0] if first.shape[0] == first.shape[1] else None
    if size_px is None:
        raise SparringError(
            f"The pictures of {source.label} have no one size of their own.",
            "a size in px",
            "give the size: --size 64, size=64",
        )
    return Options(size_px, options.channels, options.fit, options.background)


def _open_array(source: np.ndarray | torch.Tensor, options: Options) -> Pack:
    """Makes a pack in memory of pictures that are arrays already; their size and channels are what they are."""
    images, meaning = array_pictures(source)
    n, height, width, channels = images.shape
    wanted_px = options.size_px or height
    if (height, width) != (wanted_px, wanted_px):
        raise SparringError(
            f"The pictures in the array are {width} x {height} pixels.",
            f"squares of {wanted_px} px, since arrays in memory are not resized",
            f"give the size: size={height}" if height == width else "crop them to squares",
        )
    if options.channels not in (0, channels):
        raise SparringError(
            f"The pictures have {channels} channels.", f"{options.channels} channels", 'pass channels="auto"'
        )
    shown = Options(wanted_px, channels, options.fit, options.background)
    identity = identity_of("array", "tensors", content_hash(images), n, channels, shown)
    kind = str(source.dtype).removeprefix("torch.")
    notes = [] if meaning == "uint8" else [f"the numbers ({kind}) were read as {meaning} and kept in 8 bits"]
    return Pack(images, name="tensors", identity={**identity, "range": meaning}, notes=notes, left_out=[])
