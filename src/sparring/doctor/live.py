"""The doctor beside a training: looks from time to time, and says each thing once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..findings import SEVERITIES, Finding, Report
from .diagnosing import diagnose_history
from .recording import Recorder

FIRST_LOOK, EVERY = 20, 25  # rows before the first look, and from one to the next
REST = 10  # rows after a leap's look in which no other leap brings on another
AGAIN = 2  # rows after a leap until a second look: does it last, or was it a single batch?
# What is so at once, or never: it is told when it is first seen. All else must be seen by two looks in a row.
_AT_ONCE = ("SP501", "SP502", "SP505", "SP507", "SP508")


class News:
    """What is new in look after look at one training: each thing once, and again where it has become graver."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], Finding] = {}  # by code and where
        self._seen: set[tuple[str, str, str]] = set()  # by the last look: code, where, severity

    def of(self, found: Sequence[Finding], last: bool = False) -> list[Finding]:
        """Takes all that a look found; returns what is to be told.

        Args:
            found: by this look.
            last: nothing waits for a second look.
        """
        new = [f for f in found if self._is_new(f) and (last or self._is_sure(f))]
        self._seen = {(f.code, f.where, f.severity) for f in found}
        self._told |= {(f.code, f.where): f for f in new}
        return new

    def _is_new(self, finding: Finding) -> bool:
        before = self._told.get((finding.code, finding.where))
        return before is None or SEVERITIES.index(finding.severity) < SEVERITIES.index(before.severity)

    def _is_sure(self, finding: Finding) -> bool:
        return finding.code in _AT_ONCE or (finding.code, finding.where, finding.severity) in self._seen


class Looks:
    """When to look: every so many rows, where something leapt, and again two rows after that.

    Args:
        every: rows from one look to the next.
    """

    def __init__(self, every: int = EVERY) -> None:
        self._every, self._next, self._again, self._rested = every, FIRST_LOOK, 0, 0

    def due(self, rows: int, leapt: bool) -> list[str]:
        """Reasons to look after so many rows, the strongest first: "leap", "again", "time"."""
        reasons = {
            "leap": leapt and rows >= self._rested,
            "again": 0 < self._again <= rows,
            "time": rows >= self._next,
        }
        return [why for why, holds in reasons.items() if holds]

    def looked(self, rows: int, why: str) -> None:
        """It was done."""
        self._next, self._again = rows + self._every, 0
        if why == "leap":
            self._rested, self._again = rows + REST, rows + AGAIN


class Live:
    """Judges a training while it goes on, by the same rules as its log afterwards.

    Args:
        loss: the name of its loss; guessed from the numbers where nobody says.
        producer: who tells the numbers.
        every: rows from one look to the next; 0: only when asked (`look`).
        facts: whatever else is known of it, as `History.facts` has it ("label_smoothing").
    """

    def __init__(
        self,
        loss: str | None = None,
        producer: str = "",
        every: int = EVERY,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.recorder = Recorder(loss, producer, facts)
        self._news = News()
        self._looks = Looks(every) if every else None
        self._rows = 0

    def add(self, step: int, values: Mapping[str, float]) -> list[Finding]:
        """Takes a step's numbers; looks where it is time, or where something leapt. Returns what is new."""
        leapt = self.recorder.add(step, values)
        self._rows += 1
        why = self._looks.due(self._rows, leapt) if self._looks is not None else []
        if self._looks is None or not why:
            return []
        self._looks.looked(self._rows, why[0])
        return self.look()

    def evaluated(self, step: int, values: Mapping[str, Any]) -> list[Finding]:
        """Takes an evaluation, and looks."""
        self.recorder.evaluated(step, values)
        return self.look() if self._looks is not None else []

    def look(self, last: bool = False) -> list[Finding]:
        """What is new since the last look, or graver than it was told; infos too.

        Args:
            last: the training is over: nothing waits for a second look.
        """
        return self._news.of(self.report().findings, last)

    def report(self) -> Report:
        """All that the numbers show by now."""
        return diagnose_history(self.recorder.history())
