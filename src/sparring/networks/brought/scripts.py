"""Running a file of the user's as Python runs a script, and saying in words what goes wrong in it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from torch.optim.optimizer import register_optimizer_step_pre_hook

from ...errors import SparringError

_NAME = "sparring_own_"  # what the modules of the user's files are called

# Modules that lay beside the user's files when those were run: read anew with them the next time, and not mistaken for
# those of the same name in another folder.
_BESIDE: dict[str, ModuleType] = {}


def forget_beside(folders: list[str] | None = None) -> None:
    """Drops what was imported from beside the user's files, so that it is read anew with them.

    Args:
        folders: drop only what would hide something in these; None: drop all.
    """
    for name, module in list(_BESIDE.items()):
        if folders is not None and not _hides(name.partition(".")[0], folders):
            continue
        if sys.modules.get(name) is module:
            del sys.modules[name]
        del _BESIDE[name]


def _hides(top: str, folders: list[str]) -> bool:
    """Whether a module that was imported from elsewhere has the name of one in these folders."""
    there = any((Path(folder) / f"{top}.py").exists() or (Path(folder) / top).is_dir() for folder in folders)
    return there and _place(sys.modules.get(top)) not in folders


def _package_of(path: Path) -> tuple[str, Path]:
    """The dotted name of a file that lies in a package, else its stem; and the folder from which that is imported."""
    name, folder = path.stem, path.parent
    while (folder / "__init__.py").is_file():
        name, folder = f"{folder.name}.{name}", folder.parent
    return name, folder


@contextlib.contextmanager
def as_a_script(path: Path, dotted: str = "") -> Iterator[None]:
    """The surroundings of `python FILE`, for a while: its folder importable, no arguments, prints to standard error.

    Args:
        path: the file.
        dotted: the name by which it is imported from the folder one is in; "" for a path.
    """
    # Of a file in a package also the folder from which that is imported.
    folders = [str(Path.cwd())] if dotted else list(dict.fromkeys([str(path.parent), str(_package_of(path)[1])]))
    forget_beside(folders)
    before = {name.partition(".")[0] for name in sys.modules}
    argv, no_bytecode = sys.argv, sys.dont_write_bytecode
    sys.path[:0] = folders
    # Nothing is written beside the user's files, as nothing is beside a script.
    sys.argv, sys.dont_write_bytecode = [str(path)], True
    try:
        with contextlib.redirect_stdout(sys.stderr), contextlib.chdir(Path.cwd()):
            yield
    finally:
        sys.argv, sys.dont_write_bytecode = argv, no_bytecode
        for folder in folders:
            with contextlib.suppress(ValueError):  # what else the file has put there stays
                sys.path.remove(folder)
        for name, module in list(sys.modules.items()):
            top = name.partition(".")[0]
            if top not in before and not top.startswith(_NAME) and _place(sys.modules.get(top)) in folders:
                _BESIDE[name] = module


def _place(module: ModuleType | None) -> str:
    """The folder from which a module or a package was imported."""
    inside = next(iter(getattr(module, "__path__", ())), None)
    file = inside or getattr(module, "__file__", None)
    return str(Path(file).parent) if file else ""


def run(path: Path, dotted: str = "") -> ModuleType:
    """Runs a file as a module that is not `__main__`, within `as_a_script`.

    Raises SparringError with the line where it fails.
    """
    name = dotted or _package_of(path)[0]
    with in_words(path, f"{path.name} could not be imported"), _no_training(path):
        if dotted or "." in name:
            return importlib.import_module(name)
        # Not by the name of the file, which may be that of a package: gans/keras.py.
        name = f"{_NAME}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        found = importlib.util.spec_from_file_location(name, path)
        assert found is not None, path
        module = importlib.util.module_from_spec(found)
        sys.modules[name] = module
        try:
            # Compiled here: Python's loader takes a file of equal size, changed in the same second, for the old one.
            exec(compile(path.read_bytes(), path, "exec"), module.__dict__)
        except BaseException:
            del sys.modules[name]
            raise
        return module


@contextlib.contextmanager
def _no_training(path: Path) -> Iterator[None]:
    """A file that trains while it is imported would go on for hours before anybody looks at its networks."""

    def refuse(*_: Any, **__: Any) -> None:
        frames = [frame for frame in traceback.extract_stack() if Path(frame.filename).parent == path.parent]
        line = f" (line {frames[-1].lineno}: {frames[-1].line})" if frames else ""
        raise SparringError(
            f"{path.name} begins to train when it is imported{line}.",
            "a file that only defines networks when it is imported",
            "put what trains beneath `if __name__ == '__main__':`.",
        )

    hook = register_optimizer_step_pre_hook(refuse)
    # Keras' optimisers are none of torch's; a file that speaks of Keras is run after Keras has been imported.
    keras_optimizer = getattr(getattr(sys.modules.get("keras"), "optimizers", None), "Optimizer", None)
    own = getattr(keras_optimizer, "apply", None)
    if keras_optimizer is not None:
        keras_optimizer.apply = refuse
    try:
        yield
    finally:
        hook.remove()
        if keras_optimizer is not None:
            keras_optimizer.apply = own


@contextlib.contextmanager
def in_words(path: Path, what: str) -> Iterator[None]:
    """What the user's code raises becomes a SparringError with the line of his file."""
    try:
        yield
    except SparringError:
        raise
    except SystemExit as error:
        raise SparringError(
            f"{what}: it ends the program{_line(error, path)}.",
            "a file that only defines networks when it is imported",
            "put what reads the command line, or trains, beneath `if __name__ == '__main__':`.",
        ) from error
    except Exception as error:
        text = next(iter(str(error).splitlines()), "")
        fix = ""
        if isinstance(error, ModuleNotFoundError):
            fix = f"install {error.name}, or put {error.name}.py beside {path.name}."
        elif isinstance(error, ImportError) and "relative import" in text:
            fix = "put an __init__.py beside it, or name it as package.module:EXPR from the folder above."
        raise SparringError(
            f"{what}: {type(error).__name__}: {text}{_line(error, path)}", "code that runs on its own", fix
        ) from error


def _line(error: BaseException, path: Path) -> str:
    """Where it happened: the innermost line of the user's own files."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({Path(error.filename).name}, line {error.lineno})"
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == path.parent
    ]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
