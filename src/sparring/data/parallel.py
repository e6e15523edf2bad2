"""Threads that read pictures: results come in the order of the items, and few are held at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

_MOST_THREADS = 8  # beyond that, Pillow's threads wait for the interpreter's lock and for the disk
_AT_ONCE = 16  # items for one task: handing over tiny pictures one by one takes longer than decoding them
_WAITING = 3  # tasks for each thread: enough that none is idle behind a slow file


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def reading_threads(needed: bool = True) -> Iterator[ThreadPoolExecutor | None]:
    """Gives a pool of threads, one for each core that this process may use; None if they are not `needed`.

    Threads and not processes: Pillow decodes without the interpreter's lock, and notebooks cannot start processes.
    """
    if not needed:
        yield None
        return
    pool = ThreadPoolExecutor(min(_MOST_THREADS, cores()), thread_name_prefix="sparring-read")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)  # after Ctrl-C: finish the files in hand, start no others


def in_order(pool: ThreadPoolExecutor | None, function: Callable[[A], B], items: Sequence[A]) -> Iterator[B]:
    """Yields function(item) for each item, in the items' order, with few of them started or waiting at any time."""
    if pool is None:
        yield from map(function, items)
        return

    def work(start: int) -> list[B]:
        return [function(item) for item in items[start : start + _AT_ONCE]]

    waiting: deque[Future[list[B]]] = deque()
    for start in range(0, len(items), _AT_ONCE):
        waiting.append(pool.submit(work, start))
        if len(waiting) > _WAITING * pool._max_workers:
            yield from waiting.popleft().result()
    while waiting:
        yield from waiting.popleft().result()
