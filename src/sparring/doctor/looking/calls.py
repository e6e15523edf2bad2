"""How a network is called for the probe: found by trying, as for training, but its numbers are taken as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ...conditions import Shape
from ...errors import SparringError
from ...networks.calling.forms import Form
from ...networks.calling.probing import bare, device_of, parts_of
from ...networks.calling.trying import Trial, first_width, search
from ...networks.keras import KerasNetwork
from .untouched import untouched

N, FEW = 4, 2  # pictures in a probe: enough for batch norm to mean something; and of networks that take long
# Parameters times pixels from which on a forward pass takes seconds: a DCGAN of 64 px has 1.5e10, a style-based
# generator of 256 px 1.8e12 (benchmarks/looking.py).
_DEAR = 2e11
Values = dict[str, Tensor]
Encode = Callable[[Shape, int, int, torch.device], Tensor]


@dataclass
class Called:
    """A network and how it is called.

    Attributes:
        network: torch's, or a KerasNetwork.
        draw: seed -> values of all inputs, by name; other seeds give other values.
        call: (network, values) -> what it gives.
        read: what it gives -> the tensors that count: G's picture, D's logits.
        notes: sentences on what was guessed.
        form: how, in words.
        layout: of pictures as the network has them: "nchw", "nhwc", "flat" or "" (no pictures).
    """

    network: nn.Module
    draw: Callable[[int], Values]
    call: Callable[[nn.Module, Values], Any]
    read: Callable[[Any], list[Tensor]]
    notes: list[str] = field(default_factory=list)
    form: str = ""
    layout: str = ""

    def give(self, values: Values) -> list[Tensor]:
        """Calls the network. Returns the tensors that count."""
        return self.read(self.call(self.network, values))


def floats(output: Any) -> list[Tensor]:
    """The tensors of an output that can have a gradient. Raises SparringError where there is none."""
    found = [part for part in parts_of(output) if part.is_floating_point() and part.dim() > 0]
    if not found:
        raise SparringError(
            f"A network gave a {type(output).__name__}.", "a tensor, or tensors in a list, tuple or dict"
        )
    return found


def pictures_for(network: nn.Module, shape: Sequence[int]) -> int:
    """How many pictures of a shape a network is probed with."""
    pixels = shape[-1] * shape[-2] if len(shape) == 3 else 1
    numbers = sum(0 if is_lazy(param) else param.numel() for param in network.parameters())
    return FEW if pixels * numbers > _DEAR else N


def condition_values(condition: Shape, n: int, seed: int, device: torch.device) -> Tensor:
    """n conditions, another for each other seed: int64 [n] or float32 [n, size]."""
    if condition.kind == "class":
        return (torch.arange(n) + seed).remainder(condition.size).to(device)
    draw = torch.Generator().manual_seed(1000 + seed)
    vectors = torch.randn(n, condition.size, generator=draw)
    return (vectors / vectors.norm(dim=1, keepdim=True)).to(device)  # of length 1, as sentence embeddings are


def generator_call(
    network: nn.Module,
    *,
    latent: int,
    condition: Shape | None,
    image_shape: tuple[int, ...],
    inputs: Sequence[Tensor] | None = None,
) -> Called:
    """Finds how G is called.

    Args:
        network: G.
        latent: numbers in z.
        condition: what comes beside z; None for nothing.
        image_shape: of one of the data, the user's layout aside.
        inputs: examples of what G is called with, where that is not (z, condition); dimension 0 is the batch.

    Raises:
        SparringError: it cannot be called.
    """
    if inputs is not None:
        return _as_given(network, inputs, tuple(image_shape))
    width = first_width(bare(network))
    notes = []
    shapes: dict[str, tuple[int, ...]] = {"flat": (latent,), "map": (latent, 1, 1)}
    sides = tuple(image_shape) if len(image_shape) == 3 else (3, 64, 64)
    pinned = (sides[0], sides[1], sides[2])
    try:
        trial = Trial(network, "generator", shapes, condition, floats, "", pinned, latent)
        found = search(trial)
    except SparringError:
        known = width if condition is None else None
        if known is None or known == latent:
            raise
        shapes = {"flat": (known,), "map": (known, 1, 1)}
        trial = Trial(network, "generator", shapes, condition, floats, "", pinned, known)
        found = search(trial)
        notes.append(f"The generator's first layer takes {known} numbers, so z has {known} here (latent={known}).")
        latent = known
    form, device = found.form, device_of(network)
    z_shape, n = shapes[form.encoding("z")], pictures_for(network, pinned)

    def draw(seed: int) -> Values:
        values = {"z": torch.randn(n, *z_shape, generator=torch.Generator().manual_seed(seed)).to(device)}
        if condition is not None and form.has_condition:
            values["condition"] = condition_values(condition, n, seed, device)
        return values

    return Called(
        network, draw, _by_form(form, "z", condition), _picture_first(tuple(image_shape)), notes, f"G({form.order})"
    )


def discriminator_call(
    network: nn.Module,
    images: Tensor,
    *,
    condition: Shape | None,
    call: Callable[[Any, Tensor], Any] | None = None,
) -> Called:
    """Finds how D is called.

    Args:
        network: D.
        images: what it is to judge, a few, as the data are  # [N, C, H, W], or [N, ...] for what is no picture
        condition: what comes beside them; None for nothing.
        call: (D, pictures) -> what D gives, where it is not called as D(pictures, condition).

    Raises:
        SparringError: it cannot be called on them.
    """
    device = device_of(network)
    if call is None:  # the user's own call may know how many there are
        images = images[: pictures_for(network, images.shape[1:])]

    def pictures(seed: int) -> Tensor:
        turn = torch.Generator().manual_seed(seed)
        noise = torch.randn(images.shape, generator=turn).to(images.device) * 0.3 if seed else 0
        low, high = float(images.min()), float(images.max())
        return (images.roll(seed, 0) + noise * (high - low) / 2).clamp(low, high).to(device)

    if call is not None:
        own = call
        return Called(
            network,
            lambda seed: {"images": pictures(seed)},
            lambda net, values: _by_owner(own, net, values["images"]),
            _logits_first,
            form="D, as given",
        )
    if images.dim() != 4:

        def plainly(net: nn.Module, values: Values) -> Any:
            return net(*values.values())

        def draw_rows(seed: int, encode: Encode = condition_values) -> Values:
            told = {} if condition is None else {"condition": encode(condition, len(images), seed, device)}
            return {"images": pictures(seed), **told}

        # A class is given as its number, or as one-hot where that is refused.
        drawn = (
            draw_rows if condition is None or _runs(network, draw_rows(0)) else partial(draw_rows, encode=_as_vector)
        )
        return Called(network, drawn, plainly, _logits_first, form="D(images)")
    channels, height, width = images.shape[1:]
    shapes: dict[str, tuple[int, ...]] = {
        "nchw": (channels, height, width), "nhwc": (height, width, channels), "flat": (channels * height * width,)
    }  # fmt: skip
    found = search(Trial(network, "discriminator", shapes, condition, floats, "", (channels, height, width)))
    form = found.form

    def draw(seed: int) -> Values:
        values = {"images": pictures(seed)}
        if condition is not None and form.has_condition:
            values["condition"] = condition_values(condition, len(images), seed, device)
        return values

    called = Called(network, draw, _by_form(form, "images", condition), _logits_first, [], f"D({form.order})")
    called.layout = form.encoding("images")
    return called


def _by_owner(call: Callable[[Any, Tensor], Any], network: nn.Module, images: Tensor) -> Any:
    """The user's own call of D; a Keras model is called as itself, with pictures as Keras has them."""
    if not isinstance(network, KerasNetwork):
        return call(network, images)
    turned = images.permute(0, 2, 3, 1) if images.dim() == 4 and network.channels_last else images
    with network.lending():
        made = call(network.model, turned)
    return made


def _by_form(form: Form, first: str, condition: Shape | None) -> Callable[[nn.Module, Values], Any]:
    size = condition.size if condition is not None else 0

    def call(network: nn.Module, values: Values) -> Any:
        args, kwargs = form.arguments(values[first], values.get("condition"), size)
        return network(*args, **kwargs)

    return call


def _runs(network: nn.Module, values: Values) -> bool:
    try:
        with untouched(network), torch.no_grad():
            network(*values.values())
    except Exception:  # a network may refuse in its own way
        return False
    return True


def _as_vector(condition: Shape, n: int, seed: int, device: torch.device) -> Tensor:
    values = condition_values(condition, n, seed, device)
    return torch.nn.functional.one_hot(values, condition.size).float() if condition.kind == "class" else values


def _picture_first(shape: tuple[int, ...]) -> Callable[[Any], list[Tensor]]:
    """Reads all that G gives, the picture first: what has the data's shape, else what is like one, else the largest."""

    def rank(part: Tensor) -> tuple[bool, bool, int]:
        own = tuple(part.shape[1:])
        looks = part.dim() == 4 and (own[0] in (1, 3, 4) or own[-1] in (1, 3, 4))
        return own == shape or own == (*shape[1:], shape[0]), looks, part.numel()

    def read(output: Any) -> list[Tensor]:
        found = floats(output)
        picture = max(found, key=rank)
        return [picture, *(part for part in found if part is not picture)]

    return read


def _logits_first(output: Any) -> list[Tensor]:
    """All that D gives; what is one number a picture, or a map of them, first."""
    found = floats(output)
    return sorted(found, key=lambda part: not is_logits(part))


def is_logits(part: Tensor) -> bool:
    """Whether this is one number a picture, or a map of them."""
    return part.numel() == len(part) or (part.dim() > 2 and 1 in (part.shape[1], part.shape[-1]))


def _as_given(network: nn.Module, inputs: Sequence[Tensor], shape: tuple[int, ...]) -> Called:
    device = device_of(network)
    inputs = [_channels_first(network, place, example) for place, example in enumerate(inputs)]

    def draw(seed: int) -> Values:
        values: Values = {}
        for place, example in enumerate(inputs):
            turn = torch.Generator().manual_seed(7 * seed + place)
            if not seed:
                values[f"input {place + 1}"] = example.to(device)
            elif example.is_floating_point():
                noise = torch.randn(example.shape, generator=turn) * (
                    float(example.std()) if example.numel() > 1 else 1
                )
                low, high = float(example.min()), float(example.max())
                values[f"input {place + 1}"] = (example.cpu() + noise).clamp(low, high).to(device)
            else:
                order = torch.randperm(example.numel(), generator=turn)
                rolled = example.cpu().flatten()[order].reshape(example.shape).roll(seed, 0)
                values[f"input {place + 1}"] = rolled.to(device)
        return values

    return Called(network, draw, lambda net, values: net(*values.values()), _picture_first(shape), form="G, as given")


def _channels_first(network: nn.Module, place: int, example: Tensor) -> Tensor:
    """A Keras network is called with pictures channels first here, whatever its model has."""
    shapes = getattr(network, "input_shapes", ())
    if example.dim() != 4 or place >= len(shapes) or len(shapes[place]) != 3:
        return example
    turned = example.permute(0, 3, 1, 2)
    fits = all(want in (None, side) for want, side in zip(shapes[place], turned.shape[1:], strict=True))
    here = all(want in (None, side) for want, side in zip(shapes[place], example.shape[1:], strict=True))
    return turned if fits and not here else example
