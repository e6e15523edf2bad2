"""Losses as functions of logits: one function a player, one row a loss in `OBJECTIVES`.

r = D(real), f = D(fake) are logits, one a picture (or all of a map of them, flat); `softplus(-r)` is the binary
cross-entropy of a real picture written on the logit, so nothing saturates at 27.6 or 100 as it does behind a sigmoid.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import SparringError, did_you_mean

Terms = dict[str, Tensor]  # the terms of D's loss by name, each a scalar
Labelled = Callable[[Tensor, Tensor], Tensor]  # (logits [N], target [N]) -> loss of each [N]


class Verdict(NamedTuple):
    """What D says of pictures.

    Attributes:
        logits: one a picture, or all of a map of them, flat; fp32.  # [N or more]
        classes: logits of the classes, where D has such a head.  # [N, K]
    """

    logits: Tensor
    classes: Tensor | None = None


@dataclass(frozen=True)
class Objective:
    """What D and G minimise.

    Attributes:
        name: the word for `--set loss=`.
        d_terms: (r [N], f [N]) -> D's loss in its named terms, each a scalar; D minimises their sum.
        g_loss: (f [N], r [N] or None) -> what G minimises, a scalar; r is given when `pairs_real`.
        source: paper and equation.
        pairs_real: G's loss looks at a real batch as well.
        boundary: D says "real" above this logit and "fake" below it; None where a logit means nothing on its own (a
            constant added to all of D's answers changes no loss), so that D's accuracy is not defined.
        labelled: D's loss of one logit for a target in [0, 1] (1 real, 0 fake), where the loss is written on such a
            label; None elsewhere. `smoothed` needs it.
    """

    name: str
    d_terms: Callable[[Tensor, Tensor], Terms]
    g_loss: Callable[[Tensor, Tensor | None], Tensor]
    source: str
    pairs_real: bool = False
    boundary: float | None = 0.0
    labelled: Labelled | None = None


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """-t log sigmoid(x) - (1 - t) log(1 - sigmoid(x)), each for itself.  # [N], [N] in [0, 1] -> [N]"""
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none")


def squared_distance(logits: Tensor, target: Tensor) -> Tensor:
    """(x - t)^2 / 2, each for itself.  # [N], [N] -> [N]"""
    return (logits - target).square() / 2


def non_saturating_d(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """-log D(x) - log(1 - D(G(z))); ln 2 = .693 a term when D cannot tell."""
    return {"real": F.softplus(-real_logits).mean(), "fake": F.softplus(fake_logits).mean()}


def non_saturating_g(fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """-log D(G(z)); ln 2 = .693 when D cannot tell."""
    return F.softplus(-fake_logits).mean()


def minimax_g(fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """log(1 - D(G(z))): its gradient, -sigmoid(f), vanishes where D is sure of a fake; -ln 2 when D cannot tell."""
    return -F.softplus(fake_logits).mean()


def least_squares_d(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """(D(x) - 1)^2 / 2 + D(G(z))^2 / 2; .125 a term when D says .5 to all."""
    return {"real": (real_logits - 1).square().mean() / 2, "fake": fake_logits.square().mean() / 2}


def least_squares_g(fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """(D(G(z)) - 1)^2 / 2; .125 when D says .5 to all."""
    return (fake_logits - 1).square().mean() / 2


def hinge_d(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z))); 1 a term when D says 0 to all, 0 beyond the margin."""
    return {"real": F.relu(1 - real_logits).mean(), "fake": F.relu(1 + fake_logits).mean()}


def wasserstein_d(real_scores: Tensor, fake_scores: Tensor) -> Terms:
    """D(G(z)) - D(x): minus the estimated distance, once a clip or a penalty bounds D's slope."""
    return {"real": -real_scores.mean(), "fake": fake_scores.mean()}


def raise_score_g(fake_scores: Tensor, real_scores: Tensor | None = None) -> Tensor:
    """-D(G(z)): G's side of both the hinge and the Wasserstein loss."""
    return -fake_scores.mean()


def relativistic_d(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """-log sigmoid(D(x_i) - D(G(z_i))): the i-th real with the i-th fake; ln 2 = .693 when D cannot tell."""
    return {"pair": F.softplus(-_difference(real_logits, fake_logits)).mean()}


def relativistic_g(fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """-log sigmoid(D(G(z_i)) - D(x_i)); ln 2 = .693 when D cannot tell."""
    return F.softplus(_difference(_reals(real_logits), fake_logits)).mean()


def relativistic_average_d(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """Each side against the mean of the other, halved as in the author's code; ln 2 / 2 = .347 a term if D cannot tell.

    The means carry gradients as well.
    """
    return {
        "real": F.softplus(-(real_logits - fake_logits.mean())).mean() / 2,
        "fake": F.softplus(fake_logits - real_logits.mean()).mean() / 2,
    }


def relativistic_average_g(fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """The mirror of D's loss: real and fake change places; ln 2 = .693 when D cannot tell."""
    real_logits = _reals(real_logits)
    above_reals = F.softplus(-(fake_logits - real_logits.mean())).mean()
    return (above_reals + F.softplus(real_logits - fake_logits.mean()).mean()) / 2


def _difference(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    if real_logits.shape != fake_logits.shape:  # broadcasting would pair one with all
        raise SparringError(
            f"{real_logits.numel()} logits of real pictures cannot be paired with {fake_logits.numel()} of fakes.",
            "as many fakes as real pictures",
            "give both batches the same size.",
        )
    return real_logits - fake_logits


def _reals(real_logits: Tensor | None) -> Tensor:
    if real_logits is None:
        raise SparringError(
            "A relativistic loss compares fakes with real pictures, and G's side was given no real ones.",
            "D's logits on a real batch as the second argument",
            "look at `pairs_real` of the loss.",
        )
    return real_logits


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective(
            "non-saturating",
            non_saturating_d,
            non_saturating_g,
            "arXiv 1406.2661, section 3",
            labelled=cross_entropy,
        ),
        Objective("minimax", non_saturating_d, minimax_g, "arXiv 1406.2661, equation 1", labelled=cross_entropy),
        Objective(
            "least-squares",
            least_squares_d,
            least_squares_g,
            "arXiv 1611.04076, equation 9 (a = 0, b = c = 1)",
            boundary=0.5,
            labelled=squared_distance,
        ),
        Objective("hinge", hinge_d, raise_score_g, "arXiv 1705.02894"),
        Objective("wasserstein", wasserstein_d, raise_score_g, "arXiv 1701.07875, algorithm 1", boundary=None),
        Objective(
            "relativistic",
            relativistic_d,
            relativistic_g,
            "arXiv 1807.00734 (RSGAN); pairing again in arXiv 2501.05441 (R3GAN)",
            pairs_real=True,
            boundary=None,
        ),
        Objective(
            "relativistic-average",
            relativistic_average_d,
            relativistic_average_g,
            "arXiv 1807.00734 (RaSGAN)",
            pairs_real=True,
            boundary=None,
        ),
    )
}


def objective_named(name: str) -> Objective:
    """Returns a row of the table. Raises SparringError with the near name."""
    if name not in OBJECTIVES:
        raise SparringError(f"There is no loss {name!r}.", did_you_mean(name, OBJECTIVES))
    return OBJECTIVES[name]


def smoothed(objective: Objective, smoothing: float = 0.0, flip: float = 0.0) -> Objective:
    """Returns the loss with softer or partly wrong labels for D; G's loss stays as it is.

    One-sided label smoothing (arXiv 1606.03498, section 3.4): the target of a real is 1 - smoothing, that of a fake
    stays 0. Label flipping: with probability `flip` a real gets the target of a fake, and a fake that of a real. It
    is drawn for each logit (for each picture, unless D gives a map) from torch's random state of the device.

    Args:
        objective: a loss written on labels (`labelled`); with both numbers 0 any loss, which is returned as it is.
        smoothing: in [0, .5).
        flip: in [0, .5).

    Raises:
        SparringError: a number out of its range, or a loss without labels.
    """
    for name, value in (("smoothing", smoothing), ("flip", flip)):
        if not 0 <= value < 0.5:
            raise SparringError(
                f"{name} is {value!r}.", "a number from 0 to below .5", "from .5 on, labels say more wrong than right."
            )
    if not smoothing and not flip:
        return objective
    loss = objective.labelled
    if loss is None:
        with_labels = [name for name, row in OBJECTIVES.items() if row.labelled]
        raise SparringError(
            f"The loss {objective.name} has no labels to smooth or flip.",
            f"a loss that has: {', '.join(with_labels)}",
            "take one of these, or set label smoothing and label flipping to 0.",
        )

    def against(logits: Tensor, target: float, other: float) -> Tensor:
        targets = torch.full_like(logits, target)
        if flip:
            targets = torch.where(torch.rand_like(logits) < flip, other, targets)
        return loss(logits, targets).mean()

    def d_terms(real_logits: Tensor, fake_logits: Tensor) -> Terms:
        real_target = 1 - smoothing
        return {"real": against(real_logits, real_target, 0.0), "fake": against(fake_logits, 0.0, real_target)}

    return dataclasses.replace(objective, d_terms=d_terms)
