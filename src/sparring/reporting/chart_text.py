"""A chart in the terminal: dots of braille with colours, letters where there are none, ASCII where nothing else is."""

from __future__ import annotations

import numpy as np
from rich.text import Text

from .charting import Chart, Curve, binned, in_rows, nice, number, scaled_to, told
from .figures import SEVERITY_COLOURS

HEIGHT = 14  # rows of the curves
_LEAST_WIDTH, _MOST_WIDTH = 40, 200
# A place, an upright of a finding, a tick at the wall, the corner, a tick at the floor, the floor, the wall.
_SIGNS, _ASCII = "▼┊┤└┬─│", "v:+++-|"
# Dots of a braille character, by row and column.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800


def fits(encoding: str | None) -> bool:
    """Whether an encoding has more than ASCII's signs for a chart."""
    try:
        (_SIGNS + "⣿━").encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def as_text(chart: Chart, width: int, *, colours: bool, signs: bool = True, height: int = HEIGHT) -> Text:
    """The chart in lines of text.

    Args:
        chart: what to draw.
        width: of the lines, in characters.
        colours: whether curves are told apart by colour; else each is drawn with its letter.
        signs: whether there is more than ASCII.
        height: rows of the curves.
    """
    width = min(max(width, _LEAST_WIDTH), _MOST_WIDTH) - len(chart.unit) - 1  # which stands at the right
    middles = np.concatenate([binned(curve, chart.span, width)[1][:, 1] for curve in chart.curves])
    chart = scaled_to(chart, middles)  # only they are drawn
    ticks = {min(height - 1, int((1 - chart.up(tick)) * height)): number(tick) for tick in chart.ticks(height // 3)}
    margin = max(map(len, ticks.values())) + 2
    grid = _Grid(width - margin, height, colours and signs)
    point, upright, tick_sign, corner, cross, floor, wall = list(_SIGNS if signs else _ASCII)
    for mark in chart.marks:
        grid.upright(min(grid.width - 1, int(chart.across(mark.first) * grid.width)), upright, _colour(mark.severity))
    for curve in chart.curves:
        grid.draw(chart, curve)

    text = Text()
    text.append(chart.title, "bold").append(": ")
    for i, curve in enumerate(chart.curves):
        sign = "━" if colours and signs else curve.letter
        text.append("  " if i else "").append(sign, curve.colour)
        text.append("" if sign == curve.label else f" {curve.label}")
    if not (colours and signs) and len(chart.curves) > 1:
        text.append("  * both" if len(chart.curves) == 2 else "  * several")
    text.append("\n")
    for row in _labels(chart, grid.width, point):
        text.append(" " * margin).append(row).append("\n")
    for at, row in enumerate(grid.rows()):
        text.append(f"{ticks.get(at, ''):>{margin - 2}} {tick_sign if at in ticks else wall}", "dim")
        text.append(row).append("\n")
    text.append(_bottom(chart, margin, grid.width, corner, cross, floor))
    for mark in chart.marks:
        text.append("\n").append(f"{point} ", _colour(mark.severity)).append(told(mark, chart.unit))
    return text


def _colour(severity: str) -> str:
    return SEVERITY_COLOURS.get(severity, "")


class _Grid:
    """Characters and their colours, drawn over one another."""

    def __init__(self, width: int, height: int, dots: bool) -> None:
        self.width, self.height = width, height
        self._signs = [[" "] * width for _ in range(height)]
        self._colours = [[""] * width for _ in range(height)]
        self._fine = (2, 4) if dots else (1, 1)  # places of a character, across and down
        self._bits = np.zeros((height, width), np.int64)

    def upright(self, column: int, sign: str, colour: str) -> None:
        for row in range(self.height):
            self._signs[row][column], self._colours[row][column] = sign, colour

    def draw(self, chart: Chart, curve: Curve) -> None:
        """Of each stretch of steps the middle value, joined to the one before it."""
        across, down = self._fine
        n, tall = self.width * across, self.height * down
        which, values = binned(curve, chart.span, n)
        if not len(which):
            return
        middles = np.array([chart.up(value) for value in values[:, 1]])
        places = np.arange(which[0], which[-1] + 1)
        rows = np.minimum(((1 - np.interp(places, which, middles)) * tall).astype(int), tall - 1)
        for i, (place, row) in enumerate(zip(places, rows, strict=True)):
            before = rows[i - 1] if i else row
            # Letters are not joined: a column of them would hide what else is there.
            for each in range(min(row, before + 1), max(row, before - 1) + 1) if across > 1 else (row,):
                self._set(int(place), int(each), curve.letter, curve.colour)

    def _set(self, x: int, y: int, letter: str, colour: str) -> None:
        across, down = self._fine
        row, column = y // down, x // across
        if across > 1:
            self._bits[row, column] |= _DOTS[y % down][x % across]
            self._signs[row][column] = chr(_BRAILLE + int(self._bits[row, column]))
        else:
            taken = self._signs[row][column]
            self._signs[row][column] = "*" if taken == "*" or (taken.isalpha() and taken != letter) else letter
        self._colours[row][column] = colour

    def rows(self) -> list[Text]:
        found = []
        for signs, colours in zip(self._signs, self._colours, strict=True):
            row = Text()
            for sign, colour in zip(signs, colours, strict=True):
                row.append(sign, colour)
            found.append(row)
        return found


def _labels(chart: Chart, width: int, point: str) -> list[Text]:
    """Codes above the places where findings begin, on as many rows as keep them apart."""
    if not chart.marks:
        return []
    longest = len(point) + max(len(mark.code) for mark in chart.marks)
    columns = [min(width - 1, int(chart.across(mark.first) * width)) for mark in chart.marks]
    # At the right the code stands before its sign.
    begins = [column - longest + 1 if column > width - longest else column for column in columns]
    rows = in_rows([float(begin) for begin in begins], lambda _: longest + 1.0)
    lines = [[(" ", "")] * width for _ in range(max(rows) + 1)]
    for mark, begin, column, row in zip(chart.marks, begins, columns, rows, strict=True):
        text = f"{point}{mark.code}" if begin == column else f"{mark.code}{point}"
        for i, sign in enumerate(text):
            if 0 <= begin + i < width:
                lines[row][begin + i] = (sign, _colour(mark.severity))
    return [Text.assemble(*line) for line in lines]


def _bottom(chart: Chart, margin: int, width: int, corner: str, cross: str, floor: str) -> Text:
    """The axis of steps, its ticks and their numbers."""
    line, names = [floor] * width, [" "] * (width + margin)
    free = 0
    for tick in nice(*chart.span, max(2, width // 16)):
        column = min(width - 1, int(chart.across(tick) * width))
        name = number(tick)
        begin = max(0, min(margin + column - len(name) // 2, width + margin - len(name)))
        if begin < free:
            continue
        line[column] = cross
        names[begin : begin + len(name)] = name
        free = begin + len(name) + 2
    unit = f" {chart.unit}"
    return Text(" " * (margin - 1) + corner + "".join(line) + "\n" + "".join(names).rstrip() + unit, "dim")
