"""Does the default recipe hold? Narrow networks (width 16, 32 px), 20,000 steps, 20 seeds over three data sets.

    python benchmarks/stability.py --path FOLDER_OF_FASHION_MNIST [--recipe sparring] [--workers 2]
    python benchmarks/stability.py --table

Restartable: a row for each run stands in benchmarks/results/stability.jsonl as soon as it is done. Each run has one
thread and is judged every 2,000 steps by held-out reals. What counts as a failure was written down before the first
run: a loss or gradient that is not finite; a collapse (coverage and recall below .01 at the end); a regress (FD at the
end more than 1.5 times the best that it had been, and coverage less than half of its best).
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

from restartable import keeping, rows_of, run_all

import sparring
from sparring.errors import SparringError
from sparring.events import LAST_EVALUATION, read
from sparring.methods import RECIPES

RESULTS = Path(__file__).parent / "results" / "stability.jsonl"
DATA: dict[str, dict[str, Any]] = {
    "fashion-mnist": {"source": "fashion-mnist"},
    "emoji RGB": {"source": "emoji", "channels": 3},
    "emoji RGBA": {"source": "emoji", "channels": 4},
}
STEPS, SEEDS, JUDGED_EVERY = 20_000, 20, 2_000


def play(recipe: str, data: str, seed: int, steps: int, path: str | None) -> dict[str, Any]:
    """One run, as a row."""
    row: dict[str, Any] = {"recipe": recipe, "data": data, "seed": seed, "steps": steps}
    narrow = RECIPES[recipe].but(width=16, threads=1, precision="fp32")
    source = dict(DATA[data])
    where = {"path": path} if source["source"] == "fashion-mnist" else {}
    with tempfile.TemporaryDirectory() as folder:
        out, why = Path(folder) / "run", ""
        try:
            sparring.train(
                source.pop("source"), narrow, size=32, seed=seed, out=out, steps=steps, patience=0, metric="fd",
                evaluate_every=JUDGED_EVERY * narrow.images_a_step, sample_every=10**9, checkpoint_every=10**9, keep=1,
                say=lambda _: None, **source, **where,
            )  # fmt: skip
        except SparringError as error:
            why = error.what
            if "not finite" not in why:
                raise  # a mistake in the command, and nothing that the recipe did
        events = read(out / "events.jsonl")
    judged = [e for e in events if e.kind in ("evaluation", LAST_EVALUATION)]
    columns = {name: [e.values.get(name) for e in judged] for name in ("value", "coverage", "recall", "precision")}
    found = sorted({e.values["code"] for e in events if e.kind == "finding" and e.values["severity"] != "info"})
    row |= {"at": [e.step for e in judged], **columns, "findings": found, "last_step": events[-1].step}
    return row | {"failed": failure(row, why)}


def failure(row: dict[str, Any], why: str) -> str:
    """Why a run counts as failed, by the rule above; "" where it does not."""
    if why:
        return "non-finite"
    fd, coverage, recall = row["value"], row["coverage"], row["recall"]
    if coverage[-1] < 0.01 and recall[-1] < 0.01:
        return "collapse"
    return "regress" if fd[-1] > 1.5 * min(fd) and coverage[-1] < 0.5 * max(coverage) else ""


def table() -> str:
    lines = ["| recipe | data | runs | failed | FD at its best | at the end | coverage at the end |", "|---" * 7 + "|"]
    for recipe, data in dict.fromkeys((row["recipe"], row["data"]) for row in rows_of(RESULTS)):
        some = [row for row in rows_of(RESULTS) if (row["recipe"], row["data"]) == (recipe, data)]
        failed = ", ".join(f"{row['failed']} (seed {row['seed']})" for row in some if row["failed"]) or "0"
        whole = [row for row in some if row["failed"] != "non-finite"]
        best, last = ([f([*row["value"]]) for row in whole] for f in (min, lambda fd: fd[-1]))
        covered = [row["coverage"][-1] for row in whole]
        cells = [f"{min(v):.3g} to {max(v):.3g}" if v else "" for v in (best, last, covered)]
        lines.append(f"| {recipe} | {data} | {len(some)} | {failed} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", help="folder of Fashion-MNIST")
    parser.add_argument("--recipe", default="sparring")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("DATA", "SEED"), help="used by itself")
    arguments = parser.parse_args()
    if arguments.table:
        print(table())
        return
    if arguments.one:
        data, seed = arguments.one
        print(json.dumps(play(arguments.recipe, data, int(seed), arguments.steps, arguments.path)))
        return
    done = {(row["recipe"], row["data"], row["seed"]) for row in rows_of(RESULTS)}
    # The seeds go round the data sets: 7, 7 and 6 of 20.
    waiting = [(list(DATA)[seed % len(DATA)], seed) for seed in range(arguments.seeds)]
    waiting = [each for each in waiting if (arguments.recipe, *each) not in done]

    def words(entry: tuple[str, int]) -> list[str]:
        asked = [__file__, "--recipe", arguments.recipe, "--steps", str(arguments.steps), "--one", *map(str, entry)]
        return asked + (["--path", arguments.path] if arguments.path else [])

    run_all(waiting, words, keeping(RESULTS, "data", "seed", "failed"), arguments.workers)


if __name__ == "__main__":
    main()
