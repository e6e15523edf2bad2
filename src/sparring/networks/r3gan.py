"""R3GAN's networks, arXiv 2501.05441, sections 3 and 4: residual blocks of grouped convolutions, no norm of any kind.

Both networks are stages, one a resolution from 4 x 4 px (7 x 7 at 28 px) to the picture's own; a stage is two blocks,
and a transition between stages changes the resolution and the width. G's output is linear, so it may leave [-1, 1].

Widths. `width`, a multiple of 8, stands next to the picture and doubles with each halving of the side up to 8 times.
(The paper keeps 768 at every resolution up to 32 px, for GPUs.) So no resolution costs much more than another, and the
parameters go where a pixel is cheapest: against a cap of 4 times, 32 px at width 32 has twice the parameters (1.04 for
.53 million in each) for 13 % more multiply-adds (71 for 63 million).

Measured, z of 64 numbers, RGB; multiply-adds of convolutions and linear layers, one picture forward:

    size width    G parameters  G multiply-adds    D parameters  D multiply-adds
      32    32       1,040,224       70,860,800       1,024,096       70,844,672
      32    64       3,559,104      211,976,192       3,526,848      211,943,936
      64    32       1,714,016      294,207,488       1,697,888      294,191,360
      64    64       5,955,264      886,210,560       5,923,008      886,178,304
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import SparringError
from .conditioning import Concatenated, Conditional, Conditioning, required
from .dcgan import STAGES, stages

# Maps are at most this many times the width.
WIDEST = 8
# The paper's: two blocks a resolution, inside a block twice as wide, in groups of 16 maps (its 1536 in 96 groups).
BLOCKS = 2
EXPANSION = 2
GROUP = 16
SLOPE = 0.2

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def check(size_px: int) -> None:
    """Raises SparringError for a size that is not made."""
    stages(size_px, "r3gan")


def check_width(width: int) -> None:
    """Raises SparringError unless the maps inside a block fall into whole groups: width 8, 16, 24, ..."""
    step = GROUP // EXPANSION
    if width < step or width % step:
        near = max(step, round(width / step) * step)
        raise SparringError(
            f"The r3gan networks have no width {width}: their convolutions work on groups of {GROUP} maps.",
            f"a multiple of {step}",
            f"--set width={near}",
        )


def _maps(size_px: int, width: int) -> list[int]:
    """Feature maps at each resolution, from the smallest to the picture's own."""
    doublings = STAGES[size_px][1]
    return [width * min(2 ** (doublings - i), WIDEST) for i in range(doublings + 1)]


def _normal(layer: Layer, gain: float = 1.0) -> Layer:
    """Weights N(0, gain / sqrt(fan in)), biases 0."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Block(nn.Module):
    """1 x 1 to twice the maps, grouped 3 x 3, 1 x 1 back, added to what came in; nothing after the sum.

    A bias stands before each of the two leaky ReLUs. At the start the last convolution is zero, so the block passes
    on what it gets.

    Args:
        maps: feature maps in and out.
        blocks: residual blocks in the whole network: the more, the smaller they start (Fixup, arXiv 1901.09321).
    """

    def __init__(self, maps: int, blocks: int) -> None:
        super().__init__()
        inside = EXPANSION * maps
        gain = math.sqrt(2 / (1 + SLOPE**2)) * blocks**-0.25
        self.conv1 = _normal(nn.Conv2d(maps, inside, 1), gain)
        self.conv2 = _normal(nn.Conv2d(inside, inside, 3, padding=1, groups=inside // GROUP), gain)
        self.conv3 = nn.Conv2d(inside, maps, 1, bias=False)
        nn.init.zeros_(self.conv3.weight)

    def forward(self, x: Tensor) -> Tensor:  # [N, maps, h, w] -> the same
        """The block's output."""
        y = F.leaky_relu(self.conv1(x), SLOPE, inplace=True)
        y = F.leaky_relu(self.conv2(y), SLOPE, inplace=True)
        return x + self.conv3(y)


class Resample(nn.Module):
    """Twice or half the side through the separable filter [1, 3, 3, 1] / 8; beyond the border all is 0.

    One depthwise convolution: forward and backward together the fastest of the exact ways on a CPU (against bilinear
    enlargement and repeating or averaging pixels with a blur: 1.4 to 5 times), and half a percent of a step.
    """

    kernel: Tensor

    def __init__(self, *, up: bool) -> None:
        super().__init__()
        self.up = up
        filter_ = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        # Up: four times the filter, since three of four pixels are zeros put between.
        self.register_buffer("kernel", torch.outer(filter_, filter_) * (4 if up else 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:  # [N, C, h, w] -> [N, C, 2h, 2w] or [N, C, h/2, w/2]
        """The larger or smaller maps."""
        maps = x.shape[1]
        kernel = self.kernel.to(x.dtype).expand(maps, 1, 4, 4)
        convolve = F.conv_transpose2d if self.up else F.conv2d
        return convolve(x, kernel, stride=2, padding=1, groups=maps)


def _width_change(before: int, after: int) -> list[nn.Module]:
    return [] if before == after else [_normal(nn.Conv2d(before, after, 1, bias=False))]


def _stage(maps: int, blocks: int) -> list[nn.Module]:
    return [Block(maps, blocks) for _ in range(BLOCKS)]


class Generator(nn.Module):
    """z -> picture.

    Args:
        size_px: 16, 28, 32, 64, 128 or 256.
        channels: 1, 3 or 4.
        width: feature maps next to the picture, a multiple of 8.
        latent: numbers in z.
        conditioning: what else it is given, if anything.
    """

    def __init__(
        self,
        size_px: int,
        channels: int,
        width: int = 64,
        latent: int = 64,
        conditioning: Conditioning | None = None,
    ) -> None:
        super().__init__()
        check(size_px)
        check_width(width)
        if conditioning is not None and conditioning.g == "norm":
            raise SparringError(
                "The r3gan networks have no norms that a condition could scale.",
                "g_conditioning=concat, or another network",
                "--set g_conditioning=concat",
            )
        maps, first_px = _maps(size_px, width), STAGES[size_px][0]
        blocks = BLOCKS * len(maps)
        beside = 0 if conditioning is None else conditioning.width
        self.mix = _normal(nn.Linear(latent + beside, maps[0], bias=False))
        self.basis = nn.Parameter(torch.randn(1, maps[0], first_px, first_px))
        layers = _stage(maps[0], blocks)
        for below, above in pairwise(maps):
            layers += [*_width_change(below, above), Resample(up=True), *_stage(above, blocks)]
        self.layers = nn.Sequential(*layers, _normal(nn.Conv2d(maps[-1], channels, 1, bias=False)))
        self.concatenate = None if conditioning is None else Concatenated(conditioning)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:  # [N, latent] -> [N, C, H, W]
        """Makes one picture for each z, around [-1, 1]; z may also be [N, latent, 1, 1]."""
        z = z.flatten(1)
        if self.concatenate is not None:
            z = self.concatenate(z, required(condition))
        return self.layers(self.basis * self.mix(z)[:, :, None, None])


class Discriminator(nn.Module):
    """Picture -> logit: above 0 it takes the picture for real. Twice differentiable, as R1 and R2 need it.

    With a class head: (logits, class logits).
    """

    def __init__(self, size_px: int, channels: int, width: int = 64, conditioning: Conditioning | None = None) -> None:
        super().__init__()
        check(size_px)
        check_width(width)
        maps, last_px = _maps(size_px, width)[::-1], STAGES[size_px][0]
        blocks = BLOCKS * len(maps)
        layers: list[nn.Module] = [_normal(nn.Conv2d(channels, maps[0], 1, bias=False)), *_stage(maps[0], blocks)]
        for above, below in pairwise(maps):
            layers += [Resample(up=False), *_width_change(above, below), *_stage(below, blocks)]
        self.layers = nn.Sequential(*layers)
        # A depthwise convolution as large as the map is a weighted sum over space, and much faster as one.
        self.basis = nn.Parameter(torch.randn(1, maps[-1], last_px, last_px) / last_px)
        self.last = _normal(nn.Linear(maps[-1], 1, bias=False))
        self.conditional = None if conditioning is None else Conditional(conditioning, maps[-1])

    def forward(
        self, images: Tensor, condition: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:  # [N, C, H, W] in [-1, 1] -> [N]
        """Gives one logit a picture."""
        maps = self.layers(images)
        if self.conditional is None:
            return self.last((maps * self.basis).sum((2, 3))).flatten()
        condition = required(condition)
        features = (self.conditional.mixed(maps, condition) * self.basis).sum((2, 3))
        return self.conditional(self.last(features).flatten(), features, condition)


def build(
    size_px: int, channels: int, width: int, latent: int, conditioning: Conditioning | None = None
) -> tuple[nn.Module, nn.Module]:
    """Returns (G, D), G drawn first from torch's global random state."""
    if channels not in (1, 3, 4):
        raise SparringError(f"The r3gan networks do not make {channels} channels.", "1 (gray), 3 (RGB) or 4 (RGBA)")
    generator = Generator(size_px, channels, width, latent, conditioning)
    return generator, Discriminator(size_px, channels, width, conditioning)
