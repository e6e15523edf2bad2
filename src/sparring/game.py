"""What the two play for: a recipe's loss, its penalties and what D sees of a picture, built and with their state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from . import schedules
from .augment import Augment
from .clashes import check_pairs
from .errors import SparringError
from .methods import Recipe
from .objectives import Objective, Terms, Verdict, objective_named, smoothed
from .penalties import PENALTIES, Active, Seen, penalties_of

Draw = Callable[[], tuple[Tensor, Tensor | None]]  # the next real batch [N, C, H, W] and its conditions [N, ...]


@dataclass
class Game:
    """The objective with all that belongs to it.

    Attributes:
        objective: what D and G minimise.
        penalties: what is added to D's loss, some of it not at every update.
        augment: what D sees in place of a picture, real or fake.
        class_weight: of the classification loss of both, where D has a class head (AC-GAN, arXiv 1610.09585).
    """

    objective: Objective
    penalties: Sequence[Active] = ()
    augment: Augment = field(default_factory=Augment)
    class_weight: float = 0.0

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
        return cls(objective, penalties_of(weights, every), augment, recipe.class_weight)

    def reuses_fakes(self, recipe: Recipe, condition: Tensor | None) -> bool:
        """Whether G may be judged on the fakes of D's last update.

        Not where the loss shows G other reals, whose conditions its fakes must have, and not where several batches make
        an update, since one graph of each would wait in memory.
        """
        return (
            recipe.reuse_fakes and recipe.accumulate == 1 and not (self.objective.pairs_real and condition is not None)
        )

    def d_class(self, seen: Seen) -> Terms:
        """What D adds to its loss for naming the class of reals and of fakes; nothing without a class head."""
        if not self.class_weight:
            return {}
        real, fake = (self._classification(verdict, seen.condition) for verdict in (seen.on_real, seen.on_fake))
        return {"class": self.class_weight * (real + fake)}

    def g_class(self, on_fake: Verdict, condition: Tensor | None) -> Terms:
        """What G adds to its loss for being named as it was asked for."""
        return {"class": self.class_weight * self._classification(on_fake, condition)} if self.class_weight else {}

    def _classification(self, verdict: Verdict, condition: Tensor | None) -> Tensor:
        if verdict.classes is None or condition is None:
            raise SparringError(
                "class_weight is set, but D gives no class logits.",
                "--condition class, and a discriminator that returns (logits, class logits)",
                "--set class_weight=0",
            )
        return F.cross_entropy(verdict.classes.float(), condition)

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
