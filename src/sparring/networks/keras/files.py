"""Keras models given back, and in files: `.keras` and `.h5`, those of Keras 2 too. Nothing in a file is ever executed.

Keras rebuilds a network from a description in the file. The description is read here first: what is more than layers
of Keras (a Lambda, whose function is in the file as code, or a class of some module) is refused, and what Keras 2 wrote
otherwise is put into Keras 3's words. Keras then loads a copy of the file with that description in it, and no other.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import SparringError
from . import KerasNetwork, import_keras
from .keras2 import NAMESPACES, class_named, modern
from .model import first_line

_CONFIG = "config.json"
# What else of a `.keras` is read; not its assets, which are other files in the name of a layer.
_PARTS = ("metadata.json", "model.weights.h5", "model.weights.npz")
_HDF5 = b"\x89HDF\r\n\x1a\n"
# Layers that run or read something other than themselves: code, pickles, other files by their path.
_PAYLOADS = (
    *("Lambda", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer"),
    *("StringLookup", "IntegerLookup", "TextVectorization"),
)
# Plain data in Keras' notation.
_DATA = (
    *("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__tuple__"),
    "TensorShape",
)
# What a description may be made of: the public modules, and where Keras 3 keeps what stands in no public one.
_MODULES = frozenset({"keras", "builtins", "keras.activations", *(f"keras.{name}" for name in NAMESPACES)})
_INNER_MODULES = ("keras.src.models.", "keras.src.ops.", "keras.ops.")


def load_keras(path: str | Path) -> KerasNetwork:
    """Reads a model that Keras 3 or Keras 2 saved, as `.keras` or as `.h5`. Nothing of it is executed.

    Raises:
        SparringError: no such file, damaged, weights alone, or more in it than layers of Keras.
    """
    path, keras = Path(path), import_keras()
    if not path.is_file():
        found = "a folder, as TensorFlow's SavedModel is" if path.is_dir() else "not there"
        raise SparringError(
            f"{path} is {found}.", "a file .keras or .h5", "save the model by model.save('model.keras')."
        )
    with path.open("rb") as file:
        start = file.read(len(_HDF5))
    with _in_words(path), tempfile.TemporaryDirectory() as folder:
        if start == _HDF5:
            copied = _copy_h5(keras, path, Path(folder) / "model.h5")
        elif zipfile.is_zipfile(path):
            copied = Path(folder) / "model.keras"
            config = _uncompiled(json.loads(_entry(path, _CONFIG)))
            _refuse_payloads(keras, config, str(path))
            _copy_zip(path, copied, config, only=_PARTS)
        else:
            raise SparringError(f"{path} is neither a .keras nor a .h5 file.", *_GOOD_FILE)
        model = keras.saving.load_model(copied, compile=False, safe_mode=True)
    return KerasNetwork(model)


def to_keras(network: KerasNetwork) -> Any:
    """Returns a Keras model with the network's weights: the one it was made from, or for a copy, a copy of that.

    Raises:
        SparringError: the model must be copied, and Keras cannot (a Lambda, a class without get_config).
    """
    model, keras = network.model, import_keras()
    if network.has_the_models_tensors():
        return model
    try:
        made = keras.models.clone_model(model)
        copied = KerasNetwork(made, None if made.built else network.input_shapes)
    except (SparringError, TypeError, ValueError, NotImplementedError) as error:
        raise SparringError(
            f"Keras cannot copy the model {model.name!r}: {first_line(error)}",
            "a model that can be made again from its get_config()",
            "build it anew, and load this network's state_dict() into KerasNetwork(model).",
        ) from None
    copied.take_over(network)
    return made


def save_keras(network: KerasNetwork, path: str | Path) -> Path:
    """Writes the network's model, whole or not at all, so that Keras itself loads it: it gives the same there.

    What the model was compiled with is left out: another optimiser trained it. A D whose sigmoid was left out is
    written with it. Classes of the user's own must be known to whoever loads the file.

    Raises:
        SparringError: the file is not called .keras.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise SparringError(f"A Keras model cannot be written to {path}.", "a file name that ends in .keras")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        whole, bare = Path(folder) / "whole.keras", Path(folder) / "bare.keras"
        with network.lending(), _quiet():
            network.model.save(whole)
        _copy_zip(whole, bare, _uncompiled(json.loads(_entry(whole, _CONFIG))))
        os.replace(bare, path)
    return path


_GOOD_FILE = ("a model that Keras saved by model.save(...)", "save it again, or copy the file again.")


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Whatever a damaged or foreign file makes zipfile, h5py and Keras raise."""
    try:
        with _quiet():
            yield
    except SparringError:
        raise
    except Exception as error:  # of three libraries, and any of a file that is not what it says
        raise SparringError(f"{path} cannot be loaded as a Keras model: {first_line(error)}", *_GOOD_FILE) from error


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        # Keras' Variable.__array__ takes no `copy`, and NumPy 2 says so for each weight.
        warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy", DeprecationWarning)
        yield


def _entry(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def _copy_zip(source: Path, target: Path, config: dict[str, Any], only: Sequence[str] | None = None) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        new.writestr(_CONFIG, json.dumps(config))
        for name in dict.fromkeys(old.namelist()):
            if name != _CONFIG and (only is None or name in only):
                with old.open(name) as read, new.open(name, "w", force_zip64=True) as write:
                    shutil.copyfileobj(read, write)


def _copy_h5(keras: Any, source: Path, target: Path) -> Path:
    h5py = importlib.import_module("h5py")
    shutil.copyfile(source, target)
    with h5py.File(target, "r+") as file:
        config = file.attrs.get("model_config")
        if config is None:
            raise SparringError(
                f"{source} holds weights alone, and no network.",
                "a whole model",
                "build the network in Python, and let it read them: model.load_weights(...).",
            )
        old = not _text(file.attrs.get("keras_version", "")).startswith("3.")
        described = _uncompiled(json.loads(_text(config)))
        _refuse_payloads(keras, described, str(source))
        file.attrs["model_config"] = json.dumps(modern(keras, described) if old else described)
        file.attrs.pop("training_config", None)
    return target


def _text(attribute: Any) -> str:
    return attribute.decode() if isinstance(attribute, bytes) else str(attribute)


def _uncompiled(config: Any) -> Any:
    """A description without optimisers, losses and metrics, at any depth."""
    if isinstance(config, list):
        return [_uncompiled(item) for item in config]
    if isinstance(config, dict):
        return {key: _uncompiled(item) for key, item in config.items() if key != "compile_config"}
    return config


def _refuse_payloads(keras: Any, config: Any, path: str) -> None:
    """Raises SparringError when a description names, at any depth, what is not a part of Keras that only computes."""
    if isinstance(config, dict) and isinstance(config.get("class_name"), str):
        _refuse_payload(keras, config, path)
    for item in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        _refuse_payloads(keras, item, path)


def _refuse_payload(keras: Any, config: dict[str, Any], path: str) -> None:
    name, module, registered = (str(config.get(key) or "") for key in ("class_name", "module", "registered_name"))
    if name in _DATA:
        return
    if name in _PAYLOADS or name == "__lambda__":
        raise SparringError(
            f"{path} holds a {name if name in _PAYLOADS else 'Lambda'}, which would run code or read files of its own "
            "when it is loaded.",
            "layers of Keras that compute, and nothing else",
            "build the network in Python and let it read the weights (model.load_weights), or save it again with "
            "layers of Keras in that place (Rescaling, Reshape, Activation, ...).",
        )
    if name == "function":
        name = str(config.get("config"))
    known = module in _MODULES or module.startswith(_INNER_MODULES) if module else class_named(keras, name) is not None
    if not known or ">" in name + registered:
        raise SparringError(
            f"{path} holds {f'{module}.{name}'.lstrip('.')}, which is not a layer of Keras 3.",
            "layers of Keras alone: what else a file names is not looked up, since that would run it",
            "build the network in Python and let it read the weights (model.load_weights).",
        )
