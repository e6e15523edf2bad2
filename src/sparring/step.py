"""One training step: D's update, then G's. This is the whole algorithm.

Who is updated? `d_backward` computes gradients for D's parameters only, `g_backward` for G's only, though G's loss runs
through D: a gradient may pass through a network without changing it. Nothing is frozen or thawed for that.
"""

from __future__ import annotations

from torch import Tensor

from . import signals
from .game import Draw, Game
from .objectives import Verdict
from .penalties import Seen, prepared
from .players import Players


def train_step(players: Players, game: Game, draw: Draw) -> signals.Signals:
    """Updates D (`d_steps` times), then G once, then the average of G. Returns scalars still on the device.

    Args:
        players: G and D with their optimisers.
        game: what each of them minimises, and what D sees of a picture.
        draw: gives the next real batch and its condition.  # [N, C, H, W] in [-1, 1]; [N, ...] or None
    """
    recipe, objective = players.recipe, game.objective
    d_terms, g_terms = [], []  # of every batch; penalties that were not due are not in it

    def judge(images: Tensor, told: Tensor | None = None) -> Verdict:  # [N, C, H, W] -> logits [N]
        return players.discriminate(game.augment(images), condition if told is None else told)

    for update in range(1, recipe.d_steps + 1):
        due = [penalty for penalty in game.penalties if penalty.due(players.d_updates)]
        for _ in range(recipe.accumulate):
            real, condition = draw()
            reuse = game.reuses_fakes(recipe, condition) and update == recipe.d_steps
            fake = players.generate(len(real), condition, for_g=reuse)  # [N, C, H, W]
            d_real, d_fake = prepared(real, "real", due), prepared(fake, "fake", due)
            on_real, on_fake = judge(d_real), judge(d_fake)
            seen = Seen(judge, d_real, d_fake, on_real, on_fake, condition, objective)
            d_terms.append(objective.d_terms(on_real.logits, on_fake.logits) | game.d_class(seen))
            d_terms[-1] |= {penalty.name: penalty(seen) for penalty in due} | players.d_own()
            players.d_backward(sum(d_terms[-1].values()))
            game.augment.observe(on_real.logits - (objective.boundary or 0.0))
        d_norm = players.d_update()

    for _ in range(recipe.accumulate):
        if objective.pairs_real:
            real, condition = draw()
        if not reuse:
            fake = players.generate(len(real), condition, for_g=True)
        paired_logits = judge(real).logits.detach() if objective.pairs_real else None
        verdict = judge(fake)
        g_terms.append({"adversarial": objective.g_loss(verdict.logits, paired_logits)})
        g_terms[-1] |= game.g_class(verdict, condition) | players.g_own()
        players.g_backward(sum(g_terms[-1].values()))
    g_norm = players.g_update()
    players.average_g(len(real) * recipe.accumulate)
    of_d = signals.of_d(d_terms, on_real.logits, on_fake.logits, d_norm, objective.boundary)
    return of_d | signals.of_g(g_terms, g_norm) | game.augment.signals()
