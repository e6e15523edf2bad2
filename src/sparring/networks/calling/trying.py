"""Finding how a network is called, by calling it: every form that its signature allows, until one runs and fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from ...errors import SparringError
from .adapting import Picture, Verdicts
from .endings import Reach
from .forms import Form, Item, Order, filled, mirrored, orders, parse, signature_of
from .probing import Probe, device_of, first_line, has_lazy_layers, lazy_copy

N = 2  # pictures in a trial
_SILENT = 1e-7  # relative difference below which an output counts as the same: fp32's own precision
_SHAKEN = 0.02  # deviation of the noise on weights that opens what begins at zero
_FAILURES_SHOWN = 3

R = TypeVar("R")


class Condition(Protocol):
    """What pictures are told by: `kind` "class", "text" or "vector"; `size` classes, or numbers in a vector."""

    @property
    def kind(self) -> str:
        """ "class" (int64 [N]), "text" or "vector" (float32 [N, size])."""

    @property
    def size(self) -> int:
        """Number of classes, or of the numbers in a condition."""


def kind_of(condition: Condition | None) -> str | None:
    """ "class" or "vector"; None without a condition. Raises SparringError for a kind that there is not."""
    if condition is None:
        return None
    if condition.kind not in ("class", "text", "vector"):
        raise SparringError(f"There is no condition of the kind {condition.kind!r}.", "class, text or vector")
    return "class" if condition.kind == "class" else "vector"


@dataclass(frozen=True)
class Trial(Generic[R]):
    """What is tried with a network.

    Attributes:
        network: it.
        role: "generator" or "discriminator".
        shapes: the shapes of one z or one picture that it may take, each by its name in `FIRST`, the likeliest first.
        condition: None where there is none.
        read: what becomes of its output; raises SparringError for one that does not fit.
        pinned: the form that the user gave; "" for none.
        image_shape: (C, H, W) of the data.
        latent: numbers in z.
    """

    network: nn.Module
    role: str
    shapes: dict[str, tuple[int, ...]]
    condition: Condition | None
    read: Callable[[Any], R]
    pinned: str
    image_shape: tuple[int, int, int]
    latent: int = 0

    @property
    def first(self) -> str:
        """What it is given beside a condition: "z" or "images"."""
        return "z" if self.role == "generator" else "images"

    @property
    def size(self) -> int:
        """Number of classes, or of the numbers in a condition."""
        return self.condition.size if self.condition else 0

    def arguments(self, form: Form, other: bool = False, scale: float = 1.0) -> tuple[list[Any], dict[str, Any]]:
        """Returns what a form calls the network with.

        Args:
            form: complete.
            other: with another condition, all else being equal.
            scale: of the numbers of z or of the pictures.
        """
        device = device_of(self.network)
        draw = torch.Generator().manual_seed(0)
        if self.first == "z":
            first = torch.randn(N, *self.shapes[form.encoding("z")], generator=draw) * scale
        else:
            first = (torch.rand(N, *self.image_shape, generator=draw) * 2 - 1) * scale
        told: Tensor | None = None
        if kind_of(self.condition) == "class":
            told = torch.tensor([0, self.size - 1]) if not other else torch.tensor([self.size - 1, 0])
        elif self.condition is not None:
            told = torch.randn(2 * N, self.size, generator=draw)[N * other : N * (1 + other)]
        return form.arguments(first.to(device), None if told is None else told.to(device), self.size)

    def call(
        self, form: Form, other: bool = False, reach: Reach | None = None, scale: float = 1.0
    ) -> Callable[[nn.Module], Any]:
        """Returns what calls a network in a form; `reach`: without the sigmoid at its end."""
        args, kwargs = self.arguments(form, other, scale)

        def called(network: nn.Module) -> Any:
            return network(*args, **kwargs) if reach is None else reach(network, args, kwargs)

        return called

    def is_canonical(self, form: Form, outputs: Sequence[Picture | Verdicts]) -> bool:
        """Whether a form and what comes of it are the canonical ones, with the condition wherever there is one."""
        told = form.has_condition == (self.condition is not None)
        return told and form.is_canonical and all(output.is_canonical for output in outputs)

    def orders(self) -> list[Order]:
        """The orders that come into question, the likeliest first."""
        kind = kind_of(self.condition)
        if self.pinned:
            return [Order(parse(self.pinned, self.first, kind), named=True)]
        shapes = getattr(self.network, "input_shapes", None)
        if shapes is not None and all(isinstance(shape, tuple) for shape in shapes):
            return [_by_shapes(self, shapes)]
        return orders(self.network, self.first, kind)


@dataclass(frozen=True)
class Found(Generic[R]):
    """How a network is called, and what its output was read as.

    Attributes:
        form: complete.
        named: its order is told by the names of the parameters, by the user, or by the network itself.
        read: what `Trial.read` made of the output.
    """

    form: Form
    named: bool
    read: R


def search(trial: Trial[R]) -> Found[R]:
    """Returns the first form that runs and fits. Layers without a shape get theirs by it, and by no other.

    Raises:
        SparringError: none does; with the first output that does not fit, or with what the network said.
    """
    failures: list[str] = []
    unfit: SparringError | None = None
    lazy = has_lazy_layers(trial.network)
    probe = Probe(trial.network)
    found_orders = trial.orders()
    for order, form in _complete(trial, found_orders):
        try:
            output = Probe(lazy_copy(trial.network))(trial.call(form)) if lazy else probe(trial.call(form))
        except Exception as error:  # a network may refuse in its own way
            failures.append(_failure(trial, form, error))
            continue
        try:
            read = trial.read(output)
        except SparringError as error:
            unfit = unfit or error
            continue
        if lazy:
            probe(trial.call(form))
        return Found(form, order.named, read)
    raise unfit or _refused(trial, found_orders, failures)


def _complete(trial: Trial[R], found: Iterable[Order]) -> Iterator[tuple[Order, Form]]:
    for order in found:
        for form in filled(order.form, kind_of(trial.condition), list(trial.shapes)):
            yield order, form


def _by_shapes(trial: Trial[R], shapes: list[tuple[int | None, ...]]) -> Order:
    """The form that a network's own `input_shapes` tell (a Keras model's), one argument an input."""
    items: list[Item] = []
    certain = True
    for place, shape in enumerate(shapes):
        could_be = [Item(trial.first, name) for name, known in trial.shapes.items() if _agree(shape, known)]
        if trial.condition is not None and len(shape) == 1:
            known_sizes = {1: "column", trial.size: "one-hot"} if kind_of(trial.condition) == "class" else {}
            known_sizes = known_sizes or {trial.size: "vector"}
            could_be += [Item("condition", known_sizes[n]) for n in shape if n in known_sizes]
        certain &= len(could_be) == 1
        could_be = [item for item in could_be if item.role not in {other.role for other in items}]
        if not could_be:
            told = f", a {trial.condition.kind} of {trial.size}" if trial.condition else ""
            raise SparringError(
                f"Input {place + 1} of the {trial.role} has the shape {list(shape)}.",
                f"{trial.first} {' or '.join(str(list(s)) for s in trial.shapes.values())}{told}; each once",
                "set latent, size, channels and condition to what the model was built for.",
            )
        items.append(could_be[0])
    if trial.first not in {item.role for item in items}:
        raise SparringError(f"The {trial.role} has no input for {trial.first}; its inputs are {shapes}.")
    return Order(Form(tuple(items)), named=certain)


def _agree(shape: tuple[int | None, ...], known: tuple[int, ...]) -> bool:
    return len(shape) == len(known) and all(a is None or a == b for a, b in zip(shape, known, strict=True))


def _failure(trial: Trial[R], form: Form, error: Exception) -> str:
    if trial.condition is None:
        return f"{trial.first} of shape {[N, *trial.shapes[form.encoding(trial.first)]]}: {first_line(error)}"
    return f"as ({form}): {first_line(error)}"


def _refused(trial: Trial[R], found: list[Order], failures: list[str]) -> SparringError:
    """What to say when no form runs."""
    signature, told = signature_of(trial.network), trial.condition
    wanted = f"{trial.first}{f' and a {told.kind} of {told.size}' if told else ''}"
    if not found:
        there_is_none = "" if told else "; there is no condition"
        fix = (
            f"let its forward take ({trial.first}, condition)." if told else "give a condition, if one of these is it."
        )
        return SparringError(
            f"The {trial.role} takes {signature}.", f"a module that takes {wanted}{there_is_none}", fix
        )
    shown = list(dict.fromkeys(failures))
    if trial.condition is not None:
        shown = shown[:_FAILURES_SHOWN]
    if trial.role == "discriminator" and told is None:
        return SparringError(
            f"The discriminator could not be called on pictures of shape {[N, *trial.image_shape]}: "
            f"{failures[0].partition(': ')[2]}",
            f"a module that takes {[N, *trial.image_shape]} and gives one logit a picture",
            "make its first and last layers fit this size and these channels.",
        )
    return SparringError(
        f"The {trial.role} could not be called. " + "; ".join(shown),
        f"a module that takes {wanted}" if told else f"a module that takes z of {trial.latent} numbers",
        _advice(trial),
    )


def _advice(trial: Trial[R]) -> str:
    if trial.condition is not None:
        short = [m.num_embeddings for m in trial.network.modules() if isinstance(m, nn.Embedding)]
        if trial.condition.kind == "class" and short and max(short) < trial.size:
            return f"its embedding has {max(short)} rows, and there are {trial.size} classes."
        return (
            f'say how: forms={{"{trial.role}": "condition,{trial.first}"}}; its forward: {signature_of(trial.network)}.'
        )
    wants = first_width(trial.network)
    if wants and wants != trial.latent:
        return f"its first layer takes {wants} numbers: latent={wants}."
    return "set `latent` to its input size."


def first_width(network: nn.Module) -> int | None:
    """The numbers, or channels, that the first layer of a network takes; None where there is no such layer."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            return module.in_features
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            return module.in_channels
    return None


def call_notes(trial: Trial[R], found: Found[R]) -> list[str]:
    """Sentences on how a network is called, and on whether that was a guess; none on the plainest call without one."""
    form = found.form
    if trial.condition is None:
        plain = form.is_canonical
        return [] if plain else [f"The {trial.role} is called as {_written(trial, form)}."]
    if not form.has_condition:
        return [f"The {trial.role} takes no condition, and is called without."]
    sentence = f"The {trial.role} is called as {_written(trial, form)}"
    if found.named or not _runs(trial, mirrored(form)):
        return [f"{sentence}."]
    return [
        f"{sentence}; the other order runs as well, and no name tells which is meant "
        f'(forms={{"{trial.role}": "{mirrored(form).order}"}} for the other).'
    ]


def _runs(trial: Trial[R], form: Form) -> bool:
    try:
        trial.read(Probe(trial.network)(trial.call(form)))
    except Exception:  # a network may refuse in its own way
        return False
    return True


def _written(trial: Trial[R], form: Form) -> str:
    size, latent = trial.size, trial.latent
    channels, height, width = trial.image_shape
    shapes = {
        "z": {"flat": f"[N, {latent}]", "map": f"[N, {latent}, 1, 1]"},
        "images": {
            "nchw": f"[N, {channels}, {height}, {width}]",
            "nhwc": f"[N, {height}, {width}, {channels}]",
            "flat": f"[N, {channels * height * width}]",
        },
        "condition": {
            "index": "the class as its number [N]",
            "one-hot": f"the class as one-hot [N, {size}]",
            "column": "the class as its number [N, 1]",
            "one-hot-map": f"the class as one-hot [N, {size}, 1, 1]",
            "one-hot-maps": f"the class as one-hot maps [N, {size}, {height}, {width}]",
            "vector": f"the condition [N, {size}]",
            "map": f"the condition as a map [N, {size}, 1, 1]",
            "maps": f"the condition as maps [N, {size}, {height}, {width}]",
        },
    }
    told = [shapes[item.role][item.encoding] for item in form.items]
    named = [
        text if item.role == "condition" else f"{item.role} {text}" for item, text in zip(form.items, told, strict=True)
    ]
    call = str(form.order).replace(",", ", ").replace("+", " + ")
    return f"{trial.role[0].upper()}({call}): {', '.join(named)}"


def is_silent(trial: Trial[R], form: Form, output: Callable[[Any], Tensor], reach: Reach | None) -> bool:
    """Whether the condition changes nothing of an output, in inference mode and for equal z or pictures.

    Weights that begin at zero hide a condition that is there, as those of conditional norms do; so where nothing
    changes it is tried once more with noise on all weights.

    Args:
        trial: how it is tried.
        form: how the network is called.
        output: the tensor of what it gives that counts.
        reach: what calls it, where its logits must be reached.
    """
    probe = Probe(trial.network)

    def differ(shaken: bool) -> bool:
        def called(network: nn.Module, other: bool) -> Tensor:
            for param in network.parameters() if shaken else ():
                if param.is_floating_point():
                    param.add_(torch.randn_like(param), alpha=_SHAKEN)
            return output(trial.call(form, other, reach)(network)).float()

        one, two = probe(lambda network: called(network, False)), probe(lambda network: called(network, True))
        # Written so that what is not a number counts as a difference.
        return not bool((one - two).abs().max() <= _SILENT * one.abs().max())

    return not differ(shaken=False) and not differ(shaken=True)
