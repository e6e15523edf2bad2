"""How a pair of networks is called: found by looking, for networks we did not write, and put behind one call.

G(z, condition) -> pictures in [-1, 1], D(images, condition) -> logits; the condition is left out where there is none.
"""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import SparringError
from .adapting import Adapted, regularisation_of
from .probing import Probe, device_of, evaluation_mode, first_line, randomness
from .trying import Condition, first_width
from .understanding import understand_discriminator, understand_generator

__all__ = [
    "Condition",
    "Understood",
    "evaluation_mode",
    "outline",
    "randomness",
    "regularisation_of",
    "understand",
    "understand_generator",
    "z_shape_of",
]


@dataclass(frozen=True)
class Understood:
    """A pair, understood.

    Attributes:
        generator: (z [N, *z_shape], condition) -> pictures  # [N, C, H, W] in [-1, 1]
        discriminator: (pictures, condition) -> logits, or (logits, class logits [N, K]).
        z_shape: the shape of one z.
        notes: sentences for the user: what was found, and every guess.
        forms: the same as plain data: where they are given to `understand` again, nothing is guessed.
    """

    generator: nn.Module
    discriminator: nn.Module
    z_shape: tuple[int, ...]
    notes: list[str]
    forms: dict[str, str]


def understand(
    generator: nn.Module,
    discriminator: nn.Module,
    image_shape: tuple[int, int, int],
    latent: int,
    condition: Condition | None = None,
    forms: Mapping[str, str] | None = None,
) -> Understood:
    """Finds how two networks are called, by calling them, and puts them behind one call.

    Nothing of the networks changes: no weight, statistic, mode, hook or random state. Layers without a shape get one.

    Args:
        generator: any module.
        discriminator: any module.
        image_shape: (C, H, W) of the data.
        latent: numbers in z.
        condition: what pictures are told by; it is int64 [N] of a class, float32 [N, size] otherwise.
        forms: where the user knows better: {"generator": "condition,z", "discriminator": "[images,condition]",
            "range": "0..1", "output": "logits"}, each of them or none; see `forms.py`, `adapting.RANGES` and
            `understanding.OUTPUTS`.

    Raises:
        SparringError: with what was found and what would fit.
    """
    g = understand_generator(generator, image_shape, latent, condition, forms)
    d = understand_discriminator(discriminator, image_shape, condition, forms, g.layout)
    if condition is not None and not (g.takes_condition or d.takes_condition):
        raise SparringError(
            f"Neither network takes a condition, and there is one ({condition.kind}).",
            "a generator that takes z and the condition",
            "leave the condition out, or give networks that take it.",
        )
    return Understood(g.network, d.network, g.z_shape, g.notes + d.notes, g.forms | d.forms)


def z_shape_of(generator: nn.Module) -> tuple[int, ...]:
    """Looks how a generator alone is called, by the width of its first layer. Raises SparringError if that fails."""
    width = first_width(generator)
    if width is None:
        raise SparringError(
            f"How many numbers {type(generator).__name__} takes cannot be seen from its layers.",
            "a generator that begins with a linear layer or a convolution",
            "make the pictures yourself and give them as an array.",
        )
    failures, probe, device = [], Probe(generator), device_of(generator)
    for z_shape in ((width,), (width, 1, 1)):
        z = torch.zeros(2, *z_shape, device=device)
        try:
            made: Any = probe(operator.methodcaller("__call__", z))
        except Exception as error:  # a network may refuse in its own way
            failures.append(f"z of shape {[2, *z_shape]}: {first_line(error)}")
            continue
        if not isinstance(made, Tensor):
            raise SparringError(
                f"The generator gave a {type(made).__name__}.", "a tensor of pictures [N, channels, height, width]"
            )
        return z_shape
    raise SparringError(
        "The generator could not be called. " + "; ".join(failures),
        f"a module that takes z of {width} numbers",
        "make the pictures yourself and give them as an array.",
    )


def outline(network: nn.Module) -> str:
    """The class of a network and a digest of the names and shapes of its weights: what a run remembers of it."""
    network = network.network if isinstance(network, Adapted) else network
    shapes = {
        # A network is the same with spectral norm, which the recipe asks for, as without.
        name.replace("parametrizations.weight.original", "weight"): list(tensor.shape)
        for name, tensor in network.state_dict().items()
        if isinstance(tensor, Tensor) and ".parametrizations.weight.0." not in f".{name}"
    }
    return f"{type(network).__name__} {hashlib.sha256(json.dumps(shapes, sort_keys=True).encode()).hexdigest()[:12]}"
