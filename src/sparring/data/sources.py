"""What a user named, as a list of pictures that are yet to be read: a folder, a zip, or a file of arrays."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from sparring.data.decode import MAX_BYTES, picture_extensions, reason_for
from sparring.errors import SparringError


@dataclass(frozen=True)
class Item:
    """One picture that is yet to be read.

    Attributes:
        path: where it lies in its source, with "/" between folders.
        folder: the folder it lies in, or its class; "" at the top.
        read: gives the file's bytes, or pixels as uint8  # [H, W, C] in [0, 255], C of 1, 3 or 4
        peek: opens the file for its header alone; None where there is nothing but pixels.
        reason: why it cannot be used, where the listing shows that already.
    """

    path: str
    folder: str
    read: Callable[[], bytes | np.ndarray]
    peek: Callable[[], IO[bytes]] | None = None
    reason: str = ""


@dataclass
class Listing:
    """The pictures of a source in the order of the pack, and sentences on how the list came about."""

    items: Sequence[Item]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """What a user named.

    Attributes:
        kind: "folder", "zip", "npy", "emoji" or "fashion-mnist".
        name: short slug for a run's folder.
        label: the last component of what the user named.
        stamp: changes when the files change; made without reading them. JSON-able.
        open: gives the listing, for as long as its items are read.
        native_px: the side of its pictures where all are squares of one size.
        distinct: leave out pictures whose pixels are those of an earlier one.
    """

    kind: str
    name: str
    label: str
    stamp: list[Any]
    open: Callable[[], AbstractContextManager[Listing]]
    native_px: int | None = None
    distinct: bool = False


def slug(text: str) -> str:
    """Returns a name fit for a folder: lower-case letters, digits and single hyphens; "pictures" if none is left."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "pictures"


def printable(name: str) -> str:
    """Returns a file's name with the bytes that are no UTF-8 written as \\udcXX, so that it can be printed."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def folder_source(root: Path) -> Source:
    """Lists a folder with all that lies below it. Raises SparringError where it holds no picture files at all."""
    found: list[tuple[Item, int, int]] = []
    ignored: Counter[str] = Counter()
    _scan(root, "", found, ignored, set())
    found.sort(key=lambda entry: entry[0].path)
    label = printable(root.resolve().name)
    if not found:
        raise SparringError(
            f"There are no pictures in {printable(str(root))}{_of_which(ignored)}.",
            "files such as .jpg, .png or .webp, in that folder or in folders below it",
            "name the folder that holds your pictures",
        )
    listing = Listing([item for item, _, _ in found], _ignored_note(ignored))
    stamp = [[item.path, size, mtime_ns] for item, size, mtime_ns in found]
    return Source("folder", slug(label), label, stamp, lambda: nullcontext(listing))


def zip_source(path: Path) -> Source:
    """Takes the pictures inside a zip. It is listed only when it must be read. Raises SparringError if it is no zip."""
    try:
        is_zip = zipfile.is_zipfile(path)
        with path.open("rb"):
            pass  # is_zipfile says False, not why, for a file that may not be read
    except OSError as error:
        raise SparringError(f"{printable(str(path))} cannot be read: {error.strerror}.", "a zip of pictures") from error
    if not is_zip:
        raise SparringError(
            f"{printable(str(path))} is not a zip, or was cut short.", "a zip of pictures", "download or pack it again"
        )
    return Source("zip", slug(path.stem), printable(path.name), file_stamp(path), partial(_open_zip, path))


def open_binary(path: Path) -> IO[bytes]:
    """Opens a file for reading bytes."""
    return path.open("rb")


def file_stamp(path: Path) -> list[Any]:
    """Returns [name, size in bytes, time of change in ns] of a file."""
    about = path.stat()
    return [printable(path.name), about.st_size, about.st_mtime_ns]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"  # "._x" too: what macOS leaves beside files in archives


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()


_RUN = {"recipe.json", "events.jsonl"}  # what a folder of a run holds


def _scan(
    folder: Path, inside: str, found: list[tuple[Item, int, int]], ignored: Counter[str], seen: set[tuple[int, int]]
) -> None:
    """Walks a folder; `seen` holds (device, inode) of the folders above and before, since links may go in circles."""
    extensions = picture_extensions()
    about = folder.stat()
    if (about.st_dev, about.st_ino) in seen:
        return
    seen.add((about.st_dev, about.st_ino))
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        if not inside:
            raise SparringError(
                f"The folder {printable(str(folder))} cannot be read: {error.strerror}.", "a folder that you may read"
            ) from error
        found.append((_refused(inside, f"a folder that cannot be read ({error.strerror})"), 0, 0))
        return
    if inside and {entry.name for entry in entries} >= _RUN:
        return  # the sheets of a run that lies among the pictures are not pictures to learn from
    for entry in entries:
        if _is_hidden(entry.name):
            continue
        path = f"{inside}/{entry.name}" if inside else entry.name
        looks_like_picture = _extension(entry.name) in extensions
        if os.path.isdir(entry.path):  # False, where entry.is_dir() raises, for links that may not be followed
            if looks_like_picture:
                found.append((_refused(path, "a folder with a picture's name"), 0, 0))
            _scan(Path(entry.path), path, found, ignored, seen)
        elif looks_like_picture:
            found.append(_file_item(Path(entry.path), path))
        else:
            ignored[_extension(entry.name)] += 1


def _file_item(file: Path, path: str) -> tuple[Item, int, int]:
    try:
        about = file.stat()
    except OSError as error:
        return _refused(path, reason_for(error)), 0, 0
    if not stat.S_ISREG(about.st_mode):
        return _refused(path, "not a regular file (a pipe, socket or device)"), 0, 0
    if about.st_size > MAX_BYTES:
        return _refused(path, f"too large: {about.st_size / 2**30:.1f} GiB"), about.st_size, about.st_mtime_ns
    shown = printable(path)
    item = Item(shown, shown.rpartition("/")[0], file.read_bytes, partial(open_binary, file))
    return item, about.st_size, about.st_mtime_ns


def _refused(path: str, reason: str) -> Item:
    def read() -> bytes:
        raise OSError(reason)

    shown = printable(path)
    return Item(shown, shown.rpartition("/")[0], read, None, reason)


@contextmanager
def _open_zip(path: Path) -> Iterator[Listing]:
    extensions = picture_extensions()
    ignored: Counter[str] = Counter()
    items = []
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise SparringError(
            f"The zip {printable(path.name)} cannot be read: {error}.", "a zip of pictures", "download or pack it again"
        ) from error
    with archive:
        for info in archive.infolist():
            parts = info.filename.split("/")
            if info.is_dir() or any(_is_hidden(part) for part in parts):
                continue
            if _extension(info.filename) not in extensions:
                ignored[_extension(info.filename)] += 1
                continue
            items.append(_zip_item(archive, info))
        items.sort(key=lambda item: item.path)
        if not items:
            raise SparringError(
                f"There are no pictures in {printable(path.name)}{_of_which(ignored)}.",
                "files such as .jpg, .png or .webp inside the zip",
                "name a zip, or a folder, that holds your pictures",
            )
        yield Listing(items, _ignored_note(ignored))


def _zip_item(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Item:
    if info.flag_bits & 0x1:  # bit 0 of a zip's flags: encrypted (APPNOTE 4.4.4)
        return _refused(info.filename, "encrypted in the zip")
    if info.file_size > MAX_BYTES:  # also what keeps a zip bomb from filling the memory
        return _refused(info.filename, f"too large: {info.file_size / 2**30:.1f} GiB")
    shown = printable(info.filename)
    return Item(shown, shown.rpartition("/")[0], partial(archive.read, info), partial(archive.open, info))


def _of_which(ignored: Counter[str]) -> str:
    if not ignored:
        return ""
    kinds = ", ".join(f"{count:,} {extension or 'without extension'}" for extension, count in ignored.most_common(3))
    return f" ({sum(ignored.values()):,} other files: {kinds})"


def _ignored_note(ignored: Counter[str]) -> list[str]:
    if not ignored:
        return []
    total = sum(ignored.values())
    kinds = ", ".join(f"{extension or 'without extension'} {count:,}" for extension, count in ignored.most_common(5))
    note = f"{total:,} other {'file' if total == 1 else 'files'} ignored ({kinds})"
    if ignored[".heic"] or ignored[".heif"]:
        note += "; HEIC pictures must be converted to JPEG or PNG first"
    return [note]
