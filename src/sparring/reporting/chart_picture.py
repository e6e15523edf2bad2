"""Charts -> a picture in a file: .png by Pillow, .svg as text, .html by plotly."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from PIL import Image, ImageDraw, ImageFont

from .. import __version__
from ..checkpoints import write_whole
from ..errors import SparringError
from ..history import History
from .charting import Chart, binned, in_rows, nice, number, told
from .figures import SEVERITY_COLOURS, figures
from .page import as_script, drawn, plotly_script

ENDINGS = (".png", ".svg", ".html")
_WIDTH, _CURVES, _FINE = 1200, 400, 2  # px; of the curves alone; drawn so many times larger, for smooth lines
_LEFT, _RIGHT, _TOP, _BOTTOM, _ROW = 70, 40, 64, 58, 24
_INK, _DIM, _GRID, _PAPER = "#22262b", "#626b75", "#e3e6ea", "#ffffff"
_TEXT, _HEAD = 15.0, 19.0
_MOST_TOLD = 10  # findings in the legend of a chart
_BIN = 4  # px, of which least, middle and greatest value are drawn
_FADED = 0.22  # of what lies between the least and the greatest value

Point = tuple[float, float]


class Canvas(Protocol):
    """What a chart is drawn on; px from the upper left corner."""

    def line(self, points: Sequence[Point], colour: str, width: float = 1.0, opacity: float = 1.0) -> None: ...  # noqa: D102
    def box(self, a: Point, b: Point, colour: str, opacity: float = 1.0) -> None: ...  # noqa: D102
    def text(self, at: Point, text: str, colour: str, size: float = _TEXT, anchor: str = "l") -> float:
        """Writes a line around the height of `at`, which is its "l"eft, "m"iddle or "r"ight; returns its width."""
        ...


def check_plot(out: Path) -> None:
    """Raises SparringError for a file that no chart is written into."""
    if out.suffix.lower() not in ENDINGS or out.is_dir():
        raise SparringError(
            f"The plot is to be written to {out}.", f"a file that ends in {', '.join(ENDINGS)}", "--plot losses.png"
        )
    if not out.parent.is_dir():
        raise SparringError(f"There is no folder {out.parent}.", "a folder that is there", "make it first.")


def write_charts(name: str, charts: Sequence[tuple[int, Chart]], histories: Sequence[History], out: Path) -> None:
    """Writes charts into one file, one below the other.

    Args:
        name: of the log.
        charts: as `charting.charts_of` gives them; one at least.
        histories: of the log, for the figures of a page.
        out: .png, .svg or .html.

    Raises SparringError where it cannot be written.
    """
    check_plot(out)
    titles = [f"{name}, run {place + 1}" if len(histories) > 1 else name for place, _ in charts]
    if out.suffix.lower() == ".html":
        content = _page(name, titles, charts, histories).encode("utf-8", "replace")
    else:
        heights = [_height(chart) for _, chart in charts]
        canvas = _Png(sum(heights)) if out.suffix.lower() == ".png" else _Svg(sum(heights))
        for i, (_, chart) in enumerate(charts):
            _paint(chart, titles[i], canvas, float(sum(heights[:i])))
        content = canvas.content()
    write_whole(out, lambda file: file.write(content))


def _rows(chart: Chart) -> list[int]:
    """On which row above the curves the code of each finding stands."""
    inside = _WIDTH - _LEFT - _RIGHT
    begins = [min(chart.across(mark.first) * inside, inside - 62.0) for mark in chart.marks]
    return in_rows(begins, lambda _: 66.0)


def _height(chart: Chart) -> int:
    told_of = min(len(chart.marks), _MOST_TOLD) + (len(chart.marks) > _MOST_TOLD)
    return _TOP + _ROW * (max(_rows(chart), default=-1) + 1) + _CURVES + _BOTTOM + _ROW * told_of + _ROW // 2


def _paint(chart: Chart, name: str, canvas: Canvas, top: float) -> None:
    rows = _rows(chart)
    left, right = float(_LEFT), float(_WIDTH - _RIGHT)
    high = top + _TOP + _ROW * (max(rows, default=-1) + 1)
    low = high + _CURVES

    def at(step: float, value: float) -> Point:
        return left + chart.across(step) * (right - left), low - chart.up(value) * _CURVES

    _paint_heads(chart, name, canvas, top, right)
    for tick in chart.ticks(7):
        y = at(chart.span[0], tick)[1]
        canvas.line([(left, y), (right, y)], _GRID)
        canvas.text((left - 8, y), number(tick), _DIM, anchor="r")
    for tick in nice(*chart.span, 8):
        x = at(tick, chart.limits[0])[0]
        canvas.line([(x, low), (x, low + 5)], _DIM)
        canvas.text((x, low + 17), number(tick), _DIM, anchor="m")
    for mark in chart.marks:
        if mark.last > mark.first and mark.severity != "info":
            ends = at(mark.first, chart.limits[1])[0], at(min(mark.last, chart.span[1]), chart.limits[1])[0]
            canvas.box((ends[0], high), (ends[1], low), _severity(mark.severity), 0.07)
    for curve in chart.curves:
        which, values = binned(curve, chart.span, int(right - left) // _BIN)
        middles = [(left + _BIN * (float(i) + 0.5), at(0, each[1])[1]) for i, each in zip(which, values, strict=True)]
        if len(curve.steps) > len(which):
            for (x, _), each in zip(middles, values, strict=True):
                canvas.line([(x, at(0, each[0])[1]), (x, at(0, each[2])[1])], curve.colour, _BIN, _FADED)
        canvas.line(middles if len(middles) > 1 else middles * 2, curve.colour, 1.8)
    canvas.line([(left, high), (left, low), (right, low)], _DIM)
    canvas.text(((left + right) / 2, low + 40), chart.unit, _DIM, anchor="m")
    for mark, row in zip(chart.marks, rows, strict=True):
        x = at(mark.first, chart.limits[1])[0]
        canvas.line([(x, high - _ROW * (row + 0.5)), (x, low)], _severity(mark.severity), 1.6)
    for mark, row in zip(chart.marks, rows, strict=True):
        begin, y = min(at(mark.first, chart.limits[1])[0], right - 62), high - _ROW * (row + 0.5)
        canvas.box((begin, y - 10), (begin + 62, y + 10), _severity(mark.severity))
        canvas.text((begin + 31, y), mark.code, _PAPER, anchor="m")
    y = low + _BOTTOM + _ROW / 2
    for mark in chart.marks[:_MOST_TOLD]:
        canvas.box((left, y - 6), (left + 12, y + 6), _severity(mark.severity))
        canvas.text((left + 22, y), told(mark, chart.unit), _INK)
        y += _ROW
    if len(chart.marks) > _MOST_TOLD:
        canvas.text((left + 22, y), f"and {len(chart.marks) - _MOST_TOLD} more", _DIM)


def _paint_heads(chart: Chart, name: str, canvas: Canvas, top: float, right: float) -> None:
    """What it is of, and which curve is which."""
    scale = " (logarithmic)" if chart.log else ""
    canvas.text((_LEFT, top + 26), f"{chart.title}{scale}: {name}", _INK, _HEAD)
    x = float(_LEFT)
    for curve in chart.curves:
        canvas.line([(x, top + 50), (x + 24, top + 50)], curve.colour, 3)
        x += 32 + canvas.text((x + 32, top + 50), curve.label, _INK) + 24
    if any(len(curve.steps) > (right - _LEFT) / _BIN for curve in chart.curves):
        canvas.text((right, top + 50), "line: median; shade: least to greatest", _DIM, anchor="r")


def _severity(severity: str) -> str:
    return SEVERITY_COLOURS.get(severity, _DIM)


class _Png:
    """Pillow's: twice as large while it is drawn."""

    def __init__(self, height: int) -> None:
        self._image = Image.new("RGB", (_WIDTH * _FINE, height * _FINE), _PAPER)
        self._draw = ImageDraw.Draw(self._image, "RGBA")

    def line(self, points: Sequence[Point], colour: str, width: float = 1.0, opacity: float = 1.0) -> None:
        fine = [(x * _FINE, y * _FINE) for x, y in points]
        self._draw.line(fine, self._mixed(colour, opacity), max(1, round(width * _FINE)), joint="curve")

    def box(self, a: Point, b: Point, colour: str, opacity: float = 1.0) -> None:
        corners = [a[0] * _FINE, a[1] * _FINE, max(a[0], b[0]) * _FINE, b[1] * _FINE]
        self._draw.rectangle(corners, self._mixed(colour, opacity))

    def text(self, at: Point, text: str, colour: str, size: float = _TEXT, anchor: str = "l") -> float:
        font = ImageFont.load_default(size * _FINE)
        # The font that comes with Pillow has Latin letters; without FreeType it is one of ASCII.
        text = text if isinstance(font, ImageFont.FreeTypeFont) else text.encode("ascii", "replace").decode()
        wide = float(self._draw.textlength(text, font))
        x = at[0] * _FINE - {"l": 0.0, "m": wide / 2, "r": wide}[anchor]
        tall = self._draw.textbbox((0, 0), "Hg", font)
        self._draw.text((x, at[1] * _FINE - (tall[1] + tall[3]) / 2), text, colour, font)
        return wide / _FINE

    def content(self) -> bytes:
        """The file."""
        into = io.BytesIO()
        self._image.reduce(_FINE).save(into, "PNG", optimize=True)
        return into.getvalue()

    @staticmethod
    def _mixed(colour: str, opacity: float) -> tuple[int, ...]:
        return (*(int(colour[i : i + 2], 16) for i in (1, 3, 5)), round(255 * opacity))


class _Svg:
    """Lines of text."""

    def __init__(self, height: int) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
            f'height="{height}" font-family="system-ui, sans-serif">',
            f'<rect width="100%" height="100%" fill="{_PAPER}"/>',
        ]

    def line(self, points: Sequence[Point], colour: str, width: float = 1.0, opacity: float = 1.0) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        faded = f' stroke-opacity="{opacity}"' if opacity < 1 else ""
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{faded} '
            'stroke-linejoin="round"/>'
        )

    def box(self, a: Point, b: Point, colour: str, opacity: float = 1.0) -> None:
        size = f'width="{max(0.0, b[0] - a[0]):.1f}" height="{b[1] - a[1]:.1f}"'
        self._parts.append(f'<rect x="{a[0]:.1f}" y="{a[1]:.1f}" {size} fill="{colour}" fill-opacity="{opacity}"/>')

    def text(self, at: Point, text: str, colour: str, size: float = _TEXT, anchor: str = "l") -> float:
        where = {"l": "start", "m": "middle", "r": "end"}[anchor]
        self._parts.append(
            f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" fill="{colour}" font-size="{size:g}" text-anchor="{where}" '
            f'dominant-baseline="central">{html.escape(_clean(text))}</text>'
        )
        return 0.58 * size * len(text)  # who shows it has the font

    def content(self) -> bytes:
        """The file."""
        return ("\n".join([*self._parts, "</svg>"]) + "\n").encode("utf-8", "replace")


def _clean(text: str) -> str:
    """Without what XML does not allow."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _page(name: str, titles: Sequence[str], charts: Sequence[tuple[int, Chart]], histories: Sequence[History]) -> str:
    """A page with the report's figures of the same, to look into; it opens offline."""
    parts, plots = [], []
    for title, (place, chart) in zip(titles, charts, strict=True):
        made = figures(histories[place], marks=chart.marks, unit=chart.unit)
        figure = next(each for each in made if each.name == chart.panel)
        figure = replace(figure, name=f"run{place + 1}-{figure.name}")
        plots.append(figure)
        rows = "".join(f"<li>{html.escape(told(mark, chart.unit))}</li>" for mark in chart.marks)
        alt = html.escape(figure.alt)
        parts.append(
            f"<h2>{html.escape(chart.title)}: {html.escape(_clean(title))}</h2>"
            f'<div id="{figure.name}" role="img" aria-label="{alt}"></div><ul>{rows}</ul>'
        )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(_clean(name))}</title>'
        f'<meta name="generator" content="sparring {__version__}">'
        f"<style>body{{font:16px system-ui,sans-serif;margin:2rem;color:{_INK};background:{_PAPER}}}</style>"
        f"{''.join(parts)}<script>{plotly_script()}</script>"
        f"<script>const drawn={as_script(drawn(plots))};"
        "for(const [name,plot] of Object.entries(drawn.figures))"
        "Plotly.newPlot(name,plot.data,plot.layout,{responsive:true,displaylogo:false})</script></html>\n"
    )
