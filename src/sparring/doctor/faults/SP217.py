"""SP217: saturating-generator-loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """G minimises log(1 - D)."""
    return [
        Case("minimax on logits", _logits),
        Case("minimax on probabilities", _probabilities, also=("SP204",)),
        Case("Keras: minimax on logits", _keras),
    ]


def good() -> list[Case]:
    """G maximises log D, or something else."""
    return [
        Case("the non-saturating loss", _non_saturating),
        Case("least squares", _least_squares),
        Case("Keras: the non-saturating loss", _keras_non_saturating),
    ]


def _logits(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "loss": "minimax", **HERE}


def _probabilities(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(nn.Sigmoid()), "loss": "minimax", **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "loss": "saturating", **HERE}


def _non_saturating(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "loss": "non-saturating", **HERE}


def _least_squares(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(nn.Sigmoid()), "loss": "least-squares", **HERE}


def _keras_non_saturating(folder: Path) -> dict[str, Any]:
    pair = {"generator": keras_generator(), "discriminator": keras_discriminator()}
    return {**pair, "loss": "non-saturating", **HERE}
