"""SP606: discriminator-overfit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._quality import evaluated


def bad() -> list[Case]:
    """D knows its pictures by heart, and quality suffers."""
    return [
        Case("held-out reals look like fakes", _fakes, "history", also=("SP608",)),
        Case("a critic without a boundary", _critic, "history", also=("SP608",)),
    ]


def good() -> list[Case]:
    """A gap that costs nothing, and none."""
    return [
        Case("a small gap", _small, "history"),
        Case("a large gap in a run of unhurt quality", _unhurt, "history"),
        Case("D tells nothing apart", _level, "history"),
    ]


def _fakes(folder: Path) -> dict[str, Any]:
    return evaluated(
        d_train=3.0,
        d_held=[2.8, 2.0, 1.0, 0.0, -1.0, -2.0, -2.5, -2.8, -3.0, -3.0],
        d_fake=-3.0,
        d_sign_train=0.9,
        value=[2.0, 1.2, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0],
    )


def _critic(folder: Path) -> dict[str, Any]:
    return evaluated(
        d_train=40.0,
        d_held=np.linspace(40, -10, 10),
        d_fake=-20.0,
        d_sign_train=float("nan"),
        value=[2.0, 1.2, 0.6, 0.7, 0.9, 1.0, 1.2, 1.4, 1.5, 1.6],
    )


def _small(folder: Path) -> dict[str, Any]:
    return evaluated(d_train=1.0, d_held=0.6, d_fake=-1.0, d_sign_train=0.8)


def _unhurt(folder: Path) -> dict[str, Any]:
    return evaluated(d_train=3.0, d_held=-2.5, d_fake=-3.0, d_sign_train=0.95)


def _level(folder: Path) -> dict[str, Any]:
    return evaluated(d_train=0.011, d_held=0.001, d_fake=0.0, d_sign_train=0.05)
