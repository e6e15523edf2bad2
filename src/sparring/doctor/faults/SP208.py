"""SP208: batch-norm-tiny-batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, LATENT, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """Batch norm, and fewer than 8 pictures."""
    return [
        Case("a batch of 2", _two),
        Case("a last batch of 1", _last),
        Case("batch norm of vectors, in a class of its own, and a batch of 4", _vectors),
        Case("Keras: a batch of 4", _keras),
    ]


def good() -> list[Case]:
    """Small batches with other norms; batch norm with batches that are large enough."""
    return [
        Case("a batch of 4 and group norm", _group),
        Case("a batch of 1 and instance norm", _instance),
        Case("a batch of 16, and 2 in the last", _enough),
        Case("Keras: a batch of 16", _keras_enough),
    ]


def _two(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "batch": 2, **HERE}


def _last(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "batch": 16, "last_batch": 1, **HERE}


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(LATENT, 32), nn.BatchNorm1d(32), nn.Linear(32, 768)

    def forward(self, z: Tensor) -> Tensor:
        return self.last(self.norm(self.first(z)).relu()).tanh().view(-1, 3, 16, 16)


def _vectors(folder: Path) -> dict[str, Any]:
    return {"generator": Dense(), "discriminator": discriminator(), "batch": 4, **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "batch": 4, **HERE}


def _normed_by(norm: type[nn.Module], *arguments: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(LATENT, 128), nn.Unflatten(1, (8, 4, 4)), nn.ReLU(), nn.ConvTranspose2d(8, 8, 4, 2, 1),
        norm(*arguments), nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip


def _group(folder: Path) -> dict[str, Any]:
    return {"generator": _normed_by(nn.GroupNorm, 2, 8), "discriminator": discriminator(), "batch": 4, **HERE}


def _instance(folder: Path) -> dict[str, Any]:
    return {"generator": _normed_by(nn.InstanceNorm2d, 8), "discriminator": discriminator(), "batch": 1, **HERE}


def _enough(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "batch": 16, "last_batch": 2, **HERE}


def _keras_enough(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "batch": 16, **HERE}
