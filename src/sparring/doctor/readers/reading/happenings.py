"""Lines that tell of something that happened: tracebacks, checkpoints loaded, NaN found."""

from __future__ import annotations

import re

_TOLD = re.compile(
    r"(?P<nan>(?i:nan (?:detected|found|loss|in )|loss is nan|non-?finite|encountered nan))|"
    r"(?P<load>(?i:(?:loading|loaded|load|restor(?:e|ed|ing)|resum(?:e|ed|ing))\b[^\n]{0,80}?"
    r"(?:checkpoint|weights|ckpt|snapshot|pretrained|\.pth?\b|\.pkl|\.h5|\.ckpt|from step|from epoch|training from)|"
    r"continuing from loaded|resuming from|load(?:ing)? the network from))|"
    r"(?P<restart>^=++ Training Loss \()|"
    r"(?P<killed>(?i:keyboardinterrupt|out of memory|segmentation fault|\bkilled\b|slurmstepd))"
)
_ERROR = re.compile(r"^(?:[A-Za-z_][\w.]{0,80}(?:Error|Exception|Interrupt|Exit|Warning|Stop)\b|[A-Za-z_][\w.]{2,80}:)")
_WORDS = {"nan": "NaN reported", "load": "checkpoint loaded", "restart": "started again", "killed": "stopped"}


class Happenings:
    """Looks for events in the lines that hold no record."""

    def __init__(self) -> None:
        self._in_traceback = 0  # lines read of one

    def of(self, text: str) -> tuple[str, bool]:
        """Returns (what happened, "" for nothing, whether the line belongs to a traceback)."""
        if "Traceback (most recent call last)" in text:
            self._in_traceback = 1
            return "", True
        if self._in_traceback:
            return self._traced(text)
        found = _TOLD.search(text[:400])
        if found is None or found.lastgroup is None:
            return "", False
        return f"{_WORDS[found.lastgroup]}: {text.strip()[:120]}", False

    def _traced(self, text: str) -> tuple[str, bool]:
        self._in_traceback += 1
        if text[:1].isspace() and self._in_traceback < 400:
            return "", True
        self._in_traceback = 0
        if _ERROR.match(text) or text.strip():
            return f"traceback: {text.strip()[:160]}", True
        return "", True
