"""`Monitor`: the doctor in anybody's own loop, of any framework.

It never raises into the loop, changes nothing of it, and takes hardly any of its time.
"""

from __future__ import annotations

import atexit
import textwrap
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import SparringError, did_you_mean
from ..findings import Finding, Report
from .catalogue import rules
from .diagnosing import story
from .live import Live, Looks
from .observing.allowance import Allowance
from .observing.numbers_of import Logits, NotUnderstoodError, Pictures, is_far, is_tensor, number_of, read
from .observing.obeying import Obeying
from .observing.row import Row
from .observing.steps import Steps
from .observing.ticks import Ticks
from .running.families import NAMES, family_of

PRODUCER = "sparring.Monitor"
PICTURES_EVERY = 10  # observes from one look at pictures to the next, while there is time for it
_MOST_NAMES = 100  # of numbers
_OF_D = {"penalty", "gp", "gradient_penalty", "r1", "r2"}  # bare names that are D's
_TAKEN = {"event", "step", "images", "time"}  # by the log's own


class Monitor:
    """Watches a training of a GAN from within its own loop, and says each thing that goes wrong once.

    Two lines: `monitor = sparring.Monitor()` before the loop, `monitor.observe(step, d_loss=..., g_loss=...)` in it.

    Args:
        loss: the name of the loss (bce, hinge, wasserstein, lsgan ..); guessed from the numbers where nobody says.
        out: a file for numbers and findings, a JSON object a line, as `sparring diagnose` reads it; appended to.
        say: takes each finding as a paragraph; prints by default.
        generator: a torch module, or a Keras model on torch: then which network is updated in which step is watched.
        discriminator: likewise.
        d_optimizer: of torch, in place of finding out which optimiser holds whose weights.
        g_optimizer: likewise.
        read_every: observes from one transfer of numbers from an accelerator to the next.
        running_means: the losses told are means over an epoch so far, as in Keras' logs.

    Raises:
        SparringError: an argument is not of the kind described, or `out` cannot be written. Nothing later raises.
    """

    def __init__(
        self,
        loss: str | None = None,
        *,
        out: str | Path | None = None,
        say: Callable[[str], object] = print,
        generator: Any = None,
        discriminator: Any = None,
        d_optimizer: Any = None,
        g_optimizer: Any = None,
        read_every: int = 20,
        running_means: bool = False,
    ) -> None:
        _check(loss, say, read_every)
        rules()  # their files are read here and not in the loop
        facts = {"losses_are": "running mean"} if running_means else {}
        self._seconds = 0.0
        self._say, self._read_every = say, read_every
        self._live = Live(loss, PRODUCER, every=0, facts=facts)
        family = family_of(loss or "")
        unbounded = family in ("wasserstein", "relativistic")
        self._logits = Logits(None if unbounded else 0.5 if family.startswith("least") else 0.0)
        self._pictures, self._obeying = Pictures(), Obeying()
        self._steps = Steps()
        self._looking, self._leaping, self._showing, self._watching = (Allowance() for _ in range(4))
        self._rows: list[Row] = []  # that are not read yet
        self._seen, self._observes, self._names = 0, 0, set[str]()
        self._looks = Looks()
        self._at: tuple[int, set[str]] = (-1, set())  # the last step that was taken in, and the names told at it
        self._off: set[str] = set()  # what went wrong, or was told once
        self._watch: Any = None
        self._closed = self._bad_pictures = False
        self._attach({"d": discriminator, "g": generator}, {"d": d_optimizer, "g": g_optimizer})
        self._ticks = None if out is None else Ticks(Path(out), PRODUCER, loss)
        self._at_exit = _Weak(self, "close")  # one that nobody closes looks a last time when the program ends
        atexit.register(self._at_exit)

    # -- what people call --

    def observe(
        self,
        step: Any = None,
        *,
        logs: Mapping[str, Any] | None = None,
        real_logits: Any = None,
        fake_logits: Any = None,
        fake: Any = None,
        real: Any = None,
        condition: Any = None,
        real_condition: Any = None,
        generator: Any = None,
        discriminator: Any = None,
        d_optimizer: Any = None,
        g_optimizer: Any = None,
        **values: Any,
    ) -> list[Finding]:
        """Takes the numbers of a step. Never raises.

        Args:
            step: of the training; counted here where it is None.
            logs: more numbers by name, as Keras has them.
            real_logits: what D said of the reals, logits or probabilities, in any shape.
            fake_logits: and of the fakes.
            fake: pictures from G  # [N, ...], in any layout
            real: pictures from the data  # [N, ...]
            condition: what fakes were asked for: class numbers, one-hot rows, or a vector for each class  # [N, ...]
            real_condition: what the reals are; the same where only `condition` is told  # [N, ...]
            generator: the networks and optimisers, where they were not there when the monitor was made.
            discriminator: likewise.
            d_optimizer: likewise.
            g_optimizer: likewise.
            values: numbers by name: d_loss, g_loss, and any more: d_loss_real, d_loss_fake, penalty, d_lr ..

        Returns the findings that are new.
        """
        if self._closed:
            return []
        began = time.perf_counter()
        row, networks = Row(0), {"d": discriminator, "g": generator}
        self._try("the networks", self._attach, networks, {"d": d_optimizer, "g": g_optimizer})
        self._try("the numbers", self._take_numbers, row, logs, values)
        if real_logits is not None or fake_logits is not None:
            self._try("the logits", self._take_logits, row, real_logits, fake_logits)
        if fake is not None or real is not None:
            self._try("the pictures", self._take_pictures, row, fake, real, condition, real_condition)
        found: list[Finding] = self._try("this training", self._go_on, step, row) or []
        self._seconds += time.perf_counter() - began
        return found

    @property
    def seconds(self) -> float:
        """What all of this took so far, hooks included."""
        return self._seconds + self._watching.spent

    def report(self) -> Report:
        """All that the numbers show by now, whatever was told before; also after the end."""
        self._try("this training", self._read_rows)
        return self._live.report()

    def story(self) -> str:
        """The same in words, in order of time."""
        report = self.report()
        return story(self._live.recorder.history(), report)

    def __str__(self) -> str:
        return self.story()

    def close(self) -> list[Finding]:
        """The training is over: looks a last time, says what is new, and takes all hooks away. Returns what is new."""
        if self._closed:
            return []
        found: list[Finding] = self._try("this training", self._end) or []
        self._closed = True
        if self._watch is not None:
            self._watch.close()
        if self._ticks is not None:
            self._try("the file", self._ticks.close)
        atexit.unregister(self._at_exit)
        return found

    def __enter__(self) -> Monitor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- taking --

    def _attach(self, networks: Mapping[str, Any], optimizers: Mapping[str, Any]) -> None:
        if all(each is None for each in (*networks.values(), *optimizers.values())):
            return
        if self._watch is None:
            from .observing.updates import Watch  # imports torch

            self._watch = Watch(self._watching.may, self._watching.spend, _Weak(self, "_stopped"))
        self._watch.take({role: each for role, each in optimizers.items() if each is not None}, networks)

    def _take_numbers(self, row: Row, logs: Mapping[str, Any] | None, values: Mapping[str, Any]) -> None:
        for name, value in [*(logs.items() if isinstance(logs, Mapping) else ()), *values.items()]:
            name = str(name)
            if value is None:
                continue
            if name not in self._names:
                if len(self._names) >= _MOST_NAMES:
                    self._tell_once("names", f"the monitor takes {_MOST_NAMES} names; {name!r} and others are left out")
                    continue
                self._names.add(name)
            try:
                number, note = number_of(value)
            except NotUnderstoodError as error:
                self._tell_once(name, f"the monitor does not understand {name}: it {error}")
                continue
            except Exception as error:
                self._tell_once(name, f"the monitor cannot read {name} ({_short(error)})")
                continue
            if note:
                self._tell_once(name, f"{name} {note}")
            name = f"d_{name}" if name in _OF_D else f"{name}_" if name in _TAKEN or name.startswith("_") else name
            if is_tensor(number):
                row.kept.append(((name,), number))
            else:
                row.values[name] = number

    def _take_logits(self, row: Row, real: Any, fake: Any) -> None:
        for side, said in (("real", real), ("fake", fake)):
            if said is not None:
                row.put(self._logits.seen(side, said))
        if real is not None and fake is not None:
            row.put(self._logits.pair(real, fake))

    def _take_pictures(self, row: Row, fake: Any, real: Any, condition: Any, real_condition: Any) -> None:
        if self._observes % PICTURES_EVERY or not self._showing.may():
            return
        began = time.perf_counter()
        for found in self._pictures.seen(fake, real):
            row.put(found)
        told = condition if real_condition is None else real_condition
        for side, pictures, asked in (("real", real, told), ("fake", fake, condition)):
            if pictures is not None and asked is not None:
                self._try("conditions", self._obeying.seen, side, pictures, asked)
        self._try("conditions", self._measure_obedience)
        self._showing.spend(time.perf_counter() - began)

    # -- judging --

    def _go_on(self, step: Any, row: Row) -> list[Finding]:
        names = {*row.values, *(name for names, _ in row.kept for name in names)}
        row.step, note = self._steps.of(step, names)
        if note:
            self._tell_once("step", note)
        if self._watch is not None:
            kept, known, row.loaded = self._watch.observed()
            row.kept += kept
            row.values |= known
        self._observes += 1
        self._rows.append(row)
        waits = any(is_far(tensor) for each in self._rows for _, tensor in each.kept)
        if waits and len(self._rows) < self._read_every:
            return []
        leapt = self._read_rows()
        for why in self._looks.due(self._seen, leapt):
            purse = self._looking if why == "time" else self._leaping
            if purse.may():
                self._looks.looked(self._seen, why)
                return self._try("what the numbers show", self._look, purse) or []
        return []

    def _read_rows(self) -> bool:
        """Takes in what was told since the last time; returns whether something leapt."""
        rows, self._rows = self._rows, []
        kept = [((*(f"{place} {name}" for name in names),), tensor) for place, row in enumerate(rows)
                for names, tensor in row.kept]  # fmt: skip
        for name, value in (read(kept) if kept else {}).items():
            place, _, name = name.partition(" ")
            rows[int(place)].values[name] = value
        leapt = False
        for row in rows:
            leapt |= self._take_in(row)
        return leapt

    def _take_in(self, row: Row) -> bool:
        self._logits.settle(row.values)
        if self._watch is not None:
            self._watch.settle(row.values)
        bad = row.values.pop("_bad_fakes", 0.0)
        row.values.pop("_bad_reals", None)
        if bad and not self._bad_pictures:
            self._bad_pictures = True
            self._live.recorder.happened(row.step, f"nan in {bad:.0f} of the fakes")
        if row.loaded:
            self._live.recorder.happened(row.step, "checkpoint loaded")
        step, told = self._at
        if step == row.step:  # D's numbers and G's may come apart; of one that comes again the first counts
            row.values = {name: value for name, value in row.values.items() if name not in told}
        self._at = (row.step, told | set(row.values) if step == row.step else set(row.values))
        leapt = self._live.recorder.add(row.step, row.values) or bool(bad)
        self._seen += bool(row.values)
        if self._ticks is not None:
            self._try("the file", self._ticks.add, row.step, row.values, leapt, row.loaded)
        return leapt

    def _look(self, purse: Allowance, last: bool = False) -> list[Finding]:
        began = time.perf_counter()
        if self._watch is not None:
            self._live.recorder.saw(self._watch.seen(self._obeying.differ))
        found = self._live.look(last=last)
        purse.spend(time.perf_counter() - began)
        for finding in found:
            if finding.severity != "info":
                self._tell(paragraph(finding))
            if self._ticks is not None:
                self._try("the file", self._ticks.finding, self._steps.last or 0, finding)
        return found

    def _measure_obedience(self) -> None:
        step = self._steps.last
        if step is None or not self._obeying.is_due:
            return
        measured = self._obeying.measured(step)
        if measured is not None:
            self._live.evaluated(step, measured)
            if self._ticks is not None:
                self._try("the file", self._ticks.evaluated, step, measured)

    def _end(self) -> list[Finding]:
        self._read_rows()
        if self._watch is not None and self._seen:
            # Where a NaN ends a loop by an exception (BCELoss raises one), no row tells of it: the weights do.
            for network in self._try("the weights", self._watch.not_finite) or []:
                self._live.recorder.happened(self._steps.last or 0, f"nan in the weights of the {network}")
        return (self._try("what the numbers show", self._look, self._looking, True) or []) if self._seen else []

    # -- never in the way --

    def _try(self, what: str, do: Callable[..., Any], *args: Any) -> Any:
        if what in self._off:
            return None
        try:
            return do(*args)
        except Exception as error:
            self._stopped(what, error)
            return None

    def _stopped(self, what: str, error: Exception) -> None:
        self._tell_once(what, f"the monitor stopped measuring {what}: {_short(error)}")
        self._off.add(what)

    def _tell_once(self, key: str, text: str) -> None:
        if f"told {key}" not in self._off:
            self._off.add(f"told {key}")
            self._tell(f"sparring: {text}.")

    def _tell(self, text: str) -> None:
        try:
            self._say(text)
        except Exception:
            self._say = _nothing


def paragraph(finding: Finding) -> str:
    """A finding as it is told in the loop."""
    todo = f" Do first: {finding.remedies[0].text}" if finding.remedies else ""
    text = f"sparring: {finding.severity} {finding.code} {finding.name}: {finding.message}{todo}"
    return textwrap.fill(f"{text} (sparring explain {finding.code})", 116, subsequent_indent="  ")


def _check(loss: Any, say: Any, read_every: Any) -> None:
    if loss is not None and not (isinstance(loss, str) and family_of(loss)):
        raise SparringError(
            f"There is no loss {loss!r}.", did_you_mean(str(loss), NAMES), "leave it out to have it guessed."
        )
    if not callable(say):
        raise SparringError(f"say= is {say!r}.", "a function that takes text, such as print")
    if not isinstance(read_every, int) or read_every < 1:
        raise SparringError(f"read_every= is {read_every!r}.", "a number of observes, 1 or more")


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"


def _nothing(_: str) -> None:
    pass


class _Weak:
    """A method of a monitor that does not keep it alive."""

    def __init__(self, monitor: Monitor, name: str) -> None:
        self._call = weakref.WeakMethod(getattr(monitor, name))

    def __call__(self, *args: Any) -> None:
        call = self._call()
        if call is not None:
            call(*args)
