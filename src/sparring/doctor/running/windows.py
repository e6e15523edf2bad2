"""Medians that move, stretches that last, jumps and drifts: what the rules on running trainings measure with.

All of it is causal (a row is judged by the rows before it) and vectorised: a million rows take less than a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

MOST_WINDOWS = 20_000  # windows looked at in a long log: then each reference serves several rows
LEAST_STEPS, LEAST_POINTS = 50, 5  # what a regime must last: iterations, and logged points


@dataclass(frozen=True)
class Stretch:
    """A stretch of rows in which something held.

    Attributes:
        first: row at which it began.
        last: row at which it was last so.
        worst: row at which it was worst.
        held: rows in it, in all stretches if there are several.
        times: how many stretches there were.
        ended: whether it was over before the log was.
    """

    first: int
    last: int
    worst: int
    held: int
    times: int = 1
    ended: bool = False


def moving_medians(values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Medians of windows, NaNs left out, and the last row of each window  # float64 [m], int64 [m]"""
    window = max(1, min(window, len(values)))
    if not len(values):
        return np.zeros(0), np.zeros(0, np.int64)
    stride = max(1, (len(values) - window + 1) // MOST_WINDOWS)
    ends = np.arange(window - 1, len(values), stride)
    seen = sliding_window_view(values, window)[::stride]
    return (np.nanmedian(seen, axis=1) if np.isnan(values).any() else np.median(seen, axis=1)), ends


def stretches(
    on: np.ndarray,
    off: np.ndarray,
    steps: np.ndarray,
    badness: np.ndarray,
    *,
    least_steps: int = LEAST_STEPS,
    least_points: int = LEAST_POINTS,
) -> Stretch | None:
    """What held for long enough: it begins where `on`, ends where `off`, and stays in between (hysteresis).

    Args:
        on: where it is so for certain  # bool [n]
        off: where it is certainly not so any more  # bool [n]
        steps: of these rows  # int64 [n]
        badness: the larger the worse  # float64 [n]
        least_steps: a stretch must last that many steps.
        least_points: and hold that many rows.

    Returns:
        One for all of them: from the first to the last, with the worst row of all. None where nothing lasted.
    """
    if not on.any():
        return None
    rows = np.arange(len(on))
    last_on = np.maximum.accumulate(np.where(on, rows, -1))
    last_off = np.maximum.accumulate(np.where(off & ~on, rows, -1))
    held = np.concatenate(([0], ((last_on > last_off) & (last_on >= 0)).astype(np.int8), [0]))
    change = np.diff(held)
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1) - 1
    long = (steps[ends] - steps[starts] >= least_steps) & (ends - starts + 1 >= least_points)
    starts, ends = starts[long], ends[long]
    if not len(starts):
        return None
    inside = np.zeros(len(on) + 1, np.int64)
    np.add.at(inside, starts, 1)
    np.add.at(inside, ends + 1, -1)
    within = np.cumsum(inside[:-1]) > 0
    worst = int(np.argmax(np.where(within & ~np.isnan(badness), badness, -np.inf)))
    return Stretch(int(starts[0]), int(ends[-1]), worst, int(within.sum()), len(starts), bool(ends[-1] < len(on) - 1))


def jumps(values: np.ndarray, window: int, floor: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far each row lies above the median of the rows before it, in robust deviations.

    Args:
        values: finite ones  # float64 [n]
        window: rows before.
        floor: least deviation  # a number, or float64 [n]

    Returns:
        The distances, 0 where fewer than `window` rows stand before; the medians; the deviations  # float64 [n] each
    """
    n = len(values)
    nothing = np.zeros(n)
    if n <= window:
        return nothing, nothing.copy(), nothing + 1
    stride = max(1, (n - window) // MOST_WINDOWS)
    before = sliding_window_view(values[:-1], window)[::stride]
    middle = np.median(before, axis=1)
    spread = 1.4826 * np.median(np.abs(before - middle[:, None]), axis=1)
    # Row `window + i` is judged by the window that ends at or just before the row above it.
    which = np.arange(n - window) // stride
    medians, deviations = np.empty(n), np.empty(n)
    medians[:window], deviations[:window] = values[:window], 1.0
    medians[window:] = middle[which]
    deviations[window:] = np.maximum(spread[which], floor[window:] if isinstance(floor, np.ndarray) else floor)
    return (values - medians) / deviations, medians, deviations


def drift(
    values: np.ndarray, *, warm: int, sd_floor: float, k: float, h: float, most: float = np.inf
) -> tuple[int, int, float] | None:
    """Where the sum of surprises of a series first passes a bound: a CUSUM, whitened by a first-order model.

    Args:
        values: finite ones  # float64 [n]
        warm: rows from which mean, memory and deviation are learned.
        sd_floor: least deviation.
        k: what each surprise is lessened by, in deviations.
        h: the bound, in deviations.
        most: what a single row may add, in deviations.

    Returns:
        (row of the alarm, row at which the sum last left 0, level before), or None.
    """
    if len(values) < warm + 10:
        return None
    early = values[:warm]
    level = float(early.mean())
    centred = early - level
    memory = float(centred[1:] @ centred[:-1]) / max(float(centred @ centred), 1e-12)
    surprise = (values[1:] - level) - memory * (values[:-1] - level)
    scaled = np.minimum(surprise[warm - 1 :] / max(float(surprise[: warm - 1].std()), sd_floor), most) - k
    walk = np.cumsum(scaled)
    least = np.minimum(np.minimum.accumulate(walk), 0.0)
    over = np.flatnonzero(walk - least > h)
    if not len(over):
        return None
    at = int(over[0])
    zeros = np.flatnonzero(walk[: at + 1] <= least[: at + 1])
    began = int(zeros[-1]) + 1 if len(zeros) else 0
    return warm + at, warm + began, level


def cycle(d: np.ndarray, g: np.ndarray) -> tuple[float, float, float]:
    """The strongest common period of two series: cycles in all, share of their movement, how far apart in phase.

    Args:
        d: finite  # float64 [n]
        g: likewise  # float64 [n]

    Returns:
        (cycles, the lesser of the two shares, phase of G against D in degrees: 180 is anti-phase).
    """
    block = max(1, len(d) // 4096)
    if len(d) // block < 32:
        return 0.0, 0.0, 0.0
    spectra = []
    for series in (d, g):
        seen = series[: len(series) // block * block].reshape(-1, block).mean(axis=1)
        rows = np.arange(len(seen))
        seen = seen - np.polyval(np.polyfit(rows, seen, 1), rows)
        spectra.append(np.fft.rfft(seen * np.hanning(len(seen))))
    power = [np.abs(s[1:]) ** 2 for s in spectra]
    shares = [p / max(float(p.sum()), 1e-300) for p in power]
    at = int(np.argmax(shares[0] * shares[1]))
    near = slice(max(0, at - 1), at + 2)
    phase = abs(float(np.degrees(np.angle(spectra[1][at + 1] * np.conj(spectra[0][at + 1])))))
    return float(at + 1), float(min(s[near].sum() for s in shares)), phase
