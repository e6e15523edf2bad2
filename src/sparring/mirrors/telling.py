"""What an event says, in the words of programs that show trainings: numbers by tags, texts, the recipe as a table."""

from __future__ import annotations

import math
from typing import Any

from ..events import LAST_EVALUATION, Event
from ..findings import Finding
from ..reporting.naming import names_only

# Tags are GROUP/SIGNAL. A group is the first of these whose word stands in the signal's name.
_GROUPS = (
    ("loss", "loss"), ("logit", "logits"), ("accuracy", "accuracy"), ("grad", "gradients"), ("moved", "weights"),
    ("images_per_second", "speed"), ("nonfinite", "progress"), ("epoch", "progress"),
)  # fmt: skip
_REST = "signals"
_NOT_OF_QUALITY = ("value", "noise", "floor", "seconds", "n_fake", "n_real")
_DATA = ("source", "n", "size_px", "channels", "fit", "background")
_DECIDED = ("device", "precision", "threads")


def tag(signal: str) -> str:
    """'d_grad_norm' -> 'gradients/d_grad_norm'."""
    return f"{next((group for word, group in _GROUPS if word in signal), _REST)}/{signal}"


def scalars(event: Event) -> dict[str, float]:
    """The numbers of an event by their tags; what is not finite stays so, as in the run's own curves."""
    if event.kind == "tick":
        values = event.values | {"nonfinite": sum((event.values.get("nonfinite") or {}).values())}
        # A log has no NaN: None stands for it.
        found = {tag(name): math.nan if value is None else value for name, value in values.items()}
        return {name: float(value) for name, value in found.items() if _number(value)} | {
            "progress/images": float(event.images)
        }
    if event.kind in ("evaluation", LAST_EVALUATION):
        v = event.values
        found = {name: value for name, value in v.items() if name not in _NOT_OF_QUALITY}
        found |= {str(v["metric"]): v["value"]} | {f"{v['metric']}_{name}": v.get(name) for name in ("noise", "floor")}
        return {f"quality/{name}": float(value) for name, value in found.items() if _number(value)}
    return {"quality/best_step": float(event.step)} if event.kind == "best" else {}


def said(event: Event) -> tuple[str, str] | None:
    """(tag, Markdown) of an event that is said in words: a finding, or what was asked of the run; None for others."""
    if event.kind == "finding":
        finding = Finding.from_dict(names_only(event.values))
        return f"findings/{finding.code}", _finding(finding)
    if event.kind == "applied" and event.values.get("action") in ("set", "stop"):
        changes = ", ".join(f"{name} = {value}" for name, value in (event.values.get("changes") or {}).items())
        why = event.values.get("why") or "asked"
        return "actions", names_only(f"step {event.step:,}: {event.values['action']} {changes} ({why})")
    return None


def _finding(finding: Finding) -> str:
    where = f" in {finding.where}" if finding.where else ""
    lines = [f"**{finding.severity} {finding.code} {finding.name}**{where} ({finding.confidence})", "", finding.message]
    lines += ["", *(f"{i}. {remedy.text}" for i, remedy in enumerate(finding.remedies, 1))]
    return "\n".join([*lines, *(["", finding.undecided] if finding.undecided else [])])


def config(settings: dict[str, Any]) -> dict[str, bool | int | float | str]:
    """The recipe's numbers by name, and what else decides a run; no path of this machine.

    Args:
        settings: of recipe.json.
    """
    recipe, data = settings.get("recipe") or {}, settings.get("data") or {}
    decided, told = settings.get("decided") or {}, settings.get("condition") or {}
    found = {("recipe" if name == "name" else name): value for name, value in recipe.items()}
    found |= {f"data_{name}": data.get(name) for name in _DATA} | {name: decided.get(name) for name in _DECIDED}
    found |= {"seed": settings.get("seed"), "networks": (settings.get("networks") or {}).get("family")}
    found |= {"condition": told.get("kind") or "none", "sparring": settings.get("sparring")}
    return {name: names_only(value) for name, value in found.items() if isinstance(value, bool | int | float | str)}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
