"""SP509: clip-saturated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._running import recorded, wobble


def bad() -> list[Case]:
    """Clipping has become the rule."""
    return [
        Case("weights at +-.01", _weights, "history"),
        Case("G's gradient, every 10th iteration", _gradient, "history"),
    ]


def good() -> list[Case]:
    """Clipping now and then."""
    return [
        Case("a third of the weights", _third, "history"),
        Case("a gradient cut in one step of five", _seldom, "history"),
    ]


def _weights(folder: Path) -> dict[str, Any]:
    share = np.clip(np.linspace(0.2, 1.1, 400) + wobble(400, 1, 0.02), 0, 1)
    return recorded(d_weights_at_clip=share)


def _gradient(folder: Path) -> dict[str, Any]:
    cut = (np.random.default_rng(2).random(400) < 0.97).astype(float)
    return recorded(every=10, g_gradient_clipped=cut)


def _third(folder: Path) -> dict[str, Any]:
    return recorded(d_weights_at_clip=0.33)


def _seldom(folder: Path) -> dict[str, Any]:
    cut = (np.random.default_rng(3).random(400) < 0.2).astype(float)
    return recorded(d_gradient_clipped=cut)
