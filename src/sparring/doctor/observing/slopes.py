"""Which loss a program has, from D's outputs and the gradients that came back to them: no name, no graph is needed.

Every usual loss is known by its derivative, element by element, whatever constant it is multiplied by (a mean, a
weight, a loss scale): s (sigmoid(x) - t) on logits, s (p - t) / (p (1 - p)) on probabilities, s (x - t) for least
squares, a constant for Wasserstein's, a constant or 0 for hinge. Pairs (relativistic) fit none of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST = 8  # numbers of a batch that must be there
_SPREAD = 1e-3  # of D's outputs, over the largest of them and 1: alike, they tell no loss from another
_FITS, _BETTER = 2e-3, 5.0  # residual over the gradients' spread; and how much worse the next form must fit
_NEAR = 6.0  # logits up to which the logistic loss is seen to bend
_TARGETS = (-0.05, 1.05)  # that labels have, smoothed or not
_ANY_TARGET = (-1.5, 1.5)  # of least squares: -1 and 1 as well


@dataclass(frozen=True)
class Slope:
    """What a loss was known by.

    Attributes:
        family: as `facts.Loss` has it: bce-logits, bce, least-squares, hinge, wasserstein (hinge within its margin is
            the same).
        saturating: it is log(1 - D), minimised.
        target: the label; NaN where there is none.
    """

    family: str
    saturating: bool = False
    target: float = float("nan")


def slope_of(said: np.ndarray, gradient: np.ndarray) -> Slope | None:
    """Tells the loss from its derivative; None where none of these fits, or more than one.

    Args:
        said: numbers that D gave  # float64 [n]
        gradient: of the loss by each of them  # float64 [n]
    """
    fine = np.isfinite(said) & np.isfinite(gradient)
    x, g = said[fine], gradient[fine]
    if len(x) < LEAST or not g.any() or x.std() < _SPREAD * max(1.0, float(np.abs(x).max())):
        return None
    size = float(np.abs(g).max())
    if np.ptp(g) <= 1e-4 * size:
        # Far out the logistic loss is a straight line too.
        return Slope("wasserstein") if np.abs(x).min() < _NEAR else None
    on = g != 0
    if not on.all() and np.ptp(g[on]) <= 1e-4 * size:
        off = x[~on]
        outside = off >= 1 if g[on][0] < 0 else off <= -1
        return Slope("hinge") if outside.all() else None
    with np.errstate(over="ignore"):
        p = 1 / (1 + np.exp(-x))
    found = [_fit("bce-logits", p, g, _TARGETS), _fit("least-squares", x, g, _ANY_TARGET)]
    if x.min() > 0 and x.max() < 1:
        found.append(_fit("bce", x, g * x * (1 - x), _TARGETS))
    fits = sorted((each for each in found if each is not None), key=lambda each: each[0])
    if not fits or fits[0][0] > _FITS or (len(fits) > 1 and fits[1][0] < _BETTER * max(fits[0][0], 1e-6)):
        return None
    return fits[0][1]


def _fit(family: str, of: np.ndarray, g: np.ndarray, targets: tuple[float, float]) -> tuple[float, Slope] | None:
    """How badly g = a (of - target) fits, and what it would mean; None where it would mean nothing."""
    spread = float(g.std())
    if spread == 0 or of.std() < 1e-9:
        return None
    a, b = np.polyfit(of, g, 1)
    residual = float((g - (a * of + b)).std()) / spread
    target = float(-b / a)
    if a < 0:
        # Turned round it is the other network's loss, maximised: log(1 - D) on fakes is the only one in use.
        usual = family != "least-squares" and abs(target) < -targets[0]
        return (residual, Slope(family, True, target)) if usual else None
    return (residual, Slope(family, False, target)) if targets[0] <= target <= targets[1] else None
