"""The losses of a training and the findings in them -> one chart as plain data, for whoever draws it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..findings import Report
from ..history import History, Series
from .figures import COLOURS, PANELS, line_of, present, span_of
from .marks import Mark, marks_of
from .reading import Seen

MOST_CHARTS = 12  # of the runs of one log
_MOST_CURVES = 4
_LOG_FROM = 100.0  # times the least value that the greatest must be
# What lies so far beyond nearly all numbers is drawn at the edge: one leap to 1e6 must not flatten all else.
_NEARLY_ALL, _FAR = 0.998, 3.0
_LARGEST = 1e30  # so that differences are numbers too
_LETTERS = {"D": "D", "G": "G", "D on reals": "r", "D on fakes": "f", "reals": "r", "fakes": "f"}


@dataclass(frozen=True, eq=False)
class Curve:
    """One signal of a chart.

    Attributes:
        label: in words.
        letter: the same in one, where there are no colours.
        colour: "#rrggbb".
        steps: ascending  # int64 [n]
        values: finite  # float64 [n]
    """

    label: str
    letter: str
    colour: str
    steps: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Chart:
    """What is to be drawn.

    Attributes:
        panel: the name of the report's figure that shows the same.
        title: what it shows.
        unit: what is counted along.
        curves: one at least.
        marks: of findings, by step.
        span: first and last step.
        limits: of the axis of values.
        log: whether that axis is logarithmic.
    """

    panel: str
    title: str
    unit: str
    curves: tuple[Curve, ...]
    marks: tuple[Mark, ...]
    span: tuple[float, float]
    limits: tuple[float, float]
    log: bool

    def across(self, step: float) -> float:
        """Where a step is, 0 at the left to 1 at the right."""
        return (step - self.span[0]) / (self.span[1] - self.span[0])

    def up(self, value: float) -> float:
        """Where a value is, 0 at the bottom to 1 at the top; what lies beyond is at the edge."""
        low, high, at = (float(_scaled(np.array(v), self.log)) for v in (*self.limits, value))
        return min(1.0, max(0.0, (at - low) / (high - low)))

    def ticks(self, most: int) -> list[float]:
        """Values to name on the axis of values."""
        low, high = self.limits
        if not self.log:
            return nice(low, high, most)
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps: tuple[int, ...] = (1, 2, 5) if len(decades) <= most // 3 + 1 else (1,)
        found = [m * 10.0**e for e in decades for m in steps if low <= m * 10.0**e <= high]
        return found[:: math.ceil(len(found) / most)] if found else [low, high]


def chart_of(history: History, report: Report, unit: str = "step") -> Chart | None:
    """The chart of one training: its losses, or what else it has where it has none; None for nothing to draw.

    Args:
        history: of it.
        report: what was found in it.
        unit: what its steps count.
    """
    names = present(history)
    name = "loss" if "loss" in names else next(iter(names), "")
    panel = next((panel for panel in PANELS if panel.name == name), None)
    if panel is None:
        return None
    chosen = [series for series in history.series if panel.takes(series)]
    if name == "loss" and not any(series.network == "d" for series in chosen):
        chosen = [s for s in (history.of("d", "real"), history.of("d", "fake")) if s is not None] + chosen
    curves = _curves(chosen[:_MOST_CURVES])
    if not curves:
        return None
    seen = [Seen(finding) for finding in report.findings]
    marks = marks_of(seen, [name])
    span = span_of([float(step) for curve in curves for step in (curve.steps[0], curve.steps[-1])], marks)
    log, limits = _limits(np.concatenate([curve.values for curve in curves]))
    return Chart(name, panel.title, unit, tuple(curves), tuple(marks), span, limits, log)


def charts_of(histories: Sequence[History], reports: Sequence[Report], units: Sequence[str]) -> list[tuple[int, Chart]]:
    """Of each training that has curves its place and its chart; of very many the last."""
    made = [chart_of(*each) for each in zip(histories, reports, units, strict=True)]
    return [(place, chart) for place, chart in enumerate(made) if chart is not None][-MOST_CHARTS:]


def _curves(chosen: list[Series]) -> list[Curve]:
    made: list[Curve] = []
    for series in chosen:
        fine = np.isfinite(series.values)
        if not fine.any():
            continue
        line, taken = line_of(series), {curve.colour for curve in made}
        free = next((colour for colour in COLOURS if colour not in taken), COLOURS[-1])
        letter = _LETTERS.get(line.label, "")
        if not letter or letter in {curve.letter for curve in made}:
            letter = "abcdefgh"[len(made)]
        colour = line.colour if line.colour and line.colour not in taken else free
        values = np.clip(series.values[fine], -_LARGEST, _LARGEST)
        made.append(Curve(line.label, letter, colour, series.steps[fine], values))
    return made


def _limits(values: np.ndarray) -> tuple[bool, tuple[float, float]]:
    """Whether the axis is logarithmic, and from where to where it goes."""
    # A loss that stands at exactly 0 for a while would keep all else from a scale that it needs.
    positive = values[values > 0]
    log = len(positive) > 0.99 * len(values) and float(values.min()) >= 0
    log = log and float(np.quantile(positive, _NEARLY_ALL)) > _LOG_FROM * float(np.quantile(positive, 1 - _NEARLY_ALL))
    scaled = _scaled(positive if log else values, log)
    low, high = float(scaled.min()), float(scaled.max())
    inner = [float(each) for each in np.quantile(scaled, [1 - _NEARLY_ALL, _NEARLY_ALL])]
    wide = max(inner[1] - inner[0], 1e-9)
    low, high = max(low, inner[0] - (_FAR - 1) / 2 * wide), min(high, inner[1] + (_FAR - 1) / 2 * wide)
    room = 0.04 * max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-9)
    low, high = low - room, high + room
    return log, ((10**low, 10**high) if log else (low, high))


def _scaled(values: np.ndarray, log: bool) -> np.ndarray:
    return np.log10(np.maximum(values, 1e-300)) if log else values


def scaled_to(chart: Chart, values: np.ndarray) -> Chart:
    """The chart with an axis for these values  # float64 [n]"""
    log, limits = _limits(values)
    return replace(chart, log=log, limits=limits)


def binned(curve: Curve, span: tuple[float, float], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each of n equal stretches of steps the least, the middle and the greatest value.

    Returns which stretches have any, and those three of each  # int64 [m], float64 [m, 3]
    """
    place = ((curve.steps - span[0]) / (span[1] - span[0]) * n).astype(np.int64)
    place = np.clip(place, 0, n - 1)
    ordered = curve.values[np.lexsort((curve.values, place))]
    which, starts, counts = np.unique(place, return_index=True, return_counts=True)
    middle = (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2
    return which, np.stack([ordered[starts], middle, ordered[starts + counts - 1]], 1)


def nice(low: float, high: float, most: int) -> list[float]:
    """Round numbers within limits, at most so many of them."""
    rough = (high - low) / max(most, 1)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next((m * size for m in (1, 2, 5, 10) if (high - low) / (m * size) <= most), 10 * size)
    first = math.ceil(low / step)
    return [at * step for at in range(first, math.floor(high / step) + 1)]


def number(value: float) -> str:
    """A tick's number: 20,000, 0.5, 1e-5."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}".replace("e-0", "e-")


def told(mark: Mark, unit: str) -> str:
    """'SP401 discriminator-won: warning, step 16,300 to 200,000'."""
    to = f" to {mark.last:,.0f}" if mark.last > mark.first else ""
    return f"{mark.code} {mark.name}: {mark.severity}, {unit} {mark.first:,.0f}{to}"


def in_rows(places: list[float], width: Callable[[int], float]) -> list[int]:
    """For labels that begin at these places, the row of each, so that none stands on another."""
    ends: list[float] = []
    rows = []
    for at, place in enumerate(places):
        row = next((i for i, end in enumerate(ends) if place >= end), len(ends))
        ends[row : row + 1] = [place + width(at)]
        rows.append(row)
    return rows
