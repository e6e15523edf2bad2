"""Tensors -> named scalars that stay on the device; one transfer a tick."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .players import Players

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


_NUMBERS = 512  # of each parameter, evenly through it in memory, that stand for it
_TINY = 1e-30


class Movement:
    """One step watched: how far each half of it moves the weights of each network, and how its gradients surprise Adam.

    Some numbers of each parameter stand for all of it, weighted by how many they stand for. Everything stays on the
    device. Make it before the step, and ask for its signals after it.
    """

    def __init__(self, players: Players) -> None:
        self._players = players
        self._networks = {"d": players.d_params, "g": players.g_params}
        self._optimizers = {"d": players.d_optimizer, "g": players.g_optimizer}
        self._before = {word: _some(params) for word, params in self._networks.items()}
        self._between: dict[str, Tensor] | None = None  # D's half and G's
        self._seen: Signals = {}
        players.watch = self._look

    def _look(self, optimizer: torch.optim.Optimizer, norm: Tensor) -> None:
        """Just before an update: its gradients are there, clipped."""
        word = "d" if optimizer is self._optimizers["d"] else "g"
        if word == "g":
            self._between = {each: _some(params) for each, params in self._networks.items()}
        self._seen |= _shock(word, self._networks[word], optimizer)
        recipe = self._players.recipe
        if any(getattr(recipe, f"{word}_clip_{how}") for how in ("norm", "mean", "value")):
            grads = [p.grad for p in self._networks[word] if p.grad is not None]
            after = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)).float())
            self._seen[f"{word}_gradient_clipped"] = (after < norm * (1 - 1e-4)).float()

    def signals(self) -> Signals:
        """What was seen; the step is over, and no longer watched."""
        self._players.watch = None
        after = {word: _some(params) for word, params in self._networks.items()}
        between = self._between or after
        for word, params in self._networks.items():
            weights = _weights(params)
            for half, (then, now) in {"d": (self._before, between), "g": (between, after)}.items():
                moved = (weights * (now[word] - then[word]).square()).sum()
                size = (weights * then[word].square()).sum()
                self._seen[f"{word}_moved_in_{half}_step"] = (moved / size.clamp(min=_TINY)).sqrt()
        bound = self._players.recipe.d_clip_weights
        if bound:
            at = (after["d"].abs() >= bound * (1 - 1e-6)).float()
            weights = _weights(self._networks["d"])
            self._seen["d_weights_at_clip"] = (weights * at).sum() / weights.sum()
        return self._seen


def _some(tensors: Sequence[Tensor]) -> Tensor:
    """Some numbers of each, in the order in which they lie in memory, whatever their layout.  # float32 [m]"""
    parts = []
    for tensor in tensors:
        n, each = tensor.numel(), tensor.detach()
        step = max(1, n // _NUMBERS)
        # A view: flattening a tensor with channels last would copy all of it.
        parts.append(each.as_strided((min(n, _NUMBERS),), (step,), each.storage_offset()))
    return torch.cat(parts).float()


def _weights(tensors: Sequence[Tensor]) -> Tensor:
    """How many numbers each of those stands for.  # float32 [m]"""
    counts = torch.tensor([min(each.numel(), _NUMBERS) for each in tensors])
    stand_for = torch.tensor([each.numel() for each in tensors]) / counts
    return stand_for.repeat_interleave(counts).to(tensors[0].device, non_blocking=True)


def _shock(word: str, params: Sequence[Tensor], optimizer: torch.optim.Optimizer) -> Signals:
    """sqrt(mean(g^2 / v)) of Adam just before its update (arXiv 2506.04805); nothing before its first one.

    v is bias-corrected; where both are nothing, nothing counts.
    """
    known = [
        (p.grad, optimizer.state[p])
        for p in params
        if p.grad is not None and p.grad.stride() == p.stride() and "exp_avg_sq" in optimizer.state.get(p, {})
    ]
    if not known:
        return {}
    beta2, steps = optimizer.param_groups[0]["betas"][1], known[0][1]["step"]
    squares = _some([state["exp_avg_sq"] for _, state in known]) / (1 - beta2**steps)
    ratio = _some([grad for grad, _ in known]).square() / squares.clamp(min=_TINY)
    weights = _weights([grad for grad, _ in known])
    return {f"{word}_shock": ((weights * ratio).sum() / weights.sum()).sqrt()}
