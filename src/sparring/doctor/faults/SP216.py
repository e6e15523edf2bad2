"""SP216: learning-rate-out-of-band."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._pairs import HERE, discriminator, generator, keras_discriminator, keras_generator


def bad() -> list[Case]:
    """Rates with a digit or a sign too many."""
    return [
        Case("D's rate is .2", _high),
        Case("G's rate is 1e-9, in a recipe", _low),
        Case("Keras: 2e4 for 2e-4", _keras),
    ]


def good() -> list[Case]:
    """Rates at which GANs are trained."""
    return [
        Case("DCGAN's", _usual),
        Case("WGAN's and a bold one", _edges),
        Case("Keras: 2e-4", _keras_usual),
    ]


def _high(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "d_lr": 0.2, "g_lr": 2e-4, **HERE}


def _low(folder: Path) -> dict[str, Any]:
    from sparring.methods import RECIPES

    recipe = RECIPES["dcgan"].but(g_lr=1e-9)
    return {"generator": generator(), "discriminator": discriminator(), "recipe": recipe, **HERE}


def _keras(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "d_lr": 2e4, "g_lr": 2e-4, **HERE}


def _usual(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "recipe": "dcgan", **HERE}


def _edges(folder: Path) -> dict[str, Any]:
    return {"generator": generator(), "discriminator": discriminator(), "d_lr": 5e-5, "g_lr": 1e-2, **HERE}


def _keras_usual(folder: Path) -> dict[str, Any]:
    return {"generator": keras_generator(), "discriminator": keras_discriminator(), "d_lr": 2e-4, "g_lr": 2e-4, **HERE}
