"""What a Keras model is made of and how it is called: inputs, how it wants them packed, where its channels stand."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import SparringError

Shape = tuple[int | None, ...]

# A side that a model leaves open ([None, None, 3]) is tried with so many px.
_PROBE_PX = 64
# Layers whose `data_format` says nothing about the pictures that come in.
_SHAPELESS = ("Flatten", "Reshape")


@dataclass(frozen=True)
class Signature:
    """How a model is called.

    Attributes:
        input_shapes: one shape an input, without the batch, pictures as (C, H, W); None for a side that is open.
        dtypes: of the inputs, in Keras' words.
        channels_last: how the model itself lays out pictures.
        pack: the tensors of a call -> the arguments that the model takes.
        output_shape: as `input_shapes`; () when only a call can tell.
        several: whether the model may give several tensors, which are then a tuple.
    """

    input_shapes: tuple[Shape, ...]
    dtypes: tuple[str, ...]
    channels_last: bool
    pack: Callable[[list[Tensor]], tuple[Any, ...]]
    output_shape: Shape = ()
    several: bool = False

    def arguments(self, name: str, inputs: Sequence[Tensor]) -> tuple[Any, ...]:
        """Tensors, pictures channels first -> the positional arguments of a call. Raises SparringError."""
        if len(inputs) != len(self.input_shapes):
            raise SparringError(
                f"{name!r} was called with {len(inputs)} inputs.",
                f"{len(self.input_shapes)}, of the shapes {', '.join(map(str, self.input_shapes))}",
            )
        turn = self.channels_last
        return self.pack([x.permute(0, 2, 3, 1) if turn and x.dim() == 4 else x for x in inputs])

    def result(self, name: str, made: Any) -> Any:
        """What the model gave -> one tensor, pictures channels first. Raises SparringError for `several` unasked."""
        if self.several and isinstance(made, list | tuple | dict) and len(made) > 1:
            parts = made.values() if isinstance(made, dict) else made
            return tuple(self.result(name, part) for part in parts)
        if isinstance(made, list | tuple) and len(made) == 1:
            made = made[0]
        if not isinstance(made, Tensor):
            count = f"{len(made)} outputs" if isinstance(made, list | tuple | dict) else f"a {type(made).__name__}"
            raise _several_outputs(name, count)
        return made.permute(0, 3, 1, 2) if self.channels_last and made.dim() == 4 else made

    def probes(self) -> list[Tensor]:
        """Two of each input, to try the model on: in [0, 1), which whole numbers take for 0."""
        draw = torch.Generator().manual_seed(0)
        shapes = ([2, *(_PROBE_PX if side is None else side for side in shape)] for shape in self.input_shapes)
        return [
            torch.rand(shape, generator=draw) if "float" in dtype else torch.zeros(shape, dtype=torch.int64)
            for shape, dtype in zip(shapes, self.dtypes, strict=True)
        ]


def flattened(layer: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """A layer and all layers inside it, at any depth, each once, in order."""
    seen = set() if seen is None else seen
    if id(layer) not in seen:
        seen.add(id(layer))
        yield layer
        for inner in layer._layers:  # what Keras itself walks; `.modules()` finds none of a functional model's
            yield from flattened(inner, seen)


def sigmoids(model: Any) -> Iterator[Any]:
    """Layers with a sigmoid for activation, and operations that are one, at any depth."""
    for layer in flattened(model):
        if getattr(vars(layer).get("activation"), "__name__", "") == "sigmoid":
            yield layer
        yield from (each for each in getattr(layer, "operations", ()) if type(each).__name__ == "Sigmoid")


@contextlib.contextmanager
def left_out(part: Any) -> Iterator[None]:
    """One of `sigmoids` does nothing for a while; None for none."""
    if part is None:
        yield
        return
    attributes = vars(part)
    name = "activation" if "activation" in attributes else "call"
    before = attributes.get(name)
    attributes[name] = _unchanged
    try:
        yield
    finally:
        del attributes[name]
        if before is not None:
            attributes[name] = before


def _unchanged(x: Tensor) -> Tensor:
    return x


def signature_of(
    keras: Any, model: Any, input_shapes: Sequence[Sequence[int | None]] | None, several: bool = False
) -> Signature:
    """Looks how a model is called, without calling it.

    Args:
        input_shapes: what the user says of it, channels first, without the batch; else the model must know.
        several: whether it may give several tensors.

    Raises:
        SparringError: it cannot be seen, there are several outputs, or channels first and last are mixed.
    """
    channels_last = _channels_last(keras, model)
    given = None if input_shapes is None else tuple(tuple(shape) for shape in input_shapes)
    tensors = _graph_inputs(keras, model)
    if not tensors:
        shapes, pack = _subclassed(model, given, channels_last)
        return Signature(shapes, ("float32",) * len(shapes), channels_last, pack, several=several)
    if len(model.outputs) != 1 and not several:
        raise _several_outputs(model.name, f"{len(model.outputs)} outputs")
    known = tuple(_first(tensor.shape[1:], channels_last) for tensor in tensors)
    if given is not None and len(given) != len(known):
        raise SparringError(f"{len(given)} input shapes were given for {model.name!r}.", f"{len(known)}: {known}")
    structure = None if isinstance(model, keras.Sequential) else model.input

    def packed(inputs: list[Tensor]) -> tuple[Any, ...]:
        return (inputs[0] if structure is None else keras.tree.pack_sequence_as(structure, inputs),)

    made = _first(model.outputs[0].shape[1:], channels_last)
    dtypes = tuple(tensor.dtype for tensor in tensors)
    return Signature(given or known, dtypes, channels_last, packed, made, several)


def _graph_inputs(keras: Any, model: Any) -> list[Any]:
    """The symbolic inputs of a functional or sequential model; none of a subclassed or unbuilt one."""
    inputs = getattr(model, "inputs", None)
    if isinstance(inputs, list | tuple) and inputs and all(isinstance(x, keras.KerasTensor) for x in inputs):
        return list(inputs)
    return []


def _subclassed(
    model: Any, given: tuple[Shape, ...] | None, channels_last: bool
) -> tuple[tuple[Shape, ...], Callable[[list[Tensor]], tuple[Any, ...]]]:
    """The shapes of a subclassed (or unbuilt sequential) model, and what packs tensors for its `call`."""
    parameters = [
        parameter
        for name, parameter in inspect.signature(model.call).parameters.items()
        if name not in ("training", "mask") and parameter.kind == parameter.POSITIONAL_OR_KEYWORD
    ]
    required = sum(parameter.default is parameter.empty for parameter in parameters)
    built_with = (model.get_build_config() or {}).get("input_shape") if model.built else None
    shapes = given or tuple(_first(shape[1:], channels_last) for shape in _shapes(built_with))
    if not shapes or (given is None and required > 1):
        raise SparringError(
            f"The Keras model {model.name!r} does not say what it is called with"
            + (f": its call takes {required} tensors." if required > 1 else ": it was never called, or built.")
            + ("" if model.built else " It has no weights yet."),
            "a model with an Input, or one that was called on a batch",
            "begin it with keras.Input(shape), call it once, or give KerasNetwork input_shapes=[(100,)], one an input.",
        )
    if len(shapes) > 1 and len(parameters) >= len(shapes):
        return shapes, tuple
    if isinstance(built_with, dict):
        return shapes, lambda tensors: (dict(zip(sorted(built_with), tensors, strict=True)),)
    as_list = len(shapes) > 1 or (isinstance(built_with, list) and len(built_with) == 1)
    return shapes, lambda tensors: (tensors if as_list else tensors[0],)


def _shapes(built_with: Any) -> list[Shape]:
    """What Keras notes when it builds a layer: a shape, a list of them, or a dict of them; with the batch."""
    if isinstance(built_with, dict):
        return [tuple(built_with[name]) for name in sorted(built_with)]
    if not built_with:
        return []
    if all(side is None or isinstance(side, int) for side in built_with):
        return [tuple(built_with)]
    return [tuple(shape) for shape in built_with]


def _channels_last(keras: Any, model: Any) -> bool:
    formats = {
        layer.data_format
        for layer in flattened(model)
        if hasattr(layer, "data_format") and type(layer).__name__ not in _SHAPELESS
    }
    if len(formats) > 1:
        raise SparringError(
            f"Some layers of {model.name!r} have the channels of pictures first and some last.",
            "one data_format in all of a model",
            "leave data_format out of the layers.",
        )
    return next(iter(formats), keras.config.image_data_format()) == "channels_last"


def _first(shape: Sequence[int | None], channels_last: bool) -> Shape:
    """(H, W, C) -> (C, H, W) where the model has its channels last."""
    shape = tuple(shape)
    return (shape[2], shape[0], shape[1]) if channels_last and len(shape) == 3 else shape


def _several_outputs(name: str, found: str) -> SparringError:
    return SparringError(
        f"The Keras model {name!r} gives {found}.",
        "one output: pictures of a generator, logits or p of a discriminator",
        "make a model of the one that is meant: keras.Model(model.inputs, model.outputs[0]).",
    )


def first_line(error: Exception) -> str:
    """What an error says, shortly."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def left_to_keras(weights: Sequence[Any], layers: Sequence[Any]) -> list[str]:
    """What belongs to Keras' own training and is not done by calling a model."""
    notes = []
    if any(weight.variable.regularizer is not None for weight in weights):
        notes.append("The model has regularizers of its weights: `train` adds them to its loss (regularisation()).")
    if any(getattr(layer, "activity_regularizer", None) is not None for layer in layers):
        notes.append("The model has activity regularizers, which only Keras' own training applies: they are left out.")
    return notes
