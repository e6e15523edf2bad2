"""What Keras 2 wrote into a file's description of a network, in the words of Keras 3."""

from __future__ import annotations

import inspect
from typing import Any

# Where the classes of a description stand.
NAMESPACES = ("layers", "models", "initializers", "regularizers", "constraints", "dtype_policies", "mixed_precision")
# Keys that Keras 2 wrote for classes that do not take them in Keras 3, with the values that change nothing.
_IDLE: dict[str, tuple[Any, ...]] = {
    "groups": (1,),  # of Conv2DTranspose, DepthwiseConv2D, SeparableConv2D: only Conv2D had others
    "noise_shape": (None,),  # of SpatialDropout2D
    "time_major": (False,),  # of recurrent layers
}
# Keys that Keras 3 does not need where it does not take them; the kernels are those of Depthwise- and SeparableConv2D,
# which call their own otherwise.
_DROPPED = (
    "batch_input_shape",
    "input_length",
    "kernel_initializer",
    "kernel_regularizer",
    "kernel_constraint",
)
# Keys that every layer takes, but a few classes that are none, or have no weights, do not.
_OF_LAYERS = ("trainable", "dtype")
_MODELS = ("Functional", "Model", "Sequential")


def class_named(keras: Any, name: str) -> type | None:
    """The class of Keras 3 that a description without modules means by a name."""
    if name == "Functional":
        return keras.Model
    found = (getattr(getattr(keras, namespace), name, None) for namespace in NAMESPACES)
    return next((each for each in found if isinstance(each, type)), None)


def modern(keras: Any, described: Any) -> Any:
    """What Keras 2 described -> the same for Keras 3, at any depth."""
    if isinstance(described, list):
        return [modern(keras, item) for item in described]
    if not isinstance(described, dict):
        return described
    described = {key: modern(keras, item) for key, item in described.items()}
    name: Any = described.get("class_name")
    config: Any = described.get("config")
    if name == "Policy" and isinstance(config, dict):  # of number types: the word alone will do
        return config["name"]
    if name == "Sequential":
        if isinstance(config, list):  # before Keras 2.3
            config = {"name": "sequential", "layers": config}
        return {**described, "config": {**config, "layers": _with_input(config["layers"])}}
    if name in _MODELS:
        return {**described, "config": _renumbered(config)}
    kind = class_named(keras, name) if isinstance(name, str) else None
    if kind is None or not isinstance(config, dict):
        return described
    if name == "LeakyReLU" and "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    if name == "InputLayer" and "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    if name == "BatchNormalization" and isinstance(config.get("axis"), list):
        config["axis"] = config["axis"][0]
    return {**described, "config": _taken_by(kind, config)}


def _taken_by(kind: type, config: dict[str, Any]) -> dict[str, Any]:
    """A config without what the class does not take and does not miss."""
    parameters = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    takes_more = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return {
        key: value
        for key, value in config.items()
        if key in parameters
        or not (key in _DROPPED or (key in _IDLE and value in _IDLE[key]) or (key in _OF_LAYERS and not takes_more))
    }


def _with_input(layers: list[Any]) -> list[Any]:
    """Layers that begin with an InputLayer: Keras 2 may have written the shape into the first layer alone."""
    shape = layers[0]["config"].get("batch_input_shape") if layers and isinstance(layers[0]["config"], dict) else None
    if shape is None or layers[0]["class_name"] == "InputLayer":
        return layers
    return [{"class_name": "InputLayer", "config": {"batch_shape": shape, "name": "input"}}, *layers]


def _renumbered(config: dict[str, Any]) -> dict[str, Any]:
    """The graph of a functional model, with the calls of the models inside it counted from 0.

    Keras 2 counted the making of a model as its call 0. Keras 3 takes that into account for the outputs of functional
    models, and nowhere else.
    """
    models = {layer["name"]: layer["class_name"] for layer in config["layers"] if layer["class_name"] in _MODELS}

    def inbound(reference: list[Any]) -> list[Any]:
        name, call, *rest = reference
        return [name, call - (name in models), *rest]

    def outgoing(reference: Any) -> Any:
        if reference and isinstance(reference[0], str):
            name, call, *rest = reference
            return [name, call - (models.get(name) == "Sequential"), *rest]
        return [outgoing(each) for each in reference]

    layers = [
        {**layer, "inbound_nodes": [[inbound(reference) for reference in node] for node in layer["inbound_nodes"]]}
        for layer in config["layers"]
    ]
    return {**config, "layers": layers, "output_layers": outgoing(config["output_layers"])}
