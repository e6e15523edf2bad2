"""Columns in a .npz, a structured .npy, or a .npy of one array: by names, a number a row. Nothing is unpickled."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...errors import SparringError
from .reading.engine import Engine
from .reading.numbers import POSITIONS

PRODUCER = "arrays"


def read(path: Path, engine: Engine) -> None:
    """Reads a file of arrays. Raises SparringError where it holds pickled objects, or is torn."""
    try:
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = np.load(file, allow_pickle=False)
            if isinstance(found, np.ndarray):
                columns = _columns(found, path)
            else:
                with found:
                    columns = {name: found[name] for name in found.files}
    except Exception as error:  # what numpy and zipfile raise on a file of nonsense has no end
        raise _unreadable(path, error) from None
    _keep(columns, engine)


def _columns(found: np.ndarray, path: Path) -> dict[str, np.ndarray]:
    if found.dtype.names:
        return {name: found[name] for name in found.dtype.names}
    if found.ndim == 2 and found.shape[1] <= 32:
        return {f"{path.stem} {at}": found[:, at] for at in range(found.shape[1])}
    return {path.stem: found.ravel()}


def _unreadable(path: Path, error: Exception) -> SparringError:
    if "pickle" in str(error).lower():
        return SparringError(
            f"{path} holds pickled objects; opening such a file runs whatever is in it.",
            "arrays of numbers by name",
            "in your own code: np.savez('losses.npz', **np.load(path, allow_pickle=True).item()), and give losses.npz.",
        )
    return SparringError(f"{path} cannot be read as arrays: {error}.", "a whole .npy or .npz file", "write it again.")


def _keep(columns: Mapping[str, np.ndarray], engine: Engine) -> None:
    by_length: dict[int, dict[str, np.ndarray]] = {}
    for name, values in columns.items():
        values = np.asarray(values)
        if values.dtype.kind in "fiu" and values.ndim == 1 and values.dtype.itemsize <= 8:
            by_length.setdefault(len(values), {})[POSITIONS.get(name.lower(), name)] = values.astype(float)
    for length, found in by_length.items():
        rows = np.stack(list(found.values()), 1) if length else np.empty((0, 0))
        for at, row in enumerate(rows.tolist(), 1):
            engine.add(PRODUCER, at, tuple(found), row)
