"""Facts of what only a run shows: a training step of the user's, compiled models, how conditions arrive."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...conditions import Shape
from ..facts import Pair, Step, Wiring
from .compiled_facts import compiled_of
from .probe import Looked
from .step_facts import step_of
from .told_facts import told_of


def more_facts(
    given: tuple[Any, Any, Any],
    g: Looked | None,
    d: Looked | None,
    reals: Tensor,
    told: Shape | None,
    *,
    step: Any,
    pair: Pair | None,
    notes: list[str],
) -> dict[str, Any]:
    """The facts "step", "compiled", "told" and "wiring", those that can be had.

    Args:
        given: generator, discriminator and combined, as the user gave them.
        g: G, looked at.
        d: D, looked at.
        reals: what D is given as real, channels first.
        told: the condition.
        step: the user's training step, or FILE:NAME of it.
        pair: both together.
        notes: sentences on what was guessed are added to them.
    """
    fits = pair is None or not pair.mismatch
    ran = step_of(step, given, g, d, reals, told, notes) if step is not None and g and d and fits else None
    generator, discriminator, combined = given
    compiled = None if _both_learn(ran) else compiled_of(generator, discriminator, combined, notes)
    networks = tuple(each.network for each in (g, d) if each is not None)
    return {
        "step": ran,
        "compiled": compiled,
        "told": None if told is None else told_of([each for each in (g, d) if each is not None], told),
        "wiring": Wiring(networks, pair, ran, compiled),
    }


def _both_learn(step: Step | None) -> bool:
    """Whether a step was seen to change each network in its own update: what is compiled says less than that."""
    return step is not None and all(
        any(update.changed.get(role, 0) > 0 for update in step.of(role[0])) for role in ("generator", "discriminator")
    )
