"""What was read -> the chapters of a page as plain data: of a run, of several, of somebody's log."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from ..findings import SEVERITIES, Report
from ..history import History
from . import wording
from .figures import COLOURS, Figure, figures, present
from .marks import mark_of, marks_of
from .overlaid import differing, overlaid
from .reading import Recorded, Seen
from .reals import contact_sheet
from .sheets import MOST_BYTES, Sheet, as_sheet, chosen, encoded, nearest

_CONTACT_BYTES = 150_000
_OF_DATA, _BEFORE = "SP3", ("SP1", "SP2")
Page = tuple[dict[str, Any], list[Figure]]
Sheets = tuple[list[Sheet], list[str]]  # and names of files that are no pictures
Reals = tuple[Sheet | None, list[str]]  # and what the data set says of itself


def encoded_samples(run: Recorded) -> Sheets:
    """Some of a run's sheets, so small that they may stand in a page."""
    steps = [step for step, _ in run.sheets]
    wanted = set(chosen(steps, None if run.best is None else run.best.step))
    return encoded([(step, file) for step, file in run.sheets if step in wanted])


def encoded_reals(run: Recorded) -> Reals:
    """Some of the training pictures, likewise."""
    found = contact_sheet(run.settings.get("data") or {})
    return (None, []) if found is None else (as_sheet(found[0], _CONTACT_BYTES), found[1])


def of_run(
    run: Recorded,
    samples: Callable[[Recorded], Sheets] = encoded_samples,
    reals: Callable[[Recorded], Reals] = encoded_reals,
) -> Page:
    """The page of one run, and its figures.

    Args:
        run: as it was read.
        samples: gives the sheets that stand on it.
        reals: gives the training pictures.
    """
    unit = "step"
    rest = [seen for seen in run.findings if not seen.finding.code.startswith(_OF_DATA)]
    panels = present(run.history, run.evaluations)
    made = figures(run.history, run.evaluations, run.best, marks_of(rest, panels), unit)
    found, broken = samples(run)
    sheets = [_sheet_told(run, each) for each in found]
    notes = [f"No pictures, and not shown: {', '.join(broken)}."] if broken else []
    page = _empty(run.name, "A training of a GAN", wording.verdict(run)) | {
        "facts": wording.facts(run),
        "data": _data(run, *reals(run)),
        "best": _best(run),
        "sheets": sheets,
        "samples_told": _samples_told(run),
        "jumps": _jumps(run, sheets),
        "parts": [_part("How it went", made, rest, panels, unit)],
        "recipe": _recipe(run),
        "commands": _commands(run),
        "notes": [*run.notes, *notes],
    }
    if not run.findings:
        page["parts"][0]["silent"] = "The log tells of no findings, which is no proof of health."
    return page, made


def of_runs(runs: Sequence[Recorded]) -> Page:
    """The page of several runs side by side, and its figures."""
    named = _named(runs)
    made = overlaid(named)
    shown = []
    for place, (name, run) in enumerate(named):
        steps = [step for step, _ in run.sheets]
        wanted = {steps[-1]} if steps else set()
        if run.best is not None and steps:
            wanted.add(nearest(steps, run.best.step))
        files = [(step, file) for step, file in run.sheets if step in wanted]
        sheets, _ = encoded(files, MOST_BYTES // (2 * len(runs)) * len(files))
        told = [_sheet_told(run, each, name) for each in sheets]
        shown.append(
            {"name": name, "colour": COLOURS[place % len(COLOURS)], "verdict": wording.verdict(run), "sheets": told}
        )
    page = _empty(wording.listed([name for name, _ in named]), "Runs side by side", _ranking(named)) | {
        "runs": shown,
        "differences": differing(named),
        "parts": [_part("How they went", made, (), (), "step")],
        "notes": [f"{name}: {note}" for name, run in named for note in run.notes],
    }
    return page, made


def of_log(name: str, histories: Sequence[History], reports: Sequence[Report], stories: Sequence[str]) -> Page:
    """The page of somebody's log, and its figures.

    Args:
        name: of the log.
        histories: the trainings that it tells of.
        reports: what the doctor made of each.
        stories: the same in order of time.
    """
    parts, every = [], []
    for place, (history, report, story) in enumerate(zip(histories, reports, stories, strict=True), 1):
        unit = str(history.facts.get("steps_are", "step")).removesuffix("s")
        unit = unit if history.steps_known else "row"
        seen = [Seen(finding) for finding in report.findings]
        panels = present(history)
        made = figures(history, marks=marks_of(seen, panels), unit=unit)
        if len(histories) > 1:
            made = [dataclasses.replace(figure, name=f"run{place}-{figure.name}") for figure in made]
        title = "What happened" if len(histories) == 1 else f"Run {place}: what happened"
        parts.append(_part(title, made, seen, panels, unit, f"run{place}-" if len(histories) > 1 else ""))
        parts[-1]["story"] = wording.paragraphs(story)
        every += made
    codes = [finding for report in reports for finding in report.findings]
    counts = wording.counted(codes)
    many = "" if len(histories) == 1 else f"It tells of {len(histories):,} runs; "
    verdict = f"{many}the doctor found {counts} in it." if counts else f"{many}the doctor found nothing in its numbers."
    page = _empty(name, "The log of a training", verdict[:1].upper() + verdict[1:])
    return page | {"parts": parts}, every


def _empty(title: str, kind: str, verdict: str) -> dict[str, Any]:
    """A page with no chapter yet."""
    nothing: dict[str, Any] = dict.fromkeys(("data", "best", "recipe"))
    lists: dict[str, Any] = {
        name: [] for name in ("facts", "sheets", "jumps", "runs", "differences", "parts", "commands", "notes")
    }
    return nothing | lists | {"title": title, "kind": kind, "verdict": verdict, "samples_told": ""}


def _part(
    title: str,
    made: Sequence[Figure],
    findings: Sequence[Seen],
    panels: Sequence[str],
    unit: str,
    before: str = "",
) -> dict[str, Any]:
    """Figures, each with the cards of the findings that are marked on it, and what is of no step."""
    cards: dict[str, list[dict[str, Any]]] = {}
    early, loose = [], []
    for place, seen in enumerate(_by_gravity(findings)):
        mark = mark_of(seen, panels)
        card = _card(seen, unit, f"{before}finding-{place}")
        if mark is not None:
            cards.setdefault(before + mark.panel, []).append(card)
        elif seen.finding.code.startswith(_BEFORE):
            early.append(card)
        else:
            loose.append(card)
    drawn = [
        {"name": each.name, "title": each.title, "told": each.told, "alt": each.alt, "cards": cards.get(each.name, [])}
        for each in made
    ]
    return {"title": title, "figures": drawn, "early": early, "loose": loose, "story": [], "silent": ""}


def _by_gravity(findings: Sequence[Seen]) -> list[Seen]:
    known = {name: place for place, name in enumerate(SEVERITIES)}
    return sorted(findings, key=lambda seen: (known.get(seen.finding.severity, 9), seen.finding.code))


def _card(seen: Seen, unit: str, name: str) -> dict[str, Any]:
    finding = seen.finding
    return {
        "id": name, "code": finding.code, "name": finding.name, "confidence": finding.confidence,
        "severity": finding.severity if finding.severity in SEVERITIES else "info", "where": finding.where,
        "when": wording.when(seen, unit), "message": finding.message, "undecided": finding.undecided,
        "remedies": wording.remedies(finding), "evidence": wording.evidence(finding),
    }  # fmt: skip


def _data(run: Recorded, sheet: Sheet | None, notes: list[str]) -> dict[str, Any]:
    own = [seen for seen in run.findings if seen.finding.code.startswith(_OF_DATA)]
    return {
        "told": wording.trained_on(run),
        "sheet": None if sheet is None else vars(sheet),
        "alt": "Some of the pictures it was trained on, as training sees them.",
        "notes": notes,
        "left_out": wording.grouped(run.left_out),
        "n_left_out": len(run.left_out),
        "findings": [_card(seen, "step", f"data-finding-{i}") for i, seen in enumerate(_by_gravity(own))],
    }


def _best(run: Recorded) -> dict[str, Any] | None:
    if run.best is None:
        return None
    v = run.best.values
    told = [("At step", f"{run.best.step:,}"), ("Better is", str(v["better"]))]
    if isinstance(v.get("floor"), int | float):
        told.append(("Floor: other reals", f"{v['floor']:.3g}"))
    names = ("coverage", "precision", "recall", "obedience")
    told += [(name.capitalize(), f"{v[name]:.0%}") for name in names if isinstance(v.get(name), int | float)]
    n_fake, n_real = v.get("n_fake"), v.get("n_real")
    of = (
        f"{n_fake:,} new pictures against {n_real:,} held-out ones"
        if type(n_fake) is type(n_real) is int
        else "new pictures"
    )
    return {
        "metric": v["metric"],
        "value": f"{v['value']:.4g}",
        "noise": f"{1.96 * v['noise']:.2g}",
        "facts": told,
        "told": f"Measured on {of}, as {v['features'] or 'its features'} sees them. The floor is what real pictures "
        "reach that the run never saw: nothing can be better but by chance.",
    }


def _sheet_told(run: Recorded, sheet: Sheet, name: str = "") -> dict[str, Any]:
    best = None if run.best is None else run.best.step
    steps = [step for step, _ in run.sheets]
    label = f"Step {sheet.step:,}"
    if best is not None and sheet.step == nearest(steps, best):
        label += ", the best" if best == sheet.step else f", the sheet nearest to the best (step {best:,})"
    if sheet.step == steps[-1]:
        label += ", the last"
    alt = f"Sheet of generated pictures{' of ' + name if name else ''} at step {sheet.step:,}"
    return vars(sheet) | {"label": label, "alt": alt}


def _samples_told(run: Recorded) -> str:
    total = len(run.sheets)
    same = "every sheet is painted from the same random numbers, so that they can be compared"
    told = f"{total:,} sheet{'s' if total != 1 else ''} in the run's folder; {same}."
    return told[:1].upper() + told[1:]


def _jumps(run: Recorded, sheets: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    if not sheets:
        return []
    steps = [sheet["step"] for sheet in sheets]
    best = [("best", steps.index(nearest(steps, run.best.step)))] if run.best is not None else []
    return [("first", 0), *best, ("last", len(steps) - 1)]


def _recipe(run: Recorded) -> dict[str, Any]:
    rows = wording.numbers(run.settings)
    decided = run.settings.get("decided") or {}
    evaluation = decided.get("evaluation") or {}
    told = []
    if "precision" in decided:
        told.append(f"precision {decided['precision']} ({decided.get('precision_why', 'asked for')})")
    if "threads" in decided:
        told.append(f"{wording.threads(decided)} on {decided.get('device', '?')}")
    if evaluation:
        told.append(f"an evaluation every {evaluation.get('every_images', 0):,} real pictures")
    return {
        "name": str((run.settings.get("recipe") or {}).get("name", "own")),
        "changed": [dataclasses.asdict(row) for row in rows if row.changed],
        "all": [dataclasses.asdict(row) for row in rows],
        "decided": f"Decided at the first start: {', '.join(told)}." if told else "",
    }


def _commands(run: Recorded) -> list[tuple[str, str]]:
    versions = f"sparring {run.settings.get('sparring', '?')}" + (f" and torch {run.torch}" if run.torch else "")
    again = wording.command(run, max(1, run.step), pinned=True)
    told = []
    if again:
        told.append((f"To make the same again (on a CPU bit for bit, with {versions}):", again))
        beside = []
        if (run.settings.get("condition") or {}).get("kind"):
            beside.append("--condition-from, where the conditions do not lie with the pictures")
        if (run.settings.get("data") or {}).get("kind") in ("emoji", "fashion-mnist"):
            beside.append("--path, where they are not in their usual place")
        told += [(f"Add {' and '.join(beside)}.", "")] if beside else []
    else:
        told.append(("Data or networks came from Python: the program that called sparring.train makes it again.", ""))
    on = wording.command(run, 2 * max(1, run.step), pinned=False)
    name = wording.quoted(run.name)
    if on:
        told.append(("To go on where it stands, in the folder above the run's, with more steps:", f"{on} --out {name}"))
    told.append(("New pictures, of the best step:", f"sparring sample {name} -n 64 -o grid.png"))
    return told


def _named(runs: Sequence[Recorded]) -> list[tuple[str, Recorded]]:
    """Every run by a name of its own: folders may be called the same."""
    named: list[tuple[str, Recorded]] = []
    for run in runs:
        taken = [name for name, _ in named]
        place = next(i for i in range(1, len(runs) + 1) if (run.name if i == 1 else f"{run.name} ({i})") not in taken)
        named.append((run.name if place == 1 else f"{run.name} ({place})", run))
    return named


def _ranking(named: Sequence[tuple[str, Recorded]]) -> str:
    """Which run got furthest, where that can be said."""
    bests = [(name, run.best) for name, run in named if run.best is not None]
    if len(bests) < len(named):
        return "Not all of them were measured, so the samples must tell which is better."
    kinds = {(best.values["metric"], best.values["features"], best.values["better"]) for _, best in bests}
    data = {str((run.settings.get("data") or {}).get("fingerprint")) for _, run in named}
    if len(kinds) > 1 or len(data) > 1:
        return "They were measured by different figures or on different pictures, so their values cannot be compared."
    metric, _, better = kinds.pop()
    ranked = sorted(bests, key=lambda each: each[1].values["value"] * (1 if better == "lower" else -1))
    told = ", then ".join(f"{name} ({best.values['value']:.3g} at step {best.step:,})" for name, best in ranked)
    (_, first), (_, second) = ranked[:2]
    apart = abs(first.values["value"] - second.values["value"])
    noise = 1.96 * (first.values["noise"] ** 2 + second.values["noise"] ** 2) ** 0.5
    sure = "" if apart > noise else " The first two are no further apart than the noise of measuring."
    return f"By {metric} ({better} is better): {told}.{sure}"
