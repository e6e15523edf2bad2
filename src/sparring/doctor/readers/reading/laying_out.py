"""What an engine has read -> histories: one for each run, without what a run went back over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ....errors import SparringError, did_you_mean
from ....history import History, Series
from .columns import COUNT, LINE
from .engine import GENERIC, Engine
from .naming import Tag, tag
from .places import Course, Part, course, place

_FEW, _MANY = 2, 5
_FURTHEST = 2.0**62


def histories(
    engine: Engine, lines: int, names: Mapping[str, str] | None = None, from_text: bool = True
) -> list[History]:
    """One History for each run that a log tells of.

    A counter that goes back to where its run began, or before it, begins a new run and a new History. One that goes
    back less far took training back: what stood there of later steps is left out, the rewind stands in `rewinds`, and
    where a number left out was not finite an event says so.

    Args:
        engine: with all that was read.
        lines: how many there were.
        names: names of columns by what they are ("d_loss"), as the user gave them.
        from_text: whether lines mean something.
    """
    facts: dict[str, Any] = dict(engine.facts)
    parts = _worth_keeping(engine, facts)
    producer = _producer(engine)
    found = engine.by_name.get(producer)
    if found is not None and found.usual_loss:
        facts["usual_loss"] = found.usual_loss
    unit = place(parts, {each.producer: each.epoch_from for each in engine.formats} | {GENERIC: 1}, facts)
    way = course(parts, unit, facts)
    if not way.sound:
        unit = ""
        for part in parts:
            part.steps = part.rows[:, COUNT].copy()
    if engine.rewound:
        way = Course((0,), _told_rewinds(engine.rewound, parts))
    if unit not in ("steps", ""):
        facts["steps_are"] = unit
    if any(table.width > 1 for table in engine.store.tables.values()):
        facts["thinned"] = max(table.width for table in engine.store.tables.values())
    made = []
    for begin, end in zip(way.starts, [*way.starts[1:], np.inf], strict=True):
        cut = _Cut(begin, end, tuple(each for each in way.rewinds if begin <= each[0] < end), bool(engine.rewound))
        made.append(_history(engine, parts, cut, unit == "steps", from_text))
    whole = [
        replace(each, producer=producer, lines=lines, facts=facts) for each in made if each.series or len(made) == 1
    ]
    whole = whole or [History(producer=producer, lines=lines, facts=facts)]
    whole[0] = replace(whole[0], not_understood=engine.not_understood)
    return _renamed(whole, names) if names else whole


class _Cut:
    """The records of one run."""

    def __init__(self, begin: float, end: float, rewinds: Sequence[tuple[int, float, float]], told: bool) -> None:
        self.begin, self.end, self.rewinds = begin, end, rewinds
        self._at = np.array([each[0] for each in rewinds], float)
        # A resume that is told names the last step that stays, one that is seen the first that comes again.
        tos = np.array([each[2] + told for each in rewinds], float)
        self._least = np.append(np.minimum.accumulate(tos[::-1])[::-1], np.inf)

    def of(self, part: Part) -> tuple[np.ndarray, np.ndarray]:
        """Which rows of a part belong to the run  # bool [n], and which it took back  # bool [n]."""
        counts = part.rows[:, COUNT]
        inside = (counts >= self.begin) & (counts < self.end) & np.isfinite(part.steps)
        if not self.rewinds:
            return inside, np.zeros(len(counts), bool)
        gone = part.steps >= self._least[np.searchsorted(self._at, counts, "right")]
        return inside & ~gone, inside & gone


def _told_rewinds(told: Sequence[tuple[int, int]], parts: Sequence[Part]) -> tuple[tuple[int, float, float], ...]:
    """Rewinds that the log itself tells; one that took nothing back is none."""
    found = []
    for count, step in told:
        before = [part.steps[part.rows[:, COUNT] < count] for part in parts]
        furthest = max((float(steps[-1]) for steps in before if len(steps)), default=float(step))
        if furthest > step:
            found.append((count, furthest, float(step)))
    return tuple(found)


def _producer(engine: Engine) -> str:
    known = [(count, name) for name, count in engine.records.items() if name != GENERIC]
    return max(known)[1] if known else GENERIC


def _worth_keeping(engine: Engine, facts: dict[str, Any]) -> list[Part]:
    """All tables but the odd lines beside a log: numbers that were told once or twice are settings, not signals."""
    tables = [table for table in engine.store.tables.values() if len(table)]
    most = max((len(table) for table in tables), default=0)
    parts: list[Part] = []
    settings: dict[str, float] = {}
    for table in tables:
        rows = table.rows()
        telling = any(tag(role).term in ("loss", "quality") for role in table.roles if not role.startswith("@"))
        if table.producer == GENERIC and len(rows) <= _FEW and most >= _MANY and not telling:
            settings.update(zip(table.roles, (float(number) for number in rows[-1, 2:]), strict=True))
            continue
        parts.append(Part(table.producer, table.roles, rows))
    if settings:
        facts["settings"] = {name: value for name, value in settings.items() if not name.startswith("@")}
    return parts


def _history(engine: Engine, parts: Sequence[Part], cut: _Cut, known: bool, from_text: bool) -> History:
    columns: dict[str, list[np.ndarray]] = {}  # each float64 [4, n]: record, step, line, value
    makers: dict[str, str] = {}
    lost: list[tuple[float, str]] = []
    for part in parts:
        kept, gone = cut.of(part)
        rows, steps = part.rows[kept], part.steps[kept]
        for at, role in enumerate(part.roles, 2):
            if role.startswith("@"):
                continue
            if len(rows):
                columns.setdefault(role, []).append(np.stack([rows[:, COUNT], steps, rows[:, LINE], rows[:, at]]))
                makers.setdefault(role, part.producer)
            bad = part.steps[gone][~np.isfinite(part.rows[gone, at])]
            if len(bad):
                lost.append((float(bad.min()), f"{role} was not finite, and was gone back over"))
    first = {name: min(float(block[0, 0]) for block in blocks) for name, blocks in columns.items()}
    series = [
        _series(name, np.concatenate(columns[name], 1), engine, makers[name], from_text)
        for name in sorted(columns, key=lambda name: first[name])
    ]
    series = with_a_whole_loss(series)
    events = [(_whole(step), what) for step, what in lost] + _events(engine, parts, cut)
    events += [(_whole(to), f"went back from {_whole(before)} to {_whole(to)}") for _, before, to in cut.rewinds]
    return History(
        series=tuple(series),
        steps_known=known,
        complete_from=_complete_from(series, known),
        rewinds=tuple((_whole(before), _whole(to)) for _, before, to in cut.rewinds),
        events=tuple(sorted(events, key=lambda event: event[0])),
    )


def _series(name: str, block: np.ndarray, engine: Engine, producer: str, from_text: bool) -> Series:
    block = block[:, np.argsort(block[0], kind="stable")]
    block = block[:, np.argsort(block[1], kind="stable")]
    made = engine.by_name.get(producer)
    told: Tag = engine.tags.get(producer, {}).get(name) or tag(name)
    if name == "value" and engine.title:
        name, told = engine.title, tag(engine.title)
    notes = [told.note]
    if made is not None and told.term in ("loss", "real", "fake"):
        notes.append(made.note)
    lines = block[2].astype(np.int64) if from_text else np.zeros(0, np.int64)
    steps = np.clip(np.round(block[1]), -_FURTHEST, _FURTHEST).astype(np.int64)
    return Series(
        name, told.network, told.term, steps, block[3].copy(), lines, "; ".join(dict.fromkeys(filter(None, notes)))
    )


def with_a_whole_loss(series: list[Series]) -> list[Series]:
    """Where G's adversarial term is all that a log has of G's loss, it is that."""
    if any(each.network == "g" and each.term == "loss" for each in series):
        return series
    at = next((at for at, each in enumerate(series) if (each.network, each.term) == ("g", "fake")), None)
    if at is not None:
        series[at] = replace(series[at], term="loss", note=series[at].note or "adversarial term only")
    return series


def _events(engine: Engine, parts: Sequence[Part], cut: _Cut) -> list[tuple[int, str]]:
    """What happened in a run, each at the step of the last record before it."""
    happened = [
        (count, what) for count, what in engine.events if cut.begin <= count < cut.end or count == cut.begin == 0
    ]
    if not happened:
        return []
    counts = np.concatenate([part.rows[:, COUNT] for part in parts]) if parts else np.zeros(0)
    steps = np.concatenate([part.steps for part in parts]) if parts else np.zeros(0)
    good = np.isfinite(steps)
    order = np.argsort(counts[good], kind="stable")
    counts, steps = counts[good][order], steps[good][order]
    told = []
    for count, what in happened:
        at = int(np.searchsorted(counts, count)) - 1
        told.append((_whole(float(steps[at])) if at >= 0 else 0, what))
    if engine.events_left_out and told:
        told.append((told[-1][0], f"{engine.events_left_out} more"))
    return told


def _complete_from(series: Sequence[Series], known: bool) -> int:
    """The first step, where that is further than one record from the beginning."""
    if not known or not series:
        return 0
    longest = max(series, key=len).steps
    gap = int(np.median(np.diff(longest))) if len(longest) > 1 else 1
    first = int(min(each.steps[0] for each in series))
    return first if first > max(gap, 1) else 0


def _whole(number: float) -> int:
    return int(np.clip(np.round(number), -_FURTHEST, _FURTHEST)) if np.isfinite(number) else 0


def _renamed(made: list[History], names: Mapping[str, str]) -> list[History]:
    """Histories in which the columns that the user named are what the user says, and come first."""
    known = {each.name.lower(): each.name for history in made for each in history.series}
    for role, column in names.items():
        if column.lower() not in known:
            raise SparringError(
                f"The log has no column {column!r} (given for {role}).",
                did_you_mean(column, known.values()),
                "name one of them.",
            )
    wanted = {known[column.lower()]: tag(role) for role, column in names.items()}
    changed = []
    for history in made:
        first = [
            replace(each, network=wanted[each.name].network, term=wanted[each.name].term)
            for each in history.series
            if each.name in wanted
        ]
        rest = [each for each in history.series if each.name not in wanted]
        changed.append(replace(history, series=(*first, *rest)))
    return changed
