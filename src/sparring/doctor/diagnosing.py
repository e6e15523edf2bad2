"""What went wrong in a training, from its numbers alone: a report, and the story of it in order of time."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..findings import SEVERITIES, Finding, Report
from ..history import History
from .catalogue import judge
from .running import Losses, facts_of
from .running.families import WORDS

WIDTH, MOST_LINES = 116, 25  # of a story
# What comes first where several things are wrong: what makes other numbers meaningless; then data, numerics, clipping.
_FIRST = (
    "SP501", "SP405", "SP406", "SP407", "SP408", "SP402", "SP403", "SP401", "SP505", "SP404", "SP507", "SP502",
    "SP504", "SP506", "SP509", "SP508", "SP601", "SP607", "SP604", "SP605", "SP603", "SP602", "SP606", "SP611", "SP608",
    "SP610", "SP609", "SP409", "SP503",
)  # fmt: skip
_OF_TRAININGS = ("SP4", "SP5", "SP6")
# Rules on wiring and setup for which it is enough to see the networks while they train (`observing.seen`). They say
# what is wrong, the others what comes of it: these come first.
OF_NETWORKS = (
    "SP105", "SP104", "SP107", "SP201", "SP202", "SP205", "SP112", "SP110", "SP111", "SP216", "SP217", "SP208", "SP207",
)  # fmt: skip
# What can give such numbers, the likeliest first.
_CAUSES: dict[str, tuple[str, ...]] = {
    "SP401": (
        "something in the data gives the reals away", "a sigmoid before the logarithm",
        "a D that nothing holds back: no penalty, no spectral norm", "few pictures, learned by heart",
    ),
    "SP402": (
        "a D that is frozen (in Keras: compiled, then trainable = False)", "optimisers that are crossed or shared",
        "a gradient that is not zeroed",
    ),
    "SP403": ("layers that are cut off", "dead units", "a D that nobody updates"),
    "SP404": ("a sigmoid that is saturated", "a saturating loss", "a D that is flat far from the data"),
    "SP408": ("the fakes are labelled as fakes in G's loss", "a saturating loss, logged as it is"),
    "SP409": ("the game's own circle, undamped", "a schedule, or the order of the data"),
    "SP501": ("the logarithm of 0", "gradients without bound", "fp16"),
    "SP502": ("Adam's second moment had decayed while gradients were tiny", "a freak batch", "a rate too high"),
    "SP505": ("a sigmoid before the logarithm",),
    "SP601": ("a D too weak to tell copies from variety", "a rate of G too high", "a z that is constant, or not used"),
    "SP602": ("a D that nothing holds back", "a batch too small to hold all modes", "few pictures of those kinds"),
    "SP603": ("few pictures of a class", "a condition that outweighs z"),
    "SP604": ("labels that do not belong to their pictures", "a condition that does not reach G", "a deaf D"),
    "SP605": ("labels that do not belong to their pictures", "a condition that does not reach D"),
    "SP606": ("too few pictures for a D of this size", "no augmentation"),
    "SP607": ("too few pictures", "far more steps than they can feed"),
    "SP608": ("a D that knows its pictures by heart", "a rate too high for this late", "the game going round"),
    "SP609": ("transposed convolutions whose kernel the stride does not divide",),
    "SP610": ("a half-life longer than the training", "an average over a leap"),
    "SP611": ("an augmentation that D sees in reals alone, or nearly always",),
}  # fmt: skip
# What a rule that looked and found nothing rules out.
_NOT = {
    "SP401": "a D that has won", "SP402": "a D that does not learn", "SP403": "a D that answers alike to everything",
    "SP405": "a D that is not updated", "SP406": "a G that is not updated", "SP407": "steps that move both networks",
    "SP408": "a G with the wrong target", "SP501": "NaN and infinities", "SP502": "leaps", "SP505": "a clamped loss",
    "SP404": "a gradient of G that vanished", "SP504": "gradients without bound", "SP409": "a circle of both",
    "SP601": "a collapse", "SP602": "modes that are missing", "SP604": "conditions that G ignores",
    "SP607": "copies of training pictures", "SP608": "quality that was lost again",
}  # fmt: skip


def diagnose(source: Any, *, loss: str | None = None, names: dict[str, str] | None = None) -> Report:
    """Judges a training by its log alone: anybody's, of any program whose format is known or looks like numbers.

    Args:
        source: a log, a run of ours, a table, TensorBoard events (a path), or lines of text.
        loss: the name of its loss; guessed from the numbers where nobody says.
        names: {"d_loss": "my_column", "g_loss": ...}, where names in it are not understood.

    Returns the report; of several runs in one log the findings one after the other, each with the run it is of.

    Raises:
        SparringError: there is no such file, or nothing in it can be read.
    """
    from .readers import read_log

    return diagnosed(read_log(source, names=names), loss=loss).report


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What was made of a log.

    Attributes:
        histories: the trainings that it tells of, at least one.
        reports: what the doctor made of each.
    """

    histories: tuple[History, ...]
    reports: tuple[Report, ...]

    @property
    def report(self) -> Report:
        """All of it as one report."""
        return self.reports[0] if len(self.reports) == 1 else joined(self.reports)

    @property
    def stories(self) -> list[str]:
        """Of each training."""
        return [story(history, report) for history, report in zip(self.histories, self.reports, strict=True)]


def diagnosed(histories: Sequence[History], *, loss: str | None = None) -> Diagnosis:
    """Judges every training of a log; see `diagnose_history`."""
    return Diagnosis(tuple(histories), tuple(diagnose_history(history, loss=loss) for history in histories))


def joined(reports: Sequence[Report]) -> Report:
    """The reports of several runs as one."""
    findings = [
        dataclasses.replace(finding, where=f"run {place}, {finding.where}" if finding.where else f"run {place}")
        for place, report in enumerate(reports, 1)
        for finding in report.findings
    ]
    findings.sort(key=lambda finding: (SEVERITIES.index(finding.severity), finding.code))
    judged = sorted({code for report in reports for code in report.judged})
    skipped = {code: why for report in reports for code, why in report.skipped.items() if code not in judged}
    notes = [f"Run {place}: {note}" for place, report in enumerate(reports, 1) for note in report.notes]
    return Report(tuple(findings), skipped, tuple(judged), tuple(notes))


def diagnose_history(history: History, *, loss: str | None = None) -> Report:
    """Judges a training that ran by the rules on balance, stability and quality.

    Args:
        history: of the training, whoever recorded it.
        loss: the name of its loss; guessed from the numbers where nobody says.
    """
    facts = facts_of(history, loss)
    losses: Losses | None = facts.get("losses")
    notes = [_opening(history, losses)]
    if losses is not None and losses.sure < 1:
        notes.append(
            f"The loss is taken to be {WORDS[losses.family]}, guessed from its numbers; say so (loss=) if it is not."
            if losses.family
            else "Which loss this is could not be guessed from its numbers: say so (loss=)."
        )
    if losses is not None and losses.averaged:
        how = "as its format has it" if losses.averaged == "told" else "guessed from its constants"
        notes.append(f"D's loss is taken as the average of its two terms ({how}), and doubled.")
    if history.not_understood:
        notes.append(f"{history.not_understood:,} lines held numbers and were not understood.")
    seen = history.facts.get("seen", {})  # of the networks, where somebody was beside the training
    return judge(facts | seen, among=(*_OF_TRAININGS, *(OF_NETWORKS if seen else ())), notes=notes)


def story(history: History, report: Report) -> str:
    """What happened, in order of time; what it rules out, what remains, what to do first, and what is open.

    Args:
        history: of the training.
        report: what `diagnose_history` made of it.
    """
    parts = [*report.notes]
    found = sorted(report.findings, key=lambda f: f.evidence.get("began_step", f.evidence.get("first_step", 0.0)))
    start = _start(history)
    for finding in found[:7]:
        parts.append(f"{_time(finding, start)}: {finding.message} [{finding.code}]")
    if len(found) > 7:
        parts.append(f"And {len(found) - 7} findings more.")
    serious = [f for f in report.findings if f.severity != "info"]
    if not serious:
        parts.append("Nothing here calls for a change." if report.judged else "Nothing could be judged.")
    silent = [_NOT[code] for code in report.judged if code in _NOT and code not in report.codes]
    if silent:
        parts.append(f"The numbers speak against: {', '.join(silent)}.")
    serious.sort(key=lambda f: (SEVERITIES.index(f.severity), (*OF_NETWORKS, *_FIRST).index(f.code)))
    causes = [(rank, cause) for f in serious[:3] for rank, cause in enumerate(_CAUSES.get(f.code, ()))]
    if causes:
        # The likeliest of each first.
        likely = list(dict.fromkeys(cause for _, cause in sorted(causes, key=lambda each: each[0])))
        parts.append(f"Causes that remain, the likeliest first: {'; '.join(likely[:4])}.")
    todo = list(dict.fromkeys(f.remedies[0].text for f in serious[:3] if f.remedies))
    parts += [f"{word}: {text}" for word, text in zip(("Do first", "Then", "Then"), todo, strict=False)]
    if serious:
        parts.append(f"Open: {serious[0].undecided}")
    elif "SP601" not in report.judged:
        parts.append(
            "What losses cannot tell: whether the pictures are good. Collapse and ignored conditions often lie in the "
            "middle of the healthy band; measure the samples."
        )
    return "\n".join(_wrapped(parts))


def _opening(history: History, losses: Losses | None) -> str:
    who = f"{history.producer}: " if history.producer else ""
    if losses is None:
        return f"{who}no pair of a D's and a G's loss was found, so balance could not be judged."
    first, last = int(losses.steps[0]), int(losses.steps[-1])
    late = " It begins in the middle of a training." if losses.starts_late else ""
    every = f", one every {losses.spacing:g}" if losses.spacing != 1 else ""
    return f"{who}{len(losses):,} rows of both losses, {losses.unit} {first:,} to {last:,}{every}.{late}"


def unit_of(history: History) -> str:
    """What its steps count: "step", "image", "epoch"; "row" where the log does not tell."""
    return str(history.facts.get("steps_are", "step" if history.steps_known else "row")).removesuffix("s")


def _start(history: History) -> float:
    return min((float(s.steps[0]) for s in history.series if len(s)), default=0.0)


def _time(finding: Finding, start: float) -> str:
    began = finding.evidence.get("began_step", finding.evidence.get("first_step", start))
    if began <= start:
        return "From the start"
    return f"At {began:,.0f}" if finding.code in ("SP501", "SP502", "SP507") else f"From {began:,.0f}"


def _wrapped(parts: list[str]) -> list[str]:
    lines = [line for part in parts for line in textwrap.wrap(part, WIDTH, subsequent_indent="    ")]
    if len(lines) <= MOST_LINES:
        return lines
    # The end says what to do: what is cut is the middle of the story.
    keep = MOST_LINES - 1
    return [*lines[: keep // 2], "    ...", *lines[-(keep - keep // 2) :]]
