"""A run's folder -> what is known of it, from its files alone, in memory that does not grow with the log."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from itertools import chain
from pathlib import Path
from types import NoneType
from typing import Any, TypeGuard

import numpy as np

from ..errors import SparringError
from ..events import LAST_EVALUATION, Event, best_step
from ..findings import Finding, Remedy
from ..folder import RunFolder
from ..history import History, Series
from .thinning import Growing

_BLOCK = 1 << 22  # bytes of a log that are read at a time
_MOST_SIGNALS = 200
_MOST_APPLIED = 1_000
_MISSING = object()  # where a tick does not have a signal, which is not the same as one that is not finite
_LARGEST = 2.0**62  # of a number that means something; NaN is not below it either
_BESIDE = {"event", "step", "images", "time", "nonfinite", "epoch"}
_SHEET = re.compile(r"step-(\d{1,12})\.png")
# name of a signal -> (network, term) of `history.TERMS`; what is not here goes by its beginning.
_TERMS = {
    "d_loss": ("d", "loss"), "g_loss": ("g", "loss"), "d_loss_real": ("d", "real"), "d_loss_fake": ("d", "fake"),
    "d_loss_class": ("d", "auxiliary"), "d_real_logit": ("d", "logit_real"), "d_fake_logit": ("d", "logit_fake"),
    "d_accuracy_real": ("d", "accuracy_real"), "d_accuracy_fake": ("d", "accuracy_fake"),
    "d_accuracy_pair": ("d", "accuracy"), "d_grad_norm": ("d", "gradient"), "g_grad_norm": ("g", "gradient"),
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A finding, and when a run's log told of it.

    Attributes:
        finding: the last that was told of its code and place.
        step: of the run, when it was told; None where nobody counted.
    """

    finding: Finding
    step: int | None = None


@dataclass(frozen=True)
class Applied:
    """Something that was asked of a running trainer, and when it took it up.

    Attributes:
        step: of the run.
        action: "stop", "sample", "checkpoint", "keep" or "set".
        changes: for "set": number of the recipe -> value.
        why: who asked, or why.
    """

    step: int
    action: str
    changes: dict[str, Any]
    why: str


@dataclass(frozen=True)
class Recorded:
    """What a run's folder tells.

    Attributes:
        name: of the folder.
        settings: recipe.json.
        history: the ticks' signals, thinned.
        evaluations: every evaluation, the last ones too.
        best: the evaluation of the best step; None where nothing was evaluated.
        findings: each code and place once, in the order in which they were told first.
        sheets: (step, file) of the sheets of samples, by step.
        step: last that is known of.
        images: real images seen by then.
        seconds: from the first event to the last, without the times between a stop and a resume.
        ended: why it ended; "" while it has not.
        until_step: the budget of its last start; None where it had none in steps.
        torch: version.
        left_out: (path, reason) of files that could not be used.
        n_held_out: pictures that were held out.
        applied: what was asked of the trainer while it ran.
        notes: sentences on what could not be read.
    """

    name: str
    settings: dict[str, Any]
    history: History
    evaluations: tuple[Event, ...] = ()
    best: Event | None = None
    findings: tuple[Seen, ...] = ()
    sheets: tuple[tuple[int, Path], ...] = ()
    step: int = 0
    images: int = 0
    seconds: float = 0.0
    ended: str = ""
    until_step: int | None = None
    torch: str = ""
    left_out: tuple[tuple[str, str], ...] = ()
    n_held_out: int = 0
    applied: tuple[Applied, ...] = ()
    notes: tuple[str, ...] = ()


def read_run(path: Path) -> Recorded:
    """Reads a run, finished or not. Raises SparringError where there is none."""
    folder = RunFolder(path)
    settings = folder.settings()
    if settings is None:
        raise SparringError(
            f"{path} holds no run: it has no recipe.json.",
            "the folder of a run, such as runs/photos-dcgan-64px-1a2b3c",
            "for a log of another program: sparring diagnose LOG -o report.html",
        )
    log = RunLog()
    if folder.events.exists():
        log.read(folder.events)
    return recorded(folder, settings, log)


def recorded(folder: RunFolder, settings: dict[str, Any], log: RunLog) -> Recorded:
    """What a run's folder tells, where its log has been read already."""
    return Recorded(
        folder.path.resolve().name,
        settings,
        History(tuple(log.series()), "sparring"),
        evaluations=tuple(log.evaluations),
        best=log.best(),
        findings=tuple(log.findings.values()),
        sheets=tuple(_sheets(folder.samples, log.step)),
        step=log.step,
        images=log.images,
        seconds=log.seconds,
        ended=log.ended,
        until_step=log.opening.get("until_step"),
        torch=str(log.opening.get("torch") or ""),
        left_out=tuple((row[0], row[1]) for row in _table(folder.left_out)),
        n_held_out=sum(1 for _ in _table(folder.held_out)),
        applied=tuple(log.applied),
        notes=tuple(log.notes()),
    )


def _sheets(folder: Path, last: int) -> Iterator[tuple[int, Path]]:
    """The sheets in a folder; not those of steps that a resume took back."""
    if not folder.is_dir():
        return
    for file in sorted(folder.iterdir()):
        found = _SHEET.fullmatch(file.name)
        if found and int(found[1]) <= last:
            yield int(found[1]), file


def _table(path: Path) -> Iterator[list[str]]:
    """The rows of a list that the run wrote, without its head; none where it is not there."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = csv.reader(file)
            next(rows, None)
            yield from (row for row in rows if len(row) >= 2)
    except (OSError, csv.Error):
        return


def held_out_places(folder: RunFolder) -> set[int]:
    """Which of a run's pictures were held out, as places in its data."""
    return {int(row[0]) for row in _table(folder.held_out) if row[0].isascii() and row[0].isdecimal()}


@dataclass
class RunLog:
    """What has been read of events.jsonl; more can be read later."""

    curves: dict[str, Growing] = field(default_factory=dict)
    evaluations: list[Event] = field(default_factory=list)
    findings: dict[tuple[str, str], Seen] = field(default_factory=dict)
    opening: dict[str, Any] = field(default_factory=dict)
    applied: list[Applied] = field(default_factory=list)
    kept: int | None = None  # the step that was kept as the best
    saved: int | None = None  # of the newest checkpoint
    step: int = 0
    images: int = 0
    seconds: float = 0.0
    ended: str = ""
    torn: int = 0
    _ticks: list[dict[str, Any]] = field(default_factory=list)
    _since: float | None = None
    _unread: set[str] = field(default_factory=set)

    def read(self, path: Path, begin: int = 0) -> int:
        """Takes the whole lines of a file from a byte on; returns the byte to go on from.

        Raises SparringError where it cannot be read.
        """
        try:
            with open(path, "rb") as file:
                file.seek(begin)
                rest = b""
                while block := file.read(_BLOCK):
                    whole, newline, rest = (rest + block).rpartition(b"\n")
                    if newline:
                        begin += len(whole) + 1
                        self.take(whole.split(b"\n"))
        except OSError as error:
            raise SparringError(f"{path} cannot be read: {error.strerror}.", "the events.jsonl of a run") from None
        return begin

    def take(self, lines: list[bytes]) -> None:
        """Takes whole lines, the next of a log."""
        for event in _parsed(lines, self):
            kind, step = event.get("event"), event.get("step")
            if not isinstance(kind, str) or not _finite(step):
                self.torn += 1
                continue
            if kind == "tick":
                self._ticks.append(event)
            self._clock(kind, event)
            self._at(kind, int(event["step"]), event)
        self._flush()

    def _clock(self, kind: str, event: dict[str, Any]) -> None:
        now = event.get("time")
        if not _finite(now):
            return
        if self._since is not None and kind != "resumed":
            self.seconds += max(0.0, now - self._since)
        self._since = now

    def _at(self, kind: str, step: int, event: dict[str, Any]) -> None:
        """What an event changes beside the curves."""
        if kind == "resumed":
            self._back_to(step)
        self.step, images = step, event.get("images")
        self.images = int(images) if _finite(images) else self.images
        if kind in ("started", "resumed"):
            self.opening, self.ended = event, ""
        elif kind in ("evaluation", LAST_EVALUATION):
            self._evaluated(event)
        elif kind == "finding":
            self._found(step, event)
        elif kind == "best":
            self.kept = step
        elif kind == "checkpoint":
            self.saved = step
        elif kind == "applied" and len(self.applied) < _MOST_APPLIED:
            changes = event.get("changes")
            told = dict(changes) if isinstance(changes, dict) else {}
            self.applied.append(Applied(step, str(event.get("action")), told, str(event.get("why") or "")))
        elif kind == "ended":
            self.ended = str(event.get("reason") or "asked")

    def _evaluated(self, event: dict[str, Any]) -> None:
        values = {"noise": 0.0, "metric": "quality", "features": "", "floor": None} | event
        if _finite(values.get("value")) and _finite(values["noise"]) and values.get("better") in ("lower", "higher"):
            told = {name: each for name, each in values.items() if name not in ("event", "step", "images", "time")}
            told |= {"metric": str(values["metric"]), "features": str(values["features"])}
            told["floor"] = values["floor"] if _finite(values["floor"]) else None
            self.evaluations.append(Event(event["event"], int(event["step"]), self.images, told))

    def _found(self, step: int, event: dict[str, Any]) -> None:
        try:
            finding = _finding(Finding.from_dict({name: each for name, each in event.items() if name not in _BESIDE}))
        except (TypeError, ValueError, AttributeError):
            self.torn += 1
            return
        self.findings[finding.code, finding.where] = Seen(finding, step)

    def _back_to(self, step: int) -> None:
        self._flush()
        for curve in self.curves.values():
            curve.cut(step)
        self.evaluations = [each for each in self.evaluations if each.step <= step]
        self.findings = {place: seen for place, seen in self.findings.items() if (seen.step or 0) <= step}
        self.applied = [each for each in self.applied if each.step <= step]
        self.kept = None if self.kept is not None and self.kept > step else self.kept
        self.saved = None if self.saved is not None and self.saved > step else self.saved

    def _flush(self) -> None:
        """Moves the ticks that have been gathered into the curves."""
        ticks, self._ticks = self._ticks, []
        steps = np.array([int(tick["step"]) for tick in ticks], np.int64)
        for name in dict.fromkeys(chain.from_iterable(ticks)):
            if name in _BESIDE:
                continue
            # By way of their types, since a log may have a million of these.
            told = [tick.get(name, _MISSING) for tick in ticks]
            types = set(map(type, told))
            there = np.array([each is not _MISSING for each in told]) if object in types else slice(None)
            told = [each for each in told if each is not _MISSING] if object in types else told
            numbers = types <= {float, NoneType, object} or all(each is None or _number(each) for each in told)
            if not numbers or (name not in self.curves and len(self.curves) >= _MOST_SIGNALS):
                self._unread.add(name)
                continue
            self.curves.setdefault(name, Growing()).add(steps[there], np.array(told, float))

    def best(self) -> Event | None:
        """The evaluation of the best step."""
        step = best_step(self.evaluations, self.kept, self.saved)
        return next((each for each in reversed(self.evaluations) if each.step == step), None)

    def series(self) -> Iterator[Series]:
        """The curves that hold anything, in the order of the log's names."""
        for name, curve in self.curves.items():
            if len(curve.steps):
                network, term = _term_of(name)
                yield Series(name, network, term, curve.steps, curve.values)

    def notes(self) -> Iterator[str]:
        """What could not be read."""
        if self.torn:
            yield f"{self.torn:,} lines of events.jsonl are torn or no events; they were passed over."
        if self._unread:
            yield f"No numbers, and not shown: {', '.join(sorted(self._unread))}."


def _parsed(lines: list[bytes], log: RunLog) -> Iterator[dict[str, Any]]:
    """The objects of many lines: in one call where all are whole, which is three times as fast, else line by line."""
    try:
        found = json.loads(b"[" + b",".join(line for line in lines if line.strip()) + b"]")
    except (ValueError, RecursionError):
        found = [each for line in lines if line.strip() for each in [_or_none(json.loads, line)]]
    for each in found:
        if isinstance(each, dict):
            yield each
        else:
            log.torn += 1


def _or_none(parse: Callable[[bytes], Any], line: bytes) -> Any:
    try:
        return parse(line)
    except (ValueError, RecursionError):
        return None


def _finding(told: Finding) -> Finding:
    """A finding with every part of the kind that it is to be; numbers that are not finite are no evidence."""
    words = {field.name: str(getattr(told, field.name)) for field in fields(Finding) if field.type == "str"}
    evidence = {str(name): float(n) for name, n in dict(told.evidence).items() if _finite(n)}
    remedies = tuple(Remedy(str(each.text), dict(each.change)) for each in told.remedies)
    return Finding(**words, evidence=evidence, remedies=remedies)


def _number(value: Any) -> bool:
    return type(value) is float or _finite(value)


def _finite(value: Any) -> TypeGuard[float]:
    return type(value) in (int, float) and abs(value) < _LARGEST


def _term_of(name: str) -> tuple[str, str]:
    if name in _TERMS:
        return _TERMS[name]
    if name.startswith("d_loss_"):
        return "d", "penalty"
    return ("g", "auxiliary") if name.startswith("g_loss_") else (name[:1] if name[:2] in ("d_", "g_") else "", "other")
