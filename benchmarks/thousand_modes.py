"""A thousand modes: three handwritten digits as the channels of one picture. How many of the thousand does G make?

    python benchmarks/thousand_modes.py [--recipes dcgan wgan-gp] [--steps 20000] [--seeds 1]

Stacked digits (arXiv 1611.02163) with sklearn's 1,797 digits of 8 px enlarged to 16 px, so that nothing is downloaded.
Each channel is named by a support vector machine; 26,000 samples are counted, as in the literature (99 modes for DCGAN,
959 for WGAN-GP, 1,000 for R3GAN, on other digits and other budgets). The counter itself is counted first: 26,000 reals,
and 26,000 reals that are confined to 99 modes. Results: benchmarks/results/thousand-modes.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.svm import SVC
from torch import Tensor

from sparring import machine, networks
from sparring.game import Game
from sparring.methods import RECIPES, Recipe
from sparring.networks.calling import randomness
from sparring.players import Players, paint
from sparring.seeds import seed_for
from sparring.stabilisers import prepare
from sparring.step import train_step

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")
SIZE_PX, SAMPLES, MODES = 16, 26_000, 1000
WIDTHS = {"dcgan": 32, "resnet": 32, "r3gan": 16}


class Digits:
    """The digits, what names them, and stacked batches of them."""

    def __init__(self) -> None:
        found = load_digits()
        self.labels = found.target
        small = torch.from_numpy(found.images / 16.0).float().unsqueeze(1)
        large = torch.nn.functional.interpolate(small, size=SIZE_PX, mode="bilinear")
        self.pictures = large[:, 0] * 2 - 1  # [1797, 16, 16] in [-1, 1]
        machine_ = SVC(C=10, gamma="scale")
        flat = self._flat(self.pictures)
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        self.accuracy = float(cross_val_score(machine_, flat, self.labels, cv=folds).mean())
        self.classifier = machine_.fit(flat, self.labels)

    def _flat(self, pictures: Tensor) -> np.ndarray:
        return pictures.flatten(1).numpy()

    def stacked(self, n: int, among: np.ndarray | None = None) -> Tensor:
        """n pictures of three random digits, or of the modes in `among`.  # [n, 3, 16, 16] in [-1, 1]"""
        if among is None:
            return self.pictures[torch.randint(len(self.pictures), (n, 3))]
        of_class = [np.flatnonzero(self.labels == digit) for digit in range(10)]
        modes = among[torch.randint(len(among), (n,)).numpy()]
        digits = np.stack([modes // 100, modes // 10 % 10, modes % 10], 1)
        draws = torch.rand(n, 3).numpy()
        chosen = [
            [of_class[d][int(u * len(of_class[d]))] for d, u in zip(*row, strict=True)]
            for row in zip(digits, draws, strict=True)
        ]
        return self.pictures[torch.tensor(chosen)]

    def count(self, pictures: Tensor) -> dict[str, float]:
        """Modes that appear at all, and KL of their shares from those of the reals, in nats."""
        named = self.classifier.predict(self._flat(pictures.flatten(0, 1))).reshape(-1, 3)
        counts = np.bincount(named @ np.array([100, 10, 1]), minlength=MODES)
        shares = np.bincount(self.labels, minlength=10) / len(self.labels)
        expected = np.einsum("i,j,k->ijk", shares, shares, shares).ravel()
        seen = counts / counts.sum()
        there = seen > 0
        return {"modes": int(there.sum()), "kl": float((seen[there] * np.log(seen[there] / expected[there])).sum())}


def play(recipe: Recipe, digits: Digits, steps: int, seed: int) -> dict[str, Any]:
    recipe = recipe.but(width=WIDTHS[recipe.network], batch=64, threads=1, precision="fp32", augment="", augment_p=1.0)
    with randomness(seed_for(seed, "networks"), CPU):
        pair = networks.build(recipe.network, SIZE_PX, 3, recipe.width, recipe.latent)
        prepare(*pair, recipe)
    players, game = Players(*pair, recipe, (recipe.latent,), "cpu"), Game.of(recipe)
    begin = time.process_time()
    with randomness(seed_for(seed, "training"), CPU):
        for step in range(steps):
            players.at(step * recipe.images_a_step)
            game.at(recipe, step * recipe.images_a_step)
            seen = train_step(players, game, lambda: (digits.stacked(recipe.batch), None))
    found: dict[str, Any] = {"seconds": round(time.process_time() - begin), "d_loss": float(seen["d_loss"])}
    for name, network in (("", players.generator), ("average_", players.average)):
        pictures = paint(network, SAMPLES, seed, (recipe.latent,), CPU).float() / 127.5 - 1
        found |= {f"{name}{word}": value for word, value in digits.count(pictures).items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="*", default=["dcgan", "wgan-gp"])
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    digits = Digits()
    file = ROOT / "benchmarks/results/thousand-modes.json"
    stored = json.loads(file.read_text()) if file.exists() else {"rows": []}
    with randomness(0, CPU):
        confined = np.random.default_rng(0).choice(MODES, 99, replace=False)
        counter = {
            "accuracy": digits.accuracy,
            "reals": digits.count(digits.stacked(SAMPLES)),
            "reals of 99 modes": digits.count(digits.stacked(SAMPLES, confined)),
        }
    print(counter, flush=True)
    about = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "machine": machine.describe()}
    for name in arguments.recipes:
        for seed in range(arguments.seeds):
            key = {"recipe": name, "seed": seed, "steps": arguments.steps}
            if any(key.items() <= row.items() for row in stored["rows"]):
                continue
            stored["rows"].append(key | play(RECIPES[name], digits, arguments.steps, seed))
            print(stored["rows"][-1], flush=True)
            file.write_text(json.dumps(about | {"counter": counter} | stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
