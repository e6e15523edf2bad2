"""The changes that plants make, one function each: (parts, step of onset) -> nothing."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from . import losses
from .changing import (
    BeforeTanh,
    Ending,
    Silenced,
    Times,
    batches_in_order,
    each_from,
    from_step,
    layers_with_weights,
    scale_rate,
    with_batch_norm,
)
from .parts import Parts

# Who is updated


def d_stale(p: Parts, onset: int) -> None:
    _, p.d_opt = p.make_optimizers(p.G, deepcopy(p.D))


def g_stale(p: Parts, onset: int) -> None:
    p.g_opt, _ = p.make_optimizers(deepcopy(p.G), p.D)


def d_rate_to_zero(p: Parts, onset: int) -> None:
    p.before.append(from_step(onset, lambda: scale_rate(p.d_opt, 0.0)))


def g_partly(p: Parts, onset: int) -> None:
    p.g_opt, _ = p.make_optimizers(layers_with_weights(p.G)[-1], p.D)


def swapped(p: Parts, onset: int) -> None:
    p.d_opt, p.g_opt = p.make_optimizers(p.G, p.D)


def g_holds_both(p: Parts, onset: int) -> None:
    p.g_opt, _ = p.make_optimizers(nn.ModuleList([p.G, p.D]), p.D)


def one_optimizer(p: Parts, onset: int) -> None:
    p.g_opt, _ = p.make_optimizers(nn.ModuleList([p.G, p.D]), p.D)
    p.d_opt = p.g_opt


def _nothing(*_: Any, **__: Any) -> None:
    pass


def d_not_zeroed(p: Parts, onset: int) -> None:
    p.d_opt.zero_grad = _nothing


def g_not_zeroed(p: Parts, onset: int) -> None:
    p.g_opt.zero_grad = _nothing


def g_detached(p: Parts, onset: int) -> None:
    p.for_g = lambda fake: fake.detach()


def keras_frozen(p: Parts, onset: int) -> None:
    p.extra["thaws"] = False


def d_eval(p: Parts, onset: int) -> None:
    p.D.eval()


def g_left_in_eval(p: Parts, onset: int) -> None:
    p.before.append(from_step(onset, p.G.eval))


# Latents and conditions


def z_reused(p: Parts, onset: int) -> None:
    z, drawn = p.z, dict[int, Tensor]()

    def again(n: int) -> Tensor:
        if n not in drawn:
            drawn[n] = z(n)
        return drawn[n]

    p.z = again


def z_zero(p: Parts, onset: int) -> None:
    p.z = lambda n: torch.zeros(n, p.latent)


class _Latent(nn.Module):
    """A generator whose z is multiplied first."""

    def __init__(self, network: nn.Module, factor: float) -> None:
        super().__init__()
        self.network, self.scale = network, Times(factor)

    def forward(self, z: Tensor, *more: Tensor) -> Tensor:
        return self.network(self.scale(z), *more)


def z_unheard(p: Parts, onset: int) -> None:
    p.G = _Latent(p.G, 1e-4)


def z_fades(p: Parts, onset: int) -> None:
    p.G = _Latent(p.G, 1.0)

    def fade(step: int) -> None:
        p.G.scale.factor *= 0.9

    p.before.append(each_from(onset, fade))


def g_not_told(p: Parts, onset: int) -> None:
    p.told_g = torch.zeros_like


def d_not_told(p: Parts, onset: int) -> None:
    p.told_d = torch.zeros_like


def labels_shuffled(p: Parts, onset: int) -> None:
    assert p.labels is not None
    p.labels = p.labels[torch.randperm(len(p.labels))]


# Ranges, ends and losses


def data_0_255(p: Parts, onset: int) -> None:
    p.pictures = (p.pictures + 1) * 127.5


def data_0_1(p: Parts, onset: int) -> None:
    p.pictures = (p.pictures + 1) / 2


def double_sigmoid(p: Parts, onset: int) -> None:
    p.D = Ending(p.D, nn.Sigmoid())


def log_of_logits(p: Parts, onset: int) -> None:
    p.d_loss = lambda real, fake: (-real.log().mean(), -(1 - fake).log().mean())
    p.g_loss = lambda fake, real=None: -fake.log().mean()


def bce_ceiling(p: Parts, onset: int) -> None:
    """D ends in a sigmoid under BCELoss, and its last weights leap as after one giant step."""
    if not any(isinstance(layer, nn.Sigmoid) for layer in p.D.modules()):
        p.D = Ending(p.D, nn.Sigmoid())
        p.d_loss, p.g_loss = losses.bce, losses.bce_g

    def leap() -> None:
        with torch.no_grad():
            for weight in layers_with_weights(p.D)[-1].parameters():
                weight.mul_(30.0)

    p.before.append(from_step(onset, leap))


def bounded(p: Parts, onset: int) -> None:
    p.D = Ending(p.D, nn.Sigmoid())


def bounded_hinge(p: Parts, onset: int) -> None:
    p.D = Ending(p.D, nn.Tanh())


def softmax_on_one(p: Parts, onset: int) -> None:
    def term(logits: Tensor) -> Tensor:
        return -logits.reshape(-1, 1).log_softmax(1).mean()

    p.d_loss = lambda real, fake: (term(real), term(fake))
    p.g_loss = lambda fake, real=None: term(fake)


def norm_under_penalty(p: Parts, onset: int) -> None:
    p.D = with_batch_norm(p.D)
    p.remake_optimizers()


def batch_of_2(p: Parts, onset: int) -> None:
    p.batch = 2


def saturating(p: Parts, onset: int) -> None:
    p.g_loss = lambda fake, real=None: -nn.functional.softplus(fake).mean()


def g_flipped(p: Parts, onset: int) -> None:
    """G is given what D pays for fakes."""
    d_loss = p.d_loss
    p.g_loss = lambda fake, real=None: d_loss(fake, fake)[1]


def d_flipped(p: Parts, onset: int) -> None:
    d_loss = p.d_loss

    def crossed(real: Tensor, fake: Tensor) -> tuple[Tensor, ...]:
        of_fakes, of_reals = d_loss(fake, real)
        return of_reals, of_fakes

    p.d_loss = crossed


def unbounded(p: Parts, onset: int) -> None:
    p.penalty = p.weights_clip = 0.0


# Rates


def d_rate_x100(p: Parts, onset: int) -> None:
    scale_rate(p.d_opt, 100.0)


def g_rate_x100(p: Parts, onset: int) -> None:
    scale_rate(p.g_opt, 100.0)


def g_rate_leaps(p: Parts, onset: int) -> None:
    p.before.append(from_step(onset, lambda: scale_rate(p.g_opt, 100.0)))


def rates_tiny(p: Parts, onset: int) -> None:
    scale_rate(p.g_opt, 1e-3)
    scale_rate(p.d_opt, 1e-3)


def d_rate_tiny(p: Parts, onset: int) -> None:
    scale_rate(p.d_opt, 1e-3)


def sgd(p: Parts, onset: int) -> None:
    rates = [optimizer.param_groups[0]["lr"] for optimizer in (p.g_opt, p.d_opt)]
    p.g_opt = torch.optim.SGD(p.G.parameters(), lr=rates[0])
    p.d_opt = torch.optim.SGD(p.D.parameters(), lr=rates[1])


def schedule_per_step(p: Parts, onset: int) -> None:
    def decay(step: int) -> None:
        scale_rate(p.g_opt, 0.98)
        scale_rate(p.d_opt, 0.98)

    p.before.append(decay)


def by_turns(p: Parts, onset: int) -> None:
    """What is not its turn gets a rate of 0."""
    rates = [optimizer.param_groups[0]["lr"] for optimizer in (p.d_opt, p.g_opt)]

    def turn(step: int) -> None:
        whose = step // 40 % 2
        for i, optimizer in enumerate((p.d_opt, p.g_opt)):
            for group in optimizer.param_groups:
                group["lr"] = rates[i] if i == whose else 0.0

    p.before.append(turn)


# Stability


def _poison(network: nn.Module) -> None:
    with torch.no_grad():
        next(iter(layers_with_weights(network)[0].parameters())).view(-1)[0] = float("nan")


def nan_in_d(p: Parts, onset: int) -> None:
    p.before.append(from_step(onset, lambda: _poison(p.D)))


def nan_in_g(p: Parts, onset: int) -> None:
    p.before.append(from_step(onset, lambda: _poison(p.G)))


def nan_in_data(p: Parts, onset: int) -> None:
    """One batch at the onset holds it for certain."""
    draw, at = p.draw, [False]

    def drawn() -> tuple[Tensor, Any]:
        real, labels = draw()
        if at[0]:
            real = real.clone()
            real[0] = float("nan")
            at[0] = False
        return real, labels

    p.before.append(from_step(onset, lambda: at.__setitem__(0, True)))
    p.draw = drawn


def _thrown(p: Parts, onset: int, whose: str) -> None:
    def before(step: int) -> None:
        if step in (onset, onset + 3):
            scale_rate(getattr(p, whose), 1000.0 if step == onset else 1e-3)

    p.before.append(before)


def d_thrown(p: Parts, onset: int) -> None:
    _thrown(p, onset, "d_opt")


def g_thrown(p: Parts, onset: int) -> None:
    _thrown(p, onset, "g_opt")


def _scaled_losses(p: Parts, scale: list[float], d_only: bool = False) -> None:
    d_loss, g_loss = p.d_loss, p.g_loss
    p.d_loss = lambda real, fake: tuple(scale[0] * term for term in d_loss(real, fake))
    if not d_only:
        p.g_loss = lambda fake, real=None: scale[0] * g_loss(fake, real)


def freak_gradient(p: Parts, onset: int) -> None:
    scale = [1.0]
    _scaled_losses(p, scale, d_only=True)

    def before(step: int) -> None:
        scale[0] = 1e4 if step == onset else 1.0

    p.before.append(before)


def loss_grows(p: Parts, onset: int) -> None:
    scale = [1.0]
    _scaled_losses(p, scale)

    def grow(step: int) -> None:
        scale[0] *= 2 ** (1 / 40)

    p.before.append(each_from(onset, grow))


def freak_batch(p: Parts, onset: int) -> None:
    draw, factor = p.draw, [1.0]

    def drawn() -> tuple[Tensor, Any]:
        real, labels = draw()
        return real * factor[0], labels

    def before(step: int) -> None:
        factor[0] = 30.0 if step == onset else 1.0

    p.before.append(before)
    p.draw = drawn


def reloads(p: Parts, onset: int) -> None:
    """What was kept at the onset is loaded before each later step, without the optimisers."""
    kept: dict[str, Any] = {}

    def load(step: int) -> None:
        if not kept:
            kept.update(G=deepcopy(p.G.state_dict()), D=deepcopy(p.D.state_dict()))
        p.G.load_state_dict(kept["G"])
        p.D.load_state_dict(kept["D"])

    p.before.append(each_from(onset, load))


def weights_at_clip(p: Parts, onset: int) -> None:
    p.weights_clip /= 60


def gradients_at_clip(p: Parts, onset: int) -> None:
    p.gradient_clip = 1e-3


# Dead ends


def d_dies(p: Parts, onset: int) -> None:
    p.D = Silenced(p.D)
    p.before.append(from_step(onset, lambda: setattr(p.D, "on", True)))


def d_born_dead(p: Parts, onset: int) -> None:
    p.D = Silenced(p.D)
    p.D.on = True


def g_saturated(p: Parts, onset: int) -> None:
    p.G = BeforeTanh(p.G, 1000.0)


# Data


def _marked(p: Parts, value: float) -> None:
    p.pictures = p.pictures.clone()
    p.pictures[:, :, :3, :3] = value


def watermark(p: Parts, onset: int) -> None:
    _marked(p, 1.0)


def watermark_out_of_range(p: Parts, onset: int) -> None:
    _marked(p, 2.0)


def thirty_pictures(p: Parts, onset: int) -> None:
    chosen = torch.randperm(len(p.pictures))[:30]
    p.pictures = p.pictures[chosen]
    p.labels = None if p.labels is None else p.labels[chosen]


def constant_pictures(p: Parts, onset: int) -> None:
    p.pictures = torch.full_like(p.pictures, -0.5)


def not_shuffled(p: Parts, onset: int) -> None:
    key = p.pictures.mean((1, 2, 3)) if p.labels is None else p.labels
    p.pictures = p.pictures[key.argsort()]
    p.labels = None if p.labels is None else p.labels[key.argsort()]
    slices = batches_in_order(len(p.pictures), p.batch)

    def drawn() -> tuple[Tensor, Any]:
        chosen = next(slices)
        return p.pictures[chosen], None if p.labels is None else p.labels[chosen]

    p.draw = drawn
