"""One process's work on a run: resume, train, write down, stop well when asked to."""

from __future__ import annotations

import contextlib
import copy
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from .asked import Asked
from .doctor.attending import Attending, told_at_start
from .errors import SparringError, did_you_mean
from .events import LAST_EVALUATION, Event, Log, best_step, read
from .findings import Action, Finding
from .folder import RunFolder
from .metrics.judging import Judge
from .metrics.stopping import Best
from .metrics.symptoms import Trainers
from .notebook import run_html
from .pictures import captioned, grid, opened, save_png
from .players import load_into, read_state, write_state
from .sampler import Sampler, Told, whole_checkpoint
from .seeds import seed_for
from .trainer import Budget, Trainer

Observer = Callable[[Event], Action | None]
GRID_PICTURES = 64  # on a sample sheet
ROW_PICTURES = 8  # of one condition
TICK_EVERY = 10  # steps
NON_FINITE = "non-finite"  # why a run ended whose losses are no longer numbers


@dataclass(frozen=True)
class Run:
    """A run as `train` leaves it.

    Attributes:
        path: its folder.
        step: G updates done.
        images: real images seen.
        ended: "budget", or why an observer asked it to stop.
        grid: the newest sheet of samples.
        sampler: its averaged generator, of the best evaluation where there was one.
        best: step, metric, value, noise and floor of the best evaluation; None where nothing was evaluated.
        findings: what the doctor told, of the networks before and of the training, each once.
    """

    path: Path
    step: int
    images: int
    ended: str
    grid: Path
    sampler: Sampler = field(repr=False)
    best: dict[str, Any] | None = None
    findings: tuple[Finding, ...] = ()

    def sample(self, n: int = 64, seed: int = 0) -> Any:
        """New pictures of this run's averaged generator, uint8.  # [n, C, H, W]"""
        return self.sampler.sample(n, seed)

    def _repr_html_(self) -> str:
        return run_html(self, opened(self.grid))


@dataclass
class Options:
    """How a run is kept and shown: no part of what it computes."""

    sample_every: int = 250
    checkpoint_every: int = 500
    keep: int = 3
    keep_every: int = 0
    doctor: bool = True
    watch: bool = False
    mirrors: Sequence[str] = ()
    project: str | None = None
    observers: Mapping[str, Observer] = field(default_factory=dict)
    say: Callable[[str], None] = print

    @classmethod
    def of(cls, options: dict[str, Any]) -> Options:
        """From keyword arguments; an unknown one is an error with the near name."""
        known = [f.name for f in fields(cls)]
        for name in options:
            if name not in known:
                raise SparringError(f"train() has no option {name!r}.", did_you_mean(name, known))
        return cls(**options)

    def __post_init__(self) -> None:
        for name, low in (("sample_every", 1), ("checkpoint_every", 1), ("keep", 1), ("keep_every", 0)):
            if getattr(self, name) < low:
                word = name.replace("_", "-")
                raise SparringError(f"--{word} is {getattr(self, name)}.", f"a whole number, {low} or more")


class Session:
    """One process's work on a run: resume, train, write down."""

    def __init__(
        self,
        folder: RunFolder,
        trainer: Trainer,
        how: Options,
        judge: Judge | None = None,
        judge_every: int = 0,
        told: Told | None = None,
        findings: Sequence[Finding] = (),
    ) -> None:
        """`judge_every` counts real images; `told` is what may be asked for; `findings` are of the networks, before."""
        # Last, so that what somebody asks for comes after what observers of the run's own do in the same moment.
        how = replace(how, observers={**how.observers, "asked for on a page": Asked(folder.asked)})
        self.folder, self.trainer, self.how, self.judge = folder, trainer, how, judge
        self._findings = findings
        self._doctor = Attending(trainer.recipe) if how.doctor else None
        trainer.watches = how.doctor
        a_step = trainer.recipe.images_a_step
        self._judge_steps = max(1, round(judge_every / a_step)) if judge is not None else 0
        self.told = told
        self.store = folder.store(how.keep, folder.kept_multiples(how.keep_every))
        self.grid = folder.samples / "none.png"
        self.ended = ""
        self._broken = False  # a signal was not finite: what is in memory must not be written over what is good
        self._sampled_at = self._saved_at = -1  # the step of the newest sheet and checkpoint of this process

    def run(self, budget: Budget, start_from: str | Path | None) -> Run:
        """Goes on where the run stands, until the budget is spent or somebody asks to stop."""
        self.folder.sweep()
        began_before = self.folder.events.exists()
        self._resume(start_from)
        log = Log(self.folder.events)
        try:
            self._note(log, self._opening("resumed" if began_before else "started", budget))
            for finding in self._findings:
                self._note(log, self._event("finding", **finding.to_dict()))
            if not self.trainer.step:  # if the untrained networks are the user's, nobody could draw them again
                self._sample(log)
                self._checkpoint(log)
            elif self.trainer.step % self.how.sample_every == 0 and not self._sheet_file().exists():
                self._sample(log)  # a kill came after this step's best checkpoint, and before its sheet
            periods = {"tick": TICK_EVERY, "sample": self.how.sample_every, "checkpoint": self.how.checkpoint_every}
            if self.judge is not None:  # before the checkpoint, which then holds what the evaluation changed
                periods = {"tick": TICK_EVERY, "evaluate": self._judge_steps} | periods
            with _stop_on_signals(self.trainer):
                for event in self.trainer.run(budget, periods=periods):
                    self._handle(log, event)
        finally:
            log.close()
        return self._result()

    def _opening(self, kind: str, budget: Budget) -> Event:
        trainer = self.trainer
        until = budget.last_step(trainer.recipe.images_a_step, trainer.data.n)
        values = {"until_step": until, "minutes": budget.minutes, "torch": torch.__version__}
        values |= told_at_start(trainer.recipe)
        return Event(kind, trainer.step, trainer.images, values)

    def _handle(self, log: Log, event: Event) -> None:
        if event.kind == "sample":
            self._sample(log)
        elif event.kind == "checkpoint":
            self._checkpoint(log)
        elif event.kind == "evaluate":
            self._evaluate(log)
        elif event.kind == "keep":
            self._keep_best(log)
        else:
            if event.kind == "ended":
                self.ended = NON_FINITE if self._broken else event.values["reason"]
                event = replace(event, values={"reason": self.ended})
                self._sample(log)
                self._checkpoint(log)
                self._evaluate_last(log)
                self._last_look(log)
            self._note(log, event)
            self._ask_doctor(log, event)

    def _note(self, log: Log, event: Event) -> None:
        """Writes an event down, then shows it to every observer, whose actions the trainer takes up."""
        log.append(event)
        if event.values.get("nonfinite"):
            self._broken = True
            self.trainer.apply(Action("stop", why=NON_FINITE))
        for observer in self.how.observers.values():
            action = observer(event)
            if action is not None and event.kind != "applied":  # an answer to an answer would never end
                self.trainer.apply(action)

    def _sample(self, log: Log) -> None:
        if self._broken or self._sampled_at == self.trainer.step:
            return
        self._sampled_at = self.trainer.step
        self.grid = self._sheet_file()
        save_png(self._sheet(seed_for(self.trainer.seed, "grid")), self.grid)
        self._note(log, self._event("sample", file=f"samples/{self.grid.name}"))

    def _sheet_file(self) -> Path:
        return self.folder.samples / f"step-{self.trainer.step:08d}.png"

    def _sheet(self, seed: int) -> Image.Image:
        """The same z at every step, so that sheets can be compared; with conditions a row of z for each of some."""
        if self.told is None:
            return grid(self.trainer.sample(GRID_PICTURES, seed).numpy())
        values, captions = self.told.rows()
        rows = [self.trainer.sample(ROW_PICTURES, seed, value.expand(ROW_PICTURES, *value.shape)) for value in values]
        return captioned(torch.cat(rows).numpy(), captions)

    def _checkpoint(self, log: Log) -> None:
        if self._broken or self._saved_at == self.trainer.step:
            return
        self._saved_at = self.trainer.step
        path = self.store.save(self.trainer.step, write_state(self._state()))
        self._note(log, self._event("checkpoint", file=f"checkpoints/{path.name}"))

    def _evaluate(self, log: Log) -> None:
        if self._broken or self.judge is None:
            return
        evaluation = self._event("evaluation", **self.judge(self.trainer.sample, self._offered()))
        self._note(log, evaluation)
        self._ask_doctor(log, evaluation)

    def _evaluate_last(self, log: Log) -> None:
        """Evaluates what a run ends with, where that is not done yet, so that a short run's end may be its best.

        Nothing that is saved depends on it: a run that goes on from here is the same as one that never stopped.
        """
        if self._broken or self.judge is None or self.ended in _EXITS or self.trainer.step % self._judge_steps == 0:
            return
        if not any(e.kind == LAST_EVALUATION and e.step == self.trainer.step for e in read(self.folder.events)):
            self._note(log, self._event(LAST_EVALUATION, **self.judge(self.trainer.sample, self._offered())))

    def _offered(self) -> Trainers:
        """What a judge may ask the trainer for beside samples."""
        trainer = self.trainer
        told = not trainer.recipe.class_weight  # such a D names classes, and its logit knows nothing of them
        return Trainers(trainer.criticise, partial(trainer.sample, raw=True), trainer.game.objective.boundary, told)

    def _ask_doctor(self, log: Log, event: Event) -> None:
        """Shows the doctor an event, and writes down what is new to it."""
        self._tell(log, lambda doctor: doctor(event))

    def _tell(self, log: Log, ask: Callable[[Attending], Sequence[Finding]]) -> None:
        if self._doctor is None:
            return
        try:
            found = ask(self._doctor)
        except Exception as error:  # a night's training must not end because its judge did
            self.how.say(f"The doctor failed, and looks no more: {type(error).__name__}: {error}")
            self._doctor = None
            return
        for finding in found:
            self._note(log, self._event("finding", **finding.to_dict()))

    def _last_look(self, log: Log) -> None:
        """What the doctor still has to say at the end; it is shown the last evaluation, too."""
        if self.ended in _EXITS:
            return
        step, events = self.trainer.step, read(self.folder.events)
        shown = [event for event in events if event.kind == LAST_EVALUATION and event.step == step]
        before = {(each.code, each.where) for each in told_findings(events)}

        def ask(doctor: Attending) -> list[Finding]:
            found = doctor.last(shown[-1] if shown else None)
            return [each for each in found if (each.code, each.where) not in before]  # else this end was reached before

        self._tell(log, ask)

    def _keep_best(self, log: Log) -> None:
        if self._broken:
            return
        # The checkpoint first: a state that knows of a best one must be there before the one before it is given up.
        self._checkpoint(log)
        self._copy_to_best(self.trainer.step)
        self._note(log, self._event("best", file=f"best/{self.store.path(self.trainer.step).name}"))

    def _copy_to_best(self, step: int) -> None:
        content = self.store.path(step).read_bytes()
        self.folder.best_store().save(step, lambda file: file.write(content))

    def _event(self, kind: str, **values: Any) -> Event:
        return Event(kind, self.trainer.step, self.trainer.images, values)

    def _state(self) -> dict[str, Any]:
        """Everything of a checkpoint: the trainer's state and that of each observer that has one."""
        states = {name: o.state_dict() for name, o in self.how.observers.items() if hasattr(o, "state_dict")}
        return self.trainer.state_dict() | {"observers": states}

    def _resume(self, start_from: str | Path | None) -> None:
        step, damaged = self.store.newest()
        for bad in damaged:
            self.how.say(
                f"The checkpoint of step {bad} is damaged; it is set aside as {self.store.set_aside(bad).name}."
            )
        if step is not None:
            state = read_state(self.store.path(step))
            self.trainer.load_state_dict(state)
            for name, observer in self.how.observers.items():
                if name in state["observers"] and hasattr(observer, "load_state_dict"):
                    observer.load_state_dict(state["observers"][name])
            if self._doctor is not None and self.folder.events.exists():
                self._doctor.replay(read(self.folder.events), step)  # whose judgement is a function of the events
            self._mend_best(step)
            self.how.say(f"Going on from step {step:,}.")
        elif self.store.has_damaged():
            raise SparringError(
                f"Every checkpoint in {self.store.folder} is damaged, so the run cannot go on.",
                "one whole checkpoint",
                "the files are kept with the ending .damaged; start anew with another --out.",
            )
        elif start_from is not None:
            path, _ = whole_checkpoint(RunFolder(start_from))
            self.trainer.players.load_networks(read_state(path)["players"])
            self.how.say(f"Starting from the networks of {path}.")

    def _mend_best(self, step: int) -> None:
        """After a kill between a checkpoint and its copy as the best, makes the copy; says where the best is gone."""
        best = self.how.observers.get("best")
        if not isinstance(best, Best) or best.value is None or self.folder.best_store().is_whole(best.step):
            return
        if best.step == step:
            self._copy_to_best(step)
        else:
            self.how.say(f"The best checkpoint, of step {best.step:,}, is gone or damaged; the next best is kept.")

    def _result(self) -> Run:
        trainer, path = self.trainer, self.folder.path
        if self.ended in _EXITS:
            self.how.say(
                f"Stopped by {self.ended} at step {trainer.step:,}; saved. The same command again goes on from there."
            )
            raise _EXITS[self.ended](*([143] if self.ended == "SIGTERM" else []))
        if self.ended == NON_FINITE:
            raise SparringError(
                f"A loss or gradient is not finite at step {trainer.step:,}; nothing after it can be good.",
                "finite numbers",
                f"{path} keeps its good checkpoints, the newest of step {self.store.newest()[0]}; start another run "
                "with lower rates (--set d_lr=/2 --set g_lr=/2) or with --set precision=fp32.",
            )
        found = self._best()
        findings = told_findings(read(self.folder.events))
        return Run(path, trainer.step, trainer.images, self.ended, self.grid, self._sampler(found), found, findings)

    def _best(self) -> dict[str, Any] | None:
        best, step = self.how.observers.get("best"), self.trainer.step
        kept = best.step if isinstance(best, Best) and best.event else None
        events = read(self.folder.events)
        chosen = best_step(events, kept, step)
        if chosen is None:
            return None
        if isinstance(best, Best) and chosen == kept:
            return best.event | {"step": kept}
        last = next(event for event in reversed(events) if event.kind == LAST_EVALUATION and event.step == step)
        return {name: value for name, value in last.values.items() if name != "seconds"} | {"step": step}

    def _sampler(self, best: dict[str, Any] | None) -> Sampler:
        """The averaged generator as it was at its best, or as it is."""
        players, data, step = self.trainer.players, self.trainer.data, self.trainer.step
        network = players.average
        if best is not None and best["step"] != step and self.folder.best_store().is_whole(best["step"]):
            network, step = copy.deepcopy(players.average), best["step"]
            load_into(network, read_state(self.folder.best_store().path(step))["players"]["average"], "generator")
        return Sampler(network, players.z_shape, step, data.size_px, data.channels, self.told, self.folder.path)


def told_findings(events: Sequence[Event]) -> tuple[Finding, ...]:
    """What the doctor told in a run: each fault of each part as it was told last, which is the gravest."""
    found = (Finding.from_dict(event.values) for event in events if event.kind == "finding")
    return tuple({(finding.code, finding.where): finding for finding in found}.values())


_EXITS: dict[str, type[BaseException]] = {"SIGINT": KeyboardInterrupt, "SIGTERM": SystemExit}


@contextlib.contextmanager
def _stop_on_signals(trainer: Trainer) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask the trainer to stop after its step; a second one acts at once, as it would without us."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: Any) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        trainer.apply(Action("stop", why=signal.Signals(number).name))

    for number in before:
        signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
