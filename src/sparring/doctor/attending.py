"""The doctor beside one of our own runs: takes its events, and says what is new in them as findings."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..events import Event
from ..findings import Finding
from ..methods import Recipe
from .live import Live
from .readers.json_lines import BESIDE_TICKS, OWN, facts_of_start


def told_at_start(recipe: Recipe) -> dict[str, Any]:
    """What a run's first event tells of its recipe, for whoever judges it by its events."""
    return {"loss": recipe.loss, "label_smoothing": recipe.label_smoothing}


class Attending:
    """Judges a run while it goes on, by its events alone: equal events, equal findings.

    Args:
        recipe: of the run, whose loss it is.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._live = Live(producer=OWN, facts=facts_of_start(told_at_start(recipe)))

    def __call__(self, event: Event) -> list[Finding]:
        """Takes an event of the run; returns what is new."""
        if event.kind == "tick":
            numbers = {
                name: math.nan if value is None else float(value)
                for name, value in event.values.items()
                if name not in BESIDE_TICKS and (value is None or isinstance(value, int | float))
            }
            return self._live.add(event.step, numbers)
        if event.kind == "evaluation":
            return self._live.evaluated(event.step, event.values)
        return []

    def replay(self, events: Iterable[Event], step: int) -> None:
        """Takes what a run has logged up to a step, and tells nothing: it was told then."""
        for event in events:
            if event.step <= step:
                self(event)

    def last(self, evaluation: Event | None = None) -> list[Finding]:
        """What is new at the run's end, where nothing waits for a second look.

        Args:
            evaluation: of what the run ended with, where that was evaluated apart.
        """
        if evaluation is not None:
            self._live.recorder.evaluated(evaluation.step, evaluation.values)
        return self._live.look(last=True)
