"""Families of generators and discriminators: one family a file, one row a family in `FAMILIES`."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ..errors import SparringError, did_you_mean
from . import dcgan

# (size_px, channels, width, latent) -> (generator, discriminator)
FAMILIES: dict[str, Callable[[int, int, int, int], tuple[nn.Module, nn.Module]]] = {
    "dcgan": dcgan.build,
}


def build(family: str, size_px: int, channels: int, width: int, latent: int) -> tuple[nn.Module, nn.Module]:
    """Returns a freshly initialised pair (G, D) of a family; draws from torch's global random state.

    Raises:
        SparringError: an unknown family, or a size that the family does not make.
    """
    if family not in FAMILIES:
        raise SparringError(f"There is no network {family!r}.", did_you_mean(family, FAMILIES))
    return FAMILIES[family](size_px, channels, width, latent)
