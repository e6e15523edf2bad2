"""One training step: D's update, then G's. This is the whole algorithm.

Who is updated? `d_backward` computes gradients for D's parameters only, `g_backward` for G's only, though G's loss runs
through D: a gradient may pass through a network without changing it. Nothing is frozen or thawed for that.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from . import signals
from .game import Game
from .penalties import Seen, prepared
from .players import Players

Draw = Callable[[], tuple[Tensor, Tensor | None]]


def train_step(players: Players, game: Game, draw: Draw) -> signals.Signals:
    """Updates D (`d_steps` times), then G once, then the average of G. Returns scalars still on the device.

    Args:
        players: G and D with their optimisers.
        game: what each of them minimises, and what D sees of a picture.
        draw: gives the next real batch and its condition.  # [N, C, H, W] in [-1, 1]; [N, ...] or None
    """
    recipe, objective = players.recipe, game.objective
    d_terms, g_losses = [], []  # of every batch; penalties that were not due are not in it

    def judge(images: Tensor) -> Tensor:  # [N, C, H, W] -> [N]
        return players.discriminate(game.augment(images), condition)

    for update in range(1, recipe.d_steps + 1):
        due = [penalty for penalty in game.penalties if penalty.due(players.d_updates)]
        for _ in range(recipe.accumulate):
            real, condition = draw()
            reuse = recipe.reuse_fakes and recipe.accumulate == 1 and update == recipe.d_steps
            fake = players.generate(len(real), condition, for_g=reuse)  # [N, C, H, W]
            d_real, d_fake = prepared(real, "real", due), prepared(fake, "fake", due)
            real_logits, fake_logits = judge(d_real), judge(d_fake)
            d_terms.append(objective.d_terms(real_logits, fake_logits))
            d_terms[-1] |= {p.name: p(Seen(judge, d_real, d_fake, real_logits, fake_logits)) for p in due}
            players.d_backward(sum(d_terms[-1].values()))
            game.augment.observe(real_logits - (objective.boundary or 0.0))
        d_norm = players.d_update()

    for _ in range(recipe.accumulate):
        if objective.pairs_real:
            real, condition = draw()
        if not reuse:
            fake = players.generate(len(real), condition, for_g=True)
        paired_logits = judge(real).detach() if objective.pairs_real else None
        g_losses.append(objective.g_loss(judge(fake), paired_logits))
        players.g_backward(g_losses[-1])
    g_norm = players.g_update()
    players.average_g(len(real) * recipe.accumulate)
    seen = signals.of_d(d_terms, real_logits, fake_logits, d_norm, objective.boundary)
    return seen | signals.of_g(g_losses, g_norm) | game.augment.signals()
