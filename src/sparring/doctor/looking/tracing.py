"""What a forward does, as a graph of operations: which layer made each, and what follows what.

Read from autograd's own record, so that functions (`F.relu(x)`, `x + self.bias`), Keras' layers and nested modules
are all seen alike. Modules lend their names to the operations that ran within them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ...networks.calling.adapting import Adapted
from ...networks.calling.probing import parts_of

_EVERY = 7  # of the numbers in a tensor, for the second of two sums that tell it from others

# What autograd calls an operation -> what it is here; "" for what only moves, copies or resizes numbers.
_KINDS = {
    "Relu": "relu", "LeakyRelu": "leaky-relu", "Elu": "elu", "Gelu": "gelu", "Silu": "silu", "Tanh": "tanh",
    "Sigmoid": "sigmoid", "Softmax": "softmax", "LogSoftmax": "softmax", "Softplus": "softplus", "Glu": "glu",
    "PreluKernel": "prelu", "Mish": "silu", "Hardswish": "silu", "LogSigmoid": "sigmoid", "Hardtanh": "clamp",
    "Clamp": "clamp", "NativeBatchNorm": "batch-norm", "CudnnBatchNorm": "batch-norm", "BatchNormImpl": "batch-norm",
    "NativeLayerNorm": "layer-norm", "NativeGroupNorm": "group-norm", "FusedRmsNorm": "rms-norm",
    "NativeDropout": "dropout", "Convolution": "conv", "ConvolutionOverrideable": "conv", "Addmm": "linear",
    "Mm": "matmul", "Bmm": "matmul", "Baddbmm": "matmul", "Linear": "linear", "Embedding": "embedding",
    "Add": "add", "Sub": "add", "Mul": "mul", "Div": "mul", "Cat": "cat", "Stack": "cat",
    "ScaledDotProductAttention": "attention", "ScaledDotProductFlashAttentionForCpu": "attention",
    "Where": "where", "MaxPool2DWithIndices": "max-pool", "MaxPool3DWithIndices": "max-pool",
    "AdaptiveMaxPool2D": "max-pool", "AdaptiveMaxPool3D": "max-pool",
}  # fmt: skip
_MOVES = {
    "View", "UnsafeView", "Reshape", "ReshapeAlias", "Permute", "Transpose", "T", "Unsqueeze", "Squeeze", "Expand",
    "Clone", "Slice", "Select", "Split", "SplitWithSizes", "Unbind", "Alias", "ToCopy", "Flatten", "Unflatten",
    "UpsampleNearest1D", "UpsampleNearest2D", "UpsampleNearest3D", "UpsampleBilinear2D", "UpsampleBicubic2D",
    "UpsampleTrilinear3D", "UpsampleLinear1D", "PixelShuffle", "PixelUnshuffle", "ConstantPadNd", "ReflectionPad1D",
    "ReflectionPad2D", "ReflectionPad3D", "ReplicationPad2D", "AvgPool1D", "AvgPool2D", "AvgPool3D",
    "AdaptiveAvgPool2D", "Mean", "Sum",
    "Repeat", "Roll", "Flip", "Chunk", "Narrow", "IndexSelect", "Index", "Gather", "AsStrided", "Copy", "CopySlices",
    "Contiguous", "UnsafeSplit", "RepeatInterleave", "Unfold", "Im2Col", "Col2Im", "ViewAsReal", "Movedim",
}  # fmt: skip
_ACTIVATION_MODULES = {
    "ReLU": "relu", "ReLU6": "relu", "LeakyReLU": "leaky-relu", "ELU": "elu", "SELU": "elu", "GELU": "gelu",
    "SiLU": "silu", "Mish": "silu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Softmax": "softmax", "Softplus": "softplus",
    "PReLU": "prelu", "GLU": "glu", "Dropout": "dropout", "Dropout2d": "dropout", "SpatialDropout2D": "dropout",
    "AlphaDropout": "dropout", "BatchNormalization": "batch-norm", "LayerNormalization": "layer-norm",
    "GroupNormalization": "group-norm", "UnitNormalization": "rms-norm", "RMSNormalization": "rms-norm",
}  # fmt: skip


@dataclass
class Call:
    """One call of a layer: its name and module, shapes, mode, and where its numbers stand in autograd's graph."""

    name: str
    layer: Any
    in_shape: tuple[int, ...] = ()
    out_shape: tuple[int, ...] = ()
    training: bool = True
    before: list[Any] = field(default_factory=list)  # what made its inputs
    after: list[Any] = field(default_factory=list)  # what made its outputs
    prints: tuple[float, ...] = ()  # numbers that tell two outputs apart


def within(network: nn.Module) -> nn.Module:
    """The user's own network, behind the call that was found for it; it has the same parameters and names."""
    return within(network.network) if isinstance(network, Adapted) else network


def named_units(network: nn.Module) -> dict[str, Any]:
    """The layers of a network by name: modules that hold parameters of their own or have no parts, and Keras' layers.

    What computes a parametrised weight (spectral norm) belongs to its layer.
    """
    network = within(network)
    units: dict[str, Any] = {}
    layers = getattr(network, "layers_inside", None)
    if layers is not None:
        for layer in layers():
            units[_keras_name(layer, units)] = layer
        return units
    for name, module in network.named_modules():
        if ".parametrizations." in f".{name}." or name.endswith("parametrizations"):
            continue
        parts = [part for part, _ in module.named_children() if part != "parametrizations"]
        owns = bool(module._parameters) or hasattr(module, "parametrizations")
        if owns or not parts:
            units[name or type(module).__name__] = module
    return units


def _keras_name(layer: Any, taken: dict[str, Any]) -> str:
    name = layer.name
    return name if name not in taken else f"{name} ({sum(n.startswith(name) for n in taken) + 1})"


@contextmanager
def recorded(network: nn.Module, *, prints: bool = False) -> Iterator[list[Call]]:
    """Records the calls of a network's layers for a while; the network has no hook of ours afterwards.

    Args:
        network: a module, or a KerasNetwork.
        prints: whether outputs are to be told apart.
    """
    calls: list[Call] = []
    with ExitStack() as hooks:
        units = named_units(network)
        if hasattr(within(network), "layers_inside"):
            hooks.enter_context(_keras_calls({id(layer): name for name, layer in units.items()}, calls, prints))
        else:
            for name, module in units.items():
                opened: list[Call] = []
                enter = _entering(name, module, opened)
                hooks.callback(module.register_forward_pre_hook(enter, with_kwargs=True).remove)
                hooks.callback(module.register_forward_hook(_leaving(opened, calls, prints)).remove)
        yield calls


def _entering(name: str, layer: Any, opened: list[Call]) -> Callable[..., None]:
    def enter(module: nn.Module, args: Any, kwargs: Any) -> None:
        # Here and not when it is left: an operation in place makes its input's maker another.
        opened.append(_opened(name, layer, [*args, *kwargs.values()], module.training))

    return enter


def _leaving(opened: list[Call], calls: list[Call], prints: bool) -> Callable[..., None]:
    def leave(module: nn.Module, args: Any, output: Any) -> None:
        if opened:
            calls.append(_closed(opened.pop(), output, prints))

    return leave


def _opened(name: str, layer: Any, inputs: list[Any], training: bool) -> Call:
    tensors = parts_of(inputs)
    shape = tuple(tensors[0].shape) if tensors else ()
    return Call(name, layer, shape, training=training, before=[t.grad_fn for t in tensors if t.grad_fn is not None])


def _closed(call: Call, output: Any, prints: bool) -> Call:
    tensors = parts_of(output)
    call.out_shape = tuple(tensors[0].shape) if tensors else ()
    call.after = [tensor.grad_fn for tensor in tensors if tensor.grad_fn is not None]
    if prints:
        call.prints = tuple(number for tensor in tensors for number in _print(tensor))
    return call


def _print(tensor: Tensor) -> tuple[float, float]:
    """Two numbers that are the same for the same tensor and hardly for any other."""
    flat = tensor.detach().reshape(-1)
    return float(flat.sum(dtype=torch.float64)), float(flat[::_EVERY].sum(dtype=torch.float64))


def _keras_calls(names: dict[int, str], calls: list[Call], prints: bool) -> AbstractContextManager[None]:
    def watched(own: Callable[..., Any], layer: Any, *args: Any, **kwargs: Any) -> Any:
        name = names.get(id(layer))
        if name is None:
            return own(layer, *args, **kwargs)
        call = _opened(name, layer, [*args, *kwargs.values()], _keras_training(layer, kwargs))
        output = own(layer, *args, **kwargs)
        calls.append(_closed(call, output, prints))
        return output

    return keras_entrance(watched)


@contextmanager
def keras_entrance(watched: Callable[..., Any]) -> Iterator[None]:
    """Keras calls its layers without torch's hooks: their own entrance is watched for a while.

    Args:
        watched: (Keras' own entrance, layer, *args, **kwargs) -> what the layer gives.
    """
    layer_class = sys.modules["keras"].layers.Layer
    own = layer_class.__call__
    layer_class.__call__ = lambda layer, *args, **kwargs: watched(own, layer, *args, **kwargs)
    try:
        yield
    finally:
        layer_class.__call__ = own


def _keras_training(layer: Any, kwargs: dict[str, Any]) -> bool:
    """The mode that a Keras layer is called in: said, or handed down from the model's call; frozen norms stay out.

    Where nobody said anything it counts as training: a call that only shows how D is called says nothing of it.
    """
    said = kwargs.get("training")
    if said is None:
        call_context = getattr(layer, "_get_call_context", None)
        said = getattr(call_context(), "training", None) if call_context is not None else None
    frozen_norm = type(layer).__name__ == "BatchNormalization" and not getattr(layer, "trainable", True)
    return said is not False and not frozen_norm


@dataclass
class Node:
    """One operation of a forward."""

    fn: Any
    kind: str
    unit: str = ""
    inputs: list[int] = field(default_factory=list)  # ids of nodes, in the order of the operation's arguments
    outputs: list[int] = field(default_factory=list)
    parameter: str = ""  # of a leaf: the parameter's name


class Graph:
    """The operations between a network's inputs and its output.

    Args:
        outputs: tensors that the network gave, with their graph.
        calls: what was recorded meanwhile.
        parameters: name of each parameter by its id.

    Attributes:
        nodes: by id; those from which a way leads to the outputs.
        ends: ids of the outputs' own.
        whole: whether nothing in it hides operations (a reentrant checkpoint, compiled code).
        foreign: numbers that ask for a gradient and are neither a parameter nor an input.
    """

    def __init__(
        self, outputs: list[Tensor], calls: list[Call], parameters: dict[int, str], inputs: Iterable[Tensor] = ()
    ) -> None:
        self.nodes: dict[int, Node] = {}
        self.whole, self.foreign = True, 0
        leaves = {id(tensor) for tensor in inputs}
        self._held = [call.after for call in calls], [call.before for call in calls]
        self.ends = [id(tensor.grad_fn) for tensor in outputs if tensor.grad_fn is not None]
        waiting = [tensor.grad_fn for tensor in outputs if tensor.grad_fn is not None]
        while waiting:
            fn = waiting.pop()
            if id(fn) in self.nodes:
                continue
            node = self.nodes[id(fn)] = Node(fn, kind_of(fn))
            self.whole = self.whole and node.kind != "hidden"
            variable = getattr(fn, "variable", None)
            node.parameter = parameters.get(id(variable), "") if variable is not None else ""
            if variable is not None and not node.parameter and id(variable) not in leaves:
                self.foreign += int(variable.numel())
            for before, _ in fn.next_functions:
                node.inputs.append(id(before) if before is not None else 0)
                if before is not None:
                    waiting.append(before)
        for place, node in self.nodes.items():
            for given in node.inputs:
                if given:
                    self.nodes[given].outputs.append(place)
        self._name(calls)

    def let_go(self) -> None:
        """Gives back the operations, and with them all numbers that they keep for a backward pass."""
        self._held = [], []
        for node in self.nodes.values():
            node.fn = None

    def _name(self, calls: list[Call]) -> None:
        """Writes the name of each call on the operations between its inputs and its outputs."""
        for call in calls:
            stop = {id(fn) for fn in call.before}
            waiting = [id(fn) for fn in call.after if id(fn) in self.nodes and id(fn) not in stop]
            while waiting:
                node = self.nodes[waiting.pop()]
                if not node.unit and node.kind != "leaf":
                    node.unit = call.name
                elif node.unit != call.name:
                    continue  # an inner layer's, whose own call came first, and what lies before it
                waiting += [i for i in node.inputs if i and i not in stop and self.nodes[i].unit != call.name]

    def is_parameter(self, place: int) -> bool:
        """Whether an operation is a parameter, moved, cast or scaled by a number at most."""
        for _ in range(8):
            node = self.nodes.get(place)
            if node is None:
                return False
            if node.kind == "leaf":
                return bool(node.parameter)
            given = [each for each in node.inputs if each]
            if node.kind not in ("", "mul") or len(given) != 1:
                return False
            place = given[0]
        return False


def kind_of(fn: Any) -> str:
    """What an operation of autograd's is: one of the kinds above, "" for a move, "leaf", "hidden" or "other:NAME"."""
    name = type(fn).__name__
    if name == "AccumulateGrad":
        return "leaf"
    if "CheckpointFunction" in name or "CompiledFunction" in name:
        return "hidden"
    name = name.rstrip("0123456789").removesuffix("Backward").rstrip("0123456789") or name
    if name in _KINDS:
        kind = _KINDS[name]
        return "conv-transposed" if kind == "conv" and getattr(fn, "_saved_transposed", False) else kind
    return "" if name in _MOVES else f"other:{name}"


def kind_of_module(layer: Any) -> str:
    """What a layer is by its class: a norm, an activation, dropout; "" for what its operations must tell."""
    name = type(layer).__name__
    if name in _ACTIVATION_MODULES:
        return _ACTIVATION_MODULES[name]
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
        return "instance-norm" if "Instance" in name else "batch-norm"
    if isinstance(layer, nn.modules.instancenorm._InstanceNorm):
        return "instance-norm"
    for module, kind in (
        (nn.LayerNorm, "layer-norm"),
        (nn.GroupNorm, "group-norm"),
        (nn.RMSNorm, "rms-norm"),
        (nn.RNNBase, "recurrent"),
        (nn.MultiheadAttention, "attention"),
        (nn.Embedding, "embedding"),
        (nn.EmbeddingBag, "embedding"),
    ):
        if isinstance(layer, module):
            return kind
    if name in ("LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "RNNCell"):
        return "recurrent"
    if name == "Activation":  # Keras: the function's own name
        said = getattr(getattr(layer, "activation", None), "__name__", "").replace("_", "-")
        return said if said in _KINDS.values() else ""
    return {"Embedding": "embedding", "MultiHeadAttention": "attention"}.get(name, "")
