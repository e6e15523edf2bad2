"""What reading a long log costs: 1 GB of it through `sparring diagnose`, as a file and through a pipe.

    python benchmarks/reading_logs.py --path /tmp/big

Written once, then diagnosed by a process of its own whose processor time (its children's clock) and peak of memory are
noted: lines of the official DCGAN example, JSON lines, and lines under a progress bar that is drawn over and over. The
files are removed. Result: benchmarks/results/reading-logs.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sparring import machine

RESULTS = Path(__file__).parent / "results" / "reading-logs.json"
EPOCH = 1583  # batches of the example's data
_MB = 1e6
_ROWS = 20_000  # written at a time


def losses(rng: np.random.Generator, n: int) -> list[tuple[float, float]]:
    """A sound pair's: medians of .7 and 2.5."""
    return list(zip(0.7 * np.exp(0.4 * rng.normal(size=n)), 2.5 * np.exp(0.3 * rng.normal(size=n)), strict=True))


def dcgan(step: int, d: float, g: float) -> str:
    place = f"[{step // EPOCH}/9999][{step % EPOCH}/{EPOCH}]"
    return f"{place}\tLoss_D: {d:.4f}\tLoss_G: {g:.4f}\tD(x): {0.8 - d / 10:.4f}\tD(G(z)): {d / 4:.4f} / {d / 9:.4f}\n"


def json_line(step: int, d: float, g: float) -> str:
    return f'{{"step": {step}, "d_loss": {d:.6f}, "g_loss": {g:.6f}, "d_lr": 0.0002, "note": "ok"}}\n'


def bar(step: int, d: float, g: float) -> str:
    """As tqdm draws it: a carriage return, and the end of the line with the epoch."""
    at = step % EPOCH
    end = "\n" if at == EPOCH - 1 else ""
    shown = f"{at / EPOCH:4.0%}|{'█' * (10 * at // EPOCH):<10}| {at}/{EPOCH} [00:10<00:20, 5.1it/s, "
    return f"\r{shown}d_loss={d:.3f}, g_loss={g:.3f}]{end}"


KINDS: dict[str, Callable[[int, float, float], str]] = {"DCGAN example": dcgan, "JSON lines": json_line, "tqdm": bar}


def write(path: Path, line: Callable[[int, float, float], str], megabytes: float) -> None:
    rng, step = np.random.default_rng(0), 0
    with open(path, "w", encoding="utf-8") as file:
        while file.tell() < megabytes * _MB:
            file.write("".join(line(step + i, *pair) for i, pair in enumerate(losses(rng, _ROWS))))
            step += _ROWS


def diagnosed(path: Path, piped: bool) -> dict[str, Any]:
    """One process; its own use is the difference that it makes to that of all children, and its peak what it says."""
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # The peak is of the process itself: that of all children would be the largest so far.
    code = (
        "import resource, sys; from sparring.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "diagnose", "-" if piped else str(path), "--json"]
    if piped:
        with subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE) as writer:
            ran = subprocess.run(command, stdin=writer.stdout, capture_output=True, text=True, check=False)
    else:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode not in (0, 1):
        raise SystemExit(ran.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    megabytes = path.stat().st_size / _MB
    return {
        "read": "through a pipe" if piped else "as a file",
        "megabytes": round(megabytes),
        "cpu_seconds": round(seconds, 1),
        "seconds": round(time.perf_counter() - wall, 1),
        "megabytes_per_cpu_second": round(megabytes / seconds, 1),
        "peak_mb": round(int(ran.stderr.split()[-1]) * 1024 / _MB),
        "findings": [finding["code"] for finding in json.loads(ran.stdout)["findings"]],
        "notes": json.loads(ran.stdout)["notes"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", type=Path, required=True, help="folder for the logs")
    parser.add_argument("--megabytes", type=float, default=1000)
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--piped", choices=("no", "yes", "both"), default="both")
    parser.add_argument("--no-save", action="store_true")
    arguments = parser.parse_args()
    arguments.path.mkdir(parents=True, exist_ok=True)
    rows = []
    for kind in arguments.kinds:
        path = arguments.path / f"{kind.replace(' ', '-')}.log"
        try:
            write(path, KINDS[kind], arguments.megabytes)
            for piped in {"no": [False], "yes": [True], "both": [False, True]}[arguments.piped]:
                rows.append({"kind": kind, **diagnosed(path, piped)})
                print(rows[-1], flush=True)
        finally:
            path.unlink(missing_ok=True)
    if not arguments.no_save:
        about = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "machine": machine.describe()}
        about |= {"threads": os.environ.get("OMP_NUM_THREADS"), "rows": rows}
        RESULTS.write_text(json.dumps(about, indent=2) + "\n")


if __name__ == "__main__":
    main()
