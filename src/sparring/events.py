"""A run's log: one JSON object a line, appended, never rewritten.

Everybody who watches a run (terminal, doctor, report, dashboard) reads these lines and nothing else.
"""

from __future__ import annotations

import json
import math
import os
import time as clock
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import SparringError

_OWN_NAMES = ("event", "step", "images", "time")


@dataclass(frozen=True)
class Event:
    """Something that happened in a run.

    Attributes:
        kind: "started", "resumed", "tick", "sample", "checkpoint", "evaluation", "best", "last evaluation" (where a run
            ended between two; nothing is decided by it), "finding" (of the doctor), "applied" or "ended".
        step: generator updates done so far.
        images: real images seen so far.
        values: what the event says; numbers that are not finite stand as None in the file.
        time: seconds since 1970.
    """

    kind: str
    step: int
    images: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    time: float = field(default_factory=clock.time)

    def to_json(self) -> str:
        """One line of JSON, without its end; `values` stand beside the four names of the event itself."""
        clash = set(self.values) & set(_OWN_NAMES)
        assert not clash, f"event values may not be called {clash}"
        own = {"event": self.kind, "step": self.step, "images": self.images, "time": round(self.time, 3)}
        return json.dumps(own | {k: _finite(v) for k, v in self.values.items()}, allow_nan=False)

    @staticmethod
    def from_json(line: str) -> Event:
        """The inverse of `to_json`. Raises ValueError on anything else."""
        found = json.loads(line)
        if not isinstance(found, dict) or not isinstance(found.get("event"), str):
            raise ValueError("not an event")
        step, images, time = (found.get(name, 0) for name in _OWN_NAMES[1:])
        if not all(isinstance(n, int | float) for n in (step, images, time)):
            raise ValueError("not an event")
        values = {k: v for k, v in found.items() if k not in _OWN_NAMES}
        return Event(found["event"], int(step), int(images), values, float(time))


def _finite(value: Any) -> Any:
    """JSON has no NaN: None stands for it, and the event counts such numbers under `nonfinite`."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Log:
    """The file of a run's events, open for appending."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            if not _ends_with_newline(path):  # a kill tore the last line: what follows starts on a line of its own
                os.write(self._file, b"\n")
        except OSError as error:
            raise _unwritable(path, error) from None

    def append(self, event: Event) -> None:
        """Appends one event in a single write. Raises SparringError when the disk is full."""
        line = (event.to_json() + "\n").encode()
        try:
            written = os.write(self._file, line)
            if written < len(line):
                os.write(self._file, line[written:])
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def close(self) -> None:
        """Closes the file; the log may be opened again."""
        os.close(self._file)


def _unwritable(path: Path, error: OSError) -> SparringError:
    return SparringError(
        f"The run's log {path} cannot be written: {error.strerror}.",
        "room on the disk and the right to write there",
        "free some room or mend the rights, then give the same command again: it goes on from the last checkpoint.",
    )


def _ends_with_newline(path: Path) -> bool:
    with open(path, "rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def tail(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """Returns the events from a byte offset on, and the offset to go on from; a line not yet ended is left for later.

    Lines that are no events (torn by a kill) are passed over.
    """
    with open(path, "rb") as file:
        file.seek(offset)
        block = file.read()
    whole = block[: block.rfind(b"\n") + 1]
    return list(_parse(whole.decode("utf-8", "replace"))), offset + len(whole)


def _parse(text: str) -> Iterator[Event]:
    for line in text.splitlines():
        try:
            yield Event.from_json(line)
        except ValueError:
            continue


def read(path: Path) -> list[Event]:
    """Returns the events of a run as it stands: what a resume took back (events after its step) is dropped."""
    kept: list[Event] = []
    for event in tail(path)[0]:
        if event.kind == "resumed":
            kept = [earlier for earlier in kept if earlier.step <= event.step]
        kept.append(event)
    return kept


LAST_EVALUATION = "last evaluation"


def is_better(value: float, than: float | None, better: str) -> bool:
    """Whether a value of a metric improves on another; on none, always."""
    return than is None or (value < than if better == "lower" else value > than)


def best_step(events: list[Event], kept: int | None, newest: int | None) -> int | None:
    """Which checkpoint is the best by a run's evaluations: the one kept as such, or the newest by the last evaluation.

    Args:
        events: of the run, as `read` gives them.
        kept: the step of the checkpoint that was kept as the best, if there is one.
        newest: the step of the newest checkpoint, if there is one.
    """
    last = [event for event in events if event.kind == LAST_EVALUATION and event.step == newest]
    best = [event for event in events if event.kind == "evaluation" and event.step == kept]
    if not last:
        return kept
    if kept is None:
        return newest
    found = last[-1].values
    return newest if best and is_better(found["value"], best[-1].values["value"], found["better"]) else kept
