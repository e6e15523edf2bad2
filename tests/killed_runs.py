"""A program, not a test: trains in children that are killed at random moments, then lets one finish.

    python killed_runs.py PICTURES FOLDER

FOLDER/whole is a run that was never interrupted, FOLDER/killed one that was killed ten times: at five moments that only
the clock knows, and at five that lie inside a write (of a checkpoint, a best one, a checksum, a sheet, an event or
recipe.json).
Children are forked from one process that has imported all they need but computed nothing, so that ten kills take
seconds.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

import torch

import sparring.run
from sparring.methods import RECIPES
from sparring.players import resolve_device

RECIPE = RECIPES["dcgan"].but(width=4, batch=8, latent=16, threads=1, precision="fp32")


def coarse(pictures: torch.Tensor) -> torch.Tensor:
    """An extractor that takes no time: 4 x 4 means."""
    return torch.nn.functional.adaptive_avg_pool2d(pictures.float(), 4).flatten(1)


def train(pictures: str, out: Path, steps: int = 240) -> None:
    sparring.run.train(
        pictures,
        RECIPE,
        size=28,
        channels=1,
        out=out,
        steps=steps,
        sample_every=15,
        checkpoint_every=7,
        held_out=10,
        evaluate_every=200,
        features=coarse,
        say=lambda _: None,
    )


def child(work: object) -> int:
    """Runs `work` in a forked child; returns how the child ended."""
    pid = os.fork()
    if pid == 0:
        try:
            torch.set_num_threads(1)
            work()  # type: ignore[operator]
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid


def wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killing(name: str, nth: int) -> None:
    """Makes the nth call of an `os` function kill this process before it is done."""
    real, calls = getattr(os, name), [0]

    def call(*args: object, **kwargs: object) -> object:
        calls[0] += 1
        if calls[0] == nth:
            if name == "write":
                real(args[0], args[1][: len(args[1]) // 2])  # type: ignore[index, arg-type]
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    setattr(os, name, call)


def main(pictures: str, folder: Path) -> None:
    resolve_device("cpu")  # what this imports would take most of the time of every child
    begin = time.monotonic()
    assert wait(child(lambda: train(pictures, folder / "whole"))) == 0
    whole_seconds = time.monotonic() - begin
    rng = random.Random(int(os.environ.get("KILL_SEED", "0")))
    kills = 0
    for i in range(10):
        if i % 2:
            pid = child(lambda: train(pictures, folder / "killed"))
            time.sleep(rng.uniform(0.05, 0.3) * whole_seconds)
            os.kill(pid, signal.SIGKILL)
        else:
            name, nth = rng.choice(["fsync", "replace", "write"]), rng.randint(1, 12)

            def work(name: str = name, nth: int = nth) -> None:
                killing(name, nth)
                train(pictures, folder / "killed")

            pid = child(work)
        ended = wait(pid)
        kills += ended == -signal.SIGKILL
        saved = sorted(path.name for path in (folder / "killed" / "checkpoints").glob("*.pt"))
        print(f"kill {i}: ended {ended}, checkpoints {saved[-3:]}")
        assert ended in (0, -signal.SIGKILL), "a start after a kill must never fail"
    print(f"kills {kills}")
    assert wait(child(lambda: train(pictures, folder / "killed"))) == 0


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
