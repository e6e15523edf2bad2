"""What judges say and ask for: plain data, JSON both ways, no behaviour."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from .notebook import report_html

SEVERITIES = ("error", "warning", "info")  # an error stops a training; a warning is a risk; an info explains
CONFIDENCES = ("certain", "likely", "hint")
PAGES = "docs/rules/"  # where each rule's page stands


@dataclass(frozen=True)
class Action:
    """A change asked of a live trainer; applying it is itself an event of the run.

    Attributes:
        kind: "stop" (after this step), "sample" or "checkpoint" (now), "keep" (this state as the best so far), or "set"
            (change what `changes` names).
        changes: for "set": recipe field -> value, `*k` or `/k`; only what can change in mid-run: d_lr, g_lr.
        why: who asked and why, for the run's log.
    """

    kind: str
    changes: dict[str, float | str] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Remedy:
    """What to do, in words and, where that is possible, as a change to the recipe.

    Attributes:
        text: an instruction, for any code.
        change: recipe field -> value, `*k` or `/k`, so that it can be tried; empty where it is words alone.
    """

    text: str
    change: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One fault that a rule saw.

    Attributes:
        code: of the rule, such as SP101.
        name: of the fault, such as input-unreachable.
        severity: one of `SEVERITIES`.
        confidence: one of `CONFIDENCES`.
        message: what was found, in a sentence or two.
        evidence: the numbers it rests on.
        where: the network, layer, file or signal; "" for all of it.
        remedies: what to do, the first first.
        url: the page of the rule.
        undecided: what these numbers cannot tell, and the one check that would decide; "" where nothing is open.
    """

    code: str
    name: str
    severity: str
    confidence: str
    message: str
    evidence: dict[str, float] = field(default_factory=dict)
    where: str = ""
    remedies: tuple[Remedy, ...] = ()
    url: str = ""
    undecided: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data, in the order of the attributes."""
        return dataclasses.asdict(self) | {"remedies": [dataclasses.asdict(remedy) for remedy in self.remedies]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Finding:
        """What `to_dict` gave."""
        remedies = tuple(Remedy(**remedy) for remedy in data.get("remedies", ()))
        return cls(**{**data, "remedies": remedies})


@dataclass(frozen=True)
class Report:
    """What a judge found, what it looked at, and what it could not look at.

    Attributes:
        findings: errors first, then warnings, then infos; by code within.
        skipped: code -> the facts that were missing, or why it was not judged.
        judged: codes of the rules that looked.
        notes: sentences on what was guessed and understood on the way.
    """

    findings: tuple[Finding, ...] = ()
    skipped: dict[str, list[str]] = field(default_factory=dict)
    judged: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no error among the findings."""
        return not any(finding.severity == "error" for finding in self.findings)

    def _repr_html_(self) -> str:
        return report_html(self)

    @property
    def codes(self) -> list[str]:
        """The codes of the findings, in their order, each once."""
        return list(dict.fromkeys(finding.code for finding in self.findings))

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data, as `--json` prints it."""
        return {
            "ok": self.ok,
            "findings": [finding.to_dict() for finding in self.findings],
            "skipped": self.skipped,
            "judged": list(self.judged),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Report:
        """What `to_dict` gave."""
        return cls(
            tuple(map(Finding.from_dict, data["findings"])),
            dict(data.get("skipped", {})),
            tuple(data.get("judged", ())),
            tuple(data.get("notes", ())),
        )
