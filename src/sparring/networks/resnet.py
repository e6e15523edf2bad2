"""SNGAN's residual networks, arXiv 1802.05957, section 4 and appendix B.4: batch norm in G, no norm in D.

Widths. At 28 and 32 px the maps stay as wide at every resolution: `width` in D, twice that in G. Width 128 gives the
published 32 px networks (D 128, G 256). From 64 px on, `width` is what stands next to the picture in both, doubling
with each halving of the side up to 16 times: width 64 gives the published 128 px networks (64 to 1024).

Spectral norm is not inside: a recipe wraps any network in it from outside. Without it D's first logits are large, tens
at 32 px, since the head is a sum over space.

Measured, z of 128 numbers, RGB; multiply-adds of convolutions and linear layers, one picture forward:

    size width    G parameters  G multiply-adds    D parameters  D multiply-adds
      32    32         368,771      102,367,232          66,849       17,489,952
      32    64       1,204,483      405,667,840         264,769       68,141,120
      64    32       3,586,179      465,960,960       2,537,345      158,302,720
      64    64      12,220,675    1,854,668,800      10,141,441      625,935,360
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TypeVar

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import SparringError
from .conditioning import Concatenated, Conditional, ConditionalNorm, Conditioning, embedding, normed, required
from .dcgan import STAGES, stages

# Maps are at most this many times the width: the published 128 px networks end there (1024 = 16 x 64).
WIDEST = 16
# Up to here the published networks are as wide at every resolution.
SMALL_PX = 32
# Xavier's gain of the 3 x 3 convolutions inside a block, which a ReLU precedes; everything else has 1.
BLOCK_GAIN = math.sqrt(2)

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def check(size_px: int) -> None:
    """Raises SparringError for a size that is not made."""
    stages(size_px, "resnet")


def _g_maps(size_px: int, width: int) -> list[int]:
    """Feature maps of G's first map and after each block up, from the smallest resolution to the picture's own."""
    doublings = STAGES[size_px][1]
    if size_px <= SMALL_PX:
        return [2 * width] * (doublings + 1)
    return [width * min(2 ** (doublings - i), WIDEST) for i in range(doublings + 1)]


def _norm(maps: int, by_norm: Conditioning | None) -> nn.Module:
    return nn.BatchNorm2d(maps) if by_norm is None else ConditionalNorm(maps, by_norm.width)


def _conv(below: int, above: int, side: int, gain: float) -> nn.Conv2d:
    return _xavier(nn.Conv2d(below, above, side, padding=side // 2), gain)


def _xavier(layer: Layer, gain: float) -> Layer:
    nn.init.xavier_uniform_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class BlockUp(nn.Module):
    """Norm, ReLU, twice as large, 3 x 3, norm, ReLU, 3 x 3; beside it twice as large and 1 x 1."""

    def __init__(self, below: int, above: int, by_norm: Conditioning | None = None) -> None:
        super().__init__()
        self.norm1, self.norm2 = _norm(below, by_norm), _norm(above, by_norm)
        self.conv1, self.conv2 = _conv(below, above, 3, BLOCK_GAIN), _conv(above, above, 3, BLOCK_GAIN)
        self.shortcut = _conv(below, above, 1, 1.0)

    def forward(self, x: Tensor, embedded: Tensor | None = None) -> Tensor:  # [N, below, h, w] -> [N, above, 2h, 2w]
        """The block's output."""
        y = self.conv1(_twice(F.relu(normed(self.norm1, x, embedded), inplace=True)))
        y = self.conv2(F.relu(normed(self.norm2, y, embedded), inplace=True))
        # 1 x 1 before the repetition: the same numbers for a quarter of the work.
        return y + _twice(self.shortcut(x))


def _twice(x: Tensor) -> Tensor:  # [N, C, h, w] -> [N, C, 2h, 2w], every pixel four times
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class Block(nn.Module):
    """ReLU, 3 x 3, ReLU, 3 x 3 and, where it goes down, the mean of 2 x 2; beside it 1 x 1 or nothing.

    Args:
        below: maps that it takes.
        above: maps that it gives.
        down: halves the side.
        first: stands next to the picture, which no ReLU may cut.
    """

    def __init__(self, below: int, above: int, *, down: bool, first: bool = False) -> None:
        super().__init__()
        inside = above if first else below
        self.down, self.first = down, first
        self.conv1, self.conv2 = _conv(below, inside, 3, BLOCK_GAIN), _conv(inside, above, 3, BLOCK_GAIN)
        self.shortcut = _conv(below, above, 1, 1.0) if down or below != above else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:  # [N, below, h, w] -> [N, above, h, w], or h/2, w/2
        """The block's output."""
        # Not in place: the shortcut still needs x.
        y = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x)), inplace=True))
        if not self.down:
            return y + self.shortcut(x)
        # 1 x 1 after the mean: the same numbers for a quarter of the work.
        return F.avg_pool2d(y, 2) + self.shortcut(F.avg_pool2d(x, 2))


class Generator(nn.Module):
    """z -> picture.

    Args:
        size_px: 16, 28, 32, 64, 128 or 256.
        channels: 1, 3 or 4.
        width: feature maps next to the picture; up to 32 px half of them.
        latent: numbers in z.
        conditioning: what else it is given, if anything.
    """

    def __init__(
        self,
        size_px: int,
        channels: int,
        width: int = 64,
        latent: int = 128,
        conditioning: Conditioning | None = None,
    ) -> None:
        super().__init__()
        check(size_px)
        maps, self.first_px = _g_maps(size_px, width), STAGES[size_px][0]
        by_norm = conditioning if conditioning is not None and conditioning.g == "norm" else None
        beside = conditioning.width if conditioning is not None and by_norm is None else 0
        self.first = _xavier(nn.Linear(latent + beside, maps[0] * self.first_px**2), 1.0)
        self.blocks = nn.ModuleList(BlockUp(below, above, by_norm) for below, above in pairwise(maps))
        self.last_norm = nn.BatchNorm2d(maps[-1])
        self.last = _conv(maps[-1], channels, 3, 1.0)
        self.concatenate = Concatenated(conditioning) if conditioning is not None and beside else None
        self.embed = None if by_norm is None else embedding(by_norm, by_norm.width)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:  # [N, latent] -> [N, C, H, W] in [-1, 1]
        """Makes one picture for each z; z may also be [N, latent, 1, 1]."""
        z = z.flatten(1)
        if self.concatenate is not None:
            z = self.concatenate(z, required(condition))
        embedded = None if self.embed is None else self.embed(required(condition))
        x = self.first(z).unflatten(1, (-1, self.first_px, self.first_px))
        for block in self.blocks:
            x = block(x, embedded)
        return self.last(F.relu(self.last_norm(x), inplace=True)).tanh()


class Discriminator(nn.Module):
    """Picture -> logit: above 0 it takes the picture for real; with a class head, (logits, class logits)."""

    def __init__(self, size_px: int, channels: int, width: int = 64, conditioning: Conditioning | None = None) -> None:
        super().__init__()
        check(size_px)
        self.blocks = nn.ModuleList([Block(channels, width, down=True, first=True)])
        if size_px <= SMALL_PX:
            maps, downs = [width] * 4, 2
        else:
            downs = STAGES[size_px][1]
            maps = [width * min(2**i, WIDEST) for i in range(downs + 1)]
        for i, (above, below) in enumerate(pairwise(maps), start=1):
            self.blocks.append(Block(above, below, down=i < downs))
        self.last = _xavier(nn.Linear(maps[-1], 1), 1.0)
        self.conditional = None if conditioning is None else Conditional(conditioning, maps[-1])

    def forward(
        self, images: Tensor, condition: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:  # [N, C, H, W] in [-1, 1] -> [N]
        """Gives one logit a picture."""
        for block in self.blocks:
            images = block(images)
        maps = F.relu(images)
        if self.conditional is None:
            return self.last(_summed(maps)).flatten()
        condition = required(condition)
        features = _summed(self.conditional.mixed(maps, condition))
        return self.conditional(self.last(features).flatten(), features, condition)


def _summed(maps: Tensor) -> Tensor:  # [N, maps, h, w] -> [N, maps]
    """Summed over space, not averaged: B.4."""
    return maps.sum((2, 3))


def build(
    size_px: int, channels: int, width: int, latent: int, conditioning: Conditioning | None = None
) -> tuple[nn.Module, nn.Module]:
    """Returns (G, D), G drawn first from torch's global random state."""
    if channels not in (1, 3, 4):
        raise SparringError(f"The resnet networks do not make {channels} channels.", "1 (gray), 3 (RGB) or 4 (RGBA)")
    generator = Generator(size_px, channels, width, latent, conditioning)
    return generator, Discriminator(size_px, channels, width, conditioning)
