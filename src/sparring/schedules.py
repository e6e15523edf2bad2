"""Numbers of a recipe that change while a run goes on: functions of the real images seen, and of nothing else.

All take the same time, `schedule_images`, and stay where they end (R3GAN, arXiv 2501.05441, "cosine to constant").
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .errors import SparringError, did_you_mean
from .methods import Recipe

# From 0 to 1 while a part of the time, 0 to 1, goes by.
SHAPES: dict[str, Callable[[float], float]] = {
    "cosine": lambda part: (1 - math.cos(math.pi * part)) / 2,
    "linear": lambda part: part,
}


def check(recipe: Recipe) -> None:
    """Raises SparringError for an unknown shape, and for an end that is never reached because there is no length."""
    if recipe.schedule not in SHAPES:
        raise SparringError(f"There is no schedule {recipe.schedule!r}.", did_you_mean(recipe.schedule, SHAPES))
    ends = {"lr_final": 1.0, "penalty_final": 1.0, "beta2_final": 0.0, "ema_final_images": -1.0, "augment_final": -1.0}
    moved = [name for name, same in ends.items() if getattr(recipe, name) != same]
    if moved and not recipe.schedule_images:
        raise SparringError(
            f"{', '.join(moved)} says where a number ends, and schedule_images not when.",
            "schedule_images above 0",
            "--set schedule_images=2e6",
        )


def _between(recipe: Recipe, images: int, start: float, end: float) -> float:
    if not recipe.schedule_images or start == end:
        return start
    return start + (end - start) * SHAPES[recipe.schedule](min(images / recipe.schedule_images, 1.0))


def lr_factor(recipe: Recipe, images: int) -> float:
    """What both learning rates are multiplied by, from 1 to `lr_final`."""
    return _between(recipe, images, 1.0, recipe.lr_final)


def penalty_factor(recipe: Recipe, images: int) -> float:
    """What the weights of all penalties are multiplied by, from 1 to `penalty_final`."""
    return _between(recipe, images, 1.0, recipe.penalty_final)


def beta2(recipe: Recipe, images: int) -> float:
    """Adam's second beta, to `beta2_final` (0: it stays)."""
    return _between(recipe, images, recipe.beta2, recipe.beta2_final or recipe.beta2)


def ema_half_life_images(recipe: Recipe, images: int) -> float:
    """The half-life of the average of G, to `ema_final_images` (-1: it stays)."""
    start = recipe.ema_half_life_images
    return _between(recipe, images, start, start if recipe.ema_final_images < 0 else recipe.ema_final_images)


def augment_p(recipe: Recipe, images: int) -> float:
    """The probability of augmentations that have one, to `augment_final` (-1: it stays)."""
    start = recipe.augment_p
    return _between(recipe, images, start, start if recipe.augment_final < 0 else recipe.augment_final)
