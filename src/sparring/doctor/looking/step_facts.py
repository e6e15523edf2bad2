"""A training step of the user's, run in a copy: which optimiser changed what, from which gradients, on what inputs."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ...conditions import Shape
from ...errors import SparringError
from ...networks.calling.probing import bare, device_of, first_line
from ...networks.keras import is_keras
from ..facts import Step, Update
from .calls import condition_values, floats
from .compiled_facts import has_optimizer
from .kept import KeptOptimizers, flags_kept, kept
from .probe import Looked
from .step_finding import Held, function_of, held_by, orders
from .step_watch import Watch
from .tracing import within
from .untouched import untouched

_MOST_RUNS = 6  # until each network has been updated: some update G every fifth time
_ROLES = ("generator", "discriminator")
_SAME = 1e-6


@dataclass
class _Bench:
    """The networks that a step is run on.

    Attributes:
        networks: by role, what the step is given.
        layers: by role, the module whose layers have the names of the facts.
        step: the function.
        values: what each kind of argument is.
        real: rows of what D is given as real, as the step has them.
    """

    networks: dict[str, Any]
    layers: dict[str, nn.Module]
    step: Callable[..., Any]
    values: dict[str, Any]
    real: Tensor

    def params(self) -> dict[str, list[Tensor]]:
        """By role, the parameters that training may change."""
        return {
            role: [p for p in layers.parameters() if p.requires_grad or hasattr(layers, "layers_inside")]
            for role, layers in self.layers.items()
        }


def step_of(
    step: Any,
    given: tuple[Any, Any, Any],
    g: Looked,
    d: Looked,
    reals: Tensor,
    told: Shape | None,
    notes: list[str],
) -> Step | None:
    """Runs a step until each network was updated after a first run, which only warms up.

    Args:
        step: the function, or FILE:NAME.
        given: generator, discriminator and combined as the user gave them.
        g: G, looked at.
        d: D, looked at.
        reals: pictures, channels first.
        told: the condition.
        notes: how it was called is added; or why it could not be.

    Returns None where no optimiser stepped. Raises SparringError where there is no such function, or it fails.
    """
    function = function_of(step)
    held = held_by(function)
    tried = orders(function, told is not None)
    failure = "its arguments are not (G, D, real, g_optimizer, d_optimizer)"
    for order in tried:
        found, why = _run(function, order, held, given, {"generator": g, "discriminator": d}, reals, told)
        if found is not None and not found.updates and not found.left_frozen:
            notes.append("No optimiser made a step in the training step that was given: nothing is known of it.")
            return None
        if found is not None:
            notes.append(f"The step was called as step({', '.join(order).replace('both', '(real, condition)')}).")
            return found
        failure = why if failure.startswith("its arguments") or order == tried[0] else failure
    raise SparringError(
        f"The training step could not be run: {failure}",
        "a function (G, D, real, g_optimizer, d_optimizer), or of some of these, that makes one training step",
        "call it so yourself to see where; or leave --step out.",
    )


def _run(
    step: Callable[..., Any],
    order: tuple[str, ...],
    held: Held,
    given: tuple[Any, Any, Any],
    looked: dict[str, Looked],
    reals: Tensor,
    told: Shape | None,
) -> tuple[Step | None, str]:
    """What one order of arguments gives, or why it fails."""
    originals = {role: each.called.network for role, each in looked.items()}
    with contextlib.ExitStack() as stack:
        modules = [net for net in [*originals.values(), *held.networks] if isinstance(net, nn.Module)]
        stack.enter_context(untouched(*(net for net in modules if not is_keras(net))))
        stack.enter_context(kept(_all_tensors([*modules, *given])))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        optimizers = KeptOptimizers()
        stack.callback(optimizers.put_back)
        of_models = [net.optimizer for net in [*given, *held.networks] if has_optimizer(net)]
        for each in [*held.optimizers, *of_models]:
            optimizers.add(each)
        stack.enter_context(flags_kept(*given))
        bench = _bench(step, order, held, given, looked, reals, told)
        watch = Watch(bench.networks, bench.params(), bench.layers, optimizers)
        return _watched(watch, bench, order, looked)
    raise AssertionError("an ExitStack swallows nothing here")


def _watched(watch: Watch, bench: _Bench, order: tuple[str, ...], looked: dict[str, Looked]) -> tuple[Step | None, str]:
    arguments = [bench.values[name] for name in order]
    ran, first, failure = 0, 0, ""
    inputs: list[dict[str, int]] = []
    with watch.watching():
        while ran < 2 or (ran < _MOST_RUNS and not _all_updated(watch, first)):
            try:
                bench.step(*arguments)
            except (Exception, SystemExit) as error:  # the user's own code
                failure = f"{type(error).__name__}: {first_line(error)}"
                break
            ran += 1
            first = len(watch.updates) if ran == 1 else first
            inputs.append({role: len(seen) for role, seen in watch.inputs.items()})
    found = _facts(watch, bench, looked, first, inputs)
    if failure and (ran == 0 or not found.left_frozen):
        return None, failure
    return found, ""


def _all_updated(watch: Watch, first: int) -> bool:
    done = watch.updates[first:]
    return all(any(update.changed[role] > 0 for update in done) for role in _ROLES)


def _bench(
    step: Callable[..., Any],
    order: tuple[str, ...],
    held: Held,
    given: tuple[Any, Any, Any],
    looked: dict[str, Looked],
    reals: Tensor,
    told: Shape | None,
) -> _Bench:
    """Copies of the networks; those that the step holds itself, where it does; Keras' models themselves."""
    layers = {role: _own(within(looked[role].called.network), held, "G" not in order) for role in _ROLES}
    if all(net is None for net in layers.values()):
        pair = tuple(bare(within(looked[role].called.network)) for role in _ROLES)
        keras = any(hasattr(net, "layers_inside") for net in pair)
        with contextlib.suppress(Exception):  # what cannot be copied is put back afterwards
            pair = pair if keras else copy.deepcopy(pair)
        layers = dict(zip(_ROLES, pair, strict=True))
    here = {role: net if net is not None else bare(within(looked[role].called.network)) for role, net in layers.items()}
    networks = {
        role: getattr(net, "model", net) if hasattr(net, "layers_inside") else net for role, net in here.items()
    }
    device = device_of(here["discriminator"])
    real = _as_the_user_has_it(reals, looked["discriminator"], here["discriminator"]).to(device)
    z = looked["generator"].called.draw(0).get("z")
    condition = None if told is None else condition_values(told, len(real), 0, device)
    squash = looked["discriminator"].network.output.squash
    values = {
        "G": networks["generator"], "D": networks["discriminator"], "real": real, "condition": condition,
        "both": (real, condition), "n": len(real), "latent": 100 if z is None else z[0].numel(), "zero": 0,
        "device": device, "z": None if z is None else torch.randn(len(real), *z.shape[1:]).to(device),
        "criterion": nn.BCELoss() if squash == "sigmoid" else nn.BCEWithLogitsLoss(),
    }  # fmt: skip
    for role, name in (("generator", "g_opt"), ("discriminator", "d_opt")):
        params = [p for p in here[role].parameters() if p.is_floating_point()]
        values[name] = torch.optim.Adam(params, 2e-4) if name in order and params else None
    return _Bench(networks, here, step, values, real)


def _own(network: nn.Module, held: Held, unasked: bool) -> nn.Module | None:
    """The network that a step holds itself: this one, or one of its make; None where it works on what it is given."""
    mine = {id(param) for param in network.parameters()}
    optimised = {id(p) for each in held.optimizers for group in each.param_groups for p in group["params"]}
    if mine & optimised:
        return network
    model = getattr(network, "model", network)
    if any(each is model or each is network for each in held.networks):
        return network if unasked else None
    form = _form(network)
    for each in held.networks:
        theirs = {id(param) for param in each.parameters()}
        if not is_keras(each) and _form(each) == form and (unasked or theirs & optimised):
            return each
    return None


def _form(network: nn.Module) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tuple(param.shape)) for name, param in network.named_parameters()]


def _as_the_user_has_it(reals: Tensor, d: Looked, network: nn.Module) -> Tensor:
    """Pictures in the layout that the user's own code has."""
    if reals.dim() != 4:
        return reals
    plan = getattr(network, "_plan", None)
    layout = ("nhwc" if plan.signature.channels_last else "nchw") if plan is not None else d.called.layout
    return reals.permute(0, 2, 3, 1) if layout == "nhwc" else reals.flatten(1) if layout == "flat" else reals


def _all_tensors(networks: list[Any]) -> Iterator[Tensor]:
    for net in networks:
        if is_keras(net):
            yield from (variable.value for variable in net.variables)
            yield from (v.value for metric in getattr(net, "metrics", ()) for v in metric.variables)
        elif isinstance(net, nn.Module):
            yield from net.parameters()


def _facts(watch: Watch, bench: _Bench, looked: dict[str, Looked], first: int, inputs: list[dict[str, int]]) -> Step:
    words = _words(watch)
    updates = [replace(update, optimizer=words[int(update.optimizer)]) for update in watch.updates]
    judged = updates[first:]
    inference = {
        (role, name)
        for update, found in list(zip(updates, watch.inference, strict=True))[first:]
        for role in _ROLES
        for name in found[role]
        if update.optimizer == role[0]
    }
    own = [(update.optimizer, found) for update, found in zip(updates, watch.frozen, strict=True)]
    frozen_now = [role for role, params in watch.params.items() if params and not any(p.requires_grad for p in params)]
    learned = {role for role in _ROLES if any(u.changed[role] > 0 for u in judged)}
    left = [role for role in _ROLES if role not in learned and (role in frozen_now or (role[0], (role,)) in own)]
    same_z, z_std = _latents(watch, looked["generator"], inputs)
    mixed, change = _mixed(watch, bench, looked["discriminator"], inputs)
    return Step(
        updates=tuple(judged),
        holds=_holds(watch, words),
        inference=tuple(sorted(inference)),
        same_z=same_z,
        z_std=z_std,
        mixed=mixed,
        mixed_change=change,
        fakes_kept_graph=_kept_graph(judged),
        optimizers=len(words),
        left_frozen=tuple(left),
        of_user=all(values is None for name, values in bench.values.items() if name in ("g_opt", "d_opt")),
    )


def _words(watch: Watch) -> dict[int, str]:
    """Whose each optimiser is: "g" or "d" by the network of which it holds more; "?" for as much of both."""
    words = {}
    for optimizer, holds in watch.held.items():
        share = {role: len(own) / max(1, len(watch.params[role])) for role, own in holds.items()}
        g, d = share["generator"], share["discriminator"]
        words[optimizer] = "?" if g == d else "g" if g > d else "d"
    for word, role in (("g", "generator"), ("d", "discriminator")):
        if word not in words.values() and len(words) > 1:
            both = [each for each, name in words.items() if name == "?" and watch.held[each][role]]
            words |= dict.fromkeys(both[:1], word)
    return words


def _holds(watch: Watch, words: dict[int, str]) -> dict[str, dict[str, tuple[int, int]]]:
    found: dict[str, dict[str, set[int]]] = {}
    for optimizer, holds in watch.held.items():
        of_word = found.setdefault(words[optimizer], {role: set() for role in _ROLES})
        for role, own in holds.items():
            of_word[role] |= own
    return {
        word: {role: (len(own), len(watch.params[role])) for role, own in holds.items()}
        for word, holds in found.items()
    }


def _kept_graph(updates: list[Update]) -> bool:
    """Whether D's own backward passes wrote G's gradients; where both losses go back first, that cannot be told."""
    for place, update in enumerate(updates):
        if update.optimizer == "d" and update.backwards and "generator" in update.computed:
            later = next((u for u in updates[place + 1 :] + updates[:place] if u.optimizer == "g"), None)
            if later is not None and later.backwards:
                return True
    return False


def _latents(watch: Watch, g: Looked, inputs: list[dict[str, int]]) -> tuple[bool | None, float | None]:
    """Whether each z of the later runs was one of the first run's, and the least deviation of z within a batch."""
    z = g.called.draw(0).get("z")
    if z is None or len(inputs) < 2:
        return None, None
    size, start = z[0].numel(), inputs[0]["generator"]
    seen = []
    for args, kwargs in watch.inputs["generator"]:
        tensors = [part for each in (*args, *kwargs.values()) for part in _tensors(each)]
        found = (t.detach().flatten(1) for t in tensors if t.is_floating_point() and t.dim() > 1)
        seen.append(next((t for t in found if t.shape[1] == size), None))
    first, later = [t for t in seen[:start] if t is not None], [t for t in seen[start:] if t is not None]
    if not first or not later:
        return None, None
    same = all(any(t.shape == f.shape and torch.equal(t, f) for f in first) for t in later)
    return same, min(float(t.float().std(0, correction=0).mean()) for t in later)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    return [tensor for each in value for tensor in _tensors(each)] if isinstance(value, list | tuple) else []


def _mixed(watch: Watch, bench: _Bench, d: Looked, inputs: list[dict[str, int]]) -> tuple[bool, float | None]:
    """Whether D was given reals and others in one batch and, where it has batch norm, how far that moves the reals."""
    real = bench.real.flatten(1)
    for args, kwargs in watch.inputs["discriminator"]:
        images = next((t for each in args for t in _tensors(each) if t.is_floating_point()), None)
        if images is None or images[0].numel() != real.shape[1] or len(images) < 2:
            continue
        rows = images.detach().flatten(1)
        is_real = torch.stack([(real == row).all(1).any() for row in rows])
        if not bool(is_real.any()) or bool(is_real.all()):
            continue
        if not d.network.of_kind("batch-norm"):
            return True, None
        return True, _moved(bench, args, kwargs, is_real)
    return False, None


@torch.no_grad()
def _moved(bench: _Bench, args: tuple[Any, ...], kwargs: dict[str, Any], is_real: Tensor) -> float | None:
    network = bench.networks["discriminator"]

    def alone(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(alone(v) for v in value)
        return value[is_real] if isinstance(value, Tensor) and len(value) == len(is_real) else value

    try:
        together = floats(network(*args, **kwargs))[0][is_real].float()
        apart = floats(network(*(alone(a) for a in args), **{k: alone(v) for k, v in kwargs.items()}))[0].float()
    except Exception:  # a network may refuse a smaller batch
        return None
    spread = float(apart.std(correction=0))
    return float((together - apart).abs().mean()) / max(spread, _SAME)
