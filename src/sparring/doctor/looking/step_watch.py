"""Watches a training step while it runs: every backward pass, every call of an optimiser, what networks are given."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from ...networks.calling.probing import parts_of
from ..facts import Update
from .kept import KeptOptimizers
from .tracing import Call, keras_entrance, kind_of_module, recorded

_SORTS_OF_MODE = ("batch-norm", "dropout")  # layers to which training mode means something


class Watch:
    """What happens to two networks while a step runs.

    Args:
        networks: by role; what is called.
        params: by role, those that training may change.
        layers: by role, what `recorded` knows the layers of.
        kept: optimisers are remembered in it before they first step.

    Attributes:
        updates: one for each call of an optimiser, with the optimiser's id for its name.
        held: optimiser's id -> role -> ids of its parameters that it holds.
        inputs: role -> tensors that it was given, of each call.
        inference: (role, layer) -> calls in inference mode before the network's own update, with who updated.
        frozen: for each update the networks of which all is frozen at that moment, though it was not at first.
    """

    def __init__(
        self,
        networks: dict[str, Any],
        params: dict[str, list[Tensor]],
        layers: dict[str, nn.Module],
        kept: KeptOptimizers,
    ) -> None:
        self.networks, self.params, self.layers, self.kept = networks, params, layers, kept
        self.updates: list[Update] = []
        self.held: dict[int, dict[str, set[int]]] = {}
        self.inputs: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {role: [] for role in networks}
        self.inference: list[dict[str, set[str]]] = []
        self.frozen: list[tuple[str, ...]] = []
        self._roles = {id(param): role for role, own in params.items() for param in own}
        self._all = {id(param): param for own in params.values() for param in own}
        self._marks: dict[int, Tensor] = {}  # gradients that were there when an optimiser had stepped, by parameter
        self._added_to: set[int] = set()  # of these, those to which a backward pass has added since
        self._wrote: set[str] = set()
        self._backwards = 0
        self._depth = 0
        self._before: dict[int, Tensor] = {}
        self._calls: dict[str, list[Call]] = {}
        self._seen: dict[str, int] = dict.fromkeys(networks, 0)

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """For as long as it lasts, everything is seen; then all hooks are gone."""
        with ExitStack() as stack:
            self._calls = {role: stack.enter_context(recorded(net)) for role, net in self.layers.items()}
            for role, network in self.networks.items():
                if not hasattr(network, "_flatten_layers"):
                    hook = network.register_forward_pre_hook(self._given(role), with_kwargs=True)
                    stack.callback(hook.remove)
            stack.callback(register_optimizer_step_pre_hook(lambda o, *_: self._enter(o, _of_groups(o))).remove)
            stack.callback(register_optimizer_step_post_hook(lambda o, *_: self._leave(o)).remove)
            stack.enter_context(_backward_by(self._backward))
            if "keras" in sys.modules:
                stack.enter_context(self._keras())
            yield self

    def _given(self, role: str) -> Callable[..., None]:
        def see(module: Any, args: Any, kwargs: Any) -> None:
            self.inputs[role].append((tuple(args), dict(kwargs)))

        return see

    @contextmanager
    def _keras(self) -> Iterator[None]:
        """Keras' optimisers and models have entrances of their own."""
        keras: Any = sys.modules["keras"]
        optimizer = keras.optimizers.Optimizer
        own_apply = optimizer.apply
        roles = {id(net): role for role, net in self.networks.items()}

        def apply(each: Any, grads: Any, trainable_variables: Any = None) -> Any:
            variables = each._trainable_variables if trainable_variables is None else list(trainable_variables)
            self._enter(each, [variable.value for variable in variables])
            made = own_apply(each, grads, variables)
            self._leave(each)
            return made

        def call(own: Callable[..., Any], each: Any, *args: Any, **kwargs: Any) -> Any:
            # Keras also calls models on tensors without numbers, to learn the shapes of what comes out.
            if id(each) in roles and any(part.device.type != "meta" for part in parts_of(list(args))):
                self._given(roles[id(each)])(each, args, kwargs)
            return own(each, *args, **kwargs)

        optimizer.apply = apply
        try:
            with keras_entrance(call):
                yield
        finally:
            optimizer.apply = own_apply

    def _backward(self, run: Callable[[], Any]) -> Any:
        for place, mark in list(self._marks.items()):
            if not _is_same(self._all[place], mark):
                self._forget(place)
        before = {place: _state(param.grad) for place, param in self._all.items()}
        made = run()
        self._backwards += 1
        for place, param in self._all.items():
            if _state(param.grad) == before[place]:
                continue
            self._wrote.add(self._roles[place])
            if place in self._marks and param.grad is not None:
                self._added_to.add(place)
                self._marks[place] = param.grad
        return made

    def _forget(self, place: int) -> None:
        self._marks.pop(place, None)
        self._added_to.discard(place)

    def _enter(self, optimizer: Any, params: list[Tensor]) -> None:
        self._depth += 1
        if self._depth > 1:  # one optimiser inside another
            return
        self.kept.add(optimizer)
        holds = self.held.setdefault(id(optimizer), {role: set() for role in self.params})
        for param in params:
            if id(param) in self._roles:
                holds[self._roles[id(param)]].add(id(param))
        for place, mark in list(self._marks.items()):
            if not _is_same(self._all[place], mark):
                self._forget(place)
        self._before = {place: param.detach().clone() for place, param in self._all.items()}

    def _leave(self, optimizer: Any) -> None:
        self._depth -= 1
        if self._depth > 0:
            return
        holds = self.held[id(optimizer)]
        changed = {
            role: max((_change(param, self._before[id(param)]) for param in own), default=0.0)
            for role, own in self.params.items()
        }
        late = tuple(role for role, own in holds.items() if own & self._added_to)
        wrote = tuple(role for role in self.params if role in self._wrote)
        self.updates.append(Update(str(id(optimizer)), changed, late, wrote, self._backwards))
        self.frozen.append(
            tuple(role for role, own in self.params.items() if own and not any(p.requires_grad for p in own))
        )
        self.inference.append(self._modes(holds))
        self._wrote, self._backwards = set(), 0
        self._added_to.clear()
        self._marks = {place: p.grad for place, p in self._all.items() if p.grad is not None and _any(p.grad)}

    def _modes(self, holds: dict[str, set[int]]) -> dict[str, set[str]]:
        """Layers called in inference mode, and never in that of training, since their network's last update."""
        found = {}
        most = max(holds, key=lambda role: len(holds[role]) / max(1, len(self.params[role])))
        for role, calls in self._calls.items():
            new = calls[self._seen[role] :]
            if role == most:
                self._seen[role] = len(calls)
            with_gradient = [c for c in new if c.after and kind_of_module(c.layer) in _SORTS_OF_MODE]
            on = {call.name for call in with_gradient if call.training}
            found[role] = {call.name for call in with_gradient if not call.training} - on
        return found


@contextmanager
def _backward_by(through: Callable[[Callable[[], Any]], Any]) -> Iterator[None]:
    own = torch.autograd.backward

    def watched(*args: Any, **kwargs: Any) -> Any:
        return through(lambda: own(*args, **kwargs))

    torch.autograd.backward = watched
    try:
        yield
    finally:
        torch.autograd.backward = own


def _of_groups(optimizer: Any) -> list[Tensor]:
    return [param for group in optimizer.param_groups for param in group["params"]]


def _numbers(gradient: Tensor) -> Tensor:
    return gradient._values() if gradient.is_sparse else gradient


def _any(gradient: Tensor) -> bool:
    return bool(_numbers(gradient.detach()).any())


def _is_same(param: Tensor, mark: Tensor) -> bool:
    """Whether a gradient that was there is still there, and not 0."""
    return param.grad is mark and _any(mark)


def _state(gradient: Tensor | None) -> tuple[int, int]:
    return (0, 0) if gradient is None else (id(gradient), gradient._version)


def _change(param: Tensor, before: Tensor) -> float:
    largest = float((param.detach() - before).abs().max()) if param.numel() else 0.0
    return largest if largest == largest else float("inf")
