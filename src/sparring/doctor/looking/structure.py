"""The layers of a network as facts: what each is, what reaches it, what it leads to, what follows it."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..facts import ACTIVATIONS, NORMS, WEIGHING, Layer
from .tracing import Call, Graph, Node, kind_of_module, named_units, within

_MOST_WAYS, _LONGEST_WAY = 64, 60  # from one layer to the next; beyond, what follows it is not told


class Structure:
    """Units, their kinds and their operations in one graph.

    Args:
        network: a module or a KerasNetwork.
        calls: what was recorded in a forward.
        graph: of its output.
    """

    def __init__(self, network: nn.Module, calls: list[Call], graph: Graph) -> None:
        self.network, self.calls, self.graph = within(network), calls, graph
        self.units = named_units(network)
        self.owner = owners(network, self.units)
        self._containers = {name for name in self.units if self._has_parts(name)}
        self.operations: dict[str, list[Node]] = {}
        for node in graph.nodes.values():
            if node.unit:
                self.operations.setdefault(node.unit, []).append(node)
        self.kinds = {name: self._kind(name) for name in self.units}
        self.used = {node.parameter for node in graph.nodes.values() if node.parameter}

    def let_go(self) -> None:
        """Gives back the numbers that the graph keeps for a backward pass; what is known of it stays."""
        self.calls = []
        self.graph.let_go()

    def _has_parts(self, name: str) -> bool:
        unit = self.units[name]
        if not isinstance(unit, nn.Module) or hasattr(self.network, "layers_inside"):
            return bool(getattr(unit, "_layers", None))
        return unit is self.network or any(part for part, _ in unit.named_children() if part != "parametrizations")

    def _kind(self, name: str) -> str:
        said = kind_of_module(self.units[name])
        if said:
            return said
        kinds = [node_kind(node) for node in self.operations.get(name, [])]
        if name in self._containers:
            return "other"
        for kind in ("conv-transposed", "conv", "linear", "attention", "embedding"):
            if kind in kinds:
                return kind
        if "matmul" in kinds and any(owner == name for owner in self.owner.values()):
            return "linear"
        known = {kind for kind in kinds if kind in (*ACTIVATIONS, "max-pool")}
        if len(known) == 1 and not self._owns(name):
            return known.pop()
        return "move" if kinds and not any(kinds) else by_class(self.units[name])

    def _owns(self, name: str) -> bool:
        return name in self.owner.values()

    def layers(self, params: dict[str, Tensor]) -> list[Layer]:
        """All units as facts, without what only several runs can tell; in the order of their first calls."""
        first = {call.name: call for call in reversed(self.calls)}
        counts: dict[str, int] = {}
        for call in self.calls:
            counts[call.name] = counts.get(call.name, 0) + 1
        order = {name: place for place, name in enumerate(dict.fromkeys(call.name for call in self.calls))}
        names = sorted(self.units, key=lambda name: order.get(name, len(order)))
        return [self._layer(name, first.get(name), counts.get(name, 0), params) for name in names]

    def _layer(self, name: str, call: Call | None, count: int, params: dict[str, Tensor]) -> Layer:
        own = {each: params[each] for each, owner in self.owner.items() if owner == name and each in params}
        used = any(each in self.used for each in own)
        nodes = self.operations.get(name, [])
        conv = next((node for node in nodes if node.kind in ("conv", "conv-transposed")), None)
        kind = self.kinds[name]
        return Layer(
            name=name,
            type=type(self.units[name]).__name__,
            kind=kind,
            parameters=sum(tensor.numel() for tensor in own.values()),
            trainable=sum(tensor.numel() for tensor in own.values() if tensor.requires_grad),
            weights={each.removeprefix(f"{name}."): tuple(tensor.shape) for each, tensor in own.items()},
            calls=max(count, int(used)),
            in_shape=call.in_shape if call else (),
            out_shape=call.out_shape if call else (),
            bias=self._bias(name, nodes, own) if kind in WEIGHING else None,
            kernel=_kernel(conv, self.units[name]),
            stride=tuple(conv.fn._saved_stride) if conv else (),
            groups=int(conv.fn._saved_groups) if conv else 1,
            leads_on=self._leads_on(name, own),
            then=self._then(name) if kind in WEIGHING else (),
            training=call.training if call else True,
            unused=self._unused(name, own),
        )

    def _bias(self, name: str, nodes: list[Node], own: dict[str, Tensor]) -> bool | None:
        said = getattr(self.units[name], "use_bias", None)
        if isinstance(said, bool):
            return said
        if not nodes:
            return None
        for node in nodes:
            if node.kind in ("conv", "conv-transposed") and len(node.inputs) > 2 and node.inputs[2]:
                return True
            if type(node.fn).__name__.startswith("Addmm"):
                return True
            if node.kind == "add" and any(self.graph.is_parameter(place) for place in node.inputs):
                return True
        return any("bias" in each.rpartition(".")[2] for each in own)

    def _leads_on(self, name: str, own: dict[str, Tensor]) -> bool | None:
        """Whether gradient comes back: to its parameters or, where they are frozen, through its operations."""
        if any(each in self.used for each in own) or self.operations.get(name):
            return True
        return False if self.graph.whole and self.graph.ends else None

    def _unused(self, name: str, own: dict[str, Tensor]) -> tuple[str, ...]:
        """Trainable parameters of a layer that the graph of the output does not hold."""
        if not self.graph.whole or not self.graph.ends:
            return ()
        left = [each for each, tensor in own.items() if tensor.requires_grad and each not in self.used]
        return tuple(each.removeprefix(f"{name}.") for each in left)

    def _then(self, name: str) -> tuple[tuple[str, ...], ...]:
        """What follows a layer up to the next one with weights, on each way."""
        if not self.graph.whole:
            return ()
        mine = {id(node.fn) for node in self.operations.get(name, [])}
        last = [place for place in mine if not set(self.graph.nodes[place].outputs) & mine or place in self.graph.ends]
        ways: dict[tuple[str, ...], None] = {}
        # What a layer does to its own output (Keras' activation=) comes first; gates of recurrent layers are no such.
        own = () if self.kinds[name] in ("recurrent", "attention") else self._within(name)
        waiting: list[tuple[int, str, tuple[str, ...]]] = [(place, name, own) for place in last]
        steps = 0
        while waiting:
            steps += 1
            place, unit, way = waiting.pop()
            if steps > 5000 or len(ways) > _MOST_WAYS or len(way) > _LONGEST_WAY:
                return ()
            if place in self.graph.ends:
                ways[(*way, "output")] = None
            for after in self.graph.nodes[place].outputs:
                step = self._step(after, place, unit)
                if step is None:
                    continue
                word, next_unit = step
                if word.startswith("layer:"):
                    ways[(*way, word)] = None
                elif after not in mine:
                    waiting.append((after, next_unit, (*way, word) if word else way))
        return tuple(ways)

    def _within(self, name: str) -> tuple[str, ...]:
        return tuple(
            kind for node in self.operations.get(name, []) if (kind := node_kind(node)) in (*ACTIVATIONS, *NORMS)
        )

    def _step(self, place: int, before: int, unit: str) -> tuple[str, str] | None:
        """(what an operation is, the layer it belongs to) for one that takes what another made."""
        node = self.graph.nodes[place]
        name = node.unit if node.unit and node.unit not in self._containers else ""
        if name:
            if name == unit:
                return "", name
            kind = self.kinds[name]
            return (f"layer:{name}" if kind in WEIGHING else kind.replace("move", "")), name
        if node.kind in ("conv", "conv-transposed", "linear", "matmul", "embedding", "attention"):
            return f"layer:({node.kind})", ""
        if node.kind in ("add", "mul") and any(self.graph.is_parameter(p) for p in node.inputs if p != before):
            return f"{node.kind}-parameter", ""
        return "scale" if _is_scale(node) else node_kind(node), ""


def _is_scale(node: Node) -> bool:
    """Whether an operation multiplies by numbers that come from no layer: a constant, or a mask that was drawn."""
    known = [bool(place) for place in node.inputs]
    return node.kind == "mul" and sum(known) == 1 and (known[0] or type(node.fn).__name__.startswith("Mul"))


def node_kind(node: Node) -> str:
    """The kind of an operation; instance norm is batch norm over a batch of one."""
    if node.kind == "batch-norm":
        saved = getattr(node.fn, "_saved_input", None)
        if saved is not None and saved.shape[0] == 1:
            return "instance-norm"
    return node.kind


def owners(network: nn.Module, units: dict[str, Any]) -> dict[str, str]:
    """The name of each parameter's layer."""
    network = within(network)
    found: dict[str, str] = {}
    if hasattr(network, "layers_inside"):
        names = {id(layer): name for name, layer in units.items()}
        plan: Any = network._plan
        for weight in plan.weights:
            if weight.is_parameter and id(weight.layer) in names:
                found[weight.name] = names[id(weight.layer)]
        return found
    root = next((name for name, unit in units.items() if unit is network), "")
    for name, _ in network.named_parameters(remove_duplicate=False):
        owner = name.partition(".parametrizations.")[0] if ".parametrizations." in name else name.rpartition(".")[0]
        owner = "" if name.startswith("parametrizations.") else owner
        found[name] = owner if owner in units else root
    return found


def _kernel(conv: Node | None, unit: Any) -> tuple[int, ...]:
    if conv is None:
        return ()
    try:
        return tuple(conv.fn._saved_weight.shape[2:])
    except RuntimeError:  # freed
        said = getattr(unit, "kernel_size", ())
        return tuple(said) if isinstance(said, tuple) else ()


def by_class(unit: Any) -> str:
    """A kind for what ran no operation that is known: by the words in its class's name, else "other"."""
    name = type(unit).__name__.lower()
    for word, kind in (("batchnorm", "batch-norm"), ("layernorm", "layer-norm"), ("groupnorm", "group-norm")):
        if word in name:
            return kind
    if name.startswith("conv") and "transpose" in name:
        return "conv-transposed"
    words = (("conv", "conv"), ("linear", "linear"), ("dense", "linear"), ("embedding", "embedding"))
    return next((kind for word, kind in words if name.startswith(word)), "other")
