"""What was asked of a run from outside its process: a line for each in the run's folder, taken up by the trainer.

Whoever shows a run appends to `asked.jsonl`; the process that trains looks at the file's size whenever something
happened. What it takes up stands as "applied" in events.jsonl; what it does not understand is passed over.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections import deque
from pathlib import Path
from typing import Any

from .errors import SparringError
from .events import Event
from .findings import Action

KINDS = ("stop", "sample", "checkpoint", "set")
RATES = ("d_lr", "g_lr")
LARGEST_RATE = 10.0
# The trainer's own words and no stranger's: a reason such as "SIGTERM" would mean something to a session.
WHY = "asked for on the page of sparring watch"
_LONGEST = 1 << 16  # bytes that are read at a time; asking needs some dozens
_UNANSWERED = ("applied", "ended")  # an answer to an answer is not taken up, nor is one to the end


def action_of(told: Any) -> Action:
    """What was asked for, as an action that a running trainer can take.

    Args:
        told: {"action": "stop", "sample" or "checkpoint"}, or {"action": "set", "changes": {"d_lr": 1e-4}}.

    Raises:
        SparringError: for anything else.
    """
    kind = told.get("action") if isinstance(told, dict) else None
    if kind not in KINDS:
        raise SparringError("Nothing that a run can do was asked for.", ", ".join(KINDS))
    changes = told.get("changes", {}) if kind == "set" else {}
    if not isinstance(changes, dict) or (kind == "set" and not changes) or not changes.keys() <= set(RATES):
        raise SparringError("Nothing that can change in a running training was named.", " or ".join(RATES))
    for value in changes.values():
        if type(value) not in (int, float) or not (math.isfinite(value) and 0 < value <= LARGEST_RATE):
            raise SparringError("A learning rate is no such number.", f"above 0, and {LARGEST_RATE:g} at most")
    return Action(kind, {name: float(value) for name, value in changes.items()}, WHY)


def ask(path: Path, action: Action) -> None:
    """Appends an action to a run's file in a single write. Raises SparringError where it cannot be written."""
    line = json.dumps({"action": action.kind, "changes": action.changes}) + "\n"
    try:
        # A link is not followed: it may lead anywhere.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)
    except OSError as error:
        raise SparringError(f"Nothing can be asked of the run: {error.strerror}.", "the right to write there") from None


class Asked:
    """An observer that gives what was asked for since it was made, one action an event.

    Args:
        path: the file. What stands in it already was asked of an earlier process, and is passed over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = self._size()
        self._waiting: deque[Action] = deque(maxlen=100)

    def __call__(self, event: Event) -> Action | None:
        """Takes an event of the run, and gives the next action, where one waits."""
        if event.kind in _UNANSWERED:
            return None
        if self._size() != self._offset:
            self._read()
        return self._waiting.popleft() if self._waiting else None

    def _size(self) -> int:
        try:
            found = os.stat(self._path)
        except OSError:
            return 0
        return found.st_size if stat.S_ISREG(found.st_mode) else 0

    def _read(self) -> None:
        """Takes the lines that are whole; a file that became shorter is another one, and is read from its begin."""
        try:
            with open(self._path, "rb") as file:
                self._offset = 0 if self._size() < self._offset else self._offset
                file.seek(self._offset)
                block = file.read(_LONGEST)
        except OSError:
            self._offset = self._size()
            return
        whole = block[: block.rfind(b"\n") + 1]
        if not whole and len(block) == _LONGEST:
            whole = block  # no line of ours is so long
        self._offset += len(whole)
        for line in whole.splitlines():
            try:
                self._waiting.append(action_of(json.loads(line)))
            except (ValueError, RecursionError, SparringError):
                continue
