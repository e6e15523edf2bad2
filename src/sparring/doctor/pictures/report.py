"""What is wrong with a set of pictures: the SP3 rules on what a scan of it found, and a sheet to look at."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...data import Pack
from ...errors import SparringError
from ...findings import Report
from ...pictures import grid
from ..catalogue import judge
from .scan import facts_of, opened

_LOADER = "the pictures of a loader or stream were not looked at: they may come once, and others each time"


def examine_data(source: Any, **reading: Any) -> Report:
    """Looks at a set of pictures as training would have it, and judges it. Files are read and never changed.

    Args:
        source: as for `train`.
        reading: the other arguments of `scan.opened`. Broken files become findings.

    Raises:
        SparringError: as `train` would: for a source without a usable picture, and for conditions that it lacks.
    """
    return report_on(opened(source, **reading))


def report_on(data: Any, facts: dict[str, Any] | None = None) -> Report:
    """Judges pictures that `open_data` has opened.

    Args:
        data: what it gave, conditioned or not.
        facts: of `facts_of`, if they are there already.
    """
    notes = list(data.notes) if isinstance(data, Pack) else [*data.notes, _LOADER]
    return judge(facts_of(data) if facts is None else facts, ("SP3",), notes)


def contact_sheet(source: Any, *, n: int = 64, **reading: Any) -> np.ndarray:
    """Returns a sheet of n pictures as training would see them, spread evenly over the set.

    Args:
        source: as for `examine_data`.
        n: how many; fewer where there are not so many.
        reading: the other arguments of `examine_data`.

    Returns:
        uint8  # [height, width, C], or [height, width] of grey pictures
    """
    return sheet_of(opened(source, **reading), n)


def sheet_of(data: Any, n: int = 64) -> np.ndarray:
    """The same for pictures that are open already. Raises SparringError for a loader's."""
    if not isinstance(data, Pack):
        raise SparringError(
            "A sheet cannot be made of a loader's pictures.", "a folder, a file, a built-in name or an array"
        )
    if n < 1:
        raise SparringError(f"A sheet of {n} pictures cannot be made.", "one or more")
    total = len(data.listing()) if not data.has_table else sum(row.row is not None for row in data.listing())
    places = np.unique(np.linspace(0, total - 1, min(n, total)).round().astype(np.int64))
    return np.asarray(grid(data.pictures(places).transpose(0, 3, 1, 2)))
