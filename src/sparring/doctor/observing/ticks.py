"""The file of a monitor: numbers and findings as events, thinned as they grow many."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ...errors import SparringError
from ...events import Event, Log, tail
from ...findings import Finding
from ..running.families import family_of

_DENSE = 2_000  # lines of numbers after which one stands for twice as many observes
_LEAPS = 500  # lines that are written at once because something leapt, at most
_END = 65_536  # bytes of an older file that are searched for its last step


class Ticks:
    """Appends to the file.

    Args:
        path: of it; folders are made.
        producer: who writes it.
        loss: the name of the training's loss, where it is known.

    Raises:
        SparringError: it cannot be written.
    """

    def __init__(self, path: Path, producer: str, loss: str | None) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._before = _last_step(path)
        except OSError as error:
            raise SparringError(f"{path} cannot be written: {error.strerror}.", "a place for a file") from None
        self._log = Log(path)
        self._started: dict[str, Any] | None = {"producer": producer}
        if loss is not None:
            # In a log of ours "least-squares" has halves; a user's may have none, and this name leaves it open.
            self._started["loss"] = "lsgan" if family_of(loss) == "least-squares" else loss
        self._sums: dict[str, tuple[float, int]] = {}
        self._step, self._rows, self._lines, self._leaps, self._every = 0, 0, 0, 0, 1

    def add(self, step: int, values: dict[str, float], leapt: bool, loaded: bool) -> None:
        """Takes the numbers of a step; a line has their means since the line before it."""
        if self._started is not None:
            if self._before is not None and step <= self._before:
                self._log.append(Event("resumed", max(0, step - 1)))  # readers drop what the file has of later steps
            self._log.append(Event("started", step, values=self._started))
            self._started = None
        if loaded and self._leaps < _LEAPS:
            self._leaps += 1
            self._log.append(Event("applied", step, values={"change": "checkpoint loaded"}))
        alone = leapt and self._leaps < _LEAPS
        if self._rows and (alone or step < self._step):
            self.flush()
        for name, value in values.items():
            total, n = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, n + 1)
        self._step, self._rows = step, self._rows + 1
        if alone or self._rows >= self._every:
            self._leaps += alone
            self.flush()

    def flush(self) -> None:
        """Writes what has gathered as one line."""
        if self._sums:
            means = {name: total / n for name, (total, n) in self._sums.items()}
            bad = {name: 1 for name, value in means.items() if not math.isfinite(value)}
            self._log.append(Event("tick", self._step, values={**means, **({"nonfinite": bad} if bad else {})}))
            self._lines += 1
            if self._lines >= _DENSE:
                self._lines, self._every = 0, 2 * self._every
        self._sums, self._rows = {}, 0

    def evaluated(self, step: int, values: dict[str, float]) -> None:
        """Writes what was measured of the pictures so far."""
        self.flush()
        self._log.append(Event("evaluation", step, values=values))

    def finding(self, step: int, finding: Finding) -> None:
        """Writes what was found, after the numbers that it rests on."""
        self.flush()
        self._log.append(Event("finding", step, values=finding.to_dict()))

    def close(self) -> None:
        """Writes the rest, and closes the file."""
        self.flush()
        self._log.close()


def _last_step(path: Path) -> int | None:
    """Of the numbers that an older file ends with; None where there is none."""
    if not path.is_file():
        return None
    events = tail(path, max(0, path.stat().st_size - _END))[0]
    return max((event.step for event in events if event.kind == "tick"), default=None)
