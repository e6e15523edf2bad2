"""A first look at a very long log: every event that is no tick, and some of the ticks, found without reading them all.

Lines are told apart by one byte: our events begin with their kind. What is found so is exact but for the curves, of
which some points are known; whoever wants the rest reads the file whole, which takes ten times as long.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..reporting.reading import RunLog

_BLOCK = 1 << 24  # bytes at a time
_BEGIN = b'{"event": "'
_TICK = _BEGIN + b"tick"
_SHORTEST = 64  # bytes of a tick; nothing of ours is shorter


def skimmed(path: Path, ticks: int) -> tuple[RunLog, int]:
    """Reads every event but the ticks, and about so many of those, evenly; returns the byte to go on from as well.

    Raises OSError where the file cannot be read.
    """
    log, offset, rest, every, seen = RunLog(), 0, b"", 1, 0
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        while block := file.read(_BLOCK):
            whole, newline, rest = (rest + block).rpartition(b"\n")
            if not newline:
                continue
            begins, is_tick = _lines(whole)
            if not offset:
                told = len(whole) / max(1, len(begins))
                every = max(1, int(size / max(told, _SHORTEST) / max(1, ticks)))
            numbers = seen + np.cumsum(is_tick) - 1
            # The last line too: it tells where the run stands.
            wanted = np.flatnonzero(~is_tick | (numbers % every == 0) | (np.arange(len(begins)) == len(begins) - 1))
            ends = np.append(begins[1:] - 1, len(whole))
            log.take([whole[begins[i] : ends[i]] for i in wanted.tolist()])
            seen += int(is_tick.sum())
            offset += len(whole) + 1
    return log, offset


def _lines(whole: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Where the lines of some text begin, and whether each is a tick."""
    letters = np.frombuffer(whole, np.uint8)
    begins = np.append(0, np.flatnonzero(letters == ord("\n")) + 1)
    place = begins + len(_BEGIN)
    there = place + 1 < len(letters)
    near = np.where(there, place, 0)
    is_tick = there & (letters[near] == ord("t")) & (letters[np.where(there, place + 1, 0)] == ord("i"))
    return begins, is_tick


def is_tick(line: bytes) -> bool:
    """Whether a line is a tick of ours."""
    return line.startswith(_TICK)
