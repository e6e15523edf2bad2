"""All runs in a list: a row for each, read once and then read on."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from ..errors import SparringError
from ..findings import SEVERITIES
from ..reporting.naming import names_only
from ..reporting.wording import counted, value_of
from .following import Followed
from .places import Runs
from .showing import address

_WIDE, _HIGH = 160, 36  # px of a small curve
_POINTS = 80


class Listing:
    """The runs of a folder, as rows.

    Args:
        runs: the folder.

    Attributes:
        hidden: how many could not be shown when they were looked at last: links, and what cannot be read.
    """

    def __init__(self, runs: Runs) -> None:
        self.runs, self.hidden = runs, 0
        self._known: dict[str, Followed] = {}
        self._rows: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def rows(self) -> list[dict[str, Any]]:
        """A row for each run that can be read, the one that was trained last first."""
        with self._lock:
            names = list(self.runs.names())
            self._known = {name: each for name, each in self._known.items() if name in names}
            self._rows = {name: each for name, each in self._rows.items() if name in self._known}
            found = [row for name in names if (row := self._row(name)) is not None]
            self.hidden = self.runs.links() + len(names) - len(found)
        return sorted(found, key=lambda row: (-row["changed"], row["name"]))

    def _row(self, name: str) -> dict[str, Any] | None:
        try:
            folder = self.runs.folder(name)
            followed = self._known.get(name)
            if followed is None:
                followed = self._known[name] = Followed(folder, deep=False)
            else:
                followed.catch_up()
            state = (followed.offset, running := followed.is_running())
            if name not in self._rows or self._rows[name][0] != state:
                self._rows[name] = (state, _told(followed, name, running))
            return self._rows[name][1]
        except (SparringError, OSError, ValueError, TypeError, KeyError, AttributeError):
            return None  # gone meanwhile, or recipe.json is none of ours


def _told(followed: Followed, name: str, running: bool) -> dict[str, Any]:
    run = followed.recorded()
    data = run.settings.get("data") or {}
    findings = [seen.finding for seen in run.findings]
    events = followed.folder.events
    told = {
        "recipe": str((run.settings.get("recipe") or {}).get("name", "own")),
        "data": f"{data.get('source', '?')}, {data.get('size_px', '?')} px",
        "step": run.step,
        "until": run.until_step if running else None,
        "state": "running" if running else {"budget": "done", "": "cut off"}.get(run.ended, run.ended),
        "running": running,
        "best": "" if run.best is None else value_of(run.best),
        "findings": counted(findings),
        "gravest": next((each for each in SEVERITIES if any(f.severity == each for f in findings)), ""),
    }
    curve, of = _curve(run)
    changed = events.stat().st_mtime if events.exists() else 0.0
    sheet = f"{address(name)}/sheet/{run.sheets[-1][0]}" if run.sheets else ""
    own = {"name": name, "at": address(name), "sheet": sheet, "curve": curve, "curve_of": of, "changed": changed}
    return names_only(told) | own


def _curve(run: Any) -> tuple[str, str]:
    """A small curve as points of a line, and what it is of: quality where it was measured thrice, else G's loss."""
    if len(run.evaluations) >= 3:
        steps = np.array([each.step for each in run.evaluations], float)
        values = np.array([each.values["value"] for each in run.evaluations], float)
        return _points(steps, values), str(run.evaluations[-1].values["metric"])
    loss = run.history.of("g")
    return ("", "") if loss is None else (_points(loss.steps.astype(float), loss.values), "loss of G")


def _points(steps: np.ndarray, values: np.ndarray) -> str:
    kept = np.isfinite(values)
    steps, values = steps[kept], values[kept]
    if len(steps) < 2:
        return ""
    some = np.unique(np.linspace(0, len(steps) - 1, _POINTS).astype(int))
    steps, values = steps[some], values[some]
    if values.min() > 0 and values.max() > 30 * values.min():
        values = np.log(values)
    x = (steps - steps[0]) / max(steps[-1] - steps[0], 1e-12) * (_WIDE - 4) + 2
    y = _HIGH - 2 - (values - values.min()) / max(float(np.ptp(values)), 1e-12) * (_HIGH - 4)
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
