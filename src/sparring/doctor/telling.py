"""A report for people: findings first, then the map of who is updated, then what could not be judged."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..errors import SparringError
from ..findings import Finding, Report
from .catalogue import rules
from .gradient_map import Row

_STYLES = {"error": "bold red", "warning": "bold yellow", "info": "bold cyan"}
_WIDTH = 100  # of a report that goes into a file or a pipe
_STEPS = {"updated": "green", "passed": "dim", "frozen": "yellow", "no gradient": "bold red"}
_FILES = (".svg", ".html", ".txt")


def told(report: Report, rows: Iterable[Row] = (), *, verbose: bool = False) -> RenderableType:
    """All of it, to be printed by rich.

    Args:
        report: of a doctor.
        rows: of the gradient map; none for no map.
        verbose: names every rule that was skipped, and why.
    """
    parts: list[RenderableType] = [_finding(finding) for finding in report.findings]
    rows = list(rows)
    if rows:
        parts += [Text(), gradient_map(rows)]
    parts += [Text(), *(Text(note, style="dim") for note in report.notes)]
    parts.append(_summary(report, verbose))
    return Group(*parts)


def _finding(finding: Finding) -> RenderableType:
    head = Text.assemble(
        (f"{finding.severity:<8}", _STYLES[finding.severity]),
        (f"{finding.code} {finding.name}", "bold"),
        (f"  {finding.where}" if finding.where else "", "cyan"),
        ("" if finding.confidence == "certain" else f"  ({finding.confidence})", "dim"),
    )
    body = [Text(finding.message)]
    if finding.evidence:
        numbers = ", ".join(f"{name.replace('_', ' ')} {number:.4g}" for name, number in finding.evidence.items())
        body.append(Text(numbers, style="dim"))
    if finding.undecided:
        body.append(Text(finding.undecided, style="italic"))
    for i, remedy in enumerate(finding.remedies):
        change = ", ".join(f"--set {name}={value}" for name, value in remedy.change.items())
        text = remedy.text.removeprefix("Or ")
        word = "Do: " if i == 0 else "Or: "
        body.append(Text(f"{word}{text[:1].upper()}{text[1:]}" + (f" ({change})" if change else "")))
    return Group(head, Padding(Group(*body), (0, 0, 1, 8)))


def gradient_map(rows: list[Row]) -> RenderableType:
    """The map as a table."""
    table = Table(
        title="Who is updated in which step", title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    for name in ("layer", "what", "shape"):
        table.add_column(name, overflow="fold")
    table.add_column("parameters", justify="right")
    for name in ("reached by", "D's step", "G's step"):
        table.add_column(name)
    role = ""
    for row in rows:
        if row.network != role:
            role = row.network
            total = sum(other.parameters for other in rows if other.network == role)
            table.add_row(Text(role, style="bold"), "", "", Text(f"{total:,}", style="bold"), "", "", "")
        reached = "?" if row.reached_from is None else ", ".join(row.reached_from)
        wrong = Text(row.state, style="yellow" if row.state == "frozen" else "bold red")
        table.add_row(
            Text(f"  {row.layer}"),
            Text(row.what),
            row.shape,
            f"{row.parameters:,}",
            wrong if row.state in ("never called", "leads nowhere") else Text(reached),
            Text(row.d_step, style=_STEPS.get(row.d_step, "")),
            Text(row.g_step, style=_STEPS.get(row.g_step, "")),
        )
    return table


def _summary(report: Report, verbose: bool) -> Text:
    counts = {s: sum(f.severity == s for f in report.findings) for s in ("error", "warning", "info")}
    words = [f"{n} {severity}{'s' if n != 1 else ''}" for severity, n in counts.items() if n]
    text = Text(f"{', '.join(words) or 'Nothing found'}; {len(report.judged)} rules looked", style="bold")
    if not report.skipped:
        return text.append(".")
    if not verbose:
        return text.append(f", {len(report.skipped)} could not ({', '.join(report.skipped)}): --verbose says why.")
    text.append(f", {len(report.skipped)} could not:\n")
    known = rules()
    for code, missing in report.skipped.items():
        text.append(f"  {code} {known[code].name}: {'; '.join(map(_why, missing))}\n", style="not bold")
    return text


# What a missing fact means for the person who asks.
_MISSING = {
    "generator": "no generator was given",
    "discriminator": "no discriminator was given",
    "networks": "no network was given",
    "pair": "both networks are needed",
    "loss": "no discriminator was given",
    "rates": "the learning rates were not said (--recipe, or d_lr and g_lr)",
    "step": "no training step was given (--step FILE:NAME)",
    "compiled": "no compiled Keras models were given (--combined FILE:EXPR)",
    "told": "there is no condition (--condition)",
    "pictures": "no files were scanned (`sparring data`)",
    "data": "nothing is known of the data",
    "losses": "the log has no losses of both networks",
    "gradients": "the log has no gradients",
    "accuracies": "the log has no accuracies",
    "updates": "the log does not say what each step changed",
    "shocks": "the log has nothing of Adam's moments",
    "clips": "the log has nothing of clipping",
}


def _why(missing: str) -> str:
    return _MISSING.get(missing, missing)


def as_text(what: RenderableType, width: int = _WIDTH) -> str:
    """What rich prints, without colours."""
    text = io.StringIO()
    Console(file=text, width=width, force_terminal=False, color_system=None).print(what)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def check_ending(file: Path) -> None:
    """Raises SparringError for a file that no map is written into."""
    if file.suffix not in _FILES:
        raise SparringError(
            f"The map cannot be written into {file.name!r}.", f"a file that ends in {', '.join(_FILES)}"
        )


def write_map(what: RenderableType, file: Path, title: str) -> None:
    """Writes a report or a map into a .svg, .html or .txt file. Raises SparringError for another ending."""
    check_ending(file)
    console = Console(record=True, width=_WIDTH + 20, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(what)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".svg":
        console.save_svg(str(file), title=title)
    elif file.suffix == ".html":
        console.save_html(str(file))
    else:
        console.save_text(str(file))
