"""Losses as functions of logits: one function a player, one row a loss in `OBJECTIVES`.

r = D(real), f = D(fake) are logits, one a picture; `softplus(-r)` is the binary cross-entropy of a real picture written
on the logit, so nothing saturates at 27.6 or 100 as it does behind a sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from .errors import SparringError, did_you_mean


@dataclass(frozen=True)
class Objective:
    """What D and G minimise.

    Attributes:
        name: the word for `--set loss=`.
        d_terms: (r [N], f [N]) -> D's loss in its named terms, each a scalar; D minimises their sum.
        g_loss: (f [N], r [N] or None) -> what G minimises, a scalar; r is given when `pairs_real`.
        source: paper and equation.
        pairs_real: G's loss looks at a real batch as well.
    """

    name: str
    d_terms: Callable[[Tensor, Tensor], dict[str, Tensor]]
    g_loss: Callable[[Tensor, Tensor | None], Tensor]
    source: str
    pairs_real: bool = False


def non_saturating_d(real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
    """-log D(x) - log(1 - D(G(z))); ln 2 = .693 a term when D cannot tell."""
    return {"real": F.softplus(-real_logits).mean(), "fake": F.softplus(fake_logits).mean()}


def non_saturating_g(fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """-log D(G(z)); ln 2 = .693 when D cannot tell."""
    return F.softplus(-fake_logits).mean()


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (Objective("non-saturating", non_saturating_d, non_saturating_g, "arXiv 1406.2661, section 3"),)
}


def objective_named(name: str) -> Objective:
    """Returns a row of the table. Raises SparringError with the near name."""
    if name not in OBJECTIVES:
        raise SparringError(f"There is no loss {name!r}.", did_you_mean(name, OBJECTIVES))
    return OBJECTIVES[name]
