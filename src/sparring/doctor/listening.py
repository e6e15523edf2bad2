"""A log that comes through a pipe while its program runs: read as it comes, and what is found in it said at once."""

from __future__ import annotations

import codecs
import os
import queue
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..errors import SparringError
from ..history import History
from .diagnosing import diagnose_history, unit_of
from .live import EVERY, FIRST_LOOK, News
from .observing.allowance import Allowance
from .readers import Following

QUIET_SECONDS = 60.0  # of silence, after which nothing waits for a second look
GRACE_SECONDS = 10.0  # after Ctrl-C, which its program was sent as well: it may still have something to say
# Of one core: looks go over all that came, so a long log is looked at less often. Reading goes on beside them.
_SHARE, _FREE_SECONDS = 0.05, 2.0
_CHUNK, _MOST_CHUNKS = 1 << 16, 256  # bytes; what the program printed and was not read yet, 16 MB, until it must wait
_PIECE = 1 << 11  # characters between two looks, as long as there is time for them
_TICK_SECONDS = 0.5

Say = Callable[[str], object]


def is_live(log: str) -> bool:
    """Whether a log is no file that lies there whole: "-" where that is a pipe or a terminal, or a named pipe."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode if log == "-" else Path(log).stat().st_mode
    except (OSError, ValueError, AttributeError):
        return False  # whoever opens it says what is wrong
    return stat.S_ISFIFO(mode) or (log == "-" and not stat.S_ISREG(mode))


def listen(
    log: str, say: Say, *, loss: str | None = None, names: Mapping[str, str] | None = None
) -> tuple[list[History], bool]:
    """Reads to the end of what comes, and says what it finds meanwhile.

    Ctrl-C ends it too, once the program, which was sent the same, has had time for its last words; a second one ends
    it at once. So a training is not thrown by a reader that went away while it was still saving something.

    Args:
        log: "-" or a named pipe.
        say: is told each finding, once, in a line; infos are left to the report.
        loss: the name of the training's loss; guessed where nobody says.
        names: names of columns by what they are.

    Returns:
        The trainings that it told of, and whether it was Ctrl-C that ended it.

    Raises:
        SparringError: a column of `names` never came.
    """
    listener = Listener(say, loss, names)
    chunks: queue.Queue[bytes] = queue.Queue(_MOST_CHUNKS)
    descriptor = sys.stdin.fileno() if log == "-" else os.open(log, os.O_RDONLY)
    # A thread, since nothing else waits for a pipe with a limit of time on every system.
    threading.Thread(target=_drain, args=(descriptor, chunks), daemon=True).start()
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    with _interrupts() as pressed:
        asked: float | None = None
        while len(pressed) < 2:
            if pressed and asked is None:
                asked = time.monotonic()
                say("Stopped. Waiting for the program's last words; Ctrl-C again for the report at once.")
            if asked is not None and time.monotonic() - asked > GRACE_SECONDS:
                break
            try:
                chunk = chunks.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                listener.wait()
                continue
            listener.feed(decoder.decode(chunk, not chunk))
            if not chunk:
                break
        return listener.end(), bool(pressed)


class Listener:
    """Reads a log in parts, and looks at it from time to time.

    Args:
        say: is told each finding, once, in a line.
        loss: the name of the training's loss; guessed where nobody says.
        names: names of columns by what they are.
        clock: seconds that only grow; a test may bring its own.
    """

    def __init__(
        self,
        say: Say,
        loss: str | None = None,
        names: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._loss, self._clock = say, loss, clock
        self._log = Following(names)
        self._news, self._run = News(), 0
        self._rows = self._judged = self._settled = 0  # records: read, at the last look, at the last one in silence
        self._heard = self._looked = clock()
        self._allowance = Allowance(_SHARE, _FREE_SECONDS)
        self._broken = False

    def feed(self, text: str) -> None:
        """Takes what came."""
        self._heard = self._clock()
        at = 0
        while at < len(text):
            size = _PIECE if self._allowance.may() else len(text)
            self._rows = self._log.feed(text[at : at + size])
            at += size
            if self._is_due():
                self._look()

    def wait(self) -> None:
        """Nothing came for a while."""
        if self._is_due():
            self._look()
        elif self._rows > self._settled and self._clock() - self._heard >= QUIET_SECONDS:
            self._settled = self._rows
            self._look(last=True)

    def end(self) -> list[History]:
        """Reads what stands after the last end of line; returns all trainings."""
        self._log.end()
        return self._log.histories()

    def _is_due(self) -> bool:
        new = self._rows - self._judged
        late = self._clock() - self._looked >= QUIET_SECONDS
        return new > 0 and self._rows >= FIRST_LOOK and (new >= EVERY or late) and self._allowance.may()

    def _look(self, last: bool = False) -> None:
        if self._broken:
            return
        began = time.perf_counter()
        self._judged, self._looked = self._rows, self._clock()
        try:
            self._tell(last)
        except SparringError:
            pass  # a column that the user named has not come yet
        except Exception as error:
            # Whoever writes into the pipe is training: it must not break because a look did.
            self._broken = True
            self._say(f"Looking on the way failed ({type(error).__name__}: {error}); the report at the end remains.")
        self._allowance.spend(time.perf_counter() - began)

    def _tell(self, last: bool) -> None:
        histories = self._log.histories()
        if len(histories) != self._run:  # the counter began anew: another training
            self._news, self._run = News(), len(histories)
        history = histories[-1]
        run = f"run {self._run}, " if self._run > 1 else ""
        newest = max((int(each.steps[-1]) for each in history.series if len(each)), default=0)
        for finding in self._news.of(diagnose_history(history, loss=self._loss).findings, last):
            if finding.severity != "info":
                at = f"{run}{unit_of(history)} {newest:,}"
                self._say(f"{at}: {finding.severity} {finding.code} {finding.name}: {finding.message}")


def _drain(descriptor: int, chunks: queue.Queue[bytes]) -> None:
    """Takes everything out of the pipe, so that its writer need not wait; an empty chunk is the end."""
    try:
        while chunk := os.read(descriptor, _CHUNK):
            chunks.put(chunk)
    except OSError:
        pass  # a terminal that is gone
    chunks.put(b"")


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collects Ctrl-C instead of raising it in the middle of a record; untouched where it is ignored, or not ours."""
    pressed: list[int] = []
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield pressed
        return
    signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
