"""SP604: condition-ignored-by-generator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sparring.doctor.faults import Case
from sparring.doctor.faults._quality import evaluated, ramp


def bad() -> list[Case]:
    """Pictures do not follow what was asked for."""
    return [
        Case("labels were shuffled: at chance, though pictures change with them", _shuffled, "history"),
        Case("the condition does not reach G", _cut, "history"),
        Case("texts, at chance among 50", _texts, "history"),
        Case("labels of other pictures: the reals are at chance, early", _other_labels, "history"),
    ]


def good() -> list[Case]:
    """Generators that listen, if late or little."""
    return [
        Case("late", _late, "history"),
        Case("a third of what reals reach", _little, "history"),
        Case("a judge that cannot tell classes of reals", _blind, "history"),
        Case("texts, at twice chance", _texts_little, "history"),
        Case("two classes that a weak judge hardly tells apart", _alike, "history"),
    ]


def _shuffled(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, obedience=0.1, condition_effect=3.0)


def _cut(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, obedience=0.12, condition_effect=0.0)


def _texts(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, obedience=0.021, obedience_reals=0.21, obedience_chance=0.02)


def _other_labels(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, obedience=0.1, obedience_reals=0.105, n=5, every=250)


def _alike(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, obedience=0.53, obedience_reals=0.55, obedience_chance=0.5)


def _late(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, obedience=np.maximum(0.1, ramp(0.04, 0.7)), condition_effect=ramp(0.2, 1.0))


def _little(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, obedience=0.3)


def _blind(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, obedience=0.1, obedience_reals=0.2)


def _texts_little(folder: Path) -> dict[str, Any]:
    return evaluated(told=True, obedience=0.045, obedience_reals=0.21, obedience_chance=0.02)
