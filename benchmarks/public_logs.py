"""Other people's logs whose end is known: does `diagnose` see the collapses before they come, and leave the rest alone?

    python benchmarks/public_logs.py FOLDER

FOLDER has the logs (.log or .log.gz) and labels.csv with the columns file, outcome (held, collapsed, never-learned)
and collapse_step. Judged by the losses alone: lines that tell of FID or other scores are left out. An alarm is a
finding of warning or error among the rules on balance and stability (SP4, SP5). Printed are, of each log, the alarms on
the whole of it and the step at which the first would have been told live (the log cut off after every 500 steps, every
2,000 beyond 30,000); the counts; and for those bounds of SP401 that were set by looking at such logs a leave-one-out:
each log in turn is judged with bounds drawn from all others, as far as these still allow without an alarm on any that
held. Ours must lie on the safe side of what is drawn so.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import gzip
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from zoo_programs.counting import wilson

from sparring.doctor.catalogue import Evidence, rules
from sparring.doctor.diagnosing import diagnose_history
from sparring.doctor.readers import read_log
from sparring.doctor.rules.balance.discriminator_won import discriminator_won
from sparring.doctor.running import Losses, facts_of
from sparring.history import History

_SCORES = re.compile(r"FID|Inception|F_8|F_1/8|score", re.I)
# Bounds of SP401 that were set with such logs in view, and whether more of it speaks sooner.
_BOUNDS = rules()["SP401"].thresholds
TUNED = {name: (_BOUNDS[name], name != "ahead_g") for name in ("hinge_d", "halves_d", "ahead_d", "ahead_g")}
FACTORS = np.round(np.geomspace(1, 100, 81), 3)  # looser by that much, for the leave-one-out
FINE, FINE_UNTIL, COARSE = 500, 30_000, 2_000


@dataclass
class Log:
    """One log, read."""

    name: str
    outcome: str
    collapse: int
    history: History
    losses: Losses

    def judged(self, until: int | None = None) -> list[str]:
        """Codes of the alarms, of the log up to a step."""
        history = self.history if until is None else cut(self.history, until)
        return [f.code for f in diagnose_history(history).findings if f.severity != "info"]

    def first_alarm(self) -> tuple[int, str] | None:
        """The step at which the first alarm would have been told, and its code."""
        last = max(int(series.steps[-1]) for series in self.history.series)
        for step in itertools.chain(range(FINE, FINE_UNTIL, FINE), range(FINE_UNTIL, last + COARSE, COARSE)):
            if codes := self.judged(step):
                return step, codes[0]
        return None

    def won(self, name: str, factor: float) -> bool:
        """Whether SP401 speaks with a bound looser by a factor."""
        bound, more = TUNED[name]
        moved = bound * factor if more else bound / factor
        return isinstance(discriminator_won(self.losses, **{name: moved}), Evidence)  # type: ignore[arg-type]


def cut(history: History, until: int) -> History:
    """The history as it stood at a step."""
    series = []
    for each in history.series:
        n = int(np.searchsorted(each.steps, until, side="right"))
        if n:
            series.append(dataclasses.replace(each, steps=each.steps[:n], values=each.values[:n]))
    return dataclasses.replace(history, series=tuple(series))


def read(folder: Path) -> list[Log]:
    """All logs that labels.csv names."""
    logs = []
    for row in csv.DictReader((folder / "labels.csv").open()):
        path = next(each for each in (folder / row["file"], folder / f"{row['file']}.gz") if each.exists())
        text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
        (history,) = read_log([line for line in text.splitlines() if not _SCORES.search(line)])
        losses = facts_of(history)["losses"]
        logs.append(Log(row["file"], row["outcome"], int(row["collapse_step"] or 0), history, losses))
    return logs


def left_out(logs: list[Log], name: str) -> str:
    """Leave-one-out of one bound: how far the others let it go, and what that says of the one left out."""
    held = [log for log in logs if log.outcome == "held"]
    # The loosest without an alarm, of each log that held: a bound drawn from several is the least of theirs.
    silent = {log.name: max((f for f in FACTORS if not log.won(name, f)), default=1.0) for log in held}
    drawn = {log.name: min(silent[other.name] for other in held if other is not log) for log in held}
    wrong = [log.name for log in held if log.won(name, drawn[log.name])]
    nearest = min(silent, key=lambda each: silent[each])
    found = sum(log.won(name, silent[nearest]) for log in logs if log.outcome == "collapsed")
    far = f"{silent[nearest]:g}" + (" or more" if silent[nearest] == FACTORS[-1] else f" ({nearest})")
    return (
        f"{name} = {TUNED[name][0]:g}: looser by {far} no log that held alarms, and SP401 speaks of {found} collapses; "
        f"drawn from the others it alarms on {len(wrong)} of {len(held)} that held {', '.join(wrong)}".rstrip()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    logs = read(parser.parse_args().folder)
    print("| log | outcome | alarms on the whole | told live at step | collapse |")
    print("|---" * 5 + "|")
    live, whole = {}, {}
    for log in logs:
        live[log.name] = log.first_alarm()
        when = f"{live[log.name][0]:,} ({live[log.name][1]})" if live[log.name] else ""  # type: ignore[index]
        whole[log.name] = log.judged()
        print(
            f"| {log.name} | {log.outcome} | {', '.join(whole[log.name])} | {when} | {log.collapse or ''} |", flush=True
        )
    collapsed = [log for log in logs if log.outcome == "collapsed"]
    held = [log for log in logs if log.outcome == "held"]
    seen = sum(bool(whole[log.name]) for log in collapsed)
    early = sum((found := live[log.name]) is not None and found[0] <= log.collapse - 1000 for log in collapsed)
    false, ever = sum(bool(whole[log.name]) for log in held), sum(live[log.name] is not None for log in held)
    print(f"\ncollapses alarmed: {seen} of {len(collapsed)}; at least 1,000 steps before: {early} of {len(collapsed)}")
    low, high = wilson(false, len(held))
    print(f"held with an alarm: {false} of {len(held)} (95 %: {low:.2f} to {high:.2f}); with one at any time: {ever}")
    for name in TUNED:
        print(left_out(logs, name))


if __name__ == "__main__":
    main()
