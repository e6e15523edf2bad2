"""One run as it stands, read on from where its log was read last: memory and work do not grow with the log."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from ..errors import SparringError
from ..folder import RunFolder
from ..reporting.reading import Recorded, RunLog, recorded
from .skimming import is_tick, skimmed

LONG = 8 << 20  # bytes of a log that is skimmed first and read whole later
DEEP, SHALLOW = 6_000, 100  # ticks that a first look takes, for a page and for a row of a list (a curve of 80 points)
_SMALL = 1 << 18  # bytes of a log that even a row of a list reads whole
_MOST_NEW = 1 << 18  # bytes of which points are told one by one; after more, the page asks for all of it again
_STILL_WARM_SECONDS = 60.0  # a log that was written to since then is of a run that goes on, whoever locks it


class Followed:
    """A run's log, followed.

    Args:
        folder: of the run.
        deep: whether curves are wanted as exact as a page shows them, or as a row of a list does.
    """

    def __init__(self, folder: RunFolder, *, deep: bool = True) -> None:
        self.folder, self._deep = folder, deep
        self._lock = threading.RLock()
        self._refining = False
        self._open()

    def _open(self) -> None:
        size = _size(self.folder.events)
        self.coarse = size > (LONG if self._deep else _SMALL)
        self.log, self.offset = RunLog(), 0
        if self.coarse:
            self.log, self.offset = skimmed(self.folder.events, DEEP if self._deep else SHALLOW)
        elif size:
            self.offset = self.log.read(self.folder.events)
        self._changed_at = self.offset

    @property
    def version(self) -> str:
        """Changes whenever more than points of curves has come."""
        return f"{self._changed_at}{'~' if self.coarse else ''}"

    def has_more(self) -> bool:
        """Whether the log has changed since it was read."""
        return _size(self.folder.events) != self.offset

    def catch_up(self) -> None:
        """Reads what has come. Raises SparringError or OSError where the log cannot be read."""
        with self._lock:
            size = _size(self.folder.events)
            if size < self.offset:
                self._open()  # another log stands in its place
                return
            if size == self.offset:
                return
            with open(self.folder.events, "rb") as file:
                file.seek(self.offset)
                block = file.read(_MOST_NEW)
            lines = block[: block.rfind(b"\n") + 1].splitlines()
            known = len(self.log.curves)
            if size - self.offset > _MOST_NEW:
                self._changed_at = self.offset = self.log.read(self.folder.events, self.offset)
                return
            self.log.take(lines)
            self.offset += block.rfind(b"\n") + 1
            if known != len(self.log.curves) or not all(map(is_tick, lines)):
                self._changed_at = self.offset

    def refine(self) -> bool:
        """Reads a log that was only skimmed whole; returns whether there was anything to do. Takes its time."""
        with self._lock:
            if not self.coarse or self._refining:
                return False
            self._refining = True
        try:
            log = RunLog()
            offset = log.read(self.folder.events)
            with self._lock:
                self.offset = log.read(self.folder.events, offset)
                self.log, self.coarse, self._changed_at = log, False, self.offset
        finally:
            self._refining = False
        return True

    def recorded(self) -> Recorded:
        """What the run's folder tells now. Raises SparringError where it is no run any more."""
        with self._lock:
            settings = self.folder.settings()
            if settings is None:
                raise SparringError("The run is gone.", "its recipe.json")
            return recorded(self.folder, settings, self.log)

    def page_state(self) -> tuple[Recorded, str, int]:
        """(what the folder tells, version, byte of the log up to which it is so)."""
        with self._lock:
            return self.recorded(), self.version, self.offset

    def rates(self, settings: dict[str, Any]) -> dict[str, float]:
        """The learning rates as they now stand: the recipe's, and what was asked for since."""
        recipe = settings.get("recipe") or {}
        rates = {name: recipe.get(name) for name in ("d_lr", "g_lr")}
        with self._lock:
            for applied in self.log.applied:
                rates |= {name: value for name, value in applied.changes.items() if name in rates}
        return {name: float(value) for name, value in rates.items() if isinstance(value, int | float)}

    def is_running(self) -> bool:
        """Whether a process trains it at the moment, as far as this machine can tell."""
        with self._lock:
            if self.log.ended or not self.log.opening:
                return False
        try:
            warm = time.time() - os.stat(self.folder.events).st_mtime < _STILL_WARM_SECONDS
            return warm or os.stat(self.folder.path / ".lock").st_ino in _locked()
        except OSError:
            return False

    def points_since(self, offset: int) -> dict[str, Any]:
        """What came after a byte of the log: where the run stands, and new points of its curves by their signals.

        "points" is missing where there are too many of them: the whole is to be asked for then.
        """
        with self._lock:
            told: dict[str, Any] = {"version": self.version, "offset": self.offset, "step": self.log.step}
            if not offset <= self.offset <= offset + _MOST_NEW:
                return told | {"version": f"{self.version}!"}
            with open(self.folder.events, "rb") as file:
                file.seek(offset)
                block = file.read(self.offset - offset)
        points: dict[str, list[list[float | None]]] = {}
        for line in block.splitlines():
            if is_tick(line):
                _gather(line, points, told)
        return told | {"points": points}


def _gather(line: bytes, points: dict[str, list[list[float | None]]], told: dict[str, Any]) -> None:
    """Adds the numbers of one tick to the points of their signals."""
    try:
        tick = json.loads(line)
        step = int(tick.pop("step"))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return
    told["images"], told["images_per_second"] = tick.pop("images", 0), tick.get("images_per_second")
    for name, value in tick.items():
        if name not in ("event", "time", "nonfinite", "epoch") and (value is None or type(value) in (int, float)):
            xs, ys = points.setdefault(name, [[], []])
            xs.append(step)
            ys.append(None if value is None or abs(value) > 1e300 or value != value else float(f"{value:.5g}"))


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _locked() -> set[int]:
    """Files that some process holds a lock on, by their numbers. Taking the lock to see would keep a run from it."""
    try:
        with open("/proc/locks", encoding="ascii") as file:
            return {int(line.split()[5 + ("->" in line)].rsplit(":", 1)[1]) for line in file if "FLOCK" in line}
    except (OSError, ValueError, IndexError):
        return set()
