"""Two networks and a few pictures -> facts: one forward and backward pass of each phase, no training, no trace left."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import torch
from torch import Tensor, nn

from ...networks.calling.forms import signature_of
from ...networks.calling.probing import bare, device_of, randomness
from ..facts import Input, Layer, Network, Output
from .bounds import Bounds, bounds_of
from .calls import Called, Values
from .structure import Structure
from .tracing import Call, Graph, named_units, recorded, within
from .unreached import called_by_chance, elsewhere, hanging, stages
from .untouched import WithoutNorms, gradients, jittered, untouched

_SEEDS = (0, 1, 2)  # of the batches by which ranges and dead units are measured
_SAME = 1e-7  # below this relative change an output counts as the same: fp32's own precision


@dataclasses.dataclass
class Looked:
    """A network, looked at: its facts, and what the pair's probe goes on with.

    Attributes:
        network: facts.
        called: how it is called.
        params: by name.
        outputs: what it gave for draw(0), without graph.
        structure: of that call.
    """

    network: Network
    called: Called
    params: dict[str, Tensor]
    outputs: list[Tensor]
    structure: Structure

    def with_gradients(self, which: str, grads: dict[str, float | None]) -> None:
        """Writes the norms of gradients ("d_gradient" or "g_gradient") of parameters on the layers."""
        layers = []
        for layer in self.network.layers:
            own = [grads[name] for name, owner in self.structure.owner.items() if owner == layer.name and name in grads]
            known = [norm for norm in own if norm is not None]
            value = float(sum(norm**2 for norm in known) ** 0.5) if known else None
            changes: Any = {which: value}
            layers.append(dataclasses.replace(layer, **changes))
        self.network = dataclasses.replace(self.network, layers=tuple(layers))


def look(role: str, called: Called, *, frozen_by_user: bool = False) -> Looked:
    """Looks at one network.

    Args:
        role: "generator" or "discriminator".
        called: the network and its call.
        frozen_by_user: Keras: the whole model was not trainable when it was given.

    Raises:
        whatever the network raises in training mode.
    """
    network = called.network
    params: dict[str, Tensor] = dict(network.named_parameters())
    with untouched(network):
        structure, outputs, inputs, bounds = _traced(called, params)
        layers = structure.layers(params)
        zero, many = _dead(called, params, structure.graph, outputs)
        structure.let_go()
        layers, given = _swapped(called, layers, params, structure.owner, inputs)
        layers = [dataclasses.replace(layer, zero_share=zero.get(layer.name)) for layer in layers]
        layers = _tried_again(called, layers)
        output = _measured(many, outputs, bounds)
        field = _field(called, params, structure) if role == "discriminator" else None
    facts = Network(
        role=role,
        framework="keras" if hasattr(within(network), "layers_inside") else "torch",
        type=type(getattr(within(network), "model", None) or bare(within(network))).__name__,
        layers=tuple(layers),
        inputs=tuple(given),
        output=output,
        traced=structure.graph.whole and bool(structure.graph.ends),
        options=_options(network, len(given)),
        field=field,
        training=network.training,
        frozen_by_user=frozen_by_user,
        hanging=tuple(hanging(network)),
        elsewhere=elsewhere(network, [layer.name for layer in layers if layer.calls == 0]),
        unregistered=structure.graph.foreign,
    )
    return Looked(facts, called, params, outputs, structure)


def _tried_again(called: Called, layers: list[Layer]) -> list[Layer]:
    """Layers that were left out by chance count as called; what follows them is not known."""
    left_out = {layer.name for layer in layers if layer.calls == 0 and layer.trainable}
    by_chance = called_by_chance(called, left_out)
    return [
        dataclasses.replace(layer, calls=None, leads_on=None, unused=()) if layer.name in by_chance else layer
        for layer in layers
    ]


def _traced(
    called: Called, params: dict[str, Tensor]
) -> tuple[Structure, list[Tensor], dict[str, float | None], Bounds | None]:
    """One call with its graph. Returns the structure, what came out, the largest gradient at each input, bounds."""
    values = {name: _leaf(value) for name, value in called.draw(0).items()}
    names = {id(param): name for name, param in params.items()}
    with torch.enable_grad(), randomness(0, device_of(called.network)), recorded(called.network) as calls:
        outputs = called.give(values)
        graph = Graph(outputs, calls, names, values.values())
        structure = Structure(called.network, calls, graph)
        gradients = _at_inputs(outputs, values)
        bounds = bounds_of(graph, outputs[0])
    return structure, [output.detach() for output in outputs], gradients, bounds


def _leaf(value: Tensor) -> Tensor:
    return value.detach().clone().requires_grad_(True) if value.is_floating_point() else value


def _at_inputs(outputs: list[Tensor], values: Values) -> dict[str, float | None]:
    asked = {name: value for name, value in values.items() if value.requires_grad}
    ends = [output for output in outputs if output.requires_grad]
    if not asked or not ends:
        return dict.fromkeys(values)
    total = torch.stack([(end * mixed(end)).sum() for end in ends]).sum()
    found = gradients(total, list(asked.values()))
    norms = {name: None if g is None else float(g.abs().max()) for name, g in zip(asked, found, strict=True)}
    return {name: norms.get(name) for name in values}


def mixed(tensor: Tensor) -> Tensor:
    """Fixed weights of both signs: the sum alone has no gradient behind a softmax or a norm."""
    return torch.randn(tensor.shape, generator=torch.Generator().manual_seed(5)).to(tensor)


@torch.no_grad()
def _run(called: Called, values: Values) -> tuple[list[Tensor], list[Call]]:
    """A call without graph, with the same random numbers and from the same statistics each time."""
    network = called.network
    with untouched(network), randomness(0, device_of(network)), recorded(network, prints=True) as calls:
        return called.give(values), calls


def _swapped(
    called: Called,
    layers: list[Layer],
    params: dict[str, Tensor],
    owner: dict[str, str],
    gradients: dict[str, float | None],
) -> tuple[list[Layer], list[Input]]:
    """Replaces one input after the other, with the weights as they are and then with noise on them."""
    first, second = called.draw(0), called.draw(1)
    plain = woken = _effects(called, first, second)
    used = {layer.name for layer in layers if layer.calls}
    if any(not effect or used - changed for effect, changed in plain.values()):
        with jittered([param for name, param in params.items() if owner.get(name) in used]):
            woken = _effects(called, first, second)
    given: list[Input] = []
    reached: dict[str, list[str]] = {layer.name: [] for layer in layers}
    for name, value in first.items():
        effect = plain[name][0]
        given.append(
            Input(name, tuple(value.shape), effect, None if effect > 0 else woken[name][0], gradients.get(name))
        )
        for layer in plain[name][1] | woken[name][1]:
            reached[layer].append(name)
    return [
        dataclasses.replace(layer, reached_from=tuple(reached[layer.name]) if layer.calls else ()) for layer in layers
    ], given


def _effects(called: Called, first: Values, second: Values) -> dict[str, tuple[float, set[str]]]:
    """For each input: the relative change of the output when it alone is another, and the layers that change."""
    before, calls = _run(called, first)
    prints = [(call.name, call.prints) for call in calls]
    found = {}
    for name in first:
        after, others = _run(called, first | {name: second[name]})
        scale = max((float(tensor.abs().max()) for tensor in before), default=0.0)
        change = max((_difference(a, b) for a, b in zip(before, after, strict=False)), default=0.0)
        relative = change / scale if scale else change
        changed = {a for (a, p), call in zip(prints, others, strict=False) if p != call.prints}
        found[name] = (relative if relative > _SAME else 0.0, changed)
    return found


def _difference(one: Tensor, two: Tensor) -> float:
    if one.shape != two.shape:
        return float("inf")
    largest = float((one.double() - two.double()).abs().max()) if one.numel() else 0.0
    return largest if largest == largest else float("inf")  # what is not a number counts as a difference


def _measured(many: list[Tensor], outputs: list[Tensor], bounds: Bounds | None) -> Output:
    """The range of what comes out, over several batches."""
    numbers = torch.cat([each.double().flatten() for each in many])
    finite = bool(numbers.isfinite().all())
    numbers = numbers[numbers.isfinite()]
    if not len(numbers):
        numbers = torch.zeros(1, dtype=torch.float64)
    return Output(
        shape=tuple(outputs[0].shape),
        low=float(numbers.min()),
        high=float(numbers.max()),
        std=float(numbers.std(correction=0)),
        size=float(numbers.abs().median()),
        squash=bounds.squash if bounds else "",
        least=bounds.least if bounds else float("-inf"),
        most=bounds.most if bounds else float("inf"),
        parts=tuple(tuple(part.shape) for part in outputs),
        finite=finite,
    )


def _dead(
    called: Called, params: dict[str, Tensor], first: Graph, outputs: list[Tensor]
) -> tuple[dict[str, float], list[Tensor]]:
    """Units that are never awake, and what came out on the way.

    Args:
        called: the network.
        params: by name.
        first: the graph of the first of the batches.
        outputs: what it gave.

    Returns:
        For each layer that a ReLU follows the part of its units that are 0 for all of several batches; and the first
        output of each batch.
    """
    most: dict[int, tuple[str, Tensor]] = {}
    names = {id(param): name for name, param in params.items()}
    channels_last = hasattr(called.network, "layers_inside")
    units = named_units(called.network)
    units_last = {name for name, unit in units.items() if channels_last or isinstance(unit, nn.Linear)}
    _look_for_zeros(first, units_last, most)
    many = [outputs[0]]
    for seed in _SEEDS[1:]:
        values = {name: _leaf(value) for name, value in called.draw(seed).items()}
        with torch.enable_grad(), randomness(seed, device_of(called.network)), recorded(called.network) as calls:
            gave = called.give(values)
            _look_for_zeros(Graph(gave, calls, names), units_last, most)
        many.append(gave[0].detach())
        del gave, calls  # a graph at a time
    shares: dict[str, float] = {}
    for name, largest in most.values():
        if name:
            shares[name] = max(shares.get(name, 0.0), float((largest <= 0).float().mean()))
    return shares, many


def _look_for_zeros(graph: Graph, units_last: set[str], most: dict[int, tuple[str, Tensor]]) -> None:
    """Writes down the largest number that each unit behind a ReLU has had, by the ReLU's place."""
    rectified = sorted(
        (node for node in graph.nodes.values() if node.kind == "relu"), key=lambda n: n.fn._sequence_nr()
    )
    for place, node in enumerate(rectified):
        layer = _rectified_layer(graph, node)
        found = _unit_maxima(node.fn, last=layer in units_last)
        if found is None:
            continue
        name, before = most.get(place, (layer, found))
        if before.shape == found.shape:
            most[place] = name, torch.maximum(before, found)


def _unit_maxima(fn: Any, *, last: bool) -> Tensor | None:
    """The largest number of each unit (channel) that a ReLU gave; None where it cannot be had.

    Args:
        fn: the ReLU's operation.
        last: its units stand in the last dimension, not in the second.
    """
    try:
        result = fn._saved_result
    except (RuntimeError, AttributeError):
        return None
    if result is None or result.dim() < 2:
        return None
    units: Tensor = result.detach().movedim(-1 if last else 1, 0).flatten(1).amax(1)
    return units


def _rectified_layer(graph: Graph, node: Any) -> str:
    """The layer whose numbers a ReLU cuts."""
    for _ in range(20):
        before = [graph.nodes[place] for place in node.inputs if place]
        if not before:
            return ""
        node = before[0]
        if node.unit and node.kind != "" and node.kind not in ("relu",):
            return str(node.unit)
    return ""


def _field(called: Called, params: dict[str, Tensor], structure: Structure) -> float | None:
    """The part of the picture's side that one of D's outputs depends on; None for what is no picture.

    In inference mode and without norms: the statistics of a batch or a picture reach further than what a layer sees.
    """
    values = called.draw(0)
    images = values.get("images")
    if images is None or images.dim() != 4:
        return None
    leaf = images.detach().clone().requires_grad_(True)
    used = [params[name] for name, owner in structure.owner.items() if name in params and owner in structure.operations]
    called.network.eval()
    with torch.enable_grad(), randomness(0, device_of(called.network)), jittered(used), WithoutNorms():
        try:
            outputs = called.give(values | {"images": leaf})
        except Exception:  # a network may have no other mode than that of training
            return None
        return _seen(outputs, leaf)


def _seen(outputs: list[Tensor], images: Tensor) -> float | None:
    """The largest part of a side that lies between pixels with a gradient from one place of an output."""
    sides = []
    for output in outputs:
        if not output.requires_grad:
            return None
        if output.dim() == 4 and output.shape[-1] == 1:
            output = output.movedim(-1, 1)
        middle = output if output.dim() < 3 else output[..., output.shape[-2] // 2, output.shape[-1] // 2]
        seen = gradients((middle * mixed(middle)).sum(), [images])[0]
        if seen is None or not bool(seen.any()):
            continue
        at = (seen.abs() > 0).any(0).any(0)
        sides += [_extent(at.any(0)), _extent(at.any(1))]
    return max(sides) if sides else None


def _extent(at: Tensor) -> float:
    places = at.nonzero()
    return (int(places[-1]) - int(places[0]) + 1) / len(at) if len(places) else 0.0  # none where all is NaN


def _options(network: nn.Module, given: int) -> tuple[str, ...]:
    """Names of further arguments with defaults that a forward takes: what it calls may depend on them."""
    signature = signature_of(network)
    if signature is None:
        return ()
    extra = list(signature.parameters.values())[given:]
    said = tuple(p.name for p in extra if p.default is not inspect.Parameter.empty)
    return said + stages(network)
