"""Code that says `tensorflow.keras`, run where TensorFlow is not installed: `keras` stands in for it.

For a while only: the user's file is imported, its networks are made, and then `tensorflow` is as absent as before.
What TensorFlow has beyond Keras is an error when it is used, with the name that was used. Some words of Keras 2 that
Keras 3 dropped are understood as well.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from ...errors import SparringError
from . import import_keras

# What code that asks is told; from TensorFlow 2.16 on, tf.keras is Keras 3.
_VERSION = "2.16.0+keras"
# Where Keras 3 keeps what TensorFlow calls tf.keras, with some names of Keras 2 that it has nowhere else.
_TF_KERAS = "keras._tf_keras.keras"
_NAMES_OF_TF_KERAS = ("tensorflow.keras", "tensorflow.python.keras")
# Modules of Keras 2 that are gone, and where what stood in them stands now.
_MOVED = {
    "keras.layers": {
        *("advanced_activations", "convolutional", "core", "embeddings", "local", "merge", "noise", "normalization"),
        *("pooling", "recurrent", "convolutional_recurrent", "wrappers"),
    },
    "keras.optimizers": {"legacy", "adam_v2", "rmsprop_v2", "gradient_descent_v2"},
    "keras.utils": {"np_utils", "generic_utils", "layer_utils", "vis_utils", "data_utils"},
}
_MOVED_ELSEWHERE = {
    "keras.engine": "keras.layers",
    "keras.engine.topology": "keras.layers",
    "keras.engine.base_layer": "keras.layers",
    "keras.engine.input_layer": "keras.layers",
    "keras.engine.training": "keras.models",
    "keras.engine.sequential": "keras.models",
    "keras.engine.functional": "keras.models",
}
# What Keras 3 says of the words of Keras 2 that it understands; they are the user's, and right.
_KNOWN_WARNINGS = (
    "Do not pass an `input_shape`/`input_dim` argument",
    "Argument `alpha` is deprecated",
    "Argument `decay` is no longer supported",  # of optimisers: nothing here is trained by them
)


@contextlib.contextmanager
def tensorflow_stand_in() -> Iterator[None]:
    """`import tensorflow` gives Keras 3 on torch, under the names of `tf.keras`, until the block ends.

    With TensorFlow installed, `tf.keras` is Keras 3 itself, and it is only seen to that it runs on torch. What was
    imported inside goes on working afterwards; the import itself does not.

    Raises:
        SparringError: Keras is not there, or not on torch; inside, where TensorFlow is used beyond Keras.
    """
    keras = import_keras()
    with warnings.catch_warnings():
        for message in _KNOWN_WARNINGS:
            warnings.filterwarnings("ignore", message, UserWarning)
        genuine = PathFinder.find_spec("tensorflow")
        installed = genuine is not None and bool(genuine.origin)  # without one it is some folder of that name
        importlib.import_module(_TF_KERAS)  # before anything is replaced that it would take over for good
        if not installed:
            _let_keras_look_for_tensorflow()
        with _replaced(keras), _imported_by(_Finder(stands_in=not installed)):
            yield


@contextlib.contextmanager
def _imported_by(finder: _Finder) -> Iterator[None]:
    names = [name for name in sys.modules if finder.stands_in and name.partition(".")[0] == "tensorflow"]
    hidden = {name: sys.modules.pop(name) for name in names}
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name, module in finder.made.items():
            sys.modules.pop(name, None)
            parent, _, last = name.rpartition(".")
            if vars(sys.modules.get(parent, module)).get(last) is module:  # the import system put it there
                delattr(sys.modules[parent], last)
        sys.modules.update(hidden)


@contextlib.contextmanager
def _replaced(keras: ModuleType) -> Iterator[None]:
    """`keras.optimizers` understands `lr=`, however it is reached."""
    genuine = sys.modules["keras.optimizers"]
    sys.modules["keras.optimizers"] = keras.optimizers = _StandIn("keras.optimizers", genuine)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        sys.modules["keras.optimizers"] = keras.optimizers = genuine  # type: ignore[attr-defined]


def _let_keras_look_for_tensorflow() -> None:
    """Keras looks for TensorFlow when it first needs to know, and remembers: better now than when it would find us."""
    modules = importlib.import_module("keras.src.utils.module_utils")
    for module in vars(modules).values():
        if isinstance(module, modules.LazyModule) and module.name.startswith("tensorflow"):
            _ = module.available


class _Finder(MetaPathFinder, Loader):
    """Finds all that is called tensorflow, where it `stands_in` for it, and the modules of Keras 2 that are gone."""

    def __init__(self, stands_in: bool) -> None:
        self.stands_in = stands_in
        self.made: dict[str, ModuleType] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        ours = _moved(fullname) or (self.stands_in and fullname.partition(".")[0] == "tensorflow")
        return ModuleSpec(fullname, self, is_package=True) if ours else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        if spec.name == "tensorflow":
            self.made[spec.name] = _TensorFlow()
        elif spec.name == "tensorflow.python":
            self.made[spec.name] = ModuleType(spec.name)
        else:
            behind = _behind(spec.name)
            if behind is None:
                raise _absent(spec.name)
            self.made[spec.name] = _StandIn(spec.name, behind)
        return self.made[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is to be run: the module answers for itself."""


class _StandIn(ModuleType):
    """A module with another's names."""

    def __init__(self, name: str, behind: ModuleType) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self.__all__ = [each for each in dir(behind) if not each.startswith("_")]
        self._behind = behind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python asks of any module
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        value = getattr(self._behind, name, None)
        if value is None or isinstance(value, ModuleType):
            behind = _behind(full) or value
            if behind is None:
                raise _absent(full)
            value = _StandIn(full, behind)
        elif hasattr(value, "apply_gradients") and name != "Optimizer":
            value = _with_lr(value)
        setattr(self, name, value)
        return value


class _TensorFlow(ModuleType):
    """What `import tensorflow` gives: Keras, and clear words for the rest."""

    __version__ = _VERSION

    def __init__(self) -> None:
        super().__init__("tensorflow")
        self.__path__: list[str] = []
        self.function = _function
        self.keras = _StandIn("tensorflow.keras", importlib.import_module(_TF_KERAS))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise _absent(f"tensorflow.{name}")


def _behind(name: str) -> ModuleType | None:
    """The module of Keras that stands behind a name of TensorFlow's or of Keras 2's; None for what there is not."""
    prefix = next((each for each in _NAMES_OF_TF_KERAS if f"{name}.".startswith(f"{each}.")), "keras")
    rest = name.removeprefix(prefix)
    moved = _moved(f"keras{rest}")
    if moved:
        return importlib.import_module(moved)
    return _module(_TF_KERAS + rest) or _module(f"keras{rest}")


def _moved(name: str) -> str | None:
    parent, _, last = name.rpartition(".")
    return parent if last in _MOVED.get(parent, ()) else _MOVED_ELSEWHERE.get(name)


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


def _with_lr(optimizer: type) -> Callable[..., Any]:
    """Keras 2 said `lr` for the learning rate."""

    @functools.wraps(optimizer, updated=())
    def made(*args: Any, lr: float | None = None, **kwargs: Any) -> Any:
        return optimizer(*args, **kwargs) if lr is None else optimizer(lr, *args, **kwargs)

    return made


def _function(body: Callable[..., Any] | None = None, **options: Any) -> Callable[..., Any]:
    """`@tf.function` above a step of training: a file may define one, as long as nobody calls it."""
    if body is None:
        return _function

    @functools.wraps(body)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        raise _absent(f"tensorflow.function (around {body.__name__})")

    return compiled


def _absent(name: str) -> SparringError:
    return SparringError(
        f"The code uses {name}, and TensorFlow is not installed: keras stands in for tensorflow.keras alone"
        + (", and Keras 3 has no such thing." if ".keras" in name or name.startswith("keras") else "."),
        "networks made of layers that Keras 3 has, and functions of keras.ops",
        "leave it out of the file with the networks (sparring trains them itself), write it with keras.ops, or pip "
        "install tensorflow.",
    )
