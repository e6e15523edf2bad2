"""SP605: condition-ignored-by-discriminator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._quality import evaluated


def bad() -> list[Case]:
    """D judges the picture alone."""
    return [
        Case("at chance on all reals", _chance, "history"),
        Case("slightly wrong, every 1,000 steps", _wrong, "history"),
    ]


def good() -> list[Case]:
    """D minds conditions, late or only where it knows the picture."""
    return [
        Case("from the middle on", _late, "history"),
        Case("on training pictures alone", _known, "history"),
    ]


def _chance(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, d_condition_auc=0.5, d_condition_auc_train=0.51)


def _wrong(folder: Path) -> dict[str, Any]:
    return evaluated(n=6, every=1000, told=True, d_condition_auc=0.47, d_condition_auc_train=0.5)


def _late(folder: Path) -> dict[str, Any]:
    return evaluated(
        told=True, d_condition_auc=np.linspace(0.5, 0.8, 10), d_condition_auc_train=np.linspace(0.5, 0.8, 10)
    )


def _known(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, d_condition_auc=0.5, d_condition_auc_train=0.8)
