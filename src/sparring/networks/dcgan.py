"""DCGAN, arXiv 1511.06434: strided convolutions, batch norm, ReLU in G and leaky ReLU in D.

At 64 px and width 64 these are layer for layer the networks of the official PyTorch example.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from ..errors import SparringError
from .conditioning import Concatenated, Conditional, ConditionalNorm, Conditioning, embedding, normed, required, through

# The side of G's first map, and how often it doubles on the way to the picture.
STAGES: dict[int, tuple[int, int]] = {16: (4, 2), 28: (7, 2), 32: (4, 3), 64: (4, 4), 128: (4, 5), 256: (4, 6)}
# Maps are at most this many times the width: the published 64 px networks end there (512 = 8 x 64).
WIDEST = 8


def stages(size_px: int, family: str = "dcgan") -> tuple[int, int]:
    """(side of G's first map in px, doublings from there). Raises SparringError for a size that is not made."""
    if size_px not in STAGES:
        raise SparringError(
            f"The {family} networks do not make pictures of {size_px} px.",
            f"--size {', '.join(map(str, STAGES))}",
            "choose the nearest of these; the pictures are resized to it.",
        )
    return STAGES[size_px]


def _maps(size_px: int, width: int) -> list[int]:
    """Feature maps at each resolution but the picture's own, from the smallest to the largest."""
    doublings = stages(size_px)[1]
    return [width * min(2 ** (doublings - 1 - i), WIDEST) for i in range(doublings)]


class Generator(nn.Module):
    """z -> picture.

    Args:
        size_px: 16, 28, 32, 64, 128 or 256.
        channels: 1, 3 or 4.
        width: feature maps next to the picture.
        latent: numbers in z.
        conditioning: what else it is given, if anything.
    """

    def __init__(
        self,
        size_px: int,
        channels: int,
        width: int = 64,
        latent: int = 100,
        conditioning: Conditioning | None = None,
    ) -> None:
        super().__init__()
        maps, first_px = _maps(size_px, width), STAGES[size_px][0]
        by_norm = conditioning is not None and conditioning.g == "norm"
        beside = conditioning.width if conditioning is not None and not by_norm else 0
        self.first = nn.ConvTranspose2d(latent + beside, maps[0], first_px, bias=False)

        def norm(maps: int) -> nn.Module:
            return ConditionalNorm(maps, conditioning.width) if conditioning and by_norm else nn.BatchNorm2d(maps)

        self.first_norm = norm(maps[0])
        layers: list[nn.Module] = [nn.ReLU(inplace=True)]
        for below, above in pairwise(maps):
            layers += [nn.ConvTranspose2d(below, above, 4, 2, 1, bias=False), norm(above), nn.ReLU(inplace=True)]
        self.rest = nn.Sequential(*layers, nn.ConvTranspose2d(maps[-1], channels, 4, 2, 1, bias=False), nn.Tanh())
        self.apply(published_init)
        self.concatenate = Concatenated(conditioning) if conditioning is not None and beside else None
        self.embed = embedding(conditioning, conditioning.width) if conditioning is not None and by_norm else None

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:  # [N, latent] -> [N, C, H, W] in [-1, 1]
        """Makes one picture for each z; z may also be [N, latent, 1, 1]."""
        z = z.flatten(1)
        if self.concatenate is not None:
            z = self.concatenate(z, required(condition))
        embedded = None if self.embed is None else self.embed(required(condition))
        x = normed(self.first_norm, self.first(z[:, :, None, None]), embedded)
        return self.rest(x) if embedded is None else through(self.rest, x, embedded)


class Discriminator(nn.Module):
    """Picture -> logit: above 0 it takes the picture for real; with a class head, (logits, class logits).

    Args:
        size_px, channels, width, conditioning: as in the generator.
        norm: batch norms as published; without them each logit depends on its own picture alone, which a gradient
            penalty of each picture takes for granted, and layers have biases and begin as arXiv 1502.01852 has them.
    """

    def __init__(
        self,
        size_px: int,
        channels: int,
        width: int = 64,
        conditioning: Conditioning | None = None,
        norm: bool = True,
    ) -> None:
        super().__init__()
        maps, last_px = _maps(size_px, width)[::-1], STAGES[size_px][0]
        bias = not norm
        layers: list[nn.Module] = [nn.Conv2d(channels, maps[0], 4, 2, 1, bias=bias), nn.LeakyReLU(0.2, inplace=True)]
        for above, below in pairwise(maps):
            between = [nn.BatchNorm2d(below)] if norm else []
            layers += [nn.Conv2d(above, below, 4, 2, 1, bias=bias), *between, nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv2d(maps[-1], 1, last_px, bias=bias)
        self.apply(published_init if norm else kaiming_init)
        self.conditional = None if conditioning is None else Conditional(conditioning, maps[-1])

    def forward(
        self, images: Tensor, condition: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:  # [N, C, H, W] in [-1, 1] -> [N]
        """Gives one logit a picture."""
        maps = self.layers(images)
        if self.conditional is None:
            return self.last(maps).flatten()
        condition = required(condition)
        maps = self.conditional.mixed(maps, condition)
        # Summed over space, not averaged, as in arXiv 1802.05637.
        return self.conditional(self.last(maps).flatten(), maps.sum((2, 3)), condition)


def published_init(module: nn.Module) -> None:
    """Convolutions N(0, .02), batch norm's scale N(1, .02): DCGAN, arXiv 1511.06434, section 4 and its code."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def kaiming_init(module: nn.Module) -> None:
    """Convolutions keep the scale of what goes through leaky ReLUs of .2: arXiv 1502.01852, equation 14."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, a=0.2)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def build(
    size_px: int,
    channels: int,
    width: int,
    latent: int,
    conditioning: Conditioning | None = None,
    d_norm: bool = True,
) -> tuple[nn.Module, nn.Module]:
    """Returns (G, D), G drawn first from torch's global random state."""
    if channels not in (1, 3, 4):
        raise SparringError(f"The dcgan networks do not make {channels} channels.", "1 (gray), 3 (RGB) or 4 (RGBA)")
    generator = Generator(size_px, channels, width, latent, conditioning)
    return generator, Discriminator(size_px, channels, width, conditioning, norm=d_norm)
