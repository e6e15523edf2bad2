"""How networks use a condition: what G and D of every family are built of when there is one.

G: by concatenation to z ("concat") or by a scale and a shift of its norms ("norm"). D: by projection, the product of
the condition with what D has seen ("projection", arXiv 1802.05637), by concatenation to D's last maps ("concat",
GAN-CLS, arXiv 1605.05396), or not at all ("none"), which makes sense only with a class head (AC-GAN).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..conditions import Shape
from ..errors import SparringError, did_you_mean
from ..methods import Recipe

# Numbers a condition becomes where it is concatenated: 64 for classes in R3GAN, 128 for sentences in GAN-CLS.
CLASS_WIDTH, VECTOR_WIDTH = 64, 128
G_WAYS = ("concat", "norm")
D_WAYS = ("projection", "concat", "none")


@dataclass(frozen=True)
class Conditioning:
    """What the networks are told, and how they take it in.

    Attributes:
        kind: "class" (int64 [N]), "text" or "vector" (float32 [N, size]).
        size: number of classes, or of numbers in a vector.
        g: one of `G_WAYS`.
        d: one of `D_WAYS`.
        classifies: D gives class logits as well (AC-GAN, arXiv 1610.09585).
        augmented: G draws its sentence around the given one (StackGAN, arXiv 1612.03242); concat only.
    """

    kind: str
    size: int
    g: str = "norm"
    d: str = "projection"
    classifies: bool = False
    augmented: bool = False

    def __post_init__(self) -> None:
        for word, ways, whose in ((self.g, G_WAYS, "g"), (self.d, D_WAYS, "d")):
            if word not in ways:
                raise SparringError(f"{whose}_conditioning is {word!r}.", did_you_mean(word, ways))
        if self.classifies and self.kind != "class":
            raise SparringError(
                f"D cannot classify: the condition is a {self.kind}.", "--condition class", "leave class_weight out."
            )

    @property
    def width(self) -> int:
        """Numbers that the condition becomes where it is concatenated."""
        return CLASS_WIDTH if self.kind == "class" else VECTOR_WIDTH


def conditioning_of(recipe: Recipe, shape: Shape) -> Conditioning:
    """What a recipe makes of a data set's conditions."""
    return Conditioning(
        shape.kind,
        shape.size,
        recipe.g_conditioning,
        recipe.d_conditioning,
        classifies=bool(recipe.class_weight),
        augmented=recipe.condition_augmentation,
    )


def embedding(conditioning: Conditioning, width: int, std: float | None = None) -> nn.Module:
    """Makes what turns conditions into numbers: int64 [N] or float32 [N, size] -> [N, width].

    Args:
        conditioning: kind and size.
        width: numbers of an embedding.
        std: deviation of each embedded number at the start; None: 1, with sentences taken for unit vectors.
    """
    std = 1.0 if std is None else std
    if conditioning.kind == "class":
        layer = ClassEmbedding(conditioning.size, width)
        nn.init.normal_(layer.weight, 0.0, std)
        return layer
    linear = nn.Linear(conditioning.size, width)
    # A sentence's embedding has length 1, so weights of N(0, std) give numbers of that deviation. A vector of one's own
    # has about size times as much.
    scale = 1.0 if conditioning.kind == "text" else conditioning.size**-0.5
    nn.init.normal_(linear.weight, 0.0, std * scale)
    nn.init.zeros_(linear.bias)
    return linear


class ClassEmbedding(nn.Embedding):
    """A row of numbers for each class; of mixed classes, float [N, K] whose rows sum to 1, the mixture of theirs."""

    def forward(self, condition: Tensor) -> Tensor:  # int64 [N] or float [N, K] -> [N, width]
        """The rows."""
        return condition @ self.weight if condition.is_floating_point() else super().forward(condition)


class Concatenated(nn.Module):
    """z and the embedded condition side by side: ([N, latent], condition) -> [N, latent + width]."""

    def __init__(self, conditioning: Conditioning) -> None:
        super().__init__()
        self.embed = Around(conditioning) if conditioning.augmented else embedding(conditioning, conditioning.width)

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:  # [N, latent], [N, ...] -> [N, latent + width]
        """What G begins with."""
        return torch.cat([z, self.embed(condition)], 1)


class Around(nn.Module):
    """Conditioning augmentation, arXiv 1612.03242, section 3.2: in training a draw from N(mean, deviation^2).

    Both come from the condition; `spread` is what G's loss holds small, so that nearby sentences overlap. In inference
    mode the mean is taken.
    """

    def __init__(self, conditioning: Conditioning) -> None:
        super().__init__()
        self.mean = embedding(conditioning, conditioning.width)
        self.log_deviation = embedding(conditioning, conditioning.width, std=0.1)
        self._divergence: Tensor | None = None

    def forward(self, condition: Tensor) -> Tensor:  # [N, ...] -> [N, width]
        """An embedding for each condition."""
        mean = self.mean(condition)
        if not self.training:
            return mean
        log_deviation = self.log_deviation(condition)
        deviation = log_deviation.exp()
        self._divergence = 0.5 * (mean.square() + deviation.square() - 1 - 2 * log_deviation).mean()
        return mean + deviation * torch.randn_like(mean)

    def spread(self) -> Tensor:
        """KL divergence of the last training batch's draws from N(0, 1), the mean over numbers; a scalar with graph."""
        assert self._divergence is not None, "asked for before the first training-mode forward"
        return self._divergence

    def __getstate__(self) -> dict[str, Any]:
        # A copy of the network (the average) takes no graph with it.
        return {**self.__dict__, "_divergence": None}


class ConditionalNorm(nn.Module):
    """Batch norm whose scale and shift come from the condition (arXiv 1610.07629; in GANs 1802.05637)."""

    def __init__(self, maps: int, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(maps, affine=False)
        self.scale_shift = nn.Linear(width, 2 * maps)
        nn.init.normal_(self.scale_shift.weight, 0.0, 0.02)
        nn.init.zeros_(self.scale_shift.bias)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:  # [N, maps, h, w], [N, width] -> [N, maps, h, w]
        """The normed maps."""
        scale, shift = self.scale_shift(embedded)[:, :, None, None].chunk(2, 1)
        return torch.addcmul(shift, self.norm(x), 1 + scale)


def normed(layer: nn.Module, x: Tensor, embedded: Tensor | None) -> Tensor:
    """Calls a layer, with the embedded condition if it is a norm that takes one."""
    return layer(x, embedded) if isinstance(layer, ConditionalNorm) else layer(x)


def through(layers: Iterable[nn.Module], x: Tensor, embedded: Tensor | None) -> Tensor:
    """Calls layers one after the other, as `normed` does."""
    for layer in layers:
        x = normed(layer, x, embedded)
    return x


class Conditional(nn.Module):
    """The end of a conditional D: last maps and condition -> what is added to the logit, and the class logits.

    Args:
        conditioning: what is given and how it is used.
        maps: D's last maps.
    """

    def __init__(self, conditioning: Conditioning, maps: int) -> None:
        super().__init__()
        self.project = embedding(conditioning, maps, maps**-0.5) if conditioning.d == "projection" else None
        self.tile = embedding(conditioning, conditioning.width) if conditioning.d == "concat" else None
        # Side by side the two cannot meet before something that is not linear.
        self.mix = nn.Conv2d(maps + conditioning.width, maps, 1) if conditioning.d == "concat" else None
        self.classify = nn.Linear(maps, conditioning.size) if conditioning.classifies else None

    def mixed(self, maps: Tensor, condition: Tensor) -> Tensor:  # [N, maps, h, w], [N, ...] -> [N, maps, h, w]
        """The maps with the condition beside them, where it is concatenated; else as they are."""
        if self.tile is None or self.mix is None:
            return maps
        beside = self.tile(condition)[:, :, None, None].expand(-1, -1, *maps.shape[2:])
        return F.leaky_relu(self.mix(torch.cat([maps, beside], 1)), 0.2)

    def forward(
        self, logits: Tensor, features: Tensor, condition: Tensor
    ) -> Tensor | tuple[Tensor, Tensor]:  # [N], [N, maps], [N, ...] -> [N], or ([N], [N, K])
        """The logits with the projection added, and the class logits where D classifies."""
        if self.project is not None:
            logits = logits + (self.project(condition) * features).sum(1)
        return logits if self.classify is None else (logits, self.classify(features))


def required(condition: Tensor | None) -> Tensor:
    """The condition of a network that was built with one. Raises SparringError where none is given."""
    if condition is None:
        raise SparringError("These networks were built with a condition, and none was given.", "G(z, condition)")
    return condition
