"""One training step: D's update, then G's. This is the whole algorithm.

Who is updated? `d_update` computes gradients for D's parameters only, `g_update` for G's only, though G's loss runs
through D: a gradient may pass through a network without changing it. Nothing is frozen or thawed for that.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from . import signals
from .objectives import Objective
from .players import Players

Draw = Callable[[], tuple[Tensor, Tensor | None]]


def train_step(players: Players, objective: Objective, draw: Draw) -> signals.Signals:
    """Updates D (`d_steps` times), then G once, then the average of G.

    Args:
        players: G and D with their optimisers.
        objective: what each of them minimises.
        draw: gives the next real batch and its condition.  # [N, C, H, W] in [-1, 1]; [N, ...] or None

    Returns the step's signals, as scalars still on the device.
    """
    recipe = players.recipe
    seen: signals.Signals = {}

    for _ in range(recipe.d_steps):
        real, condition = draw()
        fake = players.generate(len(real), condition, for_g=recipe.reuse_fakes)  # [N, C, H, W]
        real_logits = players.discriminate(real, condition)  # [N]
        fake_logits = players.discriminate(fake.detach(), condition)  # [N]
        d_terms = objective.d_terms(real_logits, fake_logits)
        players.d_update(sum(d_terms.values()))
    seen |= signals.of_d(d_terms, real_logits, fake_logits, players.d_params)

    if objective.pairs_real:
        real, condition = draw()
    if not recipe.reuse_fakes:
        fake = players.generate(len(real), condition, for_g=True)
    fake_logits = players.discriminate(fake, condition)
    paired_logits = players.discriminate(real, condition).detach() if objective.pairs_real else None
    g_loss = objective.g_loss(fake_logits, paired_logits)
    players.g_update(g_loss)
    players.average_g(len(real))
    return seen | signals.of_g(g_loss, players.g_params)
