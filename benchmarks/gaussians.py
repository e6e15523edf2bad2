"""How many modes does a recipe find? 25 Gaussians on a grid, and a ring of 8, through the same step as pictures.

    python benchmarks/gaussians.py [--recipes dcgan wgan-gp] [--seeds 5] [--workers 2]
    python benchmarks/gaussians.py --table

Grid: centres at -4, -2 .. 4 on both axes, sigma .05. Ring: radius 1, sigma .01. G and D are MLPs of 3 x 128. A sample
is good within 3 sigma of a centre; a mode counts from 20 of 2,500 samples. Only what a recipe says of the method is
used (loss, penalties, rates, updates of D, clipping, spectral norm, schedules, noise), not its network, its z, its
batch and its augmentation of pictures: z has 2 numbers as in the toy of arXiv 1704.00028, the batch is 128. All have
the same work, 40,000 updates on the grid and 8,000 on the ring, those of D and of G together: with five of D for each
of G a third of the steps.
Counted are the samples of G's average, which is what a user of a recipe samples from; a row has those of G as well.
Results: benchmarks/results/gaussians.jsonl, a row as soon as it is done, and none is run twice.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # such small networks are slower with more; before torch is imported

import torch
from restartable import keeping, rows_of, run_all
from torch import Tensor, nn

from sparring.game import Game
from sparring.methods import RECIPES, Recipe
from sparring.networks.calling import evaluation_mode, randomness
from sparring.players import Players
from sparring.seeds import seed_for
from sparring.stabilisers import prepare
from sparring.step import train_step

RESULTS = Path(__file__).parent / "results" / "gaussians.jsonl"
CPU = torch.device("cpu")
LATENT, WIDTH, BATCH = 2, 128, 128
SAMPLES, ENOUGH = 2500, 20


def grid() -> tuple[Tensor, float]:
    side = torch.arange(-4.0, 5.0, 2.0)
    return torch.cartesian_prod(side, side), 0.05


def ring() -> tuple[Tensor, float]:
    angles = torch.arange(8) * (2 * math.pi / 8)
    return torch.stack([angles.cos(), angles.sin()], 1), 0.01


TARGETS = {"grid": grid, "ring": ring}
UPDATES = {"grid": 40_000, "ring": 8_000}  # of D and of G together


def mlp(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(3):
        layers += [nn.Linear(inputs if i == 0 else WIDTH, WIDTH), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(WIDTH, outputs))


def play(recipe: Recipe, target: str, steps: int, seed: int) -> dict[str, Any]:
    """Trains one pair. Returns modes found and the share of good samples, of G and of its average."""
    centres, sigma = TARGETS[target]()
    recipe = recipe.but(
        latent=LATENT, batch=BATCH, augment="", augment_p=1.0, ada_target=0.0, threads=1, precision="fp32"
    )
    with randomness(seed_for(seed, "networks"), CPU):
        pair = mlp(LATENT, 2), mlp(2, 1)
        prepare(*pair, recipe)
    players, game = Players(*pair, recipe, (LATENT,), "cpu"), Game.of(recipe)

    def draw() -> tuple[Tensor, None]:
        return centres[torch.randint(len(centres), (BATCH,))] + sigma * torch.randn(BATCH, 2), None

    begin, finite = time.process_time(), True
    with randomness(seed_for(seed, "training"), CPU):
        for step in range(steps):
            players.at(step * recipe.images_a_step)
            game.at(recipe, step * recipe.images_a_step)
            seen = train_step(players, game, draw)
        finite = bool(seen["d_loss"].isfinite()) and bool(seen["g_loss"].isfinite())
    row: dict[str, Any] = {"finite": finite, "seconds": round(time.process_time() - begin, 1)}
    for name, network in (("", players.generator), ("average_", players.average)):
        modes, good = found(network, centres, sigma, seed)
        row |= {f"{name}modes": modes, f"{name}good": good}
    return row


@torch.no_grad()
def found(network: nn.Module, centres: Tensor, sigma: float, seed: int) -> tuple[int, float]:
    with randomness(seed_for(seed, "samples"), CPU), evaluation_mode(network):
        samples = network(torch.randn(SAMPLES, LATENT))
    distance, nearest = torch.cdist(samples, centres).min(1)
    good = distance <= 3 * sigma
    counts = torch.bincount(nearest[good], minlength=len(centres))
    return int((counts >= ENOUGH).sum()), round(float(good.float().mean()), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="*", default=list(RECIPES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--one", nargs=3, metavar=("RECIPE", "TARGET", "SEED"), help="used by itself")
    arguments = parser.parse_args()
    if arguments.one:
        torch.set_num_threads(1)
        name, target, seed = arguments.one
        print(json.dumps(row_of(name, target, int(seed))))
        return
    rows = rows_of(RESULTS)
    if arguments.table:
        print(table(rows))
        return
    done = {(row["recipe"], row["target"], row["seed"]) for row in rows}
    waiting = [
        (name, target, seed)
        for seed in range(arguments.seeds)
        for target in TARGETS
        for name in arguments.recipes
        if (name, target, seed) not in done
    ]

    def words(entry: tuple[str, str, int]) -> list[str]:
        return [__file__, "--one", *map(str, entry)]

    run_all(waiting, words, keeping(RESULTS), arguments.workers)


def row_of(name: str, target: str, seed: int) -> dict[str, Any]:
    recipe = RECIPES[name]
    steps = UPDATES[target] // (recipe.d_steps + 1)
    asked = {"recipe": name, "target": target, "seed": seed, "steps": steps}
    return asked | play(recipe, target, steps, seed)


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| recipe | " + " | ".join(f"modes, {t}; good" for t in TARGETS) + " |", "|---" * (len(TARGETS) + 1) + "|"]
    for name in dict.fromkeys(row["recipe"] for row in rows):
        cells = []
        for target in TARGETS:
            some = [row for row in rows if (row["recipe"], row["target"]) == (name, target)]
            modes = ", ".join(str(row["average_modes"]) for row in some)
            cells.append(f"{modes}; {sum(row['average_good'] for row in some) / max(1, len(some)):.0%}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
