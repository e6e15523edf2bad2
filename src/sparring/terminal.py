"""A run on the terminal: one live line, or plain lines where nobody looks at them live."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from .events import LAST_EVALUATION, Event
from .findings import Action, Finding

PLAIN_EVERY_SECONDS = 15.0  # between plain lines, so that a log of a night stays readable


class Progress:
    """An observer that shows a run; use it as a context so that the live line is put away at the end.

    Args:
        console: where to write; standard error by default, so that standard output holds results only.
        clock: seconds that only grow; a test may bring its own.
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._clock = clock
        self._live = Live(
            Text("starting: the first steps ..."), console=self.console, refresh_per_second=4, transient=True
        )
        self._until_step: int | None = None
        self._deadline: float | None = None
        self._last_plain = float("-inf")

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, message: str) -> None:
        """A line that stays."""
        self.console.print(Text(message), soft_wrap=True)

    def __call__(self, event: Event) -> Action | None:
        """Takes an event of the run; never asks for anything."""
        if event.kind in ("started", "resumed"):
            self._until_step, minutes = event.values.get("until_step"), event.values.get("minutes")
            self._deadline = self._clock() + 60 * minutes if minutes else None
            if self.console.is_terminal:
                self._live.start()
        elif event.kind == "tick":
            self._show(event)
        elif event.kind in ("evaluation", LAST_EVALUATION):
            self.say(evaluation_line(event))
        elif event.kind == "finding" and event.step and event.values.get("severity") != "info":
            self.say(finding_line(event))  # those of step 0 were said before the training
        elif event.kind == "best":
            self.say(f"step {event.step:,}: the best so far, kept")
        elif event.kind == "ended":
            self._live.stop()
        return None

    def _show(self, event: Event) -> None:
        line = status_line(event, self._seconds_left(event), self._until_step)
        if self._live.is_started:
            self._live.update(Text(line))
        elif self._clock() - self._last_plain >= PLAIN_EVERY_SECONDS or event.step == self._until_step:
            self._last_plain = self._clock()
            self.console.print(Text(line), soft_wrap=True)

    def _seconds_left(self, event: Event) -> float | None:
        left = []
        rate, step = event.values.get("images_per_second") or 0.0, event.step
        if self._until_step is not None and rate and 0 < step < self._until_step:
            left.append((self._until_step - step) * (event.images / step) / rate)
        if self._deadline is not None:
            left.append(max(0.0, self._deadline - self._clock()))
        return min(left, default=None)


def status_line(event: Event, seconds_left: float | None, until_step: int | None) -> str:
    """'epoch 3.2 · step 450/900 · 612 images/s · 3 min left · D 0.63 · G 1.92 · D right on reals 87%, on fakes 91%'."""
    v = event.values
    parts = [f"epoch {v['epoch']:.1f}"] if "epoch" in v else []
    parts.append(f"step {event.step:,}" + (f"/{until_step:,}" if until_step is not None else ""))
    parts.append(f"{v.get('images_per_second', 0):,.0f} images/s")
    if seconds_left is not None:
        parts.append(f"{duration(seconds_left)} left")
    parts += [f"D {_number(v.get('d_loss'))}", f"G {_number(v.get('g_loss'))}"]
    if v.get("d_accuracy_real") is not None:
        parts.append(f"D right on reals {v['d_accuracy_real']:.0%}, on fakes {v['d_accuracy_fake']:.0%}")
    elif v.get("d_accuracy_pair") is not None:
        parts.append(f"D right about {v['d_accuracy_pair']:.0%} of pairs")
    return " · ".join(parts)


def evaluation_line(event: Event) -> str:
    """'step 1,500: kid 0.0231 ± 0.0008 (floor 0.0002; lower is better), coverage 61%, precision 70%, recall 22%'."""
    v = event.values
    floor = "" if v.get("floor") is None else f"floor {v['floor']:.4g}; "
    parts = [f"{v['metric']} {v['value']:.4g} ± {1.96 * v['noise']:.2g} ({floor}{v['better']} is better)"]
    parts += [f"{name} {v[name]:.0%}" for name in ("coverage", "precision", "recall") if v.get(name) is not None]
    if v.get("obedience") is not None:
        parts.append(
            f"obedience {v['obedience']:.0%} (reals {v['obedience_reals']:.0%}, chance {v['obedience_chance']:.0%})"
        )
    return f"step {event.step:,}: {', '.join(parts)}"


def finding_line(event: Event) -> str:
    """'step 4,200: warning SP401 discriminator-won: The discriminator has won from step 3,100 ...'."""
    v = event.values
    return f"step {event.step:,}: {v['severity']} {v['code']} {v['name']}: {v['message']}"


def findings_line(findings: Sequence[Finding]) -> str:
    """What the doctor found in a run, in a sentence: errors and warnings by code; "" where there is none."""
    grave = [finding for finding in findings if finding.severity != "info"]
    if not grave:
        return ""
    named = list(dict.fromkeys(f"{finding.code} {finding.name}" for finding in grave))
    return f"The doctor found {', '.join(named)}: `sparring explain {grave[0].code}` says what to do."


def end_line(ended: str, step: int, best: dict[str, Any] | None) -> str:
    """Why a run ended and which step was best, in a sentence or two."""
    why = {"budget": "its budget is spent"}.get(ended, ended)
    if best is None:
        return f"Ended at step {step:,}: {why}. No step is known as the best: nothing was evaluated."
    floor = "" if best.get("floor") is None else f", floor {best['floor']:.4g}"
    value = f"{best['metric']} {best['value']:.4g} ± {1.96 * best['noise']:.2g}{floor}"
    return f"Ended at step {step:,}: {why}. Best was step {best['step']:,} ({value}, {best['features']})."


def _number(value: float | None) -> str:
    if value is None or value != value:
        return "not finite"
    return f"{value:.2e}" if value and abs(value) < 0.001 else f"{value:.3f}"


def duration(seconds: float) -> str:
    """A length of time in the words of a person: '45 s', '3 min', '2 h 05 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"
