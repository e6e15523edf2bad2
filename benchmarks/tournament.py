"""Which recipe is the best for its price? Every contestant, every data set, several seeds, the same processor time.

    python benchmarks/tournament.py --path FOLDER_OF_FASHION_MNIST [--stage screen] [--workers 2]
    python benchmarks/tournament.py --table

Restartable: what stands in benchmarks/results/tournament-STAGE.jsonl is not run again. Each run has one thread and
stops when its process has used its minutes of processor time, so that two can run side by side and other work on the
machine takes nothing from anybody; evaluation is left out of that time. Scored against held-out reals with the
average of G at the end: FD and coverage of EfficientNet-Lite0 features, on as many fakes for everybody.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

# One thread for each run; before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from restartable import keeping, rows_of, run_all

import sparring
from sparring.errors import SparringError
from sparring.events import Event, read
from sparring.findings import Action
from sparring.methods import RECIPES, Recipe
from sparring.metrics.measuring import measure
from sparring.objectives import objective_named
from sparring.pictures import grid, save_png

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DATA: dict[str, dict[str, Any]] = {
    "fashion-mnist 32": {"source": "fashion-mnist", "size": 32},
    "emoji 32 RGB": {"source": "emoji", "size": 32, "channels": 3},
    "emoji 64 RGBA": {"source": "emoji", "size": 64, "channels": 4},
}
FAKES = 2_000  # that are measured
METRICS = ("fd", "kid", "coverage", "precision", "recall")
# On a CPU updates count more than pictures (docs/LOG.md): all have the same small batch and narrow networks.
CPU = {"batch": 16, "threads": 1, "precision": "fp32", "ema_half_life_images": 5_000.0}
WIDTHS = {"dcgan": 32, "dcgan-free": 32, "resnet": 32, "r3gan": 16}
_FAST, _FASTER = {"d_lr": 1e-3, "g_lr": 1e-3}, {"d_lr": 2e-3, "g_lr": 2e-3}
_FALLING = _FASTER | {"schedule_images": 60_000, "lr_final": 0.1, "ema_final_images": 10_000}
_PAIRED = RECIPES["dcgan"].but(loss="relativistic", network="dcgan-free", beta1=0.0, beta2=0.99)


def _lazy(gamma: float, every: int) -> dict[str, float]:
    return {"r1": gamma, "r2": gamma, "r1_every": every, "r2_every": every}


CONTESTANTS: dict[str, Recipe] = RECIPES | {
    "dcgan 1e-3": RECIPES["dcgan"].but(**_FAST),
    "hinge 1e-3": RECIPES["hinge"].but(**_FAST),
    "ragan 1e-3, beta2 .99": RECIPES["ragan"].but(**_FAST, beta2=0.99),
    "paired, lazy r1 r2, 1e-3": _PAIRED.but(**_FAST, **_lazy(0.02, 8)),
    "paired, lazy r1 r2, 2e-3": _PAIRED.but(**_FASTER, **_lazy(0.02, 8)),
    "paired, fast start": _PAIRED.but(**_FALLING, **_lazy(0.02, 8)),
    "paired, r .1/4, 2e-3": _PAIRED.but(**_FASTER, **_lazy(0.1, 4)),
    "paired, r .2/8, 2e-3": _PAIRED.but(**_FASTER, **_lazy(0.2, 8)),  # the default until it was tuned again
    "paired, r .05/16, 2e-3": _PAIRED.but(**_FASTER, **_lazy(0.05, 16)),
    "paired, r .3/8, 2e-3": _PAIRED.but(**_FASTER, **_lazy(0.3, 8)),
}
STAGES: dict[str, dict[str, Any]] = {
    "screen": {"minutes": 5.0, "seeds": 3},
    "final": {"minutes": 20.0, "seeds": 5},
}


def contestant(name: str) -> Recipe:
    recipe = CONTESTANTS[name]
    return recipe.but(width=WIDTHS[recipe.network], **CPU)


class ProcessorTime:
    """Stops a run when its process has used so many minutes."""

    def __init__(self, minutes: float) -> None:
        self._end = 60 * minutes
        self._begin: float | None = None

    def __call__(self, event: Event) -> Action | None:
        if event.kind in ("started", "resumed"):
            self._begin = time.process_time()
        used = time.process_time() - (self._begin or 0.0)
        return Action("stop", why="processor time") if event.kind == "tick" and used > self._end else None


def play(name: str, data: str, seed: int, minutes: float, path: str | None, pictures: Path) -> dict[str, Any]:
    """One run and its scores after a third of its time and at its end, as a row."""
    row: dict[str, Any] = {"contestant": name, "data": data, "seed": seed, "minutes": minutes}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        try:
            for part, place in ((minutes / 3, "third"), (minutes * 2 / 3, "")):
                run = trained(name, data, seed, part, path, out)
                scores = scores_of(out, data, path)
                row |= {f"{place}_{metric}" if place else metric: value for metric, value in scores.items()}
        except SparringError as error:
            if "not finite" not in error.what:
                raise  # a mistake in the command, and nothing that the contestant did
            return row | {"failed": "non-finite", "why": error.what, "steps": last_step(out)}
        row |= {"steps": run.step, "images": run.images} | losses(out)
        pictures.mkdir(parents=True, exist_ok=True)
        save_png(grid(run.sample(64, 0)), pictures / f"{name.replace('/', '-')} {data} {seed}.png".replace(" ", "_"))
    row["failed"] = failure(row)
    return row


def source_of(data: str, path: str | None) -> dict[str, Any]:
    source = dict(DATA[data])
    return source | ({"path": path} if source["source"] == "fashion-mnist" else {})


def trained(name: str, data: str, seed: int, minutes: float, path: str | None, out: Path) -> sparring.Run:
    """The run after so many more minutes of processor time."""
    source = source_of(data, path)
    return sparring.train(
        source.pop("source"), contestant(name), seed=seed, out=out, steps=10**9, evaluate_every=0,
        sample_every=10**9, checkpoint_every=10**9, observers={"clock": ProcessorTime(minutes)},
        say=lambda _: None, **source,
    )  # fmt: skip


def scores_of(out: Path, data: str, path: str | None) -> dict[str, Any]:
    source = source_of(data, path)
    source.pop("channels", None)
    found = measure(
        str(out), source.pop("source"), METRICS, n=FAKES, split="held-out", interval=False, say=lambda _: None,
        progress=False, **source,
    )  # fmt: skip
    scores: dict[str, Any] = {result.metric: result.value for result in found}
    return scores | {"n_real": found[0].n_real, "fd_floor": found[0].floor, "n_fake": found[0].n_fake}


def last_step(out: Path) -> int:
    found = read(out / "events.jsonl") if (out / "events.jsonl").exists() else []
    return max((event.step for event in found), default=0)


def losses(out: Path) -> dict[str, float]:
    ticks = [event.values for event in read(out / "events.jsonl") if event.kind == "tick"][-20:]
    return {name: statistics.fmean(tick[name] for tick in ticks) for name in ("d_loss", "g_loss")}


def failure(row: dict[str, Any]) -> str:
    """Why a run counts as failed, by rule: "" where it does not."""
    if "fd" not in row:
        return str(row["failed"])
    if row["coverage"] < 0.01 and row["recall"] < 0.01:
        return "collapse"
    has_scale = (
        objective_named(CONTESTANTS[row["contestant"]].loss).boundary is not None
    )  # a Wasserstein score has none
    return "divergence" if has_scale and max(abs(row["d_loss"]), abs(row["g_loss"])) > 50 else ""


def file_of(stage: str) -> Path:
    return RESULTS / f"tournament-{stage}.jsonl"


def table(stage: str) -> str:
    """Means over seeds: FD after a third of the time, where that was measured, FD and coverage at the end.

    Ranked by the mean over the data sets of FD over the best FD.
    """
    rows = rows_of(file_of(stage))
    means: dict[str, dict[str, dict[str, float]]] = {}
    for name in dict.fromkeys(row["contestant"] for row in rows):
        means[name] = {}
        for data in DATA:
            some = [row for row in rows if (row["contestant"], row["data"]) == (name, data)]
            if some and all(
                "fd" in row for row in some
            ):  # a run without pictures has none, and no mean makes up for it
                means[name][data] = {
                    metric: statistics.fmean(row[metric] for row in some)
                    for metric in ("third_fd", "fd", "coverage")
                    if all(metric in row for row in some)
                } | {"runs": len(some)}
    best = {data: min((found[data]["fd"] for found in means.values() if data in found), default=0.0) for data in DATA}
    played = {data for data in DATA if best[data]}
    rank = {n: statistics.fmean(f[d]["fd"] / best[d] for d in f) for n, f in means.items() if set(f) == played}
    lines = [f"| recipe | {' | '.join(DATA)} | FD over the best | failed |", "|---" * (len(DATA) + 3) + "|"]
    for name in sorted(means, key=lambda n: rank.get(n, math.inf)):
        cells = [cell(found) if (found := means[name].get(d)) else "" for d in DATA]
        of_it = [row for row in rows if row["contestant"] == name]
        failed = f"{sum(bool(failure(row)) for row in of_it)} of {len(of_it)}"
        lines.append(
            f"| {name} | {' | '.join(cells)} | {f'{rank[name]:.2f}' if name in rank else 'unranked'} | {failed} |"
        )
    return "\n".join(lines)


def cell(found: dict[str, float]) -> str:
    """(A third: FD; ) FD, coverage (runs)."""
    early = f"{found['third_fd']:.0f}; " if "third_fd" in found else ""
    return f"{early}**{found['fd']:.0f}**, {found['coverage']:.2f} ({found['runs']:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=STAGES, default="screen")
    parser.add_argument("--path", help="folder of Fashion-MNIST")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--contestants", nargs="*", default=list(CONTESTANTS))
    parser.add_argument("--pictures", type=Path, default=Path(tempfile.gettempdir()) / "tournament")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--one", nargs=3, metavar=("CONTESTANT", "DATA", "SEED"), help="used by itself")
    arguments = parser.parse_args()
    stage = STAGES[arguments.stage]
    if arguments.table:
        print(table(arguments.stage))
        return
    if arguments.one:
        name, data, seed = arguments.one
        print(json.dumps(play(name, data, int(seed), stage["minutes"], arguments.path, arguments.pictures)))
        return
    done = {(row["contestant"], row["data"], row["seed"]) for row in rows_of(file_of(arguments.stage))}
    waiting = [
        (name, data, seed)
        for seed in range(stage["seeds"])
        for data in DATA
        for name in arguments.contestants
        if (name, data, seed) not in done
    ]
    print(f"{len(waiting)} runs to go, {len(done)} done", flush=True)

    def words(entry: tuple[str, str, int]) -> list[str]:
        asked = [__file__, "--stage", arguments.stage, "--one", *map(str, entry), "--pictures", str(arguments.pictures)]
        return asked + (["--path", arguments.path] if arguments.path else [])

    run_all(waiting, words, keeping(file_of(arguments.stage)), arguments.workers)


if __name__ == "__main__":
    main()
