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
