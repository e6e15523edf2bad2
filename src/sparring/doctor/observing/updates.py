"""Which weights move in which network's step: watched from hooks on torch's optimisers, on a small sample of weights.

Nothing of the training changes: no gradient, weight, flag or random number. Only weak references are held, so that
nobody watched is kept alive.
"""

from __future__ import annotations

import contextlib
import math
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.hooks import RemovableHandle

from ...errors import SparringError
from .inside import Inside
from .numbers_of import Kept
from .optimisers import capturing, params_of, unwrapped
from .weights import PATIENCE, Between, Weights, at_bound, learnt, moved, norm_of, places, shock

OTHER = {"d": "g", "g": "d"}
WHOLE = {"d": "discriminator", "g": "generator"}
EVERY = 10  # observes from one measured step to the next, at least
_SAME = 1e-3  # norms that are that near each other have been clipped to one length ...
_TIMES = 5  # ... where there are that many of them
_TIES = 3  # numbers of a gradient that stand exactly at its largest: clipped by value


class Hook:
    """What is called by torch; it holds its watcher weakly, and is nothing in a copy or a pickle of a network."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = weakref.WeakMethod(call)

    def __call__(self, *args: Any) -> None:
        """Hands on what torch says."""
        if torch.compiler.is_compiling():  # nothing of ours goes into a compiled network
            return
        call = self._call()
        if call is not None:
            call(*args)

    def __reduce__(self) -> tuple[Any, ...]:
        # A whole network that is saved must load where sparring is not installed. This takes anything and does nothing.
        return getattr, (contextlib.nullcontext(), "__exit__")


class Watch:
    """Measures both networks' updates, where it is let.

    Args:
        may: whether there is time for a measurement.
        spend: takes the seconds that one took.
        trouble: takes what is not measured any more, in words, and the error in a hook that ended it.
    """

    def __init__(
        self, may: Callable[[], bool], spend: Callable[[float], None], trouble: Callable[[str, Exception], None]
    ) -> None:
        self._may, self._spend, self._trouble = may, spend, trouble
        self._inside = Inside(Hook, spend, trouble)
        self.networks: dict[str, Weights] = {}
        self._modules: dict[str, weakref.ref[nn.Module]] = {}
        self._given: weakref.WeakKeyDictionary[Optimizer, str] = weakref.WeakKeyDictionary()
        self._found: weakref.WeakKeyDictionary[Optimizer, str] = weakref.WeakKeyDictionary()
        self._handles: list[RemovableHandle] = []
        self._global = False  # whether all optimisers are listened to
        self._armed: set[str] = set()  # networks whose next step is measured
        self._open: dict[str, Tensor] = {}  # network -> its weights before the step that is going on
        self.steps = {"d": 0, "g": 0}  # of either optimiser, so far
        self._at_arming = {role: dict(self.steps) for role in OTHER}  # how many of either there were then
        self._observes = 0
        self._shared = self._round = 0  # steps of one optimiser for both: in this iteration, and in the one before
        self._kept: list[Kept] = []
        self._known: dict[str, float] = {}
        self._before_load: dict[str, Tensor] = {}
        self._loads = 0
        self._norms = {"d": deque[float](maxlen=50), "g": deque[float](maxlen=50)}
        self._between = {role: Between() for role in OTHER}
        weakref.finalize(self, _remove, self._handles)

    # -- what is watched --

    def take(self, optimizers: Mapping[str, Any], networks: Mapping[str, Any]) -> None:
        """Watches what is given, by "d" and "g".

        One optimiser for both is found out by what it holds. Raises SparringError where something is of another kind,
        or both optimisers are one and no network is given.
        """
        for role, network in networks.items():
            if network is not None and not isinstance(network, nn.Module):
                raise SparringError(
                    f"The {WHOLE[role]} is a {type(network).__name__}.", "a torch module, or a Keras model on torch"
                )
        given = {role: unwrapped(optimizer, role) for role, optimizer in optimizers.items()}
        if len(given) == 2 and given["d"] is given["g"]:
            if any(network is None for network in networks.values()):
                raise SparringError(
                    "d_optimizer and g_optimizer are the same.", "one for each network", "give both networks as well."
                )
            given = {}
        for role, network in networks.items():
            if network is not None:
                self.network(role, network, alone=not given)
        if given:
            self.optimizers(given)

    def network(self, role: str, network: nn.Module, alone: bool = True) -> None:
        """Watches a network, "d" or "g"; `alone` where no optimiser was given with it."""
        if self._of(role) is network:
            return
        self.networks[role] = Weights(learnt(network))
        self._modules[role] = weakref.ref(network)
        before, after = Hook(self._loading), Hook(self._loaded)
        self._handles.append(network.register_load_state_dict_pre_hook(before))
        self._handles.append(network.register_load_state_dict_post_hook(after))
        self._handles += self._inside.network(role, network)
        if alone and not self._given and not self._global:
            self._global = True
            # Who trains it is found out: whichever optimiser steps and holds its weights.
            self._handles.append(register_optimizer_step_pre_hook(Hook(self._before_step)))
            self._handles.append(register_optimizer_step_post_hook(Hook(self._after_step)))

    def optimizers(self, given: dict[str, Optimizer]) -> None:
        """Watches these optimisers, by network, and no others; where a network is not given, its weights are theirs."""
        for role, optimizer in given.items():
            if self._given.get(optimizer) == role:
                continue
            self._given[optimizer] = role
            self._handles.append(optimizer.register_step_pre_hook(Hook(self._before_step)))
            self._handles.append(optimizer.register_step_post_hook(Hook(self._after_step)))
        held = {role: params_of(optimizer) for role, optimizer in given.items()}
        if len(held) == 2 and len(held["d"]) > len(held["g"]):
            first, second = "g", "d"
        else:
            first, second = "d", "g"
        for role, of_other in ((first, []), (second, held.get(first, []))):
            theirs = {id(p) for p in of_other}
            if role in held and role not in self.networks:
                # What both hold belongs to the one that holds nothing else.
                self.networks[role] = Weights([p for p in held[role] if id(p) not in theirs])

    def _of(self, role: str) -> nn.Module | None:
        return self._modules[role]() if role in self._modules else None

    def role_of(self, optimizer: Optimizer) -> str:
        """Whose step an optimiser makes, "" where that is nobody's of ours or cannot be told."""
        if self._given:
            return self._given.get(optimizer, "")
        if optimizer not in self._found:
            ids = {id(p) for p in params_of(optimizer)}
            self._found[optimizer] = "".join(role for role in OTHER if ids & self.networks_ids(role))
        role = self._found[optimizer]
        if role != "dg":
            return role
        # It holds both: then it is the one that the other network has none of its own for.
        own = {other for each, other in self._found.items() if other in OTHER and each is not optimizer}
        return OTHER[own.pop()] if len(own) == 1 else self._turn()

    def _turn(self) -> str:
        """Whose step a step of the one optimiser for both is: G's comes last; of one step for both it is nobody's."""
        if self._round < 2:
            return ""
        return "g" if self._shared == self._round - 1 else "d"

    def _alive(self, role: str) -> list[nn.Parameter]:
        return self.networks[role].alive() if role in self._modules else []

    def _held(self) -> Iterator[nn.Parameter]:
        """What any optimiser holds that is known."""
        return (p for each in (*self._given, *self._found) for p in params_of(each))

    def networks_ids(self, role: str) -> frozenset[int]:
        """The identities of a network's weights."""
        return self.networks[role].ids if role in self.networks else frozenset()

    # -- what hooks call --

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        with self._careful():
            role = self.role_of(optimizer)
            if self._before_load:
                self._settle_loads()
            if role and not capturing(optimizer):
                self._inside.before_step(role, self.steps[role], self._alive(role), self._held())
            if role not in self._armed or self._open or capturing(optimizer):
                return
            began = time.perf_counter()
            self._open = {
                name: sample for name in self.networks if (sample := self.networks[name].sample()) is not None
            }
            if role in self._open:
                self._keep((f"{role}_weights_at_clip",), at_bound(self._open[role]).reshape(1))
            if len(args) < 2 and not kwargs.get("closure"):  # else the gradient is only made in the step
                self._gradients(role, optimizer, with_shock=True)
            self._spend(time.perf_counter() - began)

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        with self._careful():
            role = self.role_of(optimizer)
            self._shared += self._found.get(optimizer) == "dg"
            if not role:
                return
            self.steps[role] += 1
            if not self._open or role not in self._armed:
                return
            self._inside.after_step(role, params_of(optimizer))
            began = time.perf_counter()
            if len(args) >= 2 or kwargs.get("closure"):
                self._gradients(role, optimizer, with_shock=False)
            for name, before in self._open.items():
                after = self.networks[name].sample()
                if after is not None and after.shape == before.shape:
                    self._keep((f"{name}_moved_in_{role}_step",), moved(before, after).reshape(1))
            self._armed.discard(role)
            self._open = {}
            self._spend(time.perf_counter() - began)

    def _loading(self, module: nn.Module, *_: Any) -> None:
        with self._careful():
            role = self._role_of_module(module)
            if role and self._observes and role not in self._before_load:
                sample = self.networks[role].sample()
                if sample is not None:
                    self._before_load[role] = sample

    def _loaded(self, module: nn.Module, *_: Any) -> None:
        with self._careful():
            role = self._role_of_module(module)
            if role in self._before_load and not any(self.steps.values()):
                self._settle_loads()

    def _role_of_module(self, module: nn.Module) -> str:
        return next((role for role in self._modules if self._of(role) is module), "")

    def _settle_loads(self) -> None:
        """Weights that were put away for a moment and put back (an average of G, to paint with) are no reload."""
        before, self._before_load = self._before_load, {}
        with torch.no_grad():
            after = {role: self.networks[role].sample() for role in before}
        if any(now is None or not torch.equal(before[role], now) for role, now in after.items()):
            self._loads += 1

    @contextlib.contextmanager
    def _careful(self) -> Iterator[None]:
        try:
            with torch.no_grad():
                yield
        except Exception as error:
            self._trouble("the updates", error)
            self.close()

    # -- what is measured --

    def _gradients(self, role: str, optimizer: Optimizer, with_shock: bool) -> None:
        """The norm of a step's gradient, its rate, Adam's shock, and what tells clipping."""
        ids = self.networks_ids(role)
        params = params_of(optimizer)
        own = [p for p in params if id(p) in ids] or params  # crossed optimisers hold none of it
        own = [p for p in own if p.grad is not None and p.grad.layout == torch.strided]
        rate = optimizer.param_groups[0].get("lr", math.nan)
        if isinstance(rate, Tensor):
            self._keep((f"{role}_lr",), rate.detach().float().reshape(1))
        else:
            self._known[f"{role}_lr"] = float(rate)
        if not own:
            self._known[f"{role}_grad_norm"] = 0.0
            return
        scale = getattr(optimizer, "grad_scale", None)  # of fp16, where the step itself undoes it
        norm = norm_of([p.grad for p in own])
        names, numbers = [f"{role}_grad_norm"], [norm if scale is None else norm / scale]
        chosen = places(own)
        if with_shock and (found := shock(optimizer, chosen, scale)) is not None:
            names.append(f"{role}_shock")
            numbers.append(found)
        flat = [p.grad[at].reshape(-1) for p, at in chosen if p.grad is not None and p.grad.dtype == torch.float32]
        if flat:
            size = torch.cat(flat).abs()
            names.append(f"_{role}_ties")
            numbers.append(((size == size.max()) & (size > 0)).sum())
        self._keep(tuple(names), torch.stack([number.float() for number in numbers]))

    def _keep(self, names: tuple[str, ...], values: Tensor) -> None:
        self._kept.append((names, values))

    def observed(self) -> tuple[list[Kept], dict[str, float], bool]:
        """The loop told its numbers: one more iteration is over.

        Returns (what was measured in it, still on its device; what is known without; whether a checkpoint was loaded).
        """
        kept, self._kept = self._kept, []
        known, self._known = self._known, {}
        loads, self._loads = self._loads, 0
        self._open = {}  # a step that failed in the middle
        self._inside.end()
        self._round, self._shared = self._shared, 0
        if self.networks:
            with self._careful():
                if not any(self.steps.values()):
                    kept += self._without_optimizers()
                elif self._observes % EVERY == 0:
                    known |= self._never_stepped() | self._rates()
            if self._observes % EVERY == 0 and self._may():
                self._at_arming |= {role: dict(self.steps) for role in OTHER if role not in self._armed}
                self._armed |= set(OTHER)
                self._inside.begin()
        self._observes += 1
        return kept, known, bool(loads)

    def _never_stepped(self) -> dict[str, float]:
        """A network that has waited for its step long enough is not updated."""
        return {
            f"{role}_moved_in_{role}_step": 0.0
            for role, other in OTHER.items()
            if role in self._armed
            and role in self.networks
            and self.steps[role] == self._at_arming[role][role]
            and self.steps[other] - self._at_arming[role][other] >= PATIENCE
        }

    def _rates(self) -> dict[str, float]:
        """Notes the rates; and a rate of 0 moves nothing, which need not be measured."""
        still = {}
        for optimizer, role in (*self._given.items(), *self._found.items()):
            rates = [group["lr"] for group in optimizer.param_groups]
            if role in OTHER and all(type(rate) is float for rate in rates):
                if any(rates) and "betas" in optimizer.param_groups[0]:
                    self._inside.rate(role, max(rates))
                if not any(rates):
                    still[f"{role}_moved_in_{role}_step"] = 0.0
        return still

    def _without_optimizers(self) -> list[Kept]:
        """Where no optimiser of torch steps (Keras), weights are compared from one observe to the next."""
        found: list[Kept] = []
        place = self._observes % EVERY
        for role, weights in self.networks.items():
            if place > 1 or (place == 0 and not self._may()):
                continue
            began = time.perf_counter()
            sample = weights.sample()
            change = self._between[role].change(place, sample, self._observes) if sample is not None else None
            if change is not None:
                found.append(((f"{role}_moved_in_{role}_step",), change.reshape(1)))
            if place == 1 and role == "g":  # D's own is G's backward pass's by now
                grads = [p.grad for p in weights.alive() if p.grad is not None]
                if grads:
                    found.append((("g_grad_norm",), norm_of(grads).reshape(1)))
            self._spend(time.perf_counter() - began)
        return found

    def settle(self, values: dict[str, float]) -> None:
        """Adds, in place, whether the gradient of a measured step had been clipped."""
        for role, norms in self._norms.items():
            ties, norm = values.pop(f"_{role}_ties", 0.0), values.get(f"{role}_grad_norm", math.nan)
            if f"{role}_lr" not in values or not math.isfinite(norm):
                continue
            norms.append(norm)
            most = max(norms)
            alike = sum(each >= (1 - _SAME) * most for each in norms)
            by_norm = alike >= _TIMES and norm >= (1 - _SAME) * most > 0
            values[f"{role}_gradient_clipped"] = float(by_norm or ties >= _TIES)

    def seen(self, conditions: bool = False) -> dict[str, Any]:
        """What was seen of the networks in their steps, as facts for rules on wiring and setup; see `Seen.facts`."""
        return self._inside.facts(conditions)

    def not_finite(self) -> list[str]:
        """The networks, D first, of whose weights some are NaN or infinite."""
        return [WHOLE[role] for role, weights in sorted(self.networks.items()) if not weights.finite()]

    def close(self) -> None:
        """Takes all hooks away."""
        self._inside.close()
        _remove(self._handles)
        self._armed, self._open, self._before_load = set(), {}, {}
        self.networks, self._modules = {}, {}


def _remove(handles: list[RemovableHandle]) -> None:
    for handle in handles:
        handle.remove()
    handles.clear()
