"""What one `train_on_batch` of compiled Keras models really changes; afterwards everything is as it was."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from ...networks.calling.probing import first_line, randomness
from ...networks.keras import is_keras
from ..facts import Compiled
from .kept import KeptOptimizers, kept

_N, _SHOWN = 4, 120  # rows of a batch, letters of an error


def compiled_of(generator: Any, discriminator: Any, combined: Any, notes: list[str]) -> Compiled | None:
    """Steps D, and the stack of both, each once; None where nothing of it is a compiled Keras model.

    Args:
        generator: as the user gave it.
        discriminator: likewise.
        combined: the stack; None for none.
        notes: why a model could not be stepped is added.
    """
    d_steps, stack_steps = has_optimizer(discriminator), has_optimizer(combined)
    if not d_steps and not stack_steps:
        return None
    keras: Any = sys.modules["keras"]
    by_d = by_stack = None
    with _kept([each for each in (generator, discriminator, combined) if is_keras(each)]):
        if d_steps:
            by_d = _changed_by(discriminator, {"d": discriminator}, notes)
        if stack_steps:
            both = {"g": generator, "d": discriminator}
            by_stack = _changed_by(combined, {name: net for name, net in both.items() if is_keras(net)}, notes)
    return Compiled(
        d_by_d=None if by_d is None else by_d["d"],
        d_by_stack=None if by_stack is None else by_stack.get("d"),
        g_by_stack=None if by_stack is None else by_stack.get("g"),
        backend=str(keras.backend.backend()),
        d_frozen=bool(d_steps and not discriminator.trainable_weights),
    )


def has_optimizer(model: Any) -> bool:
    """Whether it is a Keras model that was compiled with an optimiser."""
    return is_keras(model) and bool(model.compiled) and getattr(model, "optimizer", None) is not None


@contextlib.contextmanager
def _kept(models: list[Any]) -> Iterator[None]:
    """Weights, statistics, metrics, optimisers and what a step leaves on a model are as before afterwards."""
    optimizers = KeptOptimizers()
    functions = [(model, model.train_function) for model in models]
    for model in models:
        if has_optimizer(model):
            optimizers.add(model.optimizer)
    variables = [v for model in models for v in (*model.variables, *(v for m in model.metrics for v in m.variables))]
    device = next((v.value.device for v in variables), torch.device("cpu"))
    with contextlib.ExitStack() as stack:
        stack.enter_context(kept(variable.value for variable in variables))
        stack.callback(optimizers.put_back)
        stack.enter_context(randomness(0, device))
        stack.enter_context(warnings.catch_warnings(action="ignore"))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(torch.enable_grad())
        try:
            yield
        finally:
            for model, function in functions:
                model.train_function = function


def _changed_by(model: Any, networks: dict[str, Any], notes: list[str]) -> dict[str, float] | None:
    """The largest change of a weight that training means to change, by network; None where the step fails."""
    learning = {name: list(_learning(network)) for name, network in networks.items()}
    before = {name: [v.value.detach().clone() for v in own] for name, own in learning.items()}
    try:
        # Twice: a loss may have no gradient at a first, saturated output.
        for _ in range(2):
            model.train_on_batch(_inputs(model), _targets(model))
    except Exception as error:  # a model of the user's may refuse in its own way
        notes.append(f"The compiled model {model.name!r} could not be stepped: {first_line(error)[:_SHOWN]}")
        return None
    return {
        name: max(
            (float((v.value.detach() - b).abs().max()) for v, b in zip(own, before[name], strict=True)), default=0.0
        )
        for name, own in learning.items()
    }


def _learning(network: Any) -> Iterator[Any]:
    """Variables that are meant to learn, frozen ones included; no statistics."""
    for layer in network._flatten_layers():
        yield from (v for v in layer._trainable_variables if v.value.is_floating_point())


def _inputs(model: Any) -> Any:
    keras: Any = sys.modules["keras"]
    return keras.tree.map_structure(_drawn, model.input)


def _drawn(tensor: Any) -> torch.Tensor:
    shape = [_N, *(side or 32 for side in tensor.shape[1:])]
    if "int" in str(tensor.dtype):
        return torch.zeros(shape, dtype=torch.int64)
    return torch.randn(shape)


def _targets(model: Any) -> Any:
    """Ones of the shape that the model gives, or what a loss over classes wants."""
    keras: Any = sys.modules["keras"]
    losses = model._compile_loss._user_loss if getattr(model, "_compile_loss", None) is not None else None

    def ones(tensor: Any, loss: Any = losses) -> torch.Tensor:
        shape = [_N, *(side or 32 for side in tensor.shape[1:])]
        name = loss if isinstance(loss, str) else str(getattr(loss, "name", getattr(loss, "__name__", "")))
        if "sparse" in name:
            return torch.zeros(shape[:-1], dtype=torch.int64)
        return torch.ones(shape)

    outputs = model.output
    if isinstance(outputs, list | tuple):
        each = losses if isinstance(losses, list | tuple) and len(losses) == len(outputs) else [losses] * len(outputs)
        return [ones(tensor, loss) for tensor, loss in zip(outputs, each, strict=True)]
    return keras.tree.map_structure(ones, outputs)
