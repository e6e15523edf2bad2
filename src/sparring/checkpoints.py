"""Whole files or none: write beside, fsync, rename, and a checksum to know a damaged one by.

Nothing here knows what is in a checkpoint.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from .errors import SparringError

_PART = ".part"  # the ending of a file that is still being written
# What "no room" looks like: a full disk, a quota, a limit on a file's size.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Lets `write` fill a file beside `path`, then puts it in its place in one move.

    After a kill at any moment `path` holds either all of the old content or all of the new. Raises SparringError when
    there is no room or no right to write; the old file is then untouched.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}{_PART}")
    try:
        with open(part, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise unwritable(path, error) from None
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def sweep(folder: Path, name: str) -> None:
    """Removes what a kill left half written of the files called so (a pattern). Only for who holds the run's lock."""
    for part in folder.glob(f"{name}{_PART}"):
        part.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError) -> SparringError:
    """The error for a file that could not be written, in words."""
    if error.errno in _NO_ROOM:
        return SparringError(
            f"There is no room left to write {path} ({error.strerror}). What was saved before is untouched.",
            "free room on that disk",
            "free some room (or lower --keep), then give the same command again: it goes on from the last checkpoint.",
        )
    return SparringError(
        f"{path} cannot be written: {error.strerror}. What was saved before is untouched.",
        "a folder that you may write to",
        "mend the folder's rights or choose another with --out.",
    )


def _sync_folder(folder: Path) -> None:
    """Makes a rename last through a power cut; Windows cannot open a folder for it, and does not need to."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sha256_of(path: Path) -> str:
    """Returns a file's SHA-256 as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Store:
    """A folder of checkpoints `step-00001000.pt`, each with a `.sha256` beside it (as `sha256sum -c` reads it).

    Args:
        folder: made when missing.
        keep_last: how many of the newest are kept, >= 1. Two or more, so that a damaged one has a predecessor.
        multiples: checkpoints at a multiple of any of these steps are kept for ever.
    """

    def __init__(self, folder: Path, keep_last: int = 3, multiples: Sequence[int] = ()) -> None:
        self.folder, self.keep_last, self.multiples = folder, keep_last, multiples
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from None

    def path(self, step: int) -> Path:
        """Where the checkpoint of a step is, or would be."""
        return self.folder / f"step-{step:08d}.pt"

    def steps(self) -> list[int]:
        """The steps that have a file, oldest first; whether it is whole is not looked at."""
        found = (path.stem.removeprefix("step-") for path in self.folder.glob("step-*.pt"))
        return sorted(int(step) for step in found if step.isdigit())

    def save(self, step: int, write: Callable[[BinaryIO], object]) -> Path:
        """Saves one checkpoint whole or not at all, then removes those that need not be kept."""
        path = self.path(step)
        if not self.is_whole(step):
            pending = path.with_name(path.name + _PART)
            write_whole(pending, write)
            line = f"{sha256_of(pending)}  {path.name}\n".encode()
            # The checksum goes first: a checkpoint without one counts as damaged, one without a checkpoint as nothing.
            write_whole(self._checksum(step), lambda file: file.write(line))
            os.replace(pending, path)
            _sync_folder(self.folder)
        self.prune()
        return path

    def is_whole(self, step: int) -> bool:
        """Whether the checkpoint of a step is there and has the checksum it was saved with."""
        try:
            stated = self._checksum(step).read_text().split()[0]
            return stated == sha256_of(self.path(step))
        except (OSError, IndexError, UnicodeDecodeError):
            return False

    def newest(self) -> tuple[int | None, list[int]]:
        """Returns (the newest step whose checkpoint is whole, or None; the newer steps that are damaged)."""
        damaged: list[int] = []
        for step in reversed(self.steps()):
            if self.is_whole(step):
                return step, damaged
            damaged.append(step)
        return None, damaged

    def prune(self) -> None:
        """Removes checkpoints beyond the last `keep_last`, but for the kept multiples."""
        old = self.steps()[: -self.keep_last]
        for step in old:
            if not any(step % multiple == 0 for multiple in self.multiples):
                self.path(step).unlink(missing_ok=True)  # the checkpoint first: a checksum alone counts as nothing
                self._checksum(step).unlink(missing_ok=True)

    def set_aside(self, step: int) -> Path:
        """Renames a damaged checkpoint to end in `.damaged`, so that its step can be saved anew."""
        aside = self.path(step).with_suffix(".pt.damaged")
        os.replace(self.path(step), aside)
        self._checksum(step).unlink(missing_ok=True)
        return aside

    def has_damaged(self) -> bool:
        """Whether a damaged checkpoint was set aside here."""
        return any(self.folder.glob("step-*.damaged"))

    def _checksum(self, step: int) -> Path:
        return self.path(step).with_suffix(".pt.sha256")
