"""Options that make no sense together, one row each: said at the start, not found out by a run that fails.

Only pairs stand here. What is wrong with one option alone, its own unit says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .augment import OPERATIONS, operations_of
from .errors import SparringError
from .methods import Recipe
from .objectives import objective_named


@dataclass(frozen=True)
class Clash:
    """A row of the table: when two options contradict each other, what that leads to, and what to do."""

    when: Callable[[Recipe], bool]
    what: str
    expected: str
    fix: str = ""


def _gradient_penalty(recipe: Recipe) -> bool:
    return bool(recipe.gp or recipe.dragan or recipe.r1 or recipe.r2)


CLASHES: tuple[Clash, ...] = (
    Clash(
        lambda r: r.loss == "wasserstein" and not (_gradient_penalty(r) or r.d_clip_weights or r.d_spectral_norm),
        "A Wasserstein loss without anything that bounds D: its score grows without end.",
        "gp, dragan, r1, d_clip_weights or d_spectral_norm",
        "--set gp=10",
    ),
    Clash(
        lambda r: bool(r.d_clip_weights) and (_gradient_penalty(r) or r.d_spectral_norm),
        "Clipped weights and another bound on D's slope: the clipping alone decides then.",
        "one of them",
        "--set d_clip_weights=0",
    ),
    Clash(
        lambda r: sum(map(bool, (r.gp, r.dragan, r.r1 or r.r2))) > 1,
        "gp and dragan ask for a slope of 1, each at its places, and r1 and r2 for one of 0.",
        "gp, dragan, or r1 with or without r2",
    ),
    Clash(
        lambda r: bool(r.label_smoothing or r.label_flip) and objective_named(r.loss).labelled is None,
        "Labels cannot be smoothed or flipped in a loss that has none.",
        "non-saturating, minimax or least-squares",
        "leave label_smoothing and label_flip out.",
    ),
    Clash(
        lambda r: bool(r.ada_target) and objective_named(r.loss).boundary is None,
        "ADA looks at the sign of D's answers on reals, and in this loss it means nothing.",
        "a loss with a boundary: non-saturating, hinge, least-squares",
        "give augment_p a fixed value instead of ada_target.",
    ),
    Clash(
        lambda r: bool(r.ada_target) and r.augment_final >= 0,
        "ADA adapts the probability that augment_final would move by a schedule.",
        "one of them",
    ),
    Clash(
        lambda r: r.optimizer != "adam" and bool(r.beta2_final),
        "beta2_final moves a number that only Adam has.",
        "optimizer=adam",
    ),
    Clash(
        lambda r: r.augment_final >= 0 and not any(OPERATIONS[name].by_p for name in operations_of(r.augment)),
        "augment_final moves the probability of augmentations, and none here has one.",
        "augment=bgc (or blit, geometry, ada-color), or no augment_final",
    ),
    Clash(
        lambda r: r.penalty_final != 1 and not (_gradient_penalty(r) or r.bcr or r.lecam),
        "penalty_final moves the weights of penalties, and there are none.",
        "a penalty, or no penalty_final",
    ),
)


def check_pairs(recipe: Recipe) -> None:
    """Raises SparringError for the first pair of options that makes no sense."""
    for clash in CLASHES:
        if clash.when(recipe):
            raise SparringError(f"{recipe.name}: {clash.what}", clash.expected, clash.fix)


@dataclass(frozen=True)
class Misfit:
    """A row of the table: when an option does not go with what pictures are told by (None: with nothing)."""

    when: Callable[[Recipe, str | None], bool]
    what: str
    expected: str
    fix: str


MISFITS: tuple[Misfit, ...] = (
    Misfit(
        lambda r, kind: kind is None and bool(r.mismatch),
        "mismatch shows D wrong conditions, and there are none.",
        "--condition class, text or vector",
        "--set mismatch=0",
    ),
    Misfit(
        lambda r, kind: kind != "class" and bool(r.class_weight),
        "class_weight has D name classes, and there are none.",
        "--condition class",
        "--set class_weight=0",
    ),
    Misfit(
        lambda r, kind: r.condition_augmentation and (kind is None or r.g_conditioning != "concat"),
        "condition_augmentation draws what stands beside z, and nothing stands there.",
        "a condition, and g_conditioning=concat",
        "--set condition_augmentation=false",
    ),
    Misfit(
        lambda r, kind: kind is not None and r.d_conditioning == "none" and not r.class_weight,
        "D is not told the condition, so nothing asks G to follow it.",
        "d_conditioning=projection or concat, or a class_weight",
        "--set d_conditioning=projection",
    ),
)


def check_condition(recipe: Recipe, kind: str | None) -> None:
    """Raises SparringError for the first option that does not go with the kind of condition there is."""
    for misfit in MISFITS:
        if misfit.when(recipe, kind):
            raise SparringError(f"{recipe.name}: {misfit.what}", misfit.expected, misfit.fix)
