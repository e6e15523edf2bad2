"""Families of generators and discriminators: one family a file, one row a family in `FAMILIES`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from ..errors import SparringError, did_you_mean
from . import dcgan, r3gan, resnet
from .conditioning import Conditioning


@dataclass(frozen=True)
class Family:
    """A row of the table.

    Attributes:
        build: (size_px, channels, width, latent, conditioning or None) -> (generator, discriminator).
        check: raises SparringError for a size in px that the family does not make.
    """

    build: Callable[[int, int, int, int, Conditioning | None], tuple[nn.Module, nn.Module]]
    check: Callable[[int], object]


FAMILIES: dict[str, Family] = {
    "dcgan": Family(dcgan.build, dcgan.stages),
    "dcgan-free": Family(partial(dcgan.build, d_norm=False), dcgan.stages),
    "resnet": Family(resnet.build, resnet.check),
    "r3gan": Family(r3gan.build, r3gan.check),
}


def check(family: str, size_px: int) -> None:
    """Raises SparringError for an unknown family, or a size that it does not make."""
    if family not in FAMILIES:
        raise SparringError(f"There is no network {family!r}.", did_you_mean(family, FAMILIES))
    FAMILIES[family].check(size_px)


def build(
    family: str,
    size_px: int,
    channels: int,
    width: int,
    latent: int,
    conditioning: Conditioning | None = None,
) -> tuple[nn.Module, nn.Module]:
    """Returns a freshly initialised pair (G, D) of a family; draws from torch's global random state.

    Raises:
        SparringError: an unknown family, or a size that the family does not make.
    """
    check(family, size_px)
    return FAMILIES[family].build(size_px, channels, width, latent, conditioning)
