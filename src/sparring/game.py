"""What the two play for: a recipe's loss, its penalties and what D sees of a picture, built and with their state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import schedules
from .augment import Augment
from .clashes import check_pairs
from .methods import Recipe
from .objectives import Objective, objective_named, smoothed
from .penalties import PENALTIES, Active, penalties_of


@dataclass
class Game:
    """The objective with all that belongs to it.

    Attributes:
        objective: what D and G minimise.
        penalties: what is added to D's loss, some of it not at every update.
        augment: what D sees in place of a picture, real or fake.
    """

    objective: Objective
    penalties: Sequence[Active] = ()
    augment: Augment = field(default_factory=Augment)

    @classmethod
    def of(cls, recipe: Recipe) -> Game:
        """Builds what a recipe names. Raises SparringError for words it does not know and options that clash."""
        schedules.check(recipe)
        objective = smoothed(objective_named(recipe.loss), recipe.label_smoothing, recipe.label_flip)
        check_pairs(recipe)
        weights = {name: getattr(recipe, name) for name in PENALTIES}
        every = {name: getattr(recipe, f"{name}_every") for name in PENALTIES}
        augment = Augment(
            recipe.augment,
            recipe.augment_p,
            recipe.ada_target,
            recipe.ada_images,
            recipe.instance_noise,
            recipe.instance_noise_images,
        )
        return cls(objective, penalties_of(weights, every), augment)

    def at(self, recipe: Recipe, images: int) -> None:
        """Moves what the schedule moves to where it is after so many real images."""
        self.augment.at(images)
        if not recipe.schedule_images:
            return
        for penalty in self.penalties:
            penalty.weight = getattr(recipe, penalty.name) * schedules.penalty_factor(recipe, images)
        if not self.augment.adaptive:
            self.augment.p = schedules.augment_p(recipe, images)

    def state_dict(self) -> dict[str, Any]:
        """What the next step depends on: averages of penalties, the adapted probability."""
        penalties = {penalty.name: penalty.state_dict() for penalty in self.penalties}
        return {"penalties": penalties, "augment": self.augment.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        for penalty in self.penalties:
            penalty.load_state_dict(state["penalties"][penalty.name])
        self.augment.load_state_dict(state["augment"])
