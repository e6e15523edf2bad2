"""The page of a run that this process trains: a process of its own, so that showing costs training nothing."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from .opening import check_installed


@contextlib.contextmanager
def watched(run: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Shows a run for a while, and says where. Where that cannot be, it is said, and nothing is harmed.

    Raises:
        SparringError: what serves pages is not installed.
    """
    check_installed("--watch")
    # It ends when its standard input does, so it never outlives this process, however that ends.
    serving = subprocess.Popen(
        [sys.executable, "-m", "sparring.dashboard.serving", str(run)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert serving.stdin is not None
    assert serving.stdout is not None
    try:
        where = serving.stdout.readline().strip()
        say(f"Watch it at {where}" if where else "The page of the run cannot be shown; the training goes on.")
        yield
    finally:
        serving.stdin.close()
        try:
            serving.wait(5)
        except subprocess.TimeoutExpired:
            serving.kill()
            serving.wait()
        serving.stdout.close()
        say(f"The page has ended with the training; `sparring watch {run}` goes on showing it.")
