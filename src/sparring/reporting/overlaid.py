"""Several runs side by side: their curves on the same axes, a colour each, and what their settings differ in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .figures import COLOURS, PANELS, Figure, Line, Panel, figure_of, line_of, span_of
from .reading import Recorded

# Of each figure the signals that stay readable when there are several runs: (network, term) -> how its line is drawn.
_KEPT = {
    "loss": {("d", "loss"): "solid", ("g", "loss"): "dot"},
    "logits": {("d", "logit_real"): "solid", ("d", "logit_fake"): "dot"},
    "gradient": {("d", "gradient"): "solid", ("g", "gradient"): "dot"},
    "accuracy": {("d", "accuracy_real"): "solid", ("d", "accuracy_fake"): "dot", ("d", "accuracy"): "dash"},
    "speed": {("", "other"): "solid"},
    "moved": {("d", "other"): "solid", ("g", "other"): "dot"},
}
_LEFT_OUT = {"format", "sparring"}
_SUMS = {"fingerprint", "content", "sha256"}  # tell that something differs, and no more


def overlaid(runs: Sequence[tuple[str, Recorded]]) -> list[Figure]:
    """The figures of several runs, one colour a run.

    Args:
        runs: (name, run), each name once.
    """
    steps = [float(step) for _, run in runs for step in (0, run.step)]
    span = span_of(steps)
    made = []
    quality = _quality(runs)
    if quality:
        told = "Values of runs that were judged by other pictures, or by other features, cannot be compared."
        made.append(figure_of(Panel("quality", "Quality", told, _none, may_be_log=True), quality, (), span, "step"))
    for panel in PANELS:
        kept = _KEPT.get(panel.name, {})
        lines = [
            _named(line_of(series), name, place, kept[series.network, series.term])
            for place, (name, run) in enumerate(runs)
            for series in run.history.series
            if panel.takes(series) and (series.network, series.term) in kept
        ]
        if lines:
            made.append(figure_of(panel, lines, (), span, "step"))
    return made


def _none(_: Any) -> bool:
    return False


def _named(line: Line, name: str, place: int, dash: str) -> Line:
    line.label, line.colour, line.dash = f"{name}: {line.label}", COLOURS[place % len(COLOURS)], dash
    return line


def _quality(runs: Sequence[tuple[str, Recorded]]) -> list[Line]:
    lines = []
    for place, (name, run) in enumerate(runs):
        if run.evaluations:
            metric = run.evaluations[-1].values["metric"]
            same = [each for each in run.evaluations if each.values["metric"] == metric]
            steps, values = [each.step for each in same], [each.values["value"] for each in same]
            more = {"mode": "lines+markers"}
            colour = COLOURS[place % len(COLOURS)]
            lines.append(Line(f"{name}: {metric}", np.array(steps), np.array(values, float), colour, more=more))
    return lines


def differing(runs: Sequence[tuple[str, Recorded]]) -> list[tuple[str, list[str]]]:
    """Every setting that is not the same in all of them, with the value in each; "-" where one does not have it."""
    flat = [_flat({name: each for name, each in run.settings.items() if name not in _LEFT_OUT}) for _, run in runs]
    names = list(dict.fromkeys(name for each in flat for name in each))
    rows = [(name, [each.get(name, "-") for each in flat]) for name in names]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def _flat(settings: dict[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{before}{name}.")
        elif value is not None:
            found[f"{before}{name}"] = _short(name, value)
    return found


def _short(name: str, value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    longest = 8 if name in _SUMS else 80
    return text if len(text) <= longest else f"{text[:longest]}..."
