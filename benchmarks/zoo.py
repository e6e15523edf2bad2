"""The zoo: real trainings with one planted fault each, and sound ones. Does the doctor beside them see what is wrong?

    python benchmarks/zoo.py --path FOLDER_OF_FASHION_MNIST [--part tuned] [--workers 2] [--only PLANT ...]
    python benchmarks/zoo.py --table
    python benchmarks/zoo.py --plan

Programs, plants and variations: benchmarks/zoo_programs. Every run has one thread and a `sparring.Monitor` that is
given what a user would give it. Restartable: what stands in benchmarks/results/zoo.jsonl is not run again; a row is
written as soon as its run is done. An alarm is a finding of warning or error. A plant counts only where it did harm, as
measured without the doctor (`zoo_programs/outcomes.py`) against plain runs of the same program, which go first.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# One thread for each run; before torch is imported.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import torch
from restartable import keep, rows_of, run_all
from zoo_programs.counting import harm_of, table
from zoo_programs.data import pictures_of
from zoo_programs.healthy import PLAIN, VARIATIONS, variation_named
from zoo_programs.outcomes import outcome
from zoo_programs.parts import Parts, Program
from zoo_programs.plants import PLANTS, SEEDS, plant_named

import sparring
from sparring.findings import SEVERITIES, Finding
from sparring.pictures import grid, save_png

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "zoo.jsonl"
PARTS = ("tuned", "unseen")
HEALTHY = "healthy: "  # before the name of a variation, where a plant's stands in other rows


@dataclass(frozen=True)
class Entry:
    """One run to be made: what is planted ("healthy: NAME" for a variation), in which program, with which seed."""

    plant: str
    program: str
    seed: int
    part: str


class Beside:
    """A monitor beside a program: hands it what the program tells, and keeps what it says and when."""

    def __init__(self, parts: Parts, loss: str | None) -> None:
        optimizers = {"d_optimizer": parts.d_opt, "g_optimizer": parts.g_opt}
        given: dict[str, Any] = {
            name: each for name, each in optimizers.items() if isinstance(each, torch.optim.Optimizer)
        }
        self._monitor = sparring.Monitor(
            loss=loss, say=lambda _: None, generator=parts.G, discriminator=parts.D, **given
        )
        self._parts = parts
        self.step = 0
        self.told: list[dict[str, Any]] = []

    def __call__(self, step: int, **what: Any) -> None:
        self.step = step
        if step % self._parts.watch_every:
            return
        self.keep(self._monitor.observe(self._parts.shown(step), **what))

    def keep(self, findings: Iterable[Finding]) -> None:
        """Notes what is new, or graver than before, with the step of the training."""
        for found in findings:
            before = [each for each in self.told if (each["code"], each["where"]) == (found.code, found.where)]
            if any(SEVERITIES.index(each["severity"]) <= SEVERITIES.index(found.severity) for each in before):
                continue
            self.told.append(
                {"code": found.code, "severity": found.severity, "step": self.step, "where": found.where,
                 "message": found.message}
            )  # fmt: skip

    @property
    def seconds(self) -> float:
        """That the monitor took of the training's time."""
        return self._monitor.seconds

    def close(self) -> None:
        """The training is over; what only the whole of it shows counts as told now."""
        self.keep(self._monitor.close())
        self.keep(self._monitor.report().findings)


def programs_of(part: str) -> dict[str, Program]:
    """The programs of a part by name; none where its module is not there."""
    if importlib.util.find_spec(f"zoo_programs.{part}") is None:
        return {}
    return {program.name: program for program in importlib.import_module(f"zoo_programs.{part}").PROGRAMS}


def play(entry: Entry, path: str | None, steps: int | None = None, grids: Path | None = None) -> dict[str, Any]:
    """One run, as a row.

    Args:
        entry: which.
        path: of Fashion-MNIST.
        steps: in place of the program's own, for trials.
        grids: a folder for its pictures.
    """
    program = programs_of(entry.part)[entry.program]
    pictures, labels, classes = pictures_of(program.data, path)
    torch.manual_seed(1000 + entry.seed)
    np.random.seed(1000 + entry.seed)
    parts = program.build(pictures, labels, classes)
    parts.steps = steps or parts.steps
    onset = change(entry.plant, parts)
    beside = Beside(parts, program.loss)
    begin, raised = time.process_time(), ""
    try:
        program.loop(parts, beside)
    except Exception as error:  # a program that a plant ends: its user sees a traceback
        raised = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
    beside.close()
    seconds = time.process_time() - begin
    told = [each for each in beside.told if each["severity"] != "info"]
    since = [each for each in told if each["step"] >= onset]
    if grids is not None:
        draw_grid(parts, classes, grids / f"{entry.plant} {entry.program} {entry.seed}.png")
    return {
        "plant": entry.plant, "program": entry.program, "seed": entry.seed, "part": entry.part,
        "steps": parts.steps, "ended": beside.step, "onset": onset, "classes": parts.classes, "raised": raised,
        "outcome": outcome(parts, pictures, labels if parts.classes else None, classes),
        "findings": beside.told, "first_code": since[0]["code"] if since else None,
        "steps_to_alarm": since[0]["step"] - onset if since else None, "seconds": round(seconds, 1),
        "monitor_seconds": round(beside.seconds, 2),
    }  # fmt: skip


def change(plant: str, parts: Parts) -> int:
    """Plants a fault, or makes a harmless change; returns the step of onset."""
    if plant.startswith(HEALTHY):
        variation_named(plant.removeprefix(HEALTHY)).apply(parts)
        return 0
    found = plant_named(plant)
    onset = found.onset(parts.steps)
    found.apply(parts, onset)
    return onset


def draw_grid(parts: Parts, classes: int, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    asked = torch.arange(64) % classes if parts.classes else None
    made = ((parts.sample(64, asked).clamp(-1, 1).nan_to_num() + 1) * 127.5).to(torch.uint8).numpy()
    save_png(grid(made.repeat(4, 2).repeat(4, 3)), Path(str(file).replace(" ", "_").replace(":", "")))


def plan(part: str) -> list[Entry]:
    """All runs of a part: plain healthy ones first, since harm is measured against them; then by seed."""
    programs = programs_of(part).values()
    sound = [
        Entry(f"{HEALTHY}{each.name}", program.name, seed, part)
        for each in VARIATIONS
        for program in programs
        if each.fits(program)
        for seed in range(each.seeds)
    ]
    planted = [
        Entry(plant.name, program.name, seed, part)
        for seed in range(SEEDS)
        for plant in PLANTS
        for program in plant.among(programs)
    ]
    plain = [entry for entry in sound if entry.plant == f"{HEALTHY}{PLAIN}"]
    return [*plain, *planted, *(entry for entry in sound if entry not in plain)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="may stand twice; both by default")
    parser.add_argument("--path", help="folder of Fashion-MNIST")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", help='plants, or variations as "healthy: slow"')
    parser.add_argument("--programs", nargs="*", help="programs, in place of all")
    parser.add_argument("--seeds", nargs="*", type=int, help="seeds, in place of all")
    parser.add_argument("--steps", type=int, help="for trials: so many, and rows are printed, not kept")
    parser.add_argument("--grids", type=Path, help="for trials: a folder for pictures of plain runs; no rows are kept")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--plan", action="store_true", help="lists the runs")
    parser.add_argument("--one", help="used by itself: an entry as JSON")
    arguments = parser.parse_args()
    if arguments.one:
        torch.set_num_threads(1)
        print(json.dumps(play(Entry(*json.loads(arguments.one)), arguments.path, arguments.steps, arguments.grids)))
        return
    rows = rows_of(RESULTS)
    if arguments.table:
        print(table([row for row in rows if not arguments.part or row["part"] in arguments.part]))
        return
    trial = arguments.steps is not None or arguments.grids is not None
    waiting = waiting_of(arguments, rows if not trial else [])
    if arguments.plan:
        for entry in waiting:
            print(entry.part, entry.plant, entry.program, entry.seed, sep="\t")
    print(f"{len(waiting)} runs to go", file=sys.stderr, flush=True)
    if not arguments.plan:
        play_all(waiting, arguments, rows, trial)


def waiting_of(arguments: argparse.Namespace, rows: list[dict[str, Any]]) -> list[Entry]:
    done = {(row["plant"], row["program"], row["seed"], row["part"]) for row in rows}
    only = arguments.only if not arguments.grids else [f"{HEALTHY}{PLAIN}"]
    seeds = arguments.seeds if not arguments.grids else [0]
    return [
        entry
        for part in arguments.part or PARTS
        for entry in plan(part)
        if (entry.plant, entry.program, entry.seed, entry.part) not in done
        and (only is None or entry.plant in only)
        and (arguments.programs is None or entry.program in arguments.programs)
        and (seeds is None or entry.seed in seeds)
    ]


def play_all(waiting: list[Entry], arguments: argparse.Namespace, rows: list[dict[str, Any]], trial: bool) -> None:
    """Each run in a process of its own, so many side by side; its row is kept as soon as it is there."""

    def words(entry: Entry) -> list[str]:
        asked = [__file__, "--one", json.dumps([entry.plant, entry.program, entry.seed, entry.part])]
        given = {name: getattr(arguments, name) for name in ("path", "steps", "grids")}
        return asked + [
            word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))
        ]

    def done(row: dict[str, Any]) -> None:
        row["harm"] = harm_of(row, [*rows, row])
        rows.append(row)
        if not trial:
            keep(RESULTS, row)
        print(brief(row), flush=True)

    run_all(waiting, words, done, arguments.workers)


def brief(row: dict[str, Any]) -> str:
    """A row on a line."""
    told = " ".join(f"{e['code']}@{e['step']}" for e in row["findings"] if e["severity"] != "info")
    out = " ".join(f"{name} {value}" for name, value in row["outcome"].items())
    raised = f" raised {row['raised']}" if row["raised"] else ""
    return (
        f"{row['plant']} | {row['program']} | {row['seed']} | onset {row['onset']} of {row['steps']} | "
        f"{told or 'nothing told'} | {out} | harm {row['harm']} | {row['seconds']} s{raised}"
    )


if __name__ == "__main__":
    main()
