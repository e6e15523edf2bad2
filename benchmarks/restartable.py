"""Measurements of hours, in pieces: a piece is a process of its own, and its row is on disk as soon as it is done."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from sparring import machine

Entry = TypeVar("Entry")


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The rows that are there, in the order in which they were done."""
    return [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []


def keep(file: Path, row: dict[str, Any]) -> None:
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as opened:
        opened.write(json.dumps(row) + "\n")


def keeping(file: Path, *shown: str) -> Callable[[dict[str, Any]], None]:
    """Takes a row: keeps it, and prints it, or what is `shown` of it."""

    def done(row: dict[str, Any]) -> None:
        keep(file, row)
        print({name: row[name] for name in shown} if shown else row, flush=True)

    return done


def stamp() -> dict[str, str]:
    """What stands in every row: when, and on what."""
    return {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "cpu": machine.describe()["cpu"]}


def run_all(
    waiting: Iterable[Entry],
    words: Callable[[Entry], list[str]],
    done: Callable[[dict[str, Any]], None],
    workers: int,
) -> None:
    """Runs each piece, so many side by side.

    Args:
        waiting: the pieces.
        words: piece -> the command line of its process, after "python". The last line that it prints is its row.
        done: takes the row, stamped; never two at once. A piece that ended in an error has none: its end is printed.
        workers: how many side by side.
    """
    about, lock = stamp(), Lock()

    def run(entry: Entry) -> None:
        ran = subprocess.run([sys.executable, *words(entry)], capture_output=True, text=True, check=False)
        if ran.returncode:
            print(f"{entry}: {ran.stderr[-2000:]}", flush=True)
            return
        with lock:
            done(json.loads(ran.stdout.splitlines()[-1]) | about)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, waiting))
