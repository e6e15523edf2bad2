"""Which runs are shown, and which of their files may be read: nothing outside their folder, and no link is followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import SparringError
from ..folder import RunFolder

_FILES = ("recipe.json", "events.jsonl", "left_out.csv", "held_out.csv", "conditions.npz", "asked.jsonl")
_FOLDERS = ("samples", "checkpoints", "best")


class Runs:
    """A folder of runs, or one run.

    Args:
        path: the folder; where it holds a recipe.json it is one run itself.

    Attributes:
        only: the name of the one run; None for a folder of them.

    Raises:
        SparringError: there is no such folder.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise SparringError(
                f"There is no folder {path}.", "a run, or a folder that holds runs", "sparring watch runs/"
            )
        self.root = path.resolve()
        self.only = self.root.name if (self.root / "recipe.json").exists() else None

    def names(self) -> Iterator[str]:
        """Names of the runs that are there now."""
        if self.only is not None:
            yield self.only
            return
        try:
            with os.scandir(self.root) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False) and _is_file(Path(entry.path, "recipe.json")):
                        yield entry.name
        except OSError:
            return

    def links(self) -> int:
        """How many links to folders lie among the runs; they are not shown."""
        if self.only is not None:
            return 0
        try:
            with os.scandir(self.root) as entries:
                return sum(entry.is_symlink() and entry.is_dir() for entry in entries)
        except OSError:
            return 0

    def _has(self, name: str) -> bool:
        """Whether a run is called so: the name is looked for among those that are there, and is no part of a path."""
        if self.only is not None:
            return name == self.only
        try:
            found = name in os.listdir(self.root)
        except OSError:
            return False
        return found and is_folder(self.root / name) and _is_file(self.root / name / "recipe.json")

    def folder(self, name: str) -> RunFolder:
        """The folder of a run by its name.

        Raises:
            SparringError: none of the runs is called so, or a part of it leads elsewhere.
        """
        if not self._has(name):
            raise SparringError("There is no such run here.", "one of the list")
        folder = RunFolder(self.root if self.only is not None else self.root / name)
        for part in (*_FILES, *_FOLDERS):
            place = folder.path / part
            if os.path.lexists(place) and not (_is_file(place) if part in _FILES else is_folder(place)):
                raise SparringError(
                    f"{part} of this run is a link, or not of its kind.",
                    "a run as it was written",
                    "links are not followed; copy the run whole.",
                )
        return folder


def read_bytes(path: Path) -> bytes | None:
    """A file's content; None where it is not there, or is a link or anything else that is no file."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError):
        return None
    with open(file, "rb") as opened:
        return opened.read() if stat.S_ISREG(os.fstat(file).st_mode) else None


def only_files(folder: Path) -> bool:
    """Whether a folder, where it is there, holds nothing but files: no link out of it."""
    return not folder.is_dir() or all(map(_is_file, folder.iterdir()))


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether it is a folder itself, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False
