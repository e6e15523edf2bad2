"""What is new of a run, sent to every page that shows it. A run that nobody looks at is not read."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from ..errors import SparringError
from .following import Followed

EVERY_SECONDS = 1.0  # between two looks at a log
_ALIVE_EVERY = 15  # looks after which a quiet stream says that it is there, and whether somebody trains is asked anew
_ROOM = 32  # messages that wait for one page; a page that is slower starts again
MOST_PAGES = 64


class Stream:
    """The pages that show one run.

    Args:
        followed: the run.
    """

    def __init__(self, followed: Followed) -> None:
        self.followed = followed
        self._pages: set[asyncio.Queue[bytes | None]] = set()
        self._work: asyncio.Task[None] | None = None
        self._running = False

    @property
    def pages(self) -> int:
        """How many look."""
        return len(self._pages)

    async def messages(self, begin: int) -> AsyncIterator[bytes]:
        """Server-sent events from a byte of the log on, until the page goes."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_ROOM)
        followed = self.followed
        await asyncio.to_thread(_caught_up, followed)
        self._running = followed.is_running()
        yield _message(followed.points_since(begin) | {"running": self._running})
        self._pages.add(queue)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._look())
        try:
            while (message := await queue.get()) is not None:
                yield message
        finally:
            self._pages.discard(queue)

    def stop(self) -> None:
        """Ends every stream."""
        for queue in list(self._pages):
            _end(queue)

    async def _look(self) -> None:
        """Looks at the log while somebody is there; each look is done once, however many they are."""
        followed, quiet = self.followed, 0
        told, version = followed.offset, followed.version
        while self._pages:
            await asyncio.sleep(EVERY_SECONDS)
            if followed.has_more():
                await asyncio.to_thread(_caught_up, followed)
            quiet += 1
            message = b""
            if followed.offset != told or followed.version != version:
                message = _message(followed.points_since(told) | {"running": self._running})
                told, version, quiet = followed.offset, followed.version, 0
            elif quiet >= _ALIVE_EVERY:
                message, quiet = b": here\n\n", 0
            if (quiet == 0 or self._running) and (running := followed.is_running()) != self._running:
                self._running = running
                message += _message({"version": version, "offset": told, "running": running})
            if message:
                self._send(message)

    def _send(self, message: bytes) -> None:
        for queue in list(self._pages):
            try:
                queue.put_nowait(message)
            except asyncio.QueueFull:
                _end(queue)


def _end(queue: asyncio.Queue[bytes | None]) -> None:
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)


def _caught_up(followed: Followed) -> None:
    with contextlib.suppress(SparringError, OSError):  # the folder is gone, or will be there again
        followed.catch_up()


def _message(told: dict[str, Any]) -> bytes:
    text = json.dumps(told, separators=(",", ":"))
    return f"id: {told['offset']}\ndata: {text}\n\n".encode()
