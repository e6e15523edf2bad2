"""JSON, an object a line: our own events.jsonl, StyleGAN's stats.jsonl and metric-*.jsonl, BigGAN's, and plain ones."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ...events import LAST_EVALUATION
from .reading.engine import Engine
from .reading.layouts import NUMBER, Cell
from .reading.naming import Tag
from .reading.numbers import IGNORED, POSITIONS

OWN, STATS, METRIC, PLAIN = "sparring", "StyleGAN stats.jsonl", "StyleGAN metric-*.jsonl", "JSON lines"
_WATCHED = ("moved_in_d_step", "moved_in_g_step", "shock", "weights_at_clip", "gradient_clipped")
TAGS = {
    STATS: {
        "Loss/scores/real": Tag("d", "logit_real"),
        "Loss/scores/fake": Tag("d", "logit_fake"),
        "Loss/signs/real": Tag("d", "other", "mean sign of the logits of reals"),
        "Loss/signs/fake": Tag("d", "other", "mean sign of the logits of fakes"),
        "Loss/G/loss": Tag("g", "loss"),
        "Loss/D/loss": Tag("d", "loss"),
        "Loss/D/reg": Tag("d", "penalty"),
        "Loss/r1_penalty": Tag("d", "penalty"),
        "Loss/pl_penalty": Tag("g", "penalty"),
        "Loss/G/reg": Tag("g", "penalty"),
    },
    OWN: {"d_real_logit": Tag("d", "logit_real"), "d_fake_logit": Tag("d", "logit_fake")}
    | {f"{network}_{what}": Tag(network, "other") for network in "dg" for what in _WATCHED},
}
_DEEPEST, _MOST_NUMBERS = 4, 400
_SNAPSHOT = re.compile(r"snapshot-([0-9]{1,9})")
_PAIR = re.compile(rf'"([^"]++)":\s*+({NUMBER})')
_NOT_FLAT = re.compile(r"\\|\[|.\{")
# Of an evaluation what is a curve for everybody; all else is for the rules on quality alone.
_CURVES = ("precision", "recall", "density", "coverage", "nearest", "obedience", "diversity")
BESIDE_TICKS = ("nonfinite", "images_per_second", "epoch", "seconds")  # what a tick says that is no signal
_TICK = {"event", "step", "images", "time", *BESIDE_TICKS}
_MOST_EVALUATIONS = 10_000
# How our losses are written, where others write them otherwise.
_WRITTEN = {"least-squares": "least-squares-halved"}


def facts_of_start(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the first event of a run of ours tells of its recipe, as `History.facts` has it."""
    loss, smoothing = found.get("loss"), _number(found.get("label_smoothing"))
    told: dict[str, Any] = {"loss": _WRITTEN.get(loss, loss)} if isinstance(loss, str) else {}
    return told | ({"label_smoothing": smoothing} if smoothing is not None and 0 < smoothing < 1 else {})


class JsonLines:
    """Reads lines that are JSON objects."""

    def __init__(self) -> None:
        self._evaluations: list[tuple[str, dict[str, Any]]] = []  # kind of event, step and values

    def take(self, text: str, line: int, engine: Engine) -> bool:
        """Reads a line that is a JSON object."""
        if text.lstrip()[:1] != "{" or not text.rstrip().endswith("}"):
            return False
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(found, dict):
            return False
        if isinstance(found.get("event"), str):
            self._event(found, text, line, engine)
        else:
            self._plain(found, text, line, engine)
        return True

    def _event(self, found: dict[str, Any], text: str, line: int, engine: Engine) -> None:
        kind, step = found["event"], _number(found.get("step"))
        if step is None or not math.isfinite(step):
            return
        if kind == "tick":
            # No number stands where one was not finite.
            told = {
                name: math.nan if value is None else _number(value)
                for name, value in found.items()
                if name not in _TICK
            }
            kept = {name: value for name, value in told.items() if value is not None}
            _keep(OWN, kept, step, line, engine)
            if kept and None not in found.values():
                _learn(OWN, text, ("@step", *kept), engine, lambda name: "" if name in _TICK - {"step"} else name)
        elif kind in ("evaluation", LAST_EVALUATION):
            told = {name: _number(found.get(name)) for name in _CURVES} | {
                str(found.get("metric")): _number(found.get("value"))
            }
            _keep(OWN, {name: value for name, value in told.items() if value is not None}, step, line, engine)
            self._evaluated(kind, int(step), found, engine)
        elif kind in ("started", "resumed"):
            engine.facts.update(facts_of_start(found))
            if kind == "resumed":
                engine.rewound.append((engine.store.count, int(step)))
                engine.happened("resumed")
                self._evaluations = [e for e in self._evaluations if e[0] == "evaluation" and e[1]["step"] <= step]
                engine.facts["evaluations"] = [values for _, values in self._evaluations]
        elif kind in ("applied", "ended"):
            engine.happened(f"{kind}: {json.dumps({k: v for k, v in found.items() if k not in _TICK})[:160]}")

    def _evaluated(self, kind: str, step: int, found: Mapping[str, Any], engine: Engine) -> None:
        """Keeps all of an evaluation, as a run that goes on has it."""
        values = {name: value for name, value in found.items() if name not in ("event", "images", "time", "step")}
        self._evaluations = [*self._evaluations[1 - _MOST_EVALUATIONS :], (kind, {"step": step, **values})]
        engine.facts["evaluations"] = [each for _, each in self._evaluations]

    def _plain(self, found: dict[str, Any], text: str, line: int, engine: Engine) -> None:
        producer = STATS if any(name.startswith("Progress/") for name in found) else PLAIN
        flat = dict(_flat(found))
        step: tuple[str, float] | None = None
        if isinstance(found.get("metric"), str) and isinstance(found.get("results"), dict):
            producer = METRIC
            flat = {name.partition("/")[2]: value for name, value in flat.items() if name.startswith("results/")}
            where = _SNAPSHOT.search(str(found.get("snapshot_pkl")))
            step = ("@kimg", float(where[1])) if where else None
        roles: dict[str, float] = {}
        for name, value in flat.items():
            if role := _role(name):
                roles.setdefault(role, value)
        if step is not None:
            roles[step[0]] = step[1]
        if any(not role.startswith("@") for role in roles):
            engine.add(producer, line, tuple(roles), list(roles.values()))
            if step is None:
                _learn(producer, text, tuple(roles), engine, _role)


@lru_cache(4096)
def _role(name: str) -> str:
    """What a number is by its name: a position, a name, or "" for nothing to keep."""
    if name.lower() in IGNORED or name.startswith(("Timing/", "Resources/", "Progress/tick")):
        return ""
    return "@kimg" if name == "Progress/kimg" else POSITIONS.get(name.lower(), name)


def _learn(
    producer: str, text: str, roles: tuple[str, ...], engine: Engine, role_of: Callable[[str], str] = _role
) -> None:
    """Makes objects like a flat one, without lists, readable by a layout: those with the same words."""
    if _NOT_FLAT.search(text):
        return
    named = [(role_of(found[1]), found.span(2)) for found in _PAIR.finditer(text)]
    cells = [Cell(POSITIONS[role] if role == "step" else role, *span) for role, span in named if role]
    # Numbers in other places than the record's, or in another order, would be read as something else.
    if tuple(cell.role for cell in cells) == roles:
        engine.learn(producer, text, cells)


def _keep(producer: str, told: Mapping[str, float], step: float, line: int, engine: Engine) -> None:
    if told:
        engine.add(producer, line, ("@step", *told), [step, *told.values()])


def _flat(found: Mapping[str, Any], before: str = "", depth: int = 0) -> Iterator[tuple[str, float]]:
    """The numbers of an object, names joined by "/"; of {"num", "mean", "std"} the mean."""
    for at, (name, value) in enumerate(found.items()):
        if at >= _MOST_NUMBERS:
            return
        if isinstance(value, dict):
            mean = _number(value.get("mean")) if "num" in value else None
            if mean is not None:
                yield f"{before}{name}", mean
            elif depth < _DEEPEST:
                yield from _flat(value, f"{before}{name}/", depth + 1)
        else:
            number = _number(value)
            if number is not None:
                yield f"{before}{name}", number


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
