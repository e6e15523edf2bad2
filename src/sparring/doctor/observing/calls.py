"""What goes into both networks and comes out of them while they train, and the gradients that come back to D's output.

Hooks on the two networks themselves. In a measured iteration a few numbers of each call are copied; between them only
the modes of layers are read. Nothing of the training changes.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ...networks.calling.probing import parts_of
from ..looking.bounds import Bounds, bounds_of
from ..looking.tracing import Graph, kind_of_module, named_units

MODES = ("batch-norm", "dropout")  # layers to which training mode means something
SLEEPS = 60  # calls in a row in inference mode, of all that were made with gradients
_ROWS, _WIDE, _OUTPUTS = 8, 64, 256  # of what G is given; of D's outputs
_BATCH = 16  # rows that are compared
_MOST_CALLS = 64  # in one iteration that are looked at
_MOST_NODES = 20_000  # operations of a graph that is searched for what ends a network


@dataclass
class Call:
    """One call of a network for training: what came out asks for a gradient.

    Attributes:
        role: "d" or "g".
        batch: how many pictures.
        given: of G's, a corner of each tensor of numbers that it was given  # [at most 8, at most 64] each
        first: the beginning of the first row of every tensor that has a row for each picture, whole numbers too, and
        alike: whether all rows are as the first  # [at most 64], [] each
        ends: least and largest number of the first of them; of G's, of what it made  # [2]
        shape: of one of these pictures.
        is_fake: of D's: it was given what G made in this iteration.
        said: of D's, some outputs  # [n]
        slopes: gradients that came back to them  # [n] each
        penalised: the gradient of D was itself made differentiable: a gradient penalty.
        phase: in whose step its gradient came; "" before that is known.
    """

    role: str
    batch: int
    given: list[Tensor] = field(default_factory=list)
    first: list[Tensor] = field(default_factory=list)
    alike: list[Tensor] = field(default_factory=list)
    ends: Tensor | None = None
    shape: tuple[int, ...] = ()
    is_fake: bool = False
    said: Tensor | None = None
    slopes: list[Tensor] = field(default_factory=list)
    penalised: bool = False
    phase: str = ""


class Calls:
    """Collects the calls of measured iterations.

    Args:
        guard: a context that every hook runs in.
        hook: makes of a method what torch may hold.

    Attributes:
        bounds: by role, what ends the network, once it was looked at: None where nothing bounds it.
        modes: by role, the layers that know a mode: name -> kind.
    """

    def __init__(self, guard: Callable[[], Any], hook: Callable[[Callable[..., None]], Callable[..., None]]) -> None:
        self._guard, self._hook = guard, hook
        self._on = False
        self._calls: list[Call] = []
        self._made: list[Tensor] = []  # by G in this iteration; kept, or their memory would soon be others'
        self._layers: dict[str, list[weakref.ref[nn.Module]]] = {}
        self._slept: dict[str, list[int]] = {}  # of each of these, calls in a row in inference mode
        self._roles: dict[int, str] = {}
        self._hooked: list[Any] = []  # on outputs, for the time of an iteration
        self.bounds: dict[str, Bounds | None] = {}
        self.modes: dict[str, dict[str, str]] = {}

    def network(self, role: str, network: nn.Module) -> Any:
        """Listens to a network; returns the handle of the hook."""
        self._roles[id(network)] = role
        known = _with_modes(named_units(network))
        self._layers[role], self._slept[role] = [weakref.ref(unit) for unit in known.values()], [0] * len(known)
        self.modes[role] = {name: kind_of_module(unit) for name, unit in known.items()}
        self.bounds.pop(role, None)
        return network.register_forward_hook(self._hook(self._called), with_kwargs=True)

    def asleep(self, role: str) -> list[str]:
        """Layers that were in inference mode in every call for training of late."""
        return [name for name, calls in zip(self.modes[role], self._slept[role], strict=True) if calls >= SLEEPS]

    def begin(self) -> None:
        """A measured iteration begins: what was not taken is dropped."""
        self.take()
        self._on = True

    def stepped(self, role: str) -> None:
        """An optimiser is about to step: gradients that came since the other's step are this one's."""
        for call in self._calls:
            if not call.phase and (call.slopes or call.penalised or call.role == role == "g"):
                call.phase = role

    def take(self) -> list[Call]:
        """The iteration is over: its calls; the collection is empty then."""
        calls, self._calls, self._on = self._calls, [], False
        self._made = []
        for handle in self._hooked:
            handle.remove()
        self._hooked = []
        return calls

    def _called(self, network: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        role = self._roles.get(id(network), "")
        if torch.is_grad_enabled() and role:
            self._read_modes(role)
        if not self._on or not role or len(self._calls) >= _MOST_CALLS:
            return
        with self._guard():
            every = parts_of([*args, *kwargs.values()])
            given = [t for t in every if t.is_floating_point() and t.dim() > 1]
            out = next((t for t in parts_of([output]) if t.is_floating_point() and t.dim()), None)
            if out is None or not out.numel():
                return
            if role == "g":
                self._made.append(out.detach())
            if not out.requires_grad:
                return
            call = Call(role, len(out))
            if role == "g":
                call.given = [t.detach()[:_ROWS].flatten(1)[:, :_WIDE].clone() for t in given]
                call.ends, call.shape = torch.stack(out.detach().aminmax()), tuple(out.shape[1:])
            elif given:
                pictures = given[0]
                call.ends, call.shape = torch.stack(pictures.detach().aminmax()), tuple(pictures.shape[1:])
                call.batch = len(pictures)
                call.is_fake = pictures.grad_fn is not None or any(_same_memory(pictures, made) for made in self._made)
                call.said = out.detach().flatten()[:_OUTPUTS].clone()
                self._hooked.append(out.register_hook(self._slope_of(call)))
            rows = [
                t.detach()[:_BATCH].reshape(min(len(t), _BATCH), -1)
                for t in every
                if t.dim() and len(t) == call.batch > 1
            ]
            call.first = [t[0, :_WIDE].clone() for t in rows]
            call.alike = [(t == t[:1]).all() for t in rows]
            if role not in self.bounds:
                self.bounds[role] = _bounds(network, out)
            self._calls.append(call)

    def _slope_of(self, call: Call) -> Callable[[Tensor], None]:
        guard = self._guard

        def came(gradient: Tensor) -> None:
            differentiable = torch.is_grad_enabled()
            with guard():
                if differentiable:
                    call.penalised = True
                else:
                    call.slopes.append(gradient.detach().flatten()[:_OUTPUTS].clone())

        return came

    def _read_modes(self, role: str) -> None:
        slept = self._slept[role]
        for place, ref in enumerate(self._layers[role]):
            layer = ref()
            slept[place] = 0 if layer is None or layer.training else slept[place] + 1


def _with_modes(units: dict[str, Any]) -> dict[str, Any]:
    """Layers whose mode changes what they do; what is frozen is to stay as it is, and dropout behind it too."""
    found, frozen = {}, False
    for name, unit in units.items():
        params = list(unit.parameters())
        frozen = not any(p.requires_grad for p in params) if params else frozen
        kind = kind_of_module(unit)
        if kind == "batch-norm" and params:
            knows = unit.running_mean is not None and all(p.requires_grad for p in params)
        else:
            knows = not frozen and (
                (kind == "batch-norm" and unit.running_mean is not None) or (kind == "dropout" and unit.p > 0)
            )
        if knows:
            found[name] = unit
    return found


def _same_memory(a: Tensor, b: Tensor) -> bool:
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


def _bounds(network: nn.Module, out: Tensor) -> Bounds | None:
    graph = Graph([out], [], {id(p): name for name, p in network.named_parameters()})
    try:
        return bounds_of(graph, out) if len(graph.nodes) <= _MOST_NODES else None
    finally:
        graph.let_go()
