"""A Keras 3 model as an ordinary torch module: pictures channels first, `.train()`, parameters, state, copies.

What Keras does otherwise, and this hides: `.train()` means nothing to it, its statistics are parameters, its layers are
not in `.modules()`, its pictures have their channels last, its seeds are its own, `trainable = False` outlives the step
it was meant for, and constraints of weights are its optimisers' business.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import SparringError
from .model import Shape, Signature, first_line, flattened, left_out, left_to_keras, sigmoids, signature_of

# The names that batch norm's statistics have in torch: by them an average of a network knows what may be averaged.
_TORCH_NAMES = {"moving_mean": "running_mean", "moving_variance": "running_var"}
# Numbers that are as near as this are the same but for rounding in fp32.
_ROUNDING = 1e-6
# One call at a time: what a model computes with, and where it draws from, is replaced for as long as a call lasts.
_TURN = threading.RLock()


def is_keras(network: object) -> bool:
    """Whether this is a Keras model, of any kind; never imports Keras."""
    model = getattr(sys.modules.get("keras"), "Model", None)
    return isinstance(model, type) and isinstance(network, model)


def import_keras() -> Any:
    """Returns the module `keras`, on torch.

    Raises:
        SparringError: Keras 3 is not installed, or it runs on something else than torch.
    """
    if "keras" not in sys.modules:
        wanted = os.environ.setdefault("KERAS_BACKEND", "torch")
        if wanted != "torch":
            raise _wrong_backend(wanted)
    try:
        keras: Any = importlib.import_module("keras")
    except ModuleNotFoundError as error:
        raise SparringError(f"Keras cannot be had: {error}.", "Keras 3", "pip install 'sparring[keras]'") from None
    version = str(getattr(keras, "__version__", "of an unknown version"))
    if not version.startswith("3."):
        raise SparringError(f"Keras {version} is installed.", "Keras 3", "pip install 'sparring[keras]'")
    if keras.backend.backend() != "torch":
        raise _wrong_backend(keras.backend.backend())
    return keras


def _wrong_backend(name: str) -> SparringError:
    return SparringError(
        f"Keras runs on {name} here.",
        "Keras on torch, whose gradients can be had",
        "set KERAS_BACKEND=torch before keras or tensorflow is imported: in the shell, or in the first line of the "
        'program (import os; os.environ["KERAS_BACKEND"] = "torch").',
    )


@dataclass(frozen=True, eq=False)
class _Weight:
    """One variable of a model and its layer: its name here, and whether it is a parameter (frozen too) or a buffer."""

    name: str
    layer: Any
    variable: Any
    is_parameter: bool


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is known of a model. All copies of a network share it, and the model in it: only tensors are copied.

    Attributes:
        rewritten: the parameters that a call writes to (Keras' spectral norm does).
        left_out: the layer or operation whose sigmoid a call leaves out.
    """

    keras: Any
    model: Any
    signature: Signature
    weights: tuple[_Weight, ...]
    output_shape: Shape = ()
    rewritten: frozenset[str] = frozenset()
    left_out: Any = None


class KerasNetwork(nn.Module):
    """A Keras model behind torch's words.

    `.train()` and `.eval()` say what `training=` is in the model's call. Its noise and dropout follow torch's random
    state, so that a seeded step, or one of a resumed run, is the same again.

    Parameters are the model's own tensors: what trains this network trains the model. A `copy.deepcopy` has tensors of
    its own, which it lends to the same model while it is called: all that is shared is the wiring.

    Args:
        model: sequential, functional or subclassed.
        input_shapes: one shape an input without the batch, channels first; for models that do not say it: a subclassed
            or sequential one that was never called, a subclassed one whose call takes several tensors apart.
        several: whether a model that gives several tensors is taken; they come as a tuple.

    Attributes:
        notes: sentences on what was found, for the user to read.

    Raises:
        SparringError: no Keras 3 model on torch, not built, several outputs, or a call of it fails.
    """

    def __init__(
        self, model: Any, input_shapes: Sequence[Sequence[int | None]] | None = None, *, several: bool = False
    ) -> None:
        super().__init__()
        keras = import_keras()
        _refuse(keras, model)
        signature = signature_of(keras, model, input_shapes, several)
        self.notes: list[str] = []
        self._plan = _Plan(keras, model, signature, ())
        if not model.built:
            self._try(training=False)  # makes the weights
        if model.weights and not model.trainable_weights:
            model.trainable = True
            self.notes.append(
                f"All of {model.name!r} was frozen (trainable = False, as a stacked model wants it). It was thawed: "
                "here each step updates the weights of one network alone."
            )
        self._plan = replace(self._plan, weights=tuple(_weights(model)))
        for weight in self._plan.weights:
            self._register(weight)
        everything = frozenset(self._parameters)
        made, written = self._sibling(replace(self._plan, rewritten=everything))._try(training=True)
        first = made[0] if isinstance(made, tuple) else made
        shape = signature.output_shape or tuple(first.shape[1:])
        self._plan = replace(self._plan, output_shape=shape, rewritten=everything & set(written))
        self.notes += left_to_keras(self._plan.weights, self.layers_inside())

    def _register(self, weight: _Weight) -> None:
        value = weight.variable._value
        if not weight.is_parameter:
            self.register_buffer(weight.name, value)
            return
        weight.variable._value = value if isinstance(value, nn.Parameter) else nn.Parameter(value.detach())
        self.register_parameter(weight.name, weight.variable._value)

    @property
    def model(self) -> Any:
        """The model that this was made from, which its copies have too."""
        return self._plan.model

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """One shape an input, without the batch, pictures as (C, H, W); None where the model leaves a side open."""
        return self._plan.signature.input_shapes

    @property
    def channels_last(self) -> bool:
        """Whether the model itself has pictures as [N, H, W, C]."""
        return self._plan.signature.channels_last

    @property
    def output_shape(self) -> Shape:
        """The shape of what comes out for one input, pictures and maps as (C, H, W)."""
        return self._plan.output_shape

    def layers_inside(self) -> list[Any]:
        """All Keras layers at any depth, each once, in the order of the model; no models and input layers."""
        containers = (self._plan.keras.Model, self._plan.keras.layers.InputLayer)
        return [layer for layer in flattened(self.model) if not isinstance(layer, containers)]

    def extra_repr(self) -> str:
        """What stands between the brackets when this is printed."""
        return f"{self.model.name!r}, {', '.join(map(str, self.input_shapes))} -> {self.output_shape}"

    def forward(self, *inputs: Tensor) -> Any:
        """Calls the model; one tensor an input, in its order.  # [N, C, H, W] or [N, ...] -> [N, ...], or a tuple"""
        if self.training:
            self._constrain()
        made, written = self._call(inputs, self.training)
        for name, value in written.items():
            # By way of `data`: no graph of an earlier call minds, since each holds a copy of its own.
            getattr(self, name).data.copy_(value)
        return made

    def _call(self, inputs: Sequence[Tensor], training: bool) -> tuple[Any, dict[str, Tensor]]:
        """Returns what the model gives, and the new values of what it wrote to, by name."""
        plan = self._plan
        arguments = plan.signature.arguments(plan.model.name, inputs)
        with (
            _TURN,
            self._here(inputs[0]),
            self.lending() as lent,
            left_out(plan.left_out),
            _random_by_torch(plan.keras),
        ):
            made = plan.model(*arguments, training=training)
        written = {name: value.detach() for name, value in lent.items() if value.is_inference() or value._version}
        return plan.signature.result(plan.model.name, made), written

    def _try(self, training: bool) -> tuple[Any, dict[str, Tensor]]:
        """Calls the model on two probes, whatever else goes on; torch's random state is as before.

        Raises SparringError when the model refuses.
        """
        device = next(self.parameters(), torch.zeros(())).device
        inputs = [probe.to(device) for probe in self._plan.signature.probes()]
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=()):
                torch.default_generator.manual_seed(0)
                return self._call(inputs, training)
        except SparringError:
            raise
        except Exception as error:  # a model may refuse in its own way
            shapes = ", ".join(str(list(x.shape)) for x in inputs)
            raise SparringError(
                f"The model {self.model.name!r} could not be called on {shapes}: {first_line(error)}",
                "a model that can be called on tensors of these shapes (channels first)",
                "give KerasNetwork input_shapes=, one shape an input; or call the model yourself to see what it wants.",
            ) from error

    def _here(self, otherwise: Tensor) -> Any:
        """Keras computes where this network is; else it would wherever it thinks best (the first GPU)."""
        return self._plan.keras.device(str(next(self.parameters(), otherwise).device))

    @contextlib.contextmanager
    def lending(self) -> Iterator[dict[str, Tensor]]:
        """The model computes with this network's tensors for a while; what a call may write to, with copies of them.

        Copies, because D is called on reals and on fakes before either is differentiated: statistics or kernels that
        the second call rewrote in place would spoil the graph of the first.
        """
        plan = self._plan
        own = {weight.name: getattr(self, weight.name) for weight in plan.weights}  # parametrized ones are computed
        before = [weight.variable._value for weight in plan.weights]
        lent = {
            weight.name: own[weight.name].clone()
            for weight in plan.weights
            if not weight.is_parameter or weight.name in plan.rewritten
        }
        try:
            for weight in plan.weights:
                weight.variable._value = lent.get(weight.name, own[weight.name])
            yield lent
        finally:
            for weight, value in zip(plan.weights, before, strict=True):
                weight.variable._value = value

    def has_the_models_tensors(self) -> bool:
        """Whether the model itself computes with this network's tensors (a copy has its own)."""
        return all(weight.variable._value is getattr(self, weight.name) for weight in self._plan.weights)

    @torch.no_grad()
    def take_over(self, network: KerasNetwork) -> None:
        """Takes the values of another network of the same make."""
        for mine, theirs in zip(self._plan.weights, network._plan.weights, strict=True):
            getattr(self, mine.name).copy_(getattr(network, theirs.name))

    @torch.no_grad()
    def _constrain(self) -> None:
        """Keras' optimisers apply a weight's constraint after each update; here the next training call does.

        Only where it changes more than the last digits: D is called twice between two updates, and a second MaxNorm
        would still shrink by 1e-7 what the graph of the first call holds.
        """
        for weight in self._plan.weights:
            tensor = self._parameters.get(weight.name)
            if tensor is None or weight.variable.constraint is None or not tensor.requires_grad:
                continue
            with self._here(tensor):
                allowed = weight.variable.constraint(tensor)
            if not torch.allclose(allowed, tensor, rtol=_ROUNDING, atol=_ROUNDING):
                tensor.copy_(allowed)

    def regularisation(self) -> Tensor | None:
        """What the regularizers of the weights would add to Keras' loss; None when there is none.  # []"""
        with self._here(torch.zeros(())):
            terms = [
                weight.variable.regularizer(getattr(self, weight.name))
                for weight in self._plan.weights
                if weight.is_parameter and weight.variable.regularizer is not None
            ]
        return torch.stack(terms).sum() if terms else None

    def kernels(self) -> list[tuple[str, int]]:
        """The kernels of dense and convolutional layers: name, and which dimension counts what comes out.

        What torch's `spectral_norm(network, name, dim=dim)` and initialisations need: `.modules()` shows no layer.
        """
        layers = self._plan.keras.layers
        straight = (layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D)
        transposed = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
        return [
            (weight.name, len(weight.variable.shape) - (2 if isinstance(weight.layer, transposed) else 1))
            for weight in self._plan.weights
            if weight.variable.name == "kernel" and isinstance(weight.layer, straight + transposed)
        ]

    def without_sigmoid(self) -> KerasNetwork | None:
        """This network up to a sigmoid at its end, with the same tensors; the model itself goes on giving p.

        Returns None when no layer or operation of the model is a sigmoid that can be left out at its end: there is
        none, or a subclassed model computes it in a function.
        """
        p = self._try(training=False)[0]
        for end in reversed(list(sigmoids(self.model))):
            network = self._sibling(replace(self._plan, left_out=end))
            if torch.allclose(network._try(training=False)[0].sigmoid(), p, rtol=0, atol=_ROUNDING):
                return network
        return None

    def _sibling(self, plan: _Plan) -> KerasNetwork:
        """A network of the same tensors."""
        made = type(self).__new__(type(self))  # torch's parametrizations make a class of their own
        nn.Module.__init__(made)
        made.notes, made._plan, made.training = self.notes, plan, self.training
        for mine, theirs in zip(made._held(), self._held(), strict=True):
            mine.update(theirs)
        return made

    def _held(self) -> tuple[dict[str, Any], ...]:
        return self._parameters, self._buffers, self._modules

    def __deepcopy__(self, memo: dict[int, Any]) -> KerasNetwork:
        made = memo[id(self)] = self._sibling(self._plan)
        made.notes = list(self.notes)
        for held in made._held():
            for name in held:
                held[name] = copy.deepcopy(held[name], memo)
        return made

    def _apply(self, fn: Any, recurse: bool = True) -> KerasNetwork:
        """Moves buffers as torch does parameters, by their `data`: one weight stays one tensor, whoever has it."""
        before = dict(self._buffers)
        super()._apply(fn, recurse)
        for name, tensor in before.items():
            if tensor is not None:
                tensor.data = self._buffers[name]  # type: ignore[assignment]
                self._buffers[name] = tensor
        return self


def _refuse(keras: Any, model: Any) -> None:
    if not is_keras(model):
        raise SparringError(f"A {type(model).__name__} is no Keras model.", "a keras.Model")
    wrapped = [layer.name for layer in flattened(model) if isinstance(layer, keras.layers.TorchModuleWrapper)]
    if wrapped:
        raise SparringError(
            f"The Keras model {model.name!r} has a torch module inside ({', '.join(wrapped)}).",
            "layers of Keras alone",
            "write the whole network as a torch module.",
        )


def _weights(model: Any) -> Iterator[_Weight]:
    """All weights of a model, each once, under names that are the same for each model of this make."""
    seen: set[int] = set()
    holders = [layer for layer in flattened(model) if layer._trainable_variables or layer._non_trainable_variables]
    for index, layer in enumerate(holders):
        names: set[str] = set()
        learning = {id(variable) for variable in layer._trainable_variables}
        for variable in layer._trainable_variables + layer._non_trainable_variables:
            if id(variable) in seen:
                continue
            seen.add(id(variable))
            name = _TORCH_NAMES.get(variable.name, variable.name).replace(".", "_")
            name = name if name not in names else f"{name}_{len(names)}"
            names.add(name)
            # Not by `variable.trainable`, which a frozen layer's kernel has in common with the statistics.
            is_parameter = id(variable) in learning and variable._value.is_floating_point()
            yield _Weight(f"{index:03d}_{type(layer).__name__}_{name}", layer, variable, is_parameter)


@contextlib.contextmanager
def _random_by_torch(keras: Any) -> Iterator[None]:
    """Keras' seed generators, the model's and the global one, draw their seeds from torch's random state for a while.

    Their own states begin at a random number of Python's and would have to be saved with a run.
    """
    generator = keras.random.SeedGenerator
    before, generator.next = generator.next, _next_seed
    try:
        yield
    finally:
        generator.next = before


def _next_seed(generator: Any, ordered: bool = True) -> Tensor:
    return torch.randint(2**31 - 1, (2,), dtype=torch.int32)
