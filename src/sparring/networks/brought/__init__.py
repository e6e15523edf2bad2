"""What users bring as a network -> a torch module: a module, a Keras model, FILE:EXPR, or a saved Keras file."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ...errors import SparringError
from ..keras import KerasNetwork, is_keras
from ..keras.files import load_keras
from ..keras.tensorflow import tensorflow_stand_in
from .code import describe, load_all, load_function, load_network, load_networks, read_spec

SAVED = (".keras", ".h5", ".hdf5")
_EXPECTED = "a PyTorch module, a Keras 3 model, FILE:EXPR (gans.py:G(100)), or a .keras or .h5 file"


def brought(generator: Any, discriminator: Any) -> tuple[nn.Module, nn.Module]:
    """Returns both as torch modules, not yet adapted to any call; weights that are drawn come from torch's state.

    Raises:
        SparringError: a file or name that is not there, code that fails, or what is no network.
    """
    if _is_code(generator) and _is_code(discriminator):
        with _other_randomness():
            G, D = load_networks(generator, discriminator, importing=_importing(generator, discriminator))
        return _module(G, "generator"), _module(D, "discriminator")
    return brought_alone(generator, "generator"), brought_alone(discriminator, "discriminator")


def loaded(*given: Any) -> list[Any]:
    """Each as its owner made it: what FILE:EXPR names is built, equal beginnings once; everything else passes.

    Raises SparringError as `brought`.
    """
    specs = [each for each in given if _is_code(each)]
    if not specs:
        return list(given)
    with _other_randomness():
        built = iter(load_all(specs, importing=_importing(*specs)))
    return [next(built) if _is_code(each) else each for each in given]


def loaded_function(spec: str) -> Any:
    """The function that FILE:NAME names. Raises SparringError as `brought`."""
    with _other_randomness():
        return load_function(spec, importing=_importing(spec))


def brought_alone(network: Any, role: str = "generator") -> nn.Module:
    """Returns one as a torch module. Raises SparringError as `brought`."""
    if _is_code(network):
        with _other_randomness():
            network = load_network(network, importing=_importing(network))
    elif isinstance(network, str | Path):
        return load_keras(network)
    return _module(network, role)


def origin_of(network: Any) -> dict[str, Any] | None:
    """What a run remembers of where a network came from; None for an object of Python's, and for a saved file its name.

    Raises SparringError for a file that is not there.
    """
    if _is_code(network):
        return describe(network)
    return {"network": Path(network).name} if isinstance(network, str | Path) else None


def _is_code(network: Any) -> bool:
    return isinstance(network, str) and not network.lower().endswith(SAVED)


def _module(network: Any, role: str) -> nn.Module:
    if is_keras(network):
        return KerasNetwork(network)
    if not isinstance(network, nn.Module):
        raise SparringError(f"The {role} is a {type(network).__name__}.", _EXPECTED)
    return network


@contextlib.contextmanager
def _other_randomness() -> Iterator[None]:
    """Python's and NumPy's random states follow torch's for a while: Keras and people's code draw weights from them."""
    before, before_numpy = random.getstate(), np.random.get_state()
    seed = int(torch.randint(2**31, ()))
    try:
        random.seed(seed)
        np.random.seed(seed)
        yield
    finally:
        random.setstate(before)
        np.random.set_state(before_numpy)


def _importing(*specs: str) -> contextlib.AbstractContextManager[Any]:
    """What code is imported under: a stand-in for TensorFlow where it speaks of Keras, else nothing."""
    files = [Path(read_spec(spec).file).expanduser() for spec in specs]
    speaks = any(file.suffix == ".py" and file.is_file() and b"keras" in file.read_bytes() for file in files)
    return tensorflow_stand_in() if speaks else contextlib.nullcontext()
