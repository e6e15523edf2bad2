"""Keep the best, stop when it stops improving: two observers of a run's evaluations.

Why the best is kept: GANs get worse again after they were good, and no loss tells when.
"""

from __future__ import annotations

from typing import Any

from ..events import Event, is_better
from ..findings import Action

PATIENCE = 10  # evaluations without improvement after which a run ends, unless told otherwise


class Best:
    """Asks for the state to be kept whenever an evaluation is the best so far.

    Attributes:
        value: the best value; None before the first evaluation.
        step: its step.
        event: the values of its evaluation.
    """

    def __init__(self, better: str) -> None:
        self._better = better
        self.value: float | None = None
        self.step = 0
        self.event: dict[str, Any] = {}

    def __call__(self, event: Event) -> Action | None:
        """Takes an event of the run; asks for "keep" after an evaluation that is the best."""
        if event.kind != "evaluation" or not is_better(event.values["value"], self.value, self._better):
            return None
        self.value, self.step = event.values["value"], event.step
        # No clock in it: it is saved in checkpoints, and equal runs save equal bytes.
        self.event = {name: value for name, value in event.values.items() if name != "seconds"}
        return Action("keep", why=f"{event.values['metric']} {self.value:.5g} is the best so far")

    def state_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        return {"value": self.value, "step": self.step, "event": self.event}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where a checkpoint was."""
        self.value, self.step, self.event = state["value"], state["step"], dict(state["event"])


class Patience:
    """Asks to stop after so many evaluations in a row that improve by no more than the metric's own noise.

    Improvement counts from where it last counted, not from the last value: a slow gain adds up.

    Args:
        patience: evaluations; 0 never stops.
        better: "lower" or "higher".
    """

    def __init__(self, patience: int, better: str) -> None:
        self.patience, self._better = patience, better
        self._mark: float | None = None  # the value that must be improved on
        self._waited = 0

    def __call__(self, event: Event) -> Action | None:
        """Takes an event of the run; asks for "stop" when patience has run out, also when a run goes on that had."""
        if event.kind == "evaluation":
            value, noise = event.values["value"], event.values["noise"]
            margin = noise if self._better == "lower" else -noise
            if is_better(value + margin, self._mark, self._better):
                self._mark, self._waited = value, 0
            else:
                self._waited += 1
        elif event.kind != "resumed":
            return None
        if self.patience and self._waited >= self.patience:
            return Action("stop", why=reason(self.patience))
        return None

    def state_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        return {"mark": self._mark, "waited": self._waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where a checkpoint was; `patience` is this call's own, so a larger one goes on."""
        self._mark, self._waited = state["mark"], state["waited"]


def reason(patience: int) -> str:
    """Why a run ended that was stopped by patience."""
    return f"no improvement beyond noise in {patience} evaluations"
