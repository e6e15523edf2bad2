"""What a monitor was told of one step, until it is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from .numbers_of import Kept


@dataclass
class Row:
    """What was told of one step.

    Attributes:
        step: of the training.
        values: numbers that are known.
        kept: those that still lie on an accelerator.
        loaded: whether a checkpoint was loaded since the row before.
    """

    step: int
    values: dict[str, float] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    loaded: bool = False

    def put(self, found: Kept | dict[str, float]) -> None:
        """Adds what was measured, wherever it lies."""
        if isinstance(found, dict):
            self.values |= found
        else:
            self.kept.append(found)
