"""Both networks together: do shapes fit, does gradient come through, what does each phase update."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ...networks.calling.probing import device_of, randomness
from ..facts import Loss, Pair
from .calls import is_logits
from .probe import Looked, mixed
from .untouched import gradients, jittered, untouched

_SHOWN = 3


def shared(one: dict[str, Tensor], two: dict[str, Tensor]) -> tuple[str, ...]:
    """Names, in the first, of parameters that both hold and training changes."""
    theirs = {id(param) for param in two.values()}
    return tuple(name for name, param in one.items() if id(param) in theirs and param.requires_grad)


def d_loss(family: str, real: Tensor, fake: Tensor) -> Tensor:
    """What D minimises, as people write it for such a D  # [N, ...], [N, ...] -> []"""
    if family in ("bce", "log"):
        return _log_loss(real.clamp(0, 1), 1.0) + _log_loss(fake.clamp(0, 1), 0.0)
    if family == "softmax":
        return -(_rows(real).log_softmax(1)[:, 0].mean() + _rows(fake).log_softmax(1)[:, -1].mean())
    return _ON_LOGITS[family][0](real, fake).mean()


def g_loss(family: str, fake: Tensor, real: Tensor, *, saturating: bool = False) -> Tensor:
    """What G minimises, likewise."""
    if saturating:
        return -d_loss(family, fake.detach(), fake)
    if family in ("bce", "log"):
        return _log_loss(fake.clamp(0, 1), 1.0)
    if family == "softmax":
        return -_rows(fake).log_softmax(1)[:, 0].mean()
    return _ON_LOGITS[family][1](real, fake).mean()


def _rows(logits: Tensor) -> Tensor:  # [N] or [N, ...] -> [N, units]
    return logits.reshape(len(logits), -1)


def _log_loss(p: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy(p, torch.full_like(p, target))


Term = Callable[[Tensor, Tensor], Tensor]
# Family -> D's and G's terms of logits of reals and fakes.
_ON_LOGITS: dict[str, tuple[Term, Term]] = {
    "bce-logits": (lambda r, f: F.softplus(-r) + F.softplus(f), lambda r, f: F.softplus(-f)),
    "hinge": (lambda r, f: F.relu(1 - r) + F.relu(1 + f), lambda r, f: -f),
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
    "least-squares": (lambda r, f: (r - 1) ** 2 + f**2, lambda r, f: (f - 1) ** 2),
    "relativistic": (lambda r, f: F.softplus(f - r), lambda r, f: F.softplus(r - f)),
}


def together(g: Looked, d: Looked, reals: Tensor, loss: Loss, to_d: Callable[[Tensor], Tensor]) -> tuple[Pair, Loss]:
    """One D and one G step without any update. Writes the gradients on the layers of both.

    Args:
        g: G, looked at.
        d: D, looked at.
        reals: what D is given as real.
        loss: its family; guessed or told.
        to_d: turns what G made into what D is given.

    Returns facts of the pair, and the loss with what it is here.
    """
    held = shared(g.params, d.params)
    with untouched(g.called.network, d.called.network), torch.enable_grad():
        with randomness(0, device_of(g.called.network)):
            made = g.called.give(g.called.draw(0))[0]
        fake = to_d(made)
        seen = fake.detach().requires_grad_(True)
        values = d.called.draw(0)
        told = {name: value for name, value in values.items() if name != "images"}
        n = min(len(seen), len(reals))
        told = {name: value[:n] for name, value in told.items()}
        real_logits = d.called.give({"images": reals[:n], **told})
        fake_logits = d.called.give({"images": seen[:n], **told})
        of_d = sum_of([d_loss(loss.family, r, f) for r, f in _judged(loss, real_logits, fake_logits)])
        d.with_gradients("d_gradient", norms(of_d, d.params, last=True))
        through = d.called.give({"images": fake[:n], **told})
        of_g = sum_of(
            [
                g_loss(loss.family, f, r.detach(), saturating=loss.saturating)
                for r, f in _judged(loss, real_logits, through)
            ]
        )
        reached = norms(of_g, g.params)
        g.with_gradients("g_gradient", reached)
        if not any(reached.values()):  # the loss may be flat here, and the way open
            reached = norms(sum_of([output.sum() for output in through]), g.params, last=True)
        cut = ""
        if not any(reached.values()):
            outputs = d.called.give({"images": seen[:n], **told})
            cut = (
                "discriminator"
                if _gradient(sum_of([output.sum() for output in outputs]), seen) is None
                else "generator"
            )
            # Last: it writes to weights that the graphs above hold.
            reached = _woken(g, d, told, to_d, n)
    known = [norm for norm in reached.values() if norm is not None]
    connected = any(known) if any(p.requires_grad for p in g.params.values()) else None
    cut_by = "" if connected or connected is None else cut
    pair = Pair(
        shared=held[:_SHOWN],
        g_shape=tuple(made.shape[1:]),
        data_shape=tuple(reals.shape[1:]),
        gradient=float(sum(norm**2 for norm in known) ** 0.5) if known else None,
        connected=connected,
        why_not=cut_by,
    )
    return pair, Loss(
        loss.family, loss.saturating, loss.penalty, loss.guessed, float(of_d.detach()), float(of_g.detach())
    )


def _woken(
    g: Looked, d: Looked, told: dict[str, Tensor], to_d: Callable[[Tensor], Tensor], n: int
) -> dict[str, float | None]:
    """The same with noise on all weights: what begins at zero hides a gradient that is there; round() has none."""
    with jittered([*g.params.values(), *d.params.values()]):
        with randomness(0, device_of(g.called.network)):
            fake = to_d(g.called.give(g.called.draw(0))[0])
        outputs = d.called.give({"images": fake[:n], **told})
        return norms(sum_of([(output * mixed(output)).sum() for output in outputs]), g.params)


def _judged(loss: Loss, real: list[Tensor], fake: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """The outputs that the adversarial loss is of: of several, those that are one number a picture or a map."""
    pairs = list(zip(real, fake, strict=True))
    if loss.family == "softmax":
        return pairs[:1]
    single = [(r, f) for r, f in pairs if is_logits(r)]
    return single or pairs[:1]


def sum_of(terms: list[Tensor]) -> Tensor:
    """The sum of scalars."""
    return torch.stack([term.reshape(()) for term in terms]).sum()


def _gradient(total: Tensor, leaf: Tensor) -> Tensor | None:
    if not total.requires_grad:
        return None
    return gradients(total, [leaf])[0]


def norms(loss: Tensor, params: dict[str, Tensor], *, last: bool = False) -> dict[str, float | None]:
    """The norm of the loss' gradient at each parameter; None where none comes to it. `last`: its graph may go."""
    asked = {name: param for name, param in params.items() if param.requires_grad}
    if not asked or not loss.requires_grad:
        return dict.fromkeys(params)
    found = gradients(loss, list(asked.values()), keep=not last)
    known = {name: None if g is None else float(g.float().norm()) for name, g in zip(asked, found, strict=True)}
    return {name: known.get(name) for name in params}
