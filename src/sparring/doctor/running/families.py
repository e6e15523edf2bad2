"""Which loss a log is of: told by its name, or guessed from constants and from what no other loss can give."""

from __future__ import annotations

import numpy as np

# Names in the wild -> the family that the rules speak of.
NAMES = {
    "bce": "bce", "bce-logits": "bce", "vanilla": "bce", "non-saturating": "bce", "logistic": "bce", "minimax": "bce",
    "log": "bce", "binary-crossentropy": "bce", "standard": "bce", "saturating": "bce",
    "hinge": "hinge",
    "wasserstein": "wasserstein", "wgan": "wasserstein", "wgan-gp": "wasserstein", "wgan-clip": "wasserstein",
    "least-squares": "least-squares", "least-square": "least-squares", "lsgan": "least-squares",
    "mse": "least-squares", "ls": "least-squares", "least-squares-halved": "least-squares-halved",
    "relativistic": "relativistic", "rpgan": "relativistic", "r3gan": "relativistic", "ragan": "relativistic",
    "relativistic-average": "relativistic",
}  # fmt: skip
LN2, LN4 = float(np.log(2)), float(np.log(4))
# (D's sum, G) where D tells nothing apart.
UNDECIDED = {
    "bce": (LN4, LN2), "hinge": (2.0, 0.0), "least-squares": (0.5, 0.25), "least-squares-halved": (0.25, 0.125),
    "relativistic": (LN2, LN2),
}  # fmt: skip
WORDS = {
    "bce": "binary cross-entropy", "hinge": "the hinge loss", "wasserstein": "the Wasserstein loss",
    "least-squares": "least squares", "least-squares-halved": "least squares with halves",
    "relativistic": "the relativistic loss", "": "a loss that is not known",
}  # fmt: skip
SLACK = 0.02  # D's and G's numbers are of different pictures


def family_of(name: str) -> str:
    """The family of a loss's name, "" for one that is not known."""
    return NAMES.get(name.strip().lower().replace("_", "-").replace(" ", "-"), "")


def least_d(family: str, g: np.ndarray) -> np.ndarray:
    """The least that D's sum can be where G's loss is g and both judge the same fakes  # [n] -> [n]

    The same score of a fake goes into both losses, so a fake that fools D for G's sake costs D. All of these are
    convex in g, so they hold for means over a batch too.
    """
    if family == "bce":
        # D pays -log(1 - p) for a fake of probability p, and G pays g = -log p; logs have four decimals.
        return np.asarray(-np.log(-np.expm1(-np.maximum(g, 1e-4))))
    if family == "hinge":
        return np.maximum(0.0, 1.0 - g)
    if family == "least-squares":
        return np.asarray(np.maximum(0.0, 1.0 - np.sqrt(np.maximum(g, 0.0))) ** 2)
    if family == "least-squares-halved":
        return np.asarray(np.maximum(0.0, 1.0 - np.sqrt(np.maximum(2 * g, 0.0))) ** 2 / 2)
    return np.full(len(g), -np.inf)


def impossible(family: str, d: np.ndarray, g: np.ndarray, scale: float = 1.0) -> float:
    """Share of rows in which D is lower than the loss allows, D's numbers being `scale` times the sum."""
    return float(np.mean(d < scale * least_d(family, g) - SLACK)) if len(d) else 0.0


def guess(d: np.ndarray, g: np.ndarray) -> tuple[str, float]:
    """The family of a log's numbers and how sure that is, 0 to 1; "" where they do not say.

    Args:
        d: D's losses, finite  # float64 [n]
        g: G's  # float64 [n]
    """
    if len(d) < 10:
        return "", 0.0
    if float(np.mean(d < 0)) > 0.01:
        return "wasserstein", 0.9
    if float(np.mean(g < 0)) > 0.002:
        return ("hinge", 0.8) if float(np.median(d)) < 4 else ("wasserstein", 0.6)
    if _near(d, LN2) and _near(g, LN2) and float(np.median(g)) < 0.72:
        return "bce", 0.6  # an average of two terms, or relativistic: the same constants
    if _near(d, 2.0, 0.15) and _near(g, 0.0, 0.15) and impossible("bce", d, g) > 0.5:
        return "hinge", 0.5  # what it begins with; only half a sum of cross-entropies could be there as well
    bce = impossible("bce", d, g, 0.5)
    if bce <= 0.1:
        # A hinge loss whose G never goes below 0 looks the same, unless the constants say otherwise.
        return "bce", 0.8 if _near(d, LN4) and _near(g, LN2, 0.2) else 0.6
    for family in ("least-squares", "least-squares-halved"):
        if impossible(family, d, g) <= 0.05 and float(np.quantile(g, 0.9)) < 1.5:
            return family, 0.7
    if impossible("hinge", d, g, 0.5) <= 0.02 and float(np.median(d)) > 0.02:
        return "hinge", 0.4
    return "", 0.0


def _near(values: np.ndarray, constant: float, within: float = 0.05) -> bool:
    return abs(float(np.median(values)) - constant) < within
