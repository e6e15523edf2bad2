"""A run is a folder: what lies where in it, whose it is at the moment, and what it was started with."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from .checkpoints import Store, sweep, unwritable, write_whole
from .errors import SparringError

FORMAT = 1  # of recipe.json
# What a run writes; anything else in a folder without a recipe.json is somebody else's.
_OWN = (
    ".lock", "samples", "left_out.csv", "held_out.csv", "conditions.npz", "recipe.json", "checkpoints", "best",
    "events.jsonl", "report.html", "asked.jsonl",
)  # fmt: skip


# Locks that this process holds. A forked child (a DataLoader's worker) inherits them and may outlive a kill of its
# parent by seconds, in which the same command would find the run still taken: so a child lets go of them at once.
_held: set[IO[str]] = set()


def _let_go() -> None:
    for lock in _held:
        lock.close()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def lines_of(path: Path) -> list[str]:
    """The lines of a user's text file that are not empty. Raises SparringError where it cannot be read."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SparringError(f"{path} cannot be read: {error}.", "a text file (UTF-8), one condition a line") from None
    if not any(lines):
        raise SparringError(f"{path} is empty.", "one condition a line")
    return [line for line in lines if line]


def cache_folder(cache: str | os.PathLike[str] | None) -> Path:
    """Returns where packs and features are kept: `cache`, $SPARRING_CACHE, $XDG_CACHE_HOME or ~/.cache/sparring."""
    named = cache or os.environ.get("SPARRING_CACHE")
    if named:
        return Path(named).expanduser()
    above = os.environ.get("XDG_CACHE_HOME")
    return (Path(above) if above else Path.home() / ".cache") / "sparring"


class RunFolder:
    """The parts of a run's folder: recipe.json, events.jsonl, asked.jsonl, samples/, checkpoints/, best/, a page."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.recipe_file = self.path / "recipe.json"
        self.events = self.path / "events.jsonl"
        self.samples = self.path / "samples"
        self.checkpoints = self.path / "checkpoints"
        self.best = self.path / "best"
        self.left_out = self.path / "left_out.csv"
        self.held_out = self.path / "held_out.csv"
        self.conditions = self.path / "conditions.npz"
        self.report = self.path / "report.html"
        self.asked = self.path / "asked.jsonl"
        self.mirrors = self.path / "mirrors.json"
        self.film = self.path / "film.gif"
        self._lock: IO[str] | None = None

    def create(self) -> None:
        """Makes the folder and what must be in it.

        Raises SparringError where nothing can be written, or where other things lie.
        """
        try:
            others = [p.name for p in self.path.iterdir() if not p.name.startswith(_OWN)] if self.path.is_dir() else []
            if others and not self.recipe_file.exists():
                raise SparringError(
                    f"{self.path} holds other things ({', '.join(sorted(others)[:3])}) and no run.",
                    "a folder that is new, empty or a run",
                    "choose another --out.",
                )
            self.samples.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self.path, error) from None

    def store(self, keep_last: int = 3, multiples: Sequence[int] = ()) -> Store:
        """The run's checkpoints."""
        return Store(self.checkpoints, keep_last, multiples)

    def best_store(self) -> Store:
        """The one checkpoint that was best."""
        return Store(self.best, keep_last=1)

    def has_begun(self) -> bool:
        """Whether anything was ever trained here; what a first start wrote and then refused does not count."""
        return self.events.exists() or (self.checkpoints.is_dir() and any(self.checkpoints.iterdir()))

    def kept_multiples(self, asked: int) -> list[int]:
        """The multiples of steps whose checkpoints are kept for ever: all that were asked for since the first start."""
        settings = self.settings() or {}
        kept = sorted({*settings.get("keep_every", []), *([asked] if asked else [])})
        if kept != settings.get("keep_every", []):
            self.write_settings(settings | {"keep_every": kept})
        return kept

    def settings(self) -> dict[str, Any] | None:
        """What the run was started with, or None for a folder that holds no run.

        Raises SparringError when recipe.json is there and cannot be read.
        """
        try:
            found = json.loads(self.recipe_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise SparringError(
                f"{self.recipe_file} cannot be read: {error}",
                "the recipe.json that the run wrote",
                "choose another --out.",
            ) from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise SparringError(
                f"{self.recipe_file} is of another format than this version of sparring writes.",
                f'"format": {FORMAT}',
                "use the version that made the run, or another --out.",
            )
        return found

    def write_settings(self, settings: dict[str, Any]) -> None:
        """Writes recipe.json, whole or not at all."""
        text = json.dumps({"format": FORMAT} | settings, indent=2, ensure_ascii=False) + "\n"
        write_whole(self.recipe_file, lambda file: file.write(text.encode()))

    def take(self) -> None:
        """Makes the run this process's until it ends, however it ends.

        Raises SparringError when another process trains in the folder.
        """
        try:
            import fcntl
        except ImportError:  # Windows: no lock; the worst is two trainings that overwrite each other's samples
            return
        try:
            self._lock = open(self.path / ".lock", "w")  # noqa: SIM115, held for as long as the run is
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _held.add(self._lock)
        except BlockingIOError:
            self.release()
            raise SparringError(
                f"Another process is training in {self.path}.",
                "one training a folder",
                "wait for it, or choose another --out.",
            ) from None
        except OSError as error:
            self.release()
            raise unwritable(self.path, error) from None

    def sweep(self) -> None:
        """Removes what a kill left half written; for the process that has taken the run."""
        for name in ("recipe.json", "left_out.csv", "held_out.csv", "report.html", "mirrors.json", "film.gif"):
            sweep(self.path, f"{name}.*")
        for folder in (self.samples, self.checkpoints, self.best):
            sweep(folder, "step-*")

    def release(self) -> None:
        """Gives the run back."""
        if self._lock is not None:
            _held.discard(self._lock)
            self._lock.close()
            self._lock = None


def differences(stored: dict[str, Any], asked: dict[str, Any], prefix: str = "") -> list[str]:
    """Names every setting that differs from what is asked now, as in 'recipe.d_lr: 0.0002 there, 0.0004 asked'."""
    found = []
    for name in sorted(stored.keys() | asked.keys()):
        there, now = stored.get(name), asked.get(name)
        if isinstance(there, dict) and isinstance(now, dict):
            found += differences(there, now, f"{prefix}{name}.")
        elif there != now:
            found.append(f"{prefix}{name}: {there} there, {now} asked")
    return found
