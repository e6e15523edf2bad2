"""What numbers in an array mean as brightness: decided once for a data set, said in its notes, then held to."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from sparring.errors import SparringError

ValueRange = Literal["uint8", "uint16", "bool", "0..1", "-1..1"]

_TOLERANCE = 1e-3  # resampling overshoots [-1, 1] by rounding; more than this is another range
_EXPECTED = "uint8 in [0, 255], 16 bits in [0, 65535], or floating point in [0, 1] or [-1, 1]"


def value_range(dtype: np.dtype[Any], lowest: float, highest: float) -> ValueRange:
    """Decides what an array's numbers mean.

    Args:
        dtype: the array's type.
        lowest: its smallest value.
        highest: its largest value.

    Raises:
        SparringError: for values that are not finite, or reach beyond all known ranges (it names both ends).
    """
    if dtype.kind == "b":
        return "bool"
    if dtype == np.uint8:
        return "uint8"
    if dtype.kind not in "iuf":
        raise SparringError(f"The pictures are of type {dtype}.", _EXPECTED, "convert them to numbers first")
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        raise SparringError("The pictures hold values that are not finite.", _EXPECTED, "look for NaN in your data")
    if dtype.kind in "iu" and lowest >= 0 and highest <= 65535:
        return "uint8" if highest <= 255 else "uint16"
    if dtype.kind == "f" and lowest < 0 and lowest >= -1 - _TOLERANCE and highest <= 1 + _TOLERANCE:
        return "-1..1"
    if dtype.kind == "f" and lowest >= 0 and highest <= 1 + _TOLERANCE:
        return "0..1"
    raise SparringError(
        f"The pictures' values reach from {lowest:g} to {highest:g} ({dtype}).",
        _EXPECTED,
        "scale them first, for example `pictures / 255` for floating point in [0, 255]",
    )


def extremes(array: np.ndarray, rows: int = 256) -> tuple[float, float]:
    """Returns the smallest and the largest value of an array, read in pieces; NaN where it holds one."""
    lowest, highest = np.inf, -np.inf
    for start in range(0, len(array), rows):
        piece = np.asarray(array[start : start + rows])
        lowest, highest = np.minimum(lowest, piece.min()), np.maximum(highest, piece.max())
    return float(lowest), float(highest)


def range_of(array: np.ndarray) -> ValueRange:
    """Decides what the numbers of a whole array mean. Raises SparringError as `value_range` does."""
    quick = array.dtype == np.uint8 or array.dtype.kind not in "iuf"
    return value_range(array.dtype, *((0.0, 0.0) if quick else extremes(array)))


def as_uint8(array: np.ndarray, meaning: ValueRange) -> np.ndarray:
    """Returns the pictures as uint8 in [0, 255], rounded to the nearest."""
    if meaning == "uint8":
        return array.astype(np.uint8, copy=False)
    if meaning == "bool":
        return array.astype(np.uint8) * np.uint8(255)
    values = array.astype(np.float32)
    if meaning == "uint16":
        values /= 257.0  # 65535 / 257 = 255
    elif meaning == "0..1":
        values *= 255.0
    else:
        values = (values + 1.0) * 127.5
    return np.rint(values).clip(0, 255).astype(np.uint8)
