"""How things show themselves in a notebook: HTML that stands alone, without scripts, in light and dark.

Everything is text until it is escaped here, in one place. Pictures are bounded, since a notebook keeps them.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from .findings import Finding, Report
    from .sampler import Sampler
    from .session import Run

MOST_BYTES = 300_000  # of a picture, before base64
_LARGEST_PX = 640  # of its longer side
_USUAL_PX = 420
_MOST_FINDINGS = 30
_SHOWN = 16  # pictures of a generator
_MOST_LETTERS = 2_000  # of one text
# No colour of paper or ink: the notebook's own stand, in light and in dark. These can be read on either.
_TONES = {"error": "#d64545", "warning": "#b07d12", "info": "#4a86c8"}
_BOX = "font: 14px/1.45 system-ui, sans-serif; max-width: 54rem; overflow-wrap: anywhere"
_ROWS = "display: grid; grid-template-columns: max-content 1fr; gap: 0 1em; margin: .3em 0 .6em 0"
_FINDING = "padding: .1em 0 .1em .8em; margin: .6em 0; border-left: 4px solid"


def text(tag: str, words: object, style: str = "") -> str:
    """An element with words in it, escaped."""
    told = str(words)
    told = told if len(told) <= _MOST_LETTERS else f"{told[:_MOST_LETTERS]}..."
    begin = f'{tag} style="{style}"' if style else tag
    return f"<{begin}>{escape(told)}</{tag}>"


def box(*parts: str) -> str:
    """Elements as one."""
    return f'<div style="{_BOX}">{"".join(parts)}</div>'


def facts(rows: Mapping[str, object]) -> str:
    """Names and what they are, line by line; what is None is left out."""
    # No table: notebooks give those stripes and colours of their own.
    told = (
        f"{text('span', name, 'opacity: .75')}{text('span', value)}"
        for name, value in rows.items()
        if value is not None
    )
    return f'<div style="{_ROWS}">{"".join(told)}</div>'


def picture(image: Image, words: str) -> str:
    """A picture, small enough to be kept; what is transparent lies on gray, which shows black and white.

    Args:
        image: of any size.
        words: what is to be read in its place.
    """
    from PIL.Image import Resampling

    image = image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB")
    if max(image.size) > _LARGEST_PX:
        part = _LARGEST_PX / max(image.size)
        size = max(1, round(image.width * part)), max(1, round(image.height * part))
        image = image.resize(size, Resampling.LANCZOS)
    out, quality = io.BytesIO(), 90
    image.save(out, "WEBP", lossless=True, quality=0, method=0)
    while out.tell() > MOST_BYTES and quality > 10:
        out, quality = io.BytesIO(), quality - 20
        image.save(out, "WEBP", quality=quality, method=2)
    times = max(1, _USUAL_PX // max(image.size))  # small ones are shown larger
    uri = f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"
    return (
        f'<img src="{uri}" alt="{escape(words, quote=True)}" width="{times * image.width}" '
        f'height="{times * image.height}" '
        'style="background: #c9cdd2; max-width: 100%; height: auto; image-rendering: pixelated; margin: 0">'
    )


def findings(found: Iterable[Finding]) -> str:
    """Findings of the doctor: what each is, what it rests on, what to do."""
    found = list(found)
    more = len(found) - _MOST_FINDINGS
    return "".join(map(_finding, found[:_MOST_FINDINGS])) + (text("p", f"and {more:,} more") if more > 0 else "")


def _finding(finding: Finding) -> str:
    tone = _TONES.get(finding.severity, _TONES["info"])
    head = text("b", f"{finding.severity} {finding.code} {finding.name}", f"color: {tone}")
    where = f" in {finding.where}" if finding.where else ""
    parts = [f"<div>{head}{text('span', f'{where} ({finding.confidence})', 'opacity: .75')}</div>"]
    parts.append(text("div", finding.message))
    if finding.evidence:
        told = ", ".join(f"{name} {_number(value)}" for name, value in finding.evidence.items())
        parts.append(text("div", told, "opacity: .75; font-size: 13px"))
    if finding.undecided:
        parts.append(text("div", f"Open: {finding.undecided}"))
    remedies = "".join(text("li", f"{each.text}{_change(each.change)}") for each in finding.remedies)
    parts.append(f'<ul style="margin: .2em 0 0 0; padding-left: 1.4em">{remedies}</ul>' if remedies else "")
    return f'<div style="{_FINDING} {tone}">{"".join(parts)}</div>'


def _change(change: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{name} = {value}' for name, value in change.items())})" if change else ""


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)


def report_html(report: Report) -> str:
    """What a judge found, and what it could not look at: silence must never look like health."""
    n = len(report.findings)
    verdict = f"{n:,} finding{'s' if n > 1 else ''}" if n else "Nothing was found"
    parts = [text("div", f"{verdict}; {len(report.judged):,} rules looked.", "font-weight: 600")]
    parts.append(findings(report.findings))
    if report.skipped:
        told = "; ".join(f"{code}: {', '.join(map(str, why))}" for code, why in report.skipped.items())
        parts.append(
            f'<details style="margin: .4em 0">{text("summary", f"{len(report.skipped):,} rules could not look")}'
            f"{text('div', told, 'opacity: .75; font-size: 13px')}</details>"
        )
    return box(*parts, *(text("p", note, "opacity: .75; margin: .3em 0") for note in report.notes[:10]))


def run_html(run: Run, newest: Image | None) -> str:
    """How a run went, its newest sheet of samples where there is one, and what the doctor told of it."""
    best = run.best
    value = None
    if best is not None:
        floor = "" if best.get("floor") is None else f", floor {best['floor']:.4g}"
        value = f"{best['metric']} {best['value']:.4g} ± {1.96 * best['noise']:.2g}{floor}, at step {best['step']:,}"
    report = run.path / "report.html"
    rows = {
        "steps": f"{run.step:,}", "real pictures seen": f"{run.images:,}",
        "ended": "its budget is spent" if run.ended == "budget" else run.ended,
        "best": value or "nothing was evaluated", "report": report if report.exists() else None,
    }  # fmt: skip
    sheet = "" if newest is None else picture(newest, f"samples of step {run.step:,}")
    told = findings(each for each in run.findings if each.severity != "info")
    return box(text("div", f"Run {run.path}", "font-weight: 600"), facts(rows), sheet, told)


def sampler_html(sampler: Sampler) -> str:
    """A trained generator, and some of its pictures."""
    channels = {1: "gray", 3: "RGB", 4: "RGB with alpha"}.get(sampler.channels, f"{sampler.channels} channels")
    told = None if sampler.shape is None else sampler.shape.kind
    rows = {
        "step": f"{sampler.step:,}", "pictures": f"{sampler.size_px} px, {channels}", "told by": told,
        "more": "sampler.sample(n, seed) gives arrays, sampler.sheet(n, seed) a picture",
    }  # fmt: skip
    name = f"Generator of {sampler.path}" if sampler.path is not None else "Generator"
    shown = picture(sampler.sheet(_SHOWN), f"{_SHOWN} samples of seed 0")
    return box(text("div", name, "font-weight: 600"), facts(rows), shown)
