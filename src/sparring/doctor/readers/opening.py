"""Opens whatever holds a log: a path (packed, too), a folder, a stream, lines."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from ...errors import SparringError
from ...history import History
from . import arrays, tensorboard
from .following import Following, engine
from .reading.laying_out import histories

_PART = 1 << 20
_PACKED: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)
# What a folder is looked through for, the first that is there: a run of ours, then what other programs write.
_IN_FOLDERS = (
    "events.jsonl", "stats.jsonl", "**/events.out.tfevents*", "metrics.csv", "**/metrics.csv", "loss_log.txt",
    "log.txt", "*.log", "*.jsonl", "*.csv",
)  # fmt: skip
_MOST_FILES = 200


def read_log(
    source: str | Path | Iterable[str],
    *,
    names: Mapping[str, str] | None = None,
    say: Callable[[str], object] | None = None,
) -> list[History]:
    """Reads a log of any known format: one History for each run that it tells of, never none.

    Args:
        source: a path (packed with gzip, bzip2 or xz, too; a folder of a run; an event file of TensorBoard; a .npy or
            .npz of columns), an open text stream, or lines.
        names: names of columns by what they are ({"d_loss": "my_col"}), where the log's own do not tell.
        say: is told in words what could not be read.

    Raises:
        SparringError: nothing can be opened there, or a column of `names` is not in it.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        try:
            made = _of_path(path, names)
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise SparringError(
                f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.",
                "a log: a file of text, or the folder of a run",
                "check the path; `-` reads what a program prints.",
            ) from None
    else:
        made = _of_stream(source, Following(names))
    left = sum(history.not_understood for history in made)
    if say is not None and left:
        say(f"{left} of {made[0].lines} lines held numbers and fitted nothing.")
    return made


def _of_path(path: Path, names: Mapping[str, str] | None) -> list[History]:
    if path.is_dir():
        return _of_folder(path, names)
    with open(path, "rb") as file:
        head = file.read(256)
    opened = next((how for mark, how in _PACKED if head.startswith(mark)), open)
    with opened(path, "rb") as file:
        head = file.read(256)
    if tensorboard.looks_like(head) or "tfevents" in path.name:
        return _of_events([path], opened, names)
    if head.startswith(b"\x93NUMPY") or (head.startswith(b"PK") and path.suffix == ".npz"):
        into = engine()
        arrays.read(path, into)
        return histories(into, into.store.count, names, from_text=False)
    coding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    with opened(path, "rb") as file:
        text = io.TextIOWrapper(file, coding, "replace", newline="")
        return _of_stream(text, Following(names, path.name.partition(".")[0]))


def _of_folder(path: Path, names: Mapping[str, str] | None) -> list[History]:
    for wanted in _IN_FOLDERS:
        found = sorted(each for each in path.glob(wanted) if each.is_file())[:_MOST_FILES]
        if found and "tfevents" in wanted:
            return _of_events(found, open, names)
        if wanted == "stats.jsonl" and found:
            found += sorted(path.glob("metric-*.jsonl"))
        if found:
            return [history for each in found for history in _of_path(each, names)]
    raise SparringError(
        f"{path} holds no log.", f"one of {', '.join(_IN_FOLDERS)}", "give the file itself, whatever it is called."
    )


def _of_events(paths: list[Path], opened: Callable[..., Any], names: Mapping[str, str] | None) -> list[History]:
    into = engine()
    for path in paths:
        with opened(path, "rb") as file:
            if tensorboard.read(file, into):
                into.happened(f"{path.name} ends in the middle of a record")
    return histories(into, into.store.count, names, from_text=False)


def _of_stream(source: Iterable[str], log: Following) -> list[History]:
    read = getattr(source, "read", None)
    if read is None:
        for line in source:
            log.feed(line if line.endswith("\n") else line + "\n")
    else:
        stream: IO[str] = source  # type: ignore[assignment]
        while part := stream.read(_PART):
            log.feed(part)
    log.end()
    return log.histories()
