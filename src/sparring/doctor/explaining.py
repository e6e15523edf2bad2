"""What a rule is about: its page, its numbers, what it needs, and the planted fault that it must catch."""

from __future__ import annotations

from ..findings import Finding
from . import faults
from .catalogue import Rule, rule_named
from .diagnosing import OF_NETWORKS
from .facts import FACTS
from .running import FACTS as RUNNING


def explain(rule: str | Finding) -> str:
    """The page of a rule, as text in Markdown.

    Args:
        rule: a code (SP204), a name (sigmoid-with-bce), or a finding.

    Raises:
        SparringError: no such rule; the near one is offered.
    """
    return page(rule_named(rule.code if isinstance(rule, Finding) else rule))


def page(rule: Rule) -> str:
    """The page of a rule: what it is, its sections, its remedies, a program with the fault and one without."""
    title, _, sections = rule.page.partition("\n")
    parts = [f"# {rule.code} {rule.name}", title.strip(), f"*{rule.severity}, {rule.confidence}*"]
    parts.append(sections.strip())
    if rule.remedies:
        lines = []
        for remedy in rule.remedies:
            change = " ".join(f"--set {name}={value}" for name, value in remedy.change.items())
            lines.append(f"- {remedy.text}" + (f" In a recipe: `{change}`." if change else ""))
        parts.append("## Remedies\n\n" + "\n".join(lines))
    facts = "\n".join(f"- `{name}`: {(FACTS | RUNNING).get(name, '')}" for name in rule.needs)
    beside = "\n\n`sparring.Monitor` judges it too, in a loop that gives it both networks." * (rule.code in OF_NETWORKS)
    parts.append(f"## Facts it needs\n\n{facts}{beside}")
    if rule.thresholds:
        parts.append(
            "## Its numbers\n\n" + "\n".join(f"- `{name}` = {value!r}" for name, value in rule.thresholds.items())
        )
    if faults.has_faults(rule.code):
        for word, cases in (("A program with it", faults.bad(rule.code)), ("One without", faults.good(rule.code))):
            if cases:
                parts.append(f"## {word}\n\n{cases[0].name}:\n\n```py\n{faults.source(cases[0]).strip()}\n```")
    return "\n\n".join(parts) + "\n"


def listed() -> str:
    """All rules, a line each."""
    from .catalogue import rules

    return "\n".join(f"{rule.code}  {rule.severity:<8} {rule.name:<28} {rule.title}" for rule in rules().values())
