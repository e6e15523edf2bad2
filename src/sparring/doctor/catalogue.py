"""The doctor's catalogue: rules are pure functions of facts, one file each; here is how they are made and run.

A rule names the facts that it needs as its arguments. Where one is missing it is not run, and listed as skipped.
"""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ..errors import SparringError, did_you_mean
from ..findings import CONFIDENCES, PAGES, SEVERITIES, Finding, Remedy, Report

HEADINGS = ("Measures", "Why it hurts", "When it is wrong", "What to do")


@dataclass(frozen=True)
class Evidence:
    """What a rule saw.

    Attributes:
        message: what was found, in a sentence or two, with the numbers that matter.
        numbers: the numbers it rests on, by name.
        where: network and layer, file or signal.
        severity: in place of the rule's own; "" for that.
        confidence: likewise.
        remedies: in place of the rule's own; () for those.
        undecided: what the numbers cannot tell, and the one check that would decide; "" where nothing is open.
    """

    message: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    where: str = ""
    severity: str = ""
    confidence: str = ""
    remedies: tuple[Remedy, ...] = ()
    undecided: str = ""


@dataclass(frozen=True)
class NotJudged:
    """What a rule returns where the facts are there but cannot be judged: why."""

    why: str


Verdict = Evidence | list[Evidence] | NotJudged | None
Judge = Callable[..., Verdict]


@dataclass(frozen=True)
class Rule:
    """One row of the catalogue.

    Attributes:
        code: SP and three digits; an interface, never changed.
        name: of the fault, never of the cure.
        needs: names of the facts it is given, in the order of its arguments.
        severity: one of `findings.SEVERITIES`.
        confidence: one of `findings.CONFIDENCES`.
        remedies: what to do, the first first.
        judge: facts -> what was seen; thresholds are its keyword defaults.
    """

    code: str
    name: str
    needs: tuple[str, ...]
    severity: str
    confidence: str
    remedies: tuple[Remedy, ...]
    judge: Judge

    @property
    def title(self) -> str:
        """The first sentence of its page."""
        return (inspect.getdoc(self.judge) or "").partition("\n")[0]

    @property
    def page(self) -> str:
        """Its docstring: a sentence, and what stands under the fixed `HEADINGS`."""
        return inspect.getdoc(self.judge) or ""

    @property
    def thresholds(self) -> dict[str, Any]:
        """The numbers it judges by: its keyword defaults."""
        parameters = inspect.signature(self.judge).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


_FOUND: dict[str, Rule] = {}


def rule(
    code: str,
    name: str,
    *,
    needs: Sequence[str],
    severity: str,
    confidence: str = "certain",
    remedies: Sequence[Remedy] = (),
) -> Callable[[Judge], Judge]:
    """Enters a function into the catalogue; see `Rule` for the arguments."""
    assert severity in SEVERITIES, code
    assert confidence in CONFIDENCES, code
    assert code not in _FOUND, f"{code} is there twice"

    def enter(judge: Judge) -> Judge:
        _FOUND[code] = Rule(code, name, tuple(needs), severity, confidence, tuple(remedies), judge)
        return judge

    return enter


@cache
def rules() -> dict[str, Rule]:
    """All rules by code, in the order of codes; imports their files, none of which imports torch."""
    package = importlib.import_module(".rules", __package__)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    return dict(sorted(_FOUND.items()))


def rule_named(word: str) -> Rule:
    """A rule by its code or its name, in any case. Raises SparringError with the near one."""
    known = rules()
    for found in known.values():
        if word.upper() == found.code or word.lower() == found.name:
            return found
    near = [*known, *(found.name for found in known.values())]
    raise SparringError(f"There is no rule {word!r}.", did_you_mean(word, near), "see `sparring rules`.")


def judge(facts: Mapping[str, Any], among: Iterable[str] | None = None, notes: Iterable[str] = ()) -> Report:
    """Runs every rule whose facts are there.

    Args:
        facts: by name; see `facts.py`. A fact that is None is missing.
        among: codes, or beginnings of codes ("SP1"), of the rules to run; all by default.
        notes: handed on to the report.
    """
    chosen = tuple(among) if among is not None else ("SP",)
    findings: list[Finding] = []
    skipped: dict[str, list[str]] = {}
    judged: list[str] = []
    for each in rules().values():
        if not each.code.startswith(chosen):
            continue
        missing = [name for name in each.needs if facts.get(name) is None]
        if missing:
            skipped[each.code] = missing
            continue
        verdict = each.judge(*(facts[name] for name in each.needs))
        if isinstance(verdict, NotJudged):
            skipped[each.code] = [verdict.why]
            continue
        judged.append(each.code)
        seen = verdict if isinstance(verdict, list) else [verdict] if verdict is not None else []
        findings += [finding_of(each, evidence) for evidence in seen]
    findings.sort(key=lambda finding: (SEVERITIES.index(finding.severity), finding.code))
    return Report(tuple(findings), skipped, tuple(judged), tuple(notes))


def finding_of(found: Rule, evidence: Evidence) -> Finding:
    """What a rule saw, as a finding."""
    return Finding(
        found.code,
        found.name,
        evidence.severity or found.severity,
        evidence.confidence or found.confidence,
        evidence.message,
        {name: float(number) for name, number in evidence.numbers.items() if math.isfinite(number)},
        evidence.where,
        evidence.remedies or found.remedies,
        f"{PAGES}{found.code}.md",
        evidence.undecided,
    )
