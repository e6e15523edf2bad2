"""Findings as places on the axis of steps, each on the curves that its evidence is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..findings import Finding
from .reading import Seen

# What evidence speaks of, by the names of its numbers -> the panel on which it is marked, the first that is there.
_ABOUT = (
    ("update", "moved"),
    ("moved", "moved"),
    ("shock", "shock"),
    ("clip", "clipped"),
    ("gradient", "gradient"),
    ("grad", "gradient"),
    ("accuracy", "accuracy"),
    ("logit", "logits"),
)
_USUAL = ("loss", "terms", "quality", "gradient", "accuracy", "logits", "other")
_OF_QUALITY, _OF_RUNNING = "SP6", ("SP4", "SP5", "SP6")


@dataclass(frozen=True)
class Mark:
    """One finding on one panel.

    Attributes:
        code: of its rule.
        name: of its fault.
        severity: error, warning or info.
        first: the step from which on it is so.
        last: the step until which; equal to `first` for what happened at once.
        panel: the name of the figure that it belongs to.
    """

    code: str
    name: str
    severity: str
    first: float
    last: float
    panel: str


def mark_of(seen: Seen, panels: Collection[str]) -> Mark | None:
    """Where a finding stands; None for one that is of no step, or where no panel is there.

    Args:
        seen: the finding, and when it was told.
        panels: names of the figures that there are.
    """
    finding, evidence = seen.finding, seen.finding.evidence
    first = evidence.get("began_step", evidence.get("first_step"))
    if first is None and seen.step and finding.code.startswith(_OF_RUNNING):
        first = float(seen.step)
    panel = next((each for each in _panels_for(finding) if each in panels), None)
    if first is None or panel is None:
        return None
    return Mark(
        finding.code, finding.name, finding.severity, first, max(first, evidence.get("last_step", first)), panel
    )


def marks_of(findings: Iterable[Seen], panels: Collection[str]) -> list[Mark]:
    """All marks, by step."""
    found = [mark for mark in (mark_of(seen, panels) for seen in findings) if mark is not None]
    return sorted(found, key=lambda mark: (mark.first, mark.code))


def _panels_for(finding: Finding) -> tuple[str, ...]:
    if finding.code.startswith(_OF_QUALITY):
        return ("quality", "shares", *_USUAL)
    names = " ".join([finding.where, *finding.evidence]).lower()
    if "loss" in names:
        return _USUAL
    return (*(panel for word, panel in _ABOUT if word in names), *_USUAL)
