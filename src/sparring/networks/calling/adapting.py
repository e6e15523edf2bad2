"""Networks of the user's behind one call: G(z, condition) -> pictures in [-1, 1], D(images, condition) -> logits.

An adapted network has the parameters, the names and the checkpoints of the network within.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .endings import Reach
from .forms import Form
from .probing import parts_of

# The numbers that pictures may have, and their names; what G gives in the first two is brought to [-1, 1].
RANGES: dict[str, tuple[float, float] | None] = {
    "0..1": (0.0, 1.0), "0..255": (0.0, 255.0), "-1..1": (-1.0, 1.0), "linear": None,
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """Where the picture is in what G gives.

    Attributes:
        place: its place in `parts_of`; None where G gives a tensor and nothing else.
        layout: "nchw", "nhwc", or "flat" ([N, C * H * W]).
        numbers: one of `RANGES`.
    """

    place: int | None
    layout: str
    numbers: str

    @property
    def is_canonical(self) -> bool:
        """Whether it is a tensor [N, C, H, W] that may be used as it is."""
        return self.place is None and self.layout == "nchw" and self.numbers in ("-1..1", "linear")


@dataclass(frozen=True)
class Verdicts:
    """Where the logits are in what D gives.

    Attributes:
        logits: their places in `parts_of`; several for several scales.
        classes: the place of the class logits [N, K]; None where there are none.
        reach: what calls D so that it gives the logits before its last sigmoid; None where it gives them itself.
        probabilities: logits cannot be had; these are probabilities.
        is_canonical: D gives a tensor of logits, or (logits, class logits), and nothing else.
    """

    logits: tuple[int, ...]
    classes: int | None
    reach: Reach | None
    probabilities: bool
    is_canonical: bool


def regularisation_of(network: nn.Module) -> Tensor | None:
    """What a network adds to its own loss, by a method `regularisation()`; None where it has none.  # []"""
    own = getattr(network, "regularisation", None)
    return own() if callable(own) else None


class Adapted(nn.Module):
    """What both have in common: another call of the same network. Its weights are there under the user's own names.

    Args:
        network: the user's.
        form: how it is called.
        size: number of classes, or of the numbers of a condition.
        words: what was found, as `calling.understand` takes it.
    """

    def __init__(self, network: nn.Module, form: Form, size: int, words: dict[str, str]) -> None:
        super().__init__()
        self.network, self.form, self.size, self.words = network, form, size, words
        self.training = network.training

    def regularisation(self) -> Tensor | None:
        """What the user's network adds to its own loss, by a method of this name; None where it has none.  # []"""
        return regularisation_of(self.network)

    def named_modules(
        self, memo: set[nn.Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Module]]:
        """This module, then those of the user's network under the names that they have there."""
        yield prefix, self
        yield from self.network.named_modules(memo, prefix, remove_duplicate)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The user's network's own: it can be loaded into that."""
        return self.network.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Takes what `state_dict` of the user's network gives."""
        return self.network.load_state_dict(state_dict, strict=strict, assign=assign)


class AdaptedGenerator(Adapted):
    """A generator of the user's as G(z, condition).

    Args:
        network: his.
        form: how it is called.
        size: number of classes, or of the numbers of a condition.
        words: what was found.
        shape: (C, H, W) of the pictures.
        pictures: where they are in what it gives, in inference mode and in training.
    """

    def __init__(
        self,
        network: nn.Module,
        form: Form,
        size: int,
        words: dict[str, str],
        shape: tuple[int, int, int],
        pictures: tuple[Picture, Picture],
    ) -> None:
        super().__init__(network, form, size, words)
        self.shape, self.pictures = shape, pictures

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """z [N, *z_shape], condition [N, ...] -> pictures  # [N, C, H, W] in [-1, 1]"""
        args, kwargs = self.form.arguments(z, condition, self.size)
        made, seen = self.network(*args, **kwargs), self.pictures[self.network.training]
        picture = made if seen.place is None else parts_of(made)[seen.place]
        if seen.layout == "nhwc":
            picture = picture.permute(0, 3, 1, 2)
        elif seen.layout == "flat":
            picture = picture.unflatten(1, self.shape)
        low, high = RANGES[seen.numbers] or (-1.0, 1.0)
        return picture if (low, high) == (-1.0, 1.0) else (picture - low) * (2 / (high - low)) - 1


class AdaptedDiscriminator(Adapted):
    """A discriminator of the user's as D(images, condition).

    Args:
        network: his.
        form: how it is called.
        size: number of classes, or of the numbers of a condition.
        words: what was found.
        verdicts: where the logits are in what it gives, in inference mode and in training.

    Attributes:
        gives_probabilities: its logits cannot be had, and what it gives are probabilities.
    """

    def __init__(
        self,
        network: nn.Module,
        form: Form,
        size: int,
        words: dict[str, str],
        verdicts: tuple[Verdicts, Verdicts],
    ) -> None:
        super().__init__(network, form, size, words)
        self.verdicts = verdicts
        self.gives_probabilities = any(seen.probabilities for seen in verdicts)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """images [N, C, H, W], condition [N, ...] -> logits [N], [N, 1], [N, 1, h, w] or, of several scales, [N, n].

        With an auxiliary classifier: (logits, class logits [N, K]).
        """
        args, kwargs = self.form.arguments(images, condition, self.size)
        seen = self.verdicts[self.network.training]
        said = self.network(*args, **kwargs) if seen.reach is None else seen.reach(self.network, args, kwargs)
        parts = parts_of(said)
        found = [parts[place] for place in seen.logits]
        logits = found[0] if len(found) == 1 else torch.cat([part.flatten(1) for part in found], 1)
        return logits if seen.classes is None else (logits, parts[seen.classes])
