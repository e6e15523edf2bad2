"""Facts of a training that ran, from a History: no torch, and nothing but numbers."""

from __future__ import annotations

from .facts import FACTS, NAMED, BadNumber, Rewinds, Track, facts_of
from .losses import Losses, losses_of
from .quality import Quality, Sheet, facts_of_quality

__all__ = [
    "FACTS",
    "NAMED",
    "BadNumber",
    "Losses",
    "Quality",
    "Rewinds",
    "Sheet",
    "Track",
    "facts_of",
    "facts_of_quality",
    "losses_of",
]
