"""Networks of the user's own from his own files: FILE:EXPR, such as gans.py:G(100) or gan.py:GAN().generator.

FILE is a .py file or a module by its dotted name. EXPR is read, not evaluated: names, attributes, calls with literals
and constant subscripts. The file does run, as it does when Python imports it.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.machinery
import inspect
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ...errors import SparringError, did_you_mean
from .scripts import as_a_script, forget_beside, in_words, run

_HOW = "FILE:EXPR, such as gans.py:Generator, gans.py:G(100), gan.py:GAN().generator or gan.py:make(latent=64)[0]"
_GRAMMAR = "names, attributes, calls and [constants]; arguments are numbers, strings, lists, dicts, or again such names"


_ALIVE: dict[tuple[Path, str], Any] = {}  # see load_all


@dataclass(frozen=True)
class Spec:
    """FILE:EXPR, read.

    Attributes:
        file: a path, or a dotted name.
        expression: as it was read.
        tree: of it.
    """

    file: str
    expression: str
    tree: ast.expr = field(compare=False)

    @property
    def dotted(self) -> str:
        """The name of FILE as a module; "" where it is a path."""
        return "" if self.file.endswith(".py") else self.file


def read_spec(spec: str) -> Spec:
    """Reads FILE:EXPR, without running or opening anything. Raises SparringError for what is none."""
    found = re.fullmatch(r"(.+?\.py):(.+)|([^:]+):(.+)", spec.strip(), re.DOTALL)
    if found is None:
        path = Path(spec.strip().rstrip(":"))
        names = _defined_in(path) if path.suffix == ".py" and path.is_file() else []
        raise SparringError(
            f"{spec!r} names no network.", _HOW, f"{path.name} defines {', '.join(names)}." if names else ""
        )
    file, expression = found[1] or found[3], (found[2] or found[4]).strip()
    if "/" in file and not file.endswith(".py"):
        raise SparringError(f"{file!r} is neither a .py file nor a module.", _HOW)
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise SparringError(f"{expression!r} cannot be read: {getattr(error, 'msg', error)}.", _GRAMMAR) from None
    _check(tree, expression)
    return Spec(file, ast.unparse(tree), tree)


def _defined_in(path: Path) -> list[str]:
    """The public classes, functions and names at the top of a file, which is not run."""
    try:
        body = ast.parse(path.read_bytes()).body
    except (SyntaxError, ValueError):
        return []
    names = [node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    names += [t.id for node in body if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)]
    return [name for name in names if not name.startswith("_")]


def _check(node: ast.expr, expression: str) -> None:
    """Raises SparringError for a part of an expression that is none of those that are looked up here."""
    parts: list[ast.expr] = []
    match node:
        case ast.Name() | ast.Constant():
            return
        case ast.Attribute(value=value):
            parts = [value]
        case ast.Subscript(value=value, slice=ast.Constant() | ast.UnaryOp(op=ast.USub(), operand=ast.Constant())):
            parts = [value]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return
        case ast.Call(func=func, args=args, keywords=keywords) if all(keyword.arg for keyword in keywords):
            parts = [func, *args, *(keyword.value for keyword in keywords)]
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            parts = elements
        case ast.Dict(keys=keys, values=values) if all(keys):
            parts = [*(key for key in keys if key), *values]
        case _:
            raise SparringError(
                f"{ast.unparse(node)!r} in {expression!r} is not looked up here.",
                _GRAMMAR,
                "write a function in your file that builds the network so, and name that.",
            )
    for part in parts:
        _check(part, expression)


def load_networks(
    generator: str,
    discriminator: str,
    *,
    importing: contextlib.AbstractContextManager[Any] | None = None,
) -> tuple[nn.Module, nn.Module]:
    """Builds the two networks that FILE:EXPR name; equal prefixes are built once, and each file is run once.

    So `gan.py:GAN().generator` and `gan.py:GAN().discriminator` are of one GAN. Weights are drawn from the random state
    as it is. While the files run their folder is importable, prints go to standard error, and `sys.argv` is only the
    file's name.

    Args:
        generator: FILE:EXPR.
        discriminator: FILE:EXPR.
        importing: entered while the files run; by default nothing.

    Raises:
        SparringError: no such file or name, the file fails (with its line), arguments are missing, or what comes out is
            no network.
    """
    G, D = _load([generator, discriminator], importing)
    if G is D:
        raise SparringError(
            f"{generator!r} and {discriminator!r} are one and the same network.", "a generator and a discriminator"
        )
    return G, D


def load_all(specs: list[str], *, importing: contextlib.AbstractContextManager[Any] | None = None) -> list[nn.Module]:
    """Builds what several FILE:EXPR name, equal prefixes once; see `load_networks`. Raises SparringError likewise.

    What the prefixes gave lives on until the next call: a model of theirs may share layers with what was asked for.
    """
    _ALIVE.clear()
    return _load(specs, importing, _ALIVE)


def load_function(spec: str, *, importing: contextlib.AbstractContextManager[Any] | None = None) -> Any:
    """What FILE:EXPR names, as it is: a function, say. Raises SparringError as `load_networks`."""
    read = read_spec(spec)
    path = _path_of(read)
    forget_beside()
    importlib.invalidate_caches()
    with importing or contextlib.nullcontext(), as_a_script(path, read.dotted):
        return _Builder(read, path, run(path, read.dotted), {}).value()


def load_network(spec: str, *, importing: contextlib.AbstractContextManager[Any] | None = None) -> nn.Module:
    """Builds the one network that FILE:EXPR names; see `load_networks`. Raises SparringError likewise."""
    return _load([spec], importing)[0]


def describe(spec: str) -> dict[str, Any]:
    """What a run remembers of FILE:EXPR, without a path of this machine: {"network", "arguments", "sha256"}.

    Runs nothing; the sum is of the named file alone, not of what it imports. Raises SparringError as `load_network`.
    """
    read = read_spec(spec)
    path = _path_of(read)
    name = read.dotted or path.name
    calls = [node for node in ast.walk(read.tree) if isinstance(node, ast.Call)]
    arguments = [ast.unparse(part) for call in reversed(calls) for part in (*call.args, *call.keywords)]
    return {
        "network": f"{name}:{read.expression}",
        "arguments": arguments,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _load(
    specs: list[str],
    importing: contextlib.AbstractContextManager[Any] | None,
    built: dict[tuple[Path, str], Any] | None = None,
) -> list[nn.Module]:
    built = {} if built is None else built
    read = [read_spec(spec) for spec in specs]
    paths = [_path_of(spec) for spec in read]
    modules: dict[Path, ModuleType] = {}
    forget_beside()
    importlib.invalidate_caches()  # a file written a moment ago is found too
    networks = []
    with importing or contextlib.nullcontext():
        for spec, path in zip(read, paths, strict=True):
            with as_a_script(path, spec.dotted):
                if path not in modules:
                    modules[path] = run(path, spec.dotted)
                networks.append(_Builder(spec, path, modules[path], built).network())
    return networks


def _path_of(spec: Spec) -> Path:
    """The file that a spec names; of a dotted name what Python would import, found without importing it."""
    if not spec.dotted:
        path = Path(spec.file).expanduser()
        if not path.is_file():
            beside = [other.name for other in path.parent.glob("*.py")]
            fix = _near(path.name, beside) or f"there is no .py file in {path.parent}"
            raise SparringError(f"There is no file {spec.file}.", _HOW, fix)
        return path.resolve()
    places: list[str] | None = [str(Path.cwd()), *sys.path]
    found = None
    for i, name in enumerate(parts := spec.file.split(".")):
        found = importlib.machinery.PathFinder.find_spec(".".join(parts[: i + 1]), places)
        places = list(found.submodule_search_locations or ()) if found else None
        if found is None:
            raise SparringError(
                f"There is no module {'.'.join(parts[: i + 1])!r} to import ({name!r} was looked for here and where "
                "Python looks).",
                _HOW,
                _near(name, [path.stem for path in Path.cwd().glob("*.py")]) if i == 0 else "",
            )
    if found is None or not found.origin or not found.origin.endswith(".py"):
        raise SparringError(f"The module {spec.file!r} has no .py file.", _HOW)
    return Path(found.origin).resolve()


@dataclass(frozen=True)
class _Builder:
    """Looks an expression up in the module of its file; `built` holds what both networks' expressions gave so far."""

    spec: Spec
    path: Path
    module: ModuleType
    built: dict[tuple[Path, str], Any]

    def network(self) -> nn.Module:
        """What the expression gives, called if it is a class or a factory."""
        found, expression = self._value(self.spec.tree), self.spec.expression
        if callable(found) and not isinstance(found, nn.Module) and not _is_foreign_model(found):
            _check_arguments(found, self.spec)
            found, expression = self._call(found, f"{expression}()"), f"{expression}()"
        if isinstance(found, nn.Module):
            return found
        raise self._no_network(found, expression)

    def value(self) -> Any:
        """What the expression gives, as it is."""
        return self._value(self.spec.tree)

    def _value(self, node: ast.expr, shared: bool = True) -> Any:
        """The value of a node; one of a prefix is found once, one of an argument anew each time."""
        key = (self.path, ast.unparse(node))
        if shared and key in self.built:
            return self.built[key]
        with in_words(self.path, f"{ast.unparse(node)} could not be looked up"):
            value = self._found(node, shared)
        if shared:
            self.built[key] = value
        return value

    def _found(self, node: ast.expr, shared: bool) -> Any:
        match node:
            case ast.Name(id=name):
                return self._attribute(self.module, name, self.path.name)
            case ast.Attribute(value=value, attr=name):
                return self._attribute(self._value(value, shared), name, ast.unparse(value))
            case ast.Subscript(value=value, slice=place):
                return self._value(value, shared)[ast.literal_eval(place)]
            case ast.Call(func=func, args=args, keywords=keywords):
                given = [self._value(arg, shared=False) for arg in args]
                named = {str(keyword.arg): self._value(keyword.value, shared=False) for keyword in keywords}
                return self._call(self._value(func, shared), ast.unparse(node), *given, **named)
            case ast.Dict(keys=keys, values=values):
                return {
                    self._value(key, shared=False): self._value(value, shared=False)
                    for key, value in zip(keys, values, strict=True)
                    if key
                }
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
                return kind(self._value(part, shared=False) for part in parts)
        return ast.literal_eval(node)

    def _call(self, function: Any, text: str, *args: Any, **kwargs: Any) -> Any:
        if not callable(function):
            raise SparringError(f"{text}: a {type(function).__name__} cannot be called.", _HOW)
        with in_words(self.path, f"{text} failed"):
            return function(*args, **kwargs)

    def _attribute(self, owner: Any, name: str, text: str) -> Any:
        try:
            return getattr(owner, name)
        except AttributeError:
            pass
        if inspect.isclass(owner):
            raise SparringError(
                f"{text} is a class and has no {name!r}.", _HOW, f"of an instance: {self.path.name}:{text}().{name}"
            )
        known = _defined_in(self.path) if owner is self.module else _names_in(owner)
        raise SparringError(f"{text} has no {name!r}.", _HOW, _near(name, known))

    def _no_network(self, found: Any, expression: str) -> SparringError:
        """What to say of a value that is none."""
        if _is_foreign_model(found):
            return SparringError(
                f"{expression} is a Keras model that does not run on torch.",
                "Keras 3 with its backend torch",
                "set KERAS_BACKEND=torch before Keras is imported.",
            )
        held = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list | tuple) else ()
        inside = [f"{expression}[{key!r}]" for key, value in held if isinstance(value, nn.Module)]
        inside += [f"{expression}.{name}" for name in _names_in(found) if isinstance(getattr(found, name), nn.Module)]
        kind = "nothing (None)" if found is None else f"a {type(found).__name__}"
        return SparringError(
            f"{self.path.name}:{expression} gives {kind}.",
            "a network (torch.nn.Module)",
            f"it holds some: {', '.join(inside)}." if inside else "return the network from the factory.",
        )


def _near(word: str, known: list[str]) -> str:
    return did_you_mean(word, known) if known else ""


def _names_in(owner: Any) -> list[str]:
    """The public names that an object holds itself, not those of its class."""
    children = [name for name, _ in owner.named_children()] if isinstance(owner, nn.Module) else []
    return [*(name for name in getattr(owner, "__dict__", ()) if not name.startswith("_")), *children]


def _check_arguments(function: Any, spec: Spec) -> None:
    """Raises SparringError with the signature where a class or factory cannot be called without arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of something written in C
        return
    try:
        signature.bind()
    except TypeError:
        needed = [
            f"{p.name}=..."
            for p in signature.parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        raise SparringError(
            f"{spec.expression} needs arguments: {spec.expression}{signature}.",
            _HOW,
            f"write {spec.file}:{spec.expression}({', '.join(needed)}).",
        ) from None


def _is_foreign_model(value: Any) -> bool:
    """Whether it is a Keras model, which is a module of torch only where Keras runs on torch."""
    known = (getattr(sys.modules.get(name), "Model", None) for name in ("keras", "tf_keras"))
    return not isinstance(value, nn.Module) and any(
        isinstance(kind, type) and isinstance(value, kind) for kind in known
    )
