"""Signals, evaluations and findings -> figures as plain data that plotly draws. No page, no colours of one.

Text, grid and paper have no colour here: who shows a figure gives them his own, for light and for dark.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..events import Event
from ..history import History, Series
from .marks import Mark
from .thinning import thinned

HEIGHT_PX = 300
_MARGIN = {"l": 58, "r": 16, "t": 12, "b": 40}
_ROW_PX, _NAMES_IN_A_ROW = 18, 4  # of the names above the curves
_MOST_LINES = 10  # on one figure
# Readable on white and on near black alike: contrast with both is 3 or more.
BLUE, ORANGE, GREEN, PINK, PURPLE, TEAL, BROWN, GRAY = (
    "#3585d0", "#d07412", "#2c9a5e", "#d4568c", "#9a6bd8", "#1b98a6", "#a8794a", "#7d8893",
)  # fmt: skip
COLOURS = (BLUE, ORANGE, GREEN, PINK, PURPLE, TEAL, BROWN, GRAY)
SEVERITY_COLOURS = {"error": "#dc4b4b", "warning": "#c98a00", "info": "#5a86c8"}


@dataclass(frozen=True)
class Panel:
    """One row of the figures: which numbers stand together.

    Attributes:
        name: of the figure, fit for an address.
        title: what is drawn.
        told: how to read it, in a sentence.
        takes: whether a series belongs to it.
        limits: of the axis of values, where they are known.
        may_be_log: whether the axis is logarithmic where numbers of several sizes meet.
    """

    name: str
    title: str
    told: str
    takes: Callable[[Series], bool]
    limits: tuple[float, float] | None = None
    may_be_log: bool = False


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: of its panel.
        title: what is drawn.
        told: how to read it.
        alt: the same for who cannot see it: what the curves do, in numbers.
        plot: {"data", "layout"} as plotly takes them, JSON-able.
        codes: of the findings that are marked on it.
    """

    name: str
    title: str
    told: str
    alt: str
    plot: dict[str, Any]
    codes: tuple[str, ...] = ()


# What is known by its name, whoever recorded it.
_MOVED = re.compile(r"([dg])_moved_in_([dg])_step")
_SHOCK = re.compile(r"[dg]_shock")
_CLIPPED = re.compile(r"[dg]_(?:gradient_clipped|weights_at_clip)")
_SPEED = re.compile(r"images_per_second")
_NAMED = (_MOVED, _SHOCK, _CLIPPED, _SPEED)


def _of(*terms: str) -> Callable[[Series], bool]:
    return lambda series: series.term in terms and not any(name.fullmatch(series.name) for name in _NAMED)


def _called(name: re.Pattern[str]) -> Callable[[Series], bool]:
    """Takes what has such a name and is not nothing throughout: weights that do not move are no curve."""
    return lambda series: name.fullmatch(series.name) is not None and bool(np.any(series.values != 0))


PANELS = (
    Panel("loss", "Losses of D and G", "Each against the other: neither is a measure of quality.", _of("loss"),
          may_be_log=True),
    Panel("terms", "Losses by term", "What D's loss is made of, on reals and on fakes, with penalties and other parts.",
          _of("real", "fake", "penalty", "auxiliary"), may_be_log=True),
    Panel("logits", "Logits of D", "Means over the batch. The further apart, the surer D is.",
          _of("logit_real", "logit_fake")),
    Panel("gradient", "Norms of the gradients", "Before any clipping.", _of("gradient"), may_be_log=True),
    Panel("moved", "Movement of the weights", "What one step changes, as a part of their size; 0.001 is usual.",
          _called(_MOVED), may_be_log=True),
    Panel("shock", "Gradients against Adam's memory",
          "Near 1 is usual; far above it, a step is larger than Adam foresaw.",
          _called(_SHOCK), may_be_log=True),
    Panel("clipped", "What is clipped", "The share of steps, or of weights that stand at their bound.",
          _called(_CLIPPED), (-0.03, 1.03)),
    Panel("accuracy", "Accuracy of D", "The share of pictures that D is right about; reals and fakes apart.",
          _of("accuracy", "accuracy_real", "accuracy_fake", "p_real", "p_fake", "p_fake_after"), (-0.03, 1.03)),
    Panel("quality", "Quality", "As the log tells it.", _of("quality"), may_be_log=True),
    Panel("rate", "Learning rates", "As the log tells them.", _of("rate"), may_be_log=True),
    Panel("speed", "Real pictures a second", "What evaluations and saving take is no part of it.",
          _called(_SPEED)),
    Panel("other", "Other numbers", "What else was recorded; a click on a name hides its curve.", _of("other")),
)  # fmt: skip
_LABELS = {
    ("d", "loss"): "D", ("g", "loss"): "G", ("d", "real"): "D on reals", ("d", "fake"): "D on fakes",
    ("d", "logit_real"): "reals", ("d", "logit_fake"): "fakes", ("d", "accuracy_real"): "reals",
    ("d", "accuracy_fake"): "fakes", ("d", "accuracy"): "all", ("d", "gradient"): "D", ("g", "gradient"): "G",
    ("d", "rate"): "D", ("g", "rate"): "G",
}  # fmt: skip
_COLOUR_OF = {
    ("d", "loss"): BLUE, ("g", "loss"): ORANGE, ("d", "gradient"): BLUE, ("g", "gradient"): ORANGE, ("d", "rate"): BLUE,
    ("g", "rate"): ORANGE, ("d", "real"): GREEN, ("d", "fake"): PINK, ("d", "logit_real"): GREEN,
    ("d", "logit_fake"): PINK, ("d", "accuracy_real"): GREEN, ("d", "accuracy_fake"): PINK, ("d", "p_real"): GREEN,
    ("d", "p_fake"): PINK,
}  # fmt: skip


def present(history: History, evaluations: Sequence[Event] = ()) -> list[str]:
    """Names of the figures that there will be."""
    names = [panel.name for panel in PANELS if any(map(panel.takes, history.series))]
    return [*names, *(["quality", "shares"] if evaluations else [])]


def figures(
    history: History,
    evaluations: Sequence[Event] = (),
    best: Event | None = None,
    marks: Sequence[Mark] = (),
    unit: str = "step",
) -> list[Figure]:
    """The figures of one training, all over the same steps.

    Args:
        history: its signals; long ones are thinned.
        evaluations: of a run of ours.
        best: the best of them.
        marks: of its findings.
        unit: what is counted along.
    """
    ends = [float(step) for series in history.series if len(series) for step in (series.steps[0], series.steps[-1])]
    span = span_of([*ends, *(float(each.step) for each in evaluations)], marks)
    made = []
    for panel in PANELS:
        own = [mark for mark in marks if mark.panel == panel.name]
        if panel.name == "quality" and evaluations:
            made.append(_quality(evaluations, best, own, span, unit))
            shares = [mark for mark in marks if mark.panel == "shares"]
            made += _shares(evaluations, shares, span, unit)
            continue
        lines = [line_of(series) for series in history.series if panel.takes(series) and len(series)]
        if lines:
            made.append(figure_of(panel, _coloured(lines[:_MOST_LINES]), own, span, unit))
    return made


@dataclass
class Line:
    """One curve: its name, and what to draw.  # steps [n], values float64 [n]"""

    label: str
    steps: np.ndarray
    values: np.ndarray
    colour: str = ""
    dash: str = "solid"
    name: str = ""  # of the signal; "" for what is none
    more: dict[str, Any] = field(default_factory=dict)


def line_of(series: Series) -> Line:
    """A signal as a curve of at most some 2,000 points."""
    key = (series.network, series.term)
    label = _LABELS.get(key, series.name if series.term != "penalty" else series.name.removeprefix("d_loss_"))
    if _SPEED.fullmatch(series.name):
        label = "images/s"
    if moved := _MOVED.fullmatch(series.name):
        label = f"{moved[1].upper()} in {moved[2].upper()}'s step"
    if _SHOCK.fullmatch(series.name):
        label = series.name[0].upper()
    steps, values = thinned(series.steps, series.values)
    colour = _COLOUR_OF.get(key, "")
    if not colour and series.term == "other" and series.name[:2] in ("d_", "g_"):
        colour = BLUE if series.name[0] == "d" else ORANGE
    return Line(label, steps, values, colour, name=series.name)


def _coloured(lines: list[Line]) -> list[Line]:
    """Gives what has no colour of its own, or one that is taken, the next that is free; equal names are told apart."""
    free = (PURPLE, TEAL, BROWN, GRAY, BLUE, ORANGE, GREEN, PINK)
    taken: set[str] = set()
    for line in lines:
        if not line.colour or line.colour in taken:
            line.colour = next((colour for colour in free if colour not in taken), GRAY)
        taken.add(line.colour)
    return lines


def figure_of(
    panel: Panel, lines: Sequence[Line], marks: Sequence[Mark], span: tuple[float, float], unit: str
) -> Figure:
    """One figure of some curves, with marks, over a span of steps."""
    layout = _layout(span, unit)
    layout["yaxis"] |= _scale(panel, lines)
    # Names stand above the curves, on a narrow screen one a row.
    layout["height"] += _ROW_PX * max(0, len(lines) - _NAMES_IN_A_ROW)
    layout["shapes"], layout["annotations"] = _drawn(marks, span)
    data = [_trace(line) for line in lines]
    alt = _in_words(panel.title, lines, marks, unit)
    codes = tuple(dict.fromkeys(mark.code for mark in marks))
    return Figure(panel.name, panel.title, panel.told, alt, {"data": data, "layout": layout}, codes)


def _trace(line: Line) -> dict[str, Any]:
    one = {"mode": "lines+markers"} if len(line.steps) < 3 else {"mode": "lines"}
    return {
        "type": "scatter", "name": plain(line.label), "x": [_number(step) for step in line.steps],
        "y": [_number(value) for value in line.values], "connectgaps": False,
        "line": {"color": line.colour, "width": 1.6, "dash": line.dash}, "marker": {"color": line.colour, "size": 6},
        "hovertemplate": "%{y:.4g}",
    } | one | ({"meta": line.name} if line.name else {}) | line.more  # fmt: skip


def _quality(
    evaluations: Sequence[Event], best: Event | None, marks: Sequence[Mark], span: tuple[float, float], unit: str
) -> Figure:
    """The metric that decides, with its noise, what reals reach, and the best step."""
    last = evaluations[-1].values
    metric, better, floor = str(last["metric"]), str(last["better"]), last.get("floor")
    same = [each for each in evaluations if each.values["metric"] == metric]
    steps, values = np.array([e.step for e in same]), np.array([e.values["value"] for e in same], float)
    noise = [_number(1.96 * e.values["noise"]) for e in same]
    bars = {"type": "data", "array": noise, "color": BLUE, "thickness": 1, "width": 3}
    lines = [Line(metric, steps, values, BLUE, more={"mode": "lines+markers", "error_y": bars})]
    if isinstance(floor, int | float):
        flat = {"mode": "lines"}
        lines.append(Line("floor", np.array(span), np.array([floor, floor], float), GRAY, "dash", more=flat))
    if best is not None:
        star = {"symbol": "star", "size": 15, "color": ORANGE}
        lines.append(
            Line(f"best: {unit} {best.step:,}", np.array([best.step]), np.array([best.values["value"]], float), ORANGE,
                 more={"mode": "markers", "marker": star})
        )  # fmt: skip
    told = f"{better.capitalize()} is better. Bars: 95 % of the noise of measuring. Floor: what other reals reach."
    panel = Panel("quality", f"Quality: {metric}", told, _of(), may_be_log=True)
    figure = figure_of(panel, lines, marks, span, unit)
    if best is not None:
        figure.plot["layout"]["shapes"].append(_upright(best.step, ORANGE, "dash", "best"))
    return figure


def _shares(evaluations: Sequence[Event], marks: Sequence[Mark], span: tuple[float, float], unit: str) -> list[Figure]:
    """What evaluations tell beside it, each between 0 and 1."""
    lines = []
    for name, colour in (("coverage", GREEN), ("precision", BLUE), ("recall", PINK), ("obedience", PURPLE)):
        told = [(e.step, e.values[name]) for e in evaluations if isinstance(e.values.get(name), int | float)]
        if told:
            steps, values = zip(*told, strict=True)
            lines.append(Line(name, np.array(steps), np.array(values, float), colour, more={"mode": "lines+markers"}))
    told_as = "Precision: how many fakes look real. Coverage and recall: how much of the reals the fakes reach."
    panel = Panel("shares", "Likeness and variety", told_as, _of(), (-0.03, 1.03))
    return [figure_of(panel, lines, marks, span, unit)] if lines else []


def span_of(steps: Sequence[float], marks: Iterable[Mark] = ()) -> tuple[float, float]:
    """The first and last step that anything is known of; never the same."""
    every = [*steps, *(mark.first for mark in marks)]
    low, high = min(every, default=0.0), max(every, default=1.0)
    return (low, high) if high > low else (low, low + 1.0)


def _layout(span: tuple[float, float], unit: str) -> dict[str, Any]:
    room = 0.02 * (span[1] - span[0])
    return {
        "height": HEIGHT_PX, "margin": dict(_MARGIN), "hovermode": "x unified", "showlegend": True,
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": {"range": [span[0] - room, span[1] + room], "title": {"text": unit, "standoff": 6}, "tickformat": ",",
                  "zeroline": False, "nticks": 6},
        "yaxis": {"automargin": False, "zeroline": False, "tickformat": "~g", "nticks": 6},
    }  # fmt: skip


def _scale(panel: Panel, lines: Sequence[Line]) -> dict[str, Any]:
    if panel.limits is not None:
        return {"range": list(panel.limits)}
    # A floor far below is no reason to press all else together.
    values = np.concatenate([line.values for line in lines if line.label != "floor"] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if panel.may_be_log and len(values) and values.min() > 0 and values.max() / values.min() > 100:
        return {"type": "log", "dtick": 1, "tickformat": "~g"} if values.max() / values.min() > 1e3 else {"type": "log"}
    return {}


def _drawn(marks: Sequence[Mark], span: tuple[float, float]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A line where each finding begins, a band to its end, and its code, on as many rows as keep codes apart."""
    shapes, labels = [], []
    wide = span[1] - span[0]
    rows: list[float] = []  # where the last label of each row ends
    for mark in marks:
        colour = SEVERITY_COLOURS.get(mark.severity, GRAY)
        if mark.last > mark.first:
            shapes.append(
                {"type": "rect", "xref": "x", "yref": "paper", "x0": mark.first, "x1": min(mark.last, span[1]), "y0": 0,
                 "y1": 1, "fillcolor": colour, "opacity": 0.10, "line": {"width": 0}, "layer": "below"}
            )  # fmt: skip
        shapes.append(_upright(mark.first, colour, "solid", mark.code))
        late = mark.first > span[0] + 0.8 * wide
        begin = mark.first - (0.2 * wide if late else 0)
        row = next((i for i, end in enumerate(rows) if begin >= end), len(rows))
        rows[row : row + 1] = [begin + 0.2 * wide]
        labels.append(
            {"x": mark.first, "y": 1, "xref": "x", "yref": "paper", "yanchor": "top", "text": plain(mark.code),
             "xanchor": "right" if late else "left", "yshift": -2 - 18 * row, "showarrow": False, "borderpad": 2,
             "bgcolor": colour, "font": {"color": "#ffffff", "size": 11}}
        )  # fmt: skip
    return shapes, labels


def _upright(step: float, colour: str, dash: str, name: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1.5, "dash": dash}
    return {"type": "line", "xref": "x", "yref": "paper", "x0": step, "x1": step, "y0": 0, "y1": 1, "line": line,
            "name": plain(name)}  # fmt: skip


def _in_words(title: str, lines: Sequence[Line], marks: Sequence[Mark], unit: str) -> str:
    parts = []
    for line in lines:
        values = line.values[np.isfinite(line.values)]
        if len(values) > 1:
            parts.append(
                f"{line.label} from {values[0]:.3g} to {values[-1]:.3g}, least {values.min():.3g}, most "
                f"{values.max():.3g}"
            )
        elif len(values):
            parts.append(f"{line.label} {values[0]:.3g}")
        else:
            parts.append(f"{line.label} never finite")
    told = f"{title}: {'; '.join(parts)}."
    if marks:
        where = (f"{mark.code} {mark.name} at {unit} {mark.first:,.0f}" for mark in marks)
        told += f" Marked: {', '.join(where)}."
    return told


def plain(text: str) -> str:
    """Text for plotly, which takes some tags for markup: none of them is left."""
    return html.escape(text, quote=False)


def _number(value: Any) -> float | int | None:
    """A number of five digits, whole where it is whole; None for what is not finite."""
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number == int(number) and abs(number) < 2**53 else float(f"{number:.5g}")
