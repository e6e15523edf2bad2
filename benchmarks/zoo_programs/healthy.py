"""What sound trainings differ in, without harm: the variations on which an alarm is a false one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .changing import Noisy, last_weights, scale_rate
from .parts import Parts, Program

PLAIN = "plain"


@dataclass(frozen=True)
class Variation:
    """One harmless change.

    Attributes:
        name: of it.
        what: it changes, in words.
        apply: makes the change.
        needs: traits that a program must have.
        bars: traits that it must not have.
        seeds: runs of it for each program.
        compared: its outcome counts: if it is worse than that of plain runs (by the rule of `outcomes.py`), the run
            was no healthy one and is counted apart. Not so for runs that are meant to learn less.
    """

    name: str
    what: str
    apply: Callable[[Parts], None]
    needs: tuple[str, ...] = ()
    bars: tuple[str, ...] = ()
    seeds: int = 1
    compared: bool = True

    def fits(self, program: Program) -> bool:
        return set(self.needs) <= program.traits and not set(self.bars) & program.traits


def _nothing(p: Parts) -> None:
    pass


def _slow(p: Parts) -> None:
    scale_rate(p.g_opt, 0.25)
    scale_rate(p.d_opt, 0.25)


def _small_batch(p: Parts) -> None:
    p.batch = 8


def _fast_d(p: Parts) -> None:
    scale_rate(p.d_opt, 10.0)


def _transient(p: Parts) -> None:
    """D begins with large scores: the first losses are giant, as in the first iterations of many programs."""
    with torch.no_grad():
        for weight in last_weights(p.D):
            weight.mul_(20.0)


def _stops_early(p: Parts) -> None:
    p.steps = int(0.4 * p.steps)


def _sparse(p: Parts) -> None:
    p.watch_every = 10


def _decay(p: Parts) -> None:
    """Both rates go down to a twentieth, in a line."""
    total = p.steps

    def before(step: int) -> None:
        if step > 1:
            factor = (1 - 0.95 * step / total) / (1 - 0.95 * (step - 1) / total)
            scale_rate(p.g_opt, factor)
            scale_rate(p.d_opt, factor)

    p.before.append(before)


def _smoothed(p: Parts) -> None:
    """Reals are labelled .9."""
    target = torch.tensor(0.9)

    def d_loss(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        return (
            F.binary_cross_entropy_with_logits(real, target.expand_as(real)),
            F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake)),
        )

    p.d_loss = d_loss


def _noise(p: Parts) -> None:
    """D sees every picture under noise."""
    p.D = Noisy(p.D, 0.1)


def _flips(p: Parts) -> None:
    draw = p.draw

    def flipped() -> tuple[Tensor, Tensor | None]:
        real, labels = draw()
        mirrored = torch.rand(len(real)) < 0.5
        return torch.where(mirrored[:, None, None, None], real.flip(3), real), labels

    p.draw = flipped


def _loose_clip(p: Parts) -> None:
    p.gradient_clip = 20.0


def _resumed(p: Parts) -> None:
    """A checkpoint of everything is loaded once; the counter goes back to it."""
    back = p.steps // 10
    at = p.steps // 2
    kept: dict[str, dict] = {}
    parts: dict[str, nn.Module | torch.optim.Optimizer] = {"G": p.G, "D": p.D, "g": p.g_opt, "d": p.d_opt}

    def before(step: int) -> None:
        if step == at - back:
            kept.update({name: _copied(part.state_dict()) for name, part in parts.items()})
        if step == at:
            for name, part in parts.items():
                part.load_state_dict(kept[name])

    p.before.append(before)
    p.shown = lambda step: step if step < at else step - back


def _copied(state: dict) -> dict:
    from copy import deepcopy

    return deepcopy(state)


def _no_momentum(p: Parts) -> None:
    for optimizer in (p.g_opt, p.d_opt):
        for group in optimizer.param_groups:
            group["betas"] = (0.0, group["betas"][1])


def _uniform(p: Parts) -> None:
    """z from a uniform distribution of the same variance."""
    p.z = lambda n: (2 * torch.rand(n, p.latent) - 1) * 3**0.5


VARIATIONS = (
    Variation(PLAIN, "as it is written", _nothing, seeds=3),
    Variation("slow", "both rates a fourth", _slow, compared=False),
    Variation("small batch", "batches of 8", _small_batch, compared=False),
    Variation("fast D", "D's rate tenfold", _fast_d, bars=("clip",)),
    Variation(
        "transient", "D's last weights begin twentyfold: giant first losses", _transient,
        bars=("keras", "clip", "spectral"),
    ),
    Variation("stops early", "two fifths of the steps", _stops_early, compared=False),
    Variation("sparse", "numbers told every tenth step", _sparse),
    Variation("decay", "both rates fall to a twentieth", _decay, compared=False),
    Variation("smoothed", "reals labelled .9", _smoothed, needs=("bce", "logits")),
    Variation("noise", "noise of .1 on all that D sees", _noise, needs=("torch",), bars=("conditional",)),
    Variation("flips", "pictures mirrored at random", _flips, compared=False),
    Variation("loose clip", "gradients clipped at a norm of 20", _loose_clip, needs=("torch",)),
    Variation("resumed", "goes back to a checkpoint once, with all state", _resumed, needs=("torch",)),
    Variation("no momentum", "Adam's beta1 at 0", _no_momentum, needs=("torch", "adam")),
    Variation("uniform", "z uniform", _uniform),
)  # fmt: skip


def variation_named(name: str) -> Variation:
    return {each.name: each for each in VARIATIONS}[name]
