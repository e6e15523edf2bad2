"""Tensors -> named scalars that stay on the device; one transfer a tick."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Signals = dict[str, Tensor]  # each a scalar, detached, on the device


def of_d(terms: Signals, real_logits: Tensor, fake_logits: Tensor, params: Sequence[Tensor]) -> Signals:
    """D's side of a step, right after its update.

    Args:
        terms: the terms of D's loss by name, scalars.
        real_logits: D's logits on real pictures.  # [N]
        fake_logits: and on fakes.  # [N]
        params: D's parameters, with the gradients of this update.
    """
    real, fake = real_logits.detach(), fake_logits.detach()
    seen = {f"d_loss_{name}": term.detach() for name, term in terms.items()}
    return {
        "d_loss": torch.stack(list(seen.values())).sum(),
        **seen,
        "d_real_logit": real.mean(),
        "d_fake_logit": fake.mean(),
        "d_accuracy_real": (real > 0).float().mean(),  # apart from the fakes': their mean hides a D that says one word
        "d_accuracy_fake": (fake < 0).float().mean(),
        "d_grad_norm": grad_norm(params),
    }


def of_g(g_loss: Tensor, params: Sequence[Tensor]) -> Signals:
    """G's side of a step, right after its update."""
    return {"g_loss": g_loss.detach(), "g_grad_norm": grad_norm(params)}


def grad_norm(params: Sequence[Tensor]) -> Tensor:
    """The L2 norm of all gradients together, a scalar on the device."""
    grads = [p.grad for p in params if p.grad is not None]
    if not grads:
        return torch.zeros(())
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)).float())


class Window:
    """Gathers the signals of the steps since the last tick and reads them in one transfer."""

    def __init__(self) -> None:
        self._steps: list[Signals] = []

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, signals: Signals) -> None:
        """Keeps the signals of one step, on the device."""
        self._steps.append(signals)

    def read(self) -> tuple[dict[str, float], dict[str, int]]:
        """Returns (mean of each signal over the window, how many of its values were not finite), and starts anew.

        A signal that was not finite once has a mean that is not finite: nothing is scrubbed.
        """
        names = list(self._steps[-1])
        table = torch.stack([torch.stack([step[name] for name in names]) for step in self._steps])  # [steps, names]
        values = table.double().cpu()
        self._steps.clear()
        bad = (~values.isfinite()).sum(0).tolist()
        return (
            dict(zip(names, values.mean(0).tolist(), strict=True)),
            {name: int(n) for name, n in zip(names, bad, strict=True) if n},
        )
