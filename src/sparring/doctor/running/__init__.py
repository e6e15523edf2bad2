"""Facts of a training that ran, from a History: no torch, and nothing but numbers."""

from __future__ import annotations

from .facts import FACTS, NAMED, BadNumber, Rewinds, Track, facts_of
from .losses import Losses, losses_of

__all__ = ["FACTS", "NAMED", "BadNumber", "Losses", "Rewinds", "Track", "facts_of", "losses_of"]
