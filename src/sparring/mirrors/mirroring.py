"""One mirror of a run: takes its events and sends them on. Nothing that goes wrong with it may harm the run."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from PIL import Image

from ..checkpoints import write_whole
from ..errors import SparringError
from ..events import Event, read, tail
from ..folder import RunFolder
from ..pictures import opened
from .telling import config, said, scalars


class Channel(Protocol):
    """What takes a run's numbers, pictures and texts somewhere else; all of them over the run's steps."""

    def scalars(self, event: Event, values: dict[str, float]) -> None:
        """Numbers by their tags."""

    def picture(self, event: Event, tag: str, image: Image.Image) -> None:
        """A sheet of samples."""

    def text(self, event: Event, tag: str, markdown: str) -> None:
        """A finding, or what was asked of the run."""

    def flush(self) -> None:
        """Sees to it that what was sent survives a kill."""

    def close(self) -> None:
        """Ends well."""


Open = Callable[[RunFolder, str | None, dict[str, Any], dict[str, Any], int], Channel]
"""(folder, project, config, what is remembered of the mirror, last step that it has) -> a channel.

What is to be remembered is written into the dictionary.
"""


class Mirroring:
    """An observer that sends a run's events on.

    In `mirrors.json` of the run stands what it must remember: which run it is there, and the last step that was sent
    (null while a process is at it). So nothing is sent twice, and what was trained without the mirror is sent later.

    Args:
        name: of the mirror.
        open_: opens the channel.
        folder: of the run.
        project: where it is put.
        say: is told what goes wrong, once.
        goes_back: whether steps can be sent again, in place of those that were sent.
    """

    def __init__(
        self,
        name: str,
        open_: Open,
        folder: RunFolder,
        project: str | None,
        say: Callable[[str], None],
        goes_back: bool = False,
    ) -> None:
        self.name, self._open, self._folder, self._project = name, open_, folder, project
        self._say, self._goes_back = say, goes_back
        self._channel: Channel | None = None
        self._remembered: dict[str, Any] = {}
        self._sent = -1  # the last step that is there
        self._there: set[tuple[str, int, str]] = set()  # what a process before this one sent of later steps

    def __call__(self, event: Event) -> None:
        """Takes an event of the run; asks for nothing, and raises nothing."""
        try:
            if event.kind in ("started", "resumed"):
                self._begin(event)
            elif self._channel is not None and _key(event) not in self._there:
                self._send(event)
                if event.kind == "checkpoint":
                    self._channel.flush()
        except Exception as error:
            self._give_up(error)

    def close(self) -> None:
        """Ends well; for the end of the process' work on the run, however it ends."""
        if self._channel is None:
            return
        try:
            self._remember(self._sent)
            self._channel.close()
        except Exception as error:
            self._give_up(error)
        self._channel = None

    def _begin(self, opening: Event) -> None:
        remembered = _read(self._folder).get(self.name)
        logged = tail(self._folder.events)[0] if opening.kind == "resumed" else []
        self._remembered = remembered if isinstance(remembered, dict) else {}
        known = _known(self._remembered, logged[:-1])
        self._sent = known = min(known, opening.step) if self._goes_back else known
        told = config(self._folder.settings() or {})
        channel = self._open(self._folder, self._project, told, self._remembered, known)
        self._remember(None)
        self._channel = channel
        for event in read(self._folder.events) if logged else ():
            if event.step > known:
                self._send(event)
        self._there = {_key(event) for event in logged[:-1] if opening.step < event.step <= known}

    def _send(self, event: Event) -> None:
        assert self._channel is not None
        if values := scalars(event):
            self._channel.scalars(event, values)
        if text := said(event):
            self._channel.text(event, *text)
        if event.kind == "sample" and (sheet := opened(self._folder.path / str(event.values.get("file")))) is not None:
            self._channel.picture(event, "samples", sheet)
        self._sent = max(self._sent, event.step)

    def _remember(self, sent: int | None) -> None:
        self._remembered["sent"] = sent
        text = json.dumps(_read(self._folder) | {self.name: self._remembered}, indent=1)
        write_whole(self._folder.mirrors, lambda file: file.write(text.encode()))

    def _give_up(self, error: Exception) -> None:
        """Says what is wrong, once; from then on the mirror sees nothing, and the next process goes on from here."""
        was_open, self._channel = self._channel is not None, None
        if was_open:
            with contextlib.suppress(SparringError):
                self._remember(self._sent)
        what = error.what if isinstance(error, SparringError) else f"{type(error).__name__}: {error}"
        self._say(f"Nothing more is sent to {self.name}: {what.rstrip('.')}. The training goes on.")


def _read(folder: RunFolder) -> dict[str, Any]:
    """What the run's mirrors remember; nothing where that was lost."""
    try:
        found = json.loads(folder.mirrors.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _key(event: Event) -> tuple[str, int, str]:
    """What tells an event from others; the same steps tell the same again."""
    return event.kind, event.step, str(event.values.get("code", ""))


def _known(remembered: dict[str, Any], logged: Iterable[Event]) -> int:
    """The last step that is there already; after a kill all that was logged."""
    if "sent" not in remembered:
        return -1
    sent = remembered["sent"]
    return sent if isinstance(sent, int) else max((event.step for event in logged), default=-1)
