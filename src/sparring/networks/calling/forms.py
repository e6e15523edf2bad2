"""The ways in which a network may be called: what comes in which order, under which name, in which shape.

A form is written as a forward's arguments: "z,condition" (two arguments), "labels=condition,z", "[z,condition]" (one
list), "z+condition" (one tensor, joined along the channels); a shape may follow: "z:map,condition:one-hot".
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import SparringError, did_you_mean
from .probing import bare

Encode = Callable[[Tensor, int, Tensor], Tensor]  # (value, size of a condition, pictures) -> what the network takes


def _as_it_is(value: Tensor, size: int, first: Tensor) -> Tensor:
    return value


def _one_hot(classes: Tensor, size: int, first: Tensor) -> Tensor:
    return F.one_hot(classes, size).float()


def _over(vectors: Tensor, pictures: Tensor) -> Tensor:
    return vectors[:, :, None, None].expand(-1, -1, *pictures.shape[2:])


# The shapes in which each thing may be wanted, the likeliest first. z comes in its shape from whoever draws it.
FIRST: dict[str, dict[str, Encode]] = {
    "z": {"flat": _as_it_is, "map": _as_it_is},  # [N, L], [N, L, 1, 1]
    "images": {
        "nchw": _as_it_is,
        "nhwc": lambda images, size, first: images.permute(0, 2, 3, 1),
        "flat": lambda images, size, first: images.flatten(1),  # [N, C * H * W]
    },
}
CONDITION: dict[str, dict[str, Encode]] = {
    "class": {
        "index": _as_it_is,  # int64 [N]
        "one-hot": _one_hot,  # float [N, K]
        "column": lambda classes, size, first: classes[:, None],  # int64 [N, 1]
        "one-hot-map": lambda classes, size, first: _one_hot(classes, size, first)[:, :, None, None],
        "one-hot-maps": lambda classes, size, first: _over(_one_hot(classes, size, first), first),  # [N, K, H, W]
    },
    "vector": {
        "vector": _as_it_is,  # float [N, S]
        "map": lambda vectors, size, first: vectors[:, :, None, None],  # [N, S, 1, 1]
        "maps": lambda vectors, size, first: _over(vectors, first),  # [N, S, H, W]
    },
}
_ENCODERS: dict[str, dict[str, Encode]] = {**FIRST, "condition": CONDITION["class"] | CONDITION["vector"]}
_OF_PICTURES = ("one-hot-maps", "maps")  # as large as the pictures: for D alone

# What parameters of a forward are called, word by word ("text_embedding").
_CONDITIONS = {
    "attr", "attributes", "attrs", "c", "caption", "captions", "class", "classes", "cls", "cond", "condition",
    "conditions", "context", "emb", "embed", "embedding", "embeddings", "label", "labels", "onehot", "sentence",
    "target", "targets", "text", "texts", "y",
}  # fmt: skip
_FIRSTS = {
    "z": {"eps", "latent", "latents", "noise", "z"},
    "images": {"image", "images", "img", "imgs", "input", "inputs", "picture", "pictures", "x"},
}


@dataclass(frozen=True)
class Item:
    """One thing that a network is given: "z", "images" or "condition"; the name of its shape, "" for any; a keyword."""

    role: str
    encoding: str = ""
    keyword: str = ""

    def __str__(self) -> str:
        named = f"{self.keyword}=" if self.keyword else ""
        return f"{named}{self.role}" + (f":{self.encoding}" if self.encoding else "")


@dataclass(frozen=True)
class Form:
    """A way to call: what is given, and whether as arguments (","), as one list ("[") or as one tensor ("+")."""

    items: tuple[Item, ...]
    packing: str = ","

    def __str__(self) -> str:
        text = ("+" if self.packing == "+" else ",").join(map(str, self.items))
        return f"[{text}]" if self.packing == "[" else text

    @property
    def order(self) -> Form:
        """The same without shapes."""
        return replace(self, items=tuple(replace(item, encoding="") for item in self.items))

    @property
    def has_condition(self) -> bool:
        """Whether the network is given the condition."""
        return any(item.role == "condition" for item in self.items)

    @property
    def is_canonical(self) -> bool:
        """Whether it is network(z or images) or network(z or images, condition), each as it comes."""
        plain = all(not i.keyword and _ENCODERS[i.role][i.encoding] is _as_it_is for i in self.items)
        return plain and self.packing == "," and self.items[0].role != "condition"

    def encoding(self, role: str) -> str:
        """The shape in which z, the images or the condition is given."""
        return next(item.encoding for item in self.items if item.role == role)

    def arguments(self, first: Tensor, condition: Tensor | None, size: int) -> tuple[list[Any], dict[str, Any]]:
        """Returns what the network is called with, by position and by name.

        Args:
            first: z, in its shape, or pictures  # [N, C, H, W]
            condition: int64 [N] or float [N, size]; ignored by a form without one.
            size: number of classes, or of the numbers of a condition.
        """
        values = []
        for item in self.items:
            value = condition if item.role == "condition" else first
            assert value is not None, f"{self} was called without a condition"
            values.append(_ENCODERS[item.role][item.encoding](value, size, first))
        if self.packing == "[":
            return [values], {}
        if self.packing == "+":
            return [torch.cat(values, 1)], {}
        named = {item.keyword: value for item, value in zip(self.items, values, strict=True) if item.keyword}
        return [value for item, value in zip(self.items, values, strict=True) if not item.keyword], named


def parse(text: str, first: str, kind: str | None) -> Form:
    """Reads a form that a user wrote, without shapes where he gave none.

    Args:
        text: such as "z,condition" or "labels=condition:one-hot,z".
        first: "z" or "images".
        kind: "class" or "vector", None where there is no condition.

    Raises:
        SparringError: for what is no form, or not of this network.
    """
    plain = re.sub(r"\s", "", text)
    packing = "[" if plain[:1] == "[" and plain[-1:] == "]" else "+" if "+" in plain else ","
    words = plain.strip("[]").split("+" if packing == "+" else ",")
    found = [re.fullmatch(rf"(?:([^\W\d]\w*)=)?({first}|condition)(?::([\w-]+))?", word) for word in words]
    items = tuple(Item(match[2], match[3] or "", match[1] or "") for match in found if match)
    roles = {item.role for item in items}
    badly_named = packing != "," and any(item.keyword for item in items)
    if len(items) < len(words) or len(roles) < len(words) or first not in roles or badly_named:
        raise SparringError(
            f"{text!r} is no form of a call.",
            f'"{first}", "{first},condition", "condition,{first}", "labels=condition,{first}", "[{first},condition]" '
            f'(a list), "{first}+condition" (one tensor); with shapes if need be: "{first},condition:one-hot"',
        )
    for item in items:
        if item.role == "condition" and kind is None:
            raise SparringError(f"{text!r} passes a condition, and there is none.", f'"{first}"', "give a condition.")
        known = CONDITION[kind or "class"] if item.role == "condition" else FIRST[first]
        if item.encoding and item.encoding not in known:
            raise SparringError(
                f"{item.role} has no shape {item.encoding!r}.", f"one of {', '.join(known)}",
                did_you_mean(item.encoding, known),
            )  # fmt: skip
    return Form(items, packing)


def filled(form: Form, kind: str | None, firsts: Sequence[str]) -> Iterator[Form]:
    """Yields a form with every combination of the shapes that it leaves open, the likeliest first."""
    first = next(item.role for item in form.items if item.role != "condition")
    for of_first in firsts:
        for of_condition in CONDITION[kind] if kind and form.has_condition else ("",):
            if of_condition in _OF_PICTURES and of_first != "nchw":
                continue
            names = {first: of_first, "condition": of_condition}
            if all(item.encoding in ("", names[item.role]) for item in form.items):
                yield replace(form, items=tuple(replace(item, encoding=names[item.role]) for item in form.items))


@dataclass(frozen=True)
class Order:
    """A form without shapes, and whether the names of the parameters say so."""

    form: Form
    named: bool = False


def signature_of(network: nn.Module) -> inspect.Signature | None:
    """The signature of a network's forward; None where it has none to look at."""
    network = bare(network)
    if isinstance(network, nn.DataParallel):
        network = bare(network.module)
    try:
        return inspect.signature(network.forward)
    except (TypeError, ValueError):
        return None


def orders(network: nn.Module, first: str, kind: str | None) -> list[Order]:
    """The orders in which a network may take what it is given, the likeliest first, by its signature.

    One that takes no condition where there is one comes last, and only where no parameter is named like a condition.
    """
    signature = signature_of(network)
    given, condition = Item(first), Item("condition")
    alone = [Order(Form((given,)))]
    if kind is None:
        return [order for order in alone if _binds(signature, order.form)]
    found = [Order(form, named=True) for form in _by_names(signature, first)]
    for packing in (",", "[", "+"):
        found += [Order(Form((given, condition), packing)), Order(Form((condition, given), packing))]
    found += [] if _of_condition(signature) else alone
    unique: dict[Form, Order] = {}
    for order in found:
        if _binds(signature, order.form):
            unique.setdefault(order.form, order)
    return list(unique.values())


def mirrored(form: Form) -> Form:
    """The same with condition and z, or condition and images, in each other's place."""
    return replace(form, items=form.items[::-1])


def _parameters(signature: inspect.Signature | None) -> list[inspect.Parameter]:
    parameters = signature.parameters.values() if signature else ()
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _speaks_of(parameter: inspect.Parameter, words: set[str]) -> bool:
    return bool(set(parameter.name.lower().split("_")) & words)


def _of_condition(signature: inspect.Signature | None) -> list[inspect.Parameter]:
    return [p for p in _parameters(signature) if _speaks_of(p, _CONDITIONS)]


def _by_names(signature: inspect.Signature | None, first: str) -> list[Form]:
    """The order that the names of the parameters tell: no or one form."""
    parameters = _parameters(signature)
    of_condition = _of_condition(signature)[:1]
    of_first = [p for p in parameters if _speaks_of(p, _FIRSTS[first]) and p not in of_condition][:1]
    if not of_condition and not of_first:
        return []
    # One that is known by its name tells which the other is: the first that is left and may be a tensor.
    told = (of_condition or [p for p in parameters if p not in of_first and p.default in (p.empty, None)])[:1]
    given = (of_first or [p for p in parameters if p not in told])[:1]
    if not told or not given:
        return []
    in_order = [p for p in parameters[:2] if p.kind is not p.KEYWORD_ONLY]
    if in_order in ([*given, *told], [*told, *given]):
        items = tuple(Item("condition" if p in told else first) for p in in_order)
    else:
        items = (
            Item(first, keyword="" if in_order[:1] == given else given[0].name),
            Item("condition", keyword=told[0].name),
        )
    return [Form(items)]


def _binds(signature: inspect.Signature | None, form: Form) -> bool:
    """Whether a signature takes a form; a second argument whose default is a number or a switch is no condition."""
    if signature is None:
        return True
    tensors = len(form.items) if form.packing == "," else 1
    named = {item.keyword: None for item in form.items if item.keyword}
    positional = tensors - len(named)
    try:
        signature.bind(*[None] * positional, **named)
    except TypeError:
        return False
    taken = [p for p in _parameters(signature) if p.kind is not p.KEYWORD_ONLY][:positional]
    return all(p.default in (p.empty, None) or _speaks_of(p, _CONDITIONS) for p in taken)
