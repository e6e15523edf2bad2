"""Tensors -> named scalars that stay on the device; one transfer a tick."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Signals = dict[str, Tensor]  # each a scalar, detached, on the device


def of_d(
    terms: Sequence[Signals], real_logits: Tensor, fake_logits: Tensor, grad_norm: Tensor, boundary: float | None
) -> Signals:
    """D's side of a step, right after its update.

    Args:
        terms: of each batch of the step the terms of D's loss by name, penalties with their weights, scalars. Each name
            is the mean over the batches that have it.
        real_logits: D's logits on the last batch of real pictures.  # [N]
        fake_logits: and of fakes.  # [N]
        grad_norm: of D's gradient in the last update, before any clipping.
        boundary: the logit above which D calls a picture real; None where a loss has none: then only which of the i-th
            real and the i-th fake it prefers can be right or wrong.
    """
    real, fake = real_logits.detach(), fake_logits.detach()
    loss, seen = _loss(terms, "d_loss")
    told = (
        {"d_accuracy_pair": (real > fake).float().mean()}
        if boundary is None
        # Apart: the mean of both hides a D that says one word.
        else {
            "d_accuracy_real": (real > boundary).float().mean(),
            "d_accuracy_fake": (fake < boundary).float().mean(),
        }
    )
    logits = {"d_real_logit": real.mean(), "d_fake_logit": fake.mean()}
    return {**loss, **seen, **logits, **told, "d_grad_norm": grad_norm}


def of_g(terms: Sequence[Signals], grad_norm: Tensor) -> Signals:
    """G's side of a step, right after its update; its terms apart where there is more than the adversarial one."""
    loss, seen = _loss(terms, "g_loss")
    return {**loss, **(seen if len(seen) > 1 else {}), "g_grad_norm": grad_norm}


def _loss(terms: Sequence[Signals], name: str) -> tuple[Signals, Signals]:
    """The whole loss, a mean over the batches, and each term as the mean over the batches that have it."""
    each: dict[str, list[Tensor]] = {}
    for batch in terms:
        for term, value in batch.items():
            each.setdefault(f"{name}_{term}", []).append(value.detach())
    values = [value for values in each.values() for value in values]
    whole = values[0] if len(values) == 1 else torch.stack(values).sum() / len(terms)
    return {name: whole}, {term: _mean(values) for term, values in each.items()}


def _mean(values: Sequence[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.stack(list(values)).mean()


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

        A signal that was not finite once has a mean that is not finite: nothing is scrubbed. One that only some steps
        have (a penalty that is not always due) has the mean over those.
        """
        columns: dict[str, list[Tensor]] = {}
        for step in self._steps:
            for name, value in step.items():
                columns.setdefault(name, []).append(value)
        self._steps.clear()
        counts = [len(column) for column in columns.values()]
        values = torch.stack([value for column in columns.values() for value in column]).double().cpu().split(counts)
        means = {name: column.mean().item() for name, column in zip(columns, values, strict=True)}
        bad = {name: int((~column.isfinite()).sum()) for name, column in zip(columns, values, strict=True)}
        return means, {name: n for name, n in bad.items() if n}
