"""A thousand modes: three handwritten digits as the channels of one picture. How many of the thousand does G make?

    python benchmarks/thousand_modes.py [--recipes dcgan wgan-gp] [--minutes 15] [--seeds 1]

Stacked digits (arXiv 1611.02163) with sklearn's 1,797 digits of 8 px enlarged to 16 px, so that nothing is downloaded.
Each channel is named by a support vector machine; 26,000 samples are counted, as in the literature (99 modes for DCGAN,
959 for WGAN-GP, 1,000 for R3GAN, on other digits and other budgets). The counter itself is counted first: 26,000 reals,
26,000 reals that are confined to 99 modes, and the same where every digit is named by a machine that did not learn from
it (the pictures of a G are new to it too). There one misnamed digit in a hundred makes hundreds of modes of one sample
each, so modes of at least 5 samples (26 are expected) are counted as well. All recipes have the same processor time.
Results: benchmarks/results/thousand-modes.jsonl, a row as soon as it is done; several may run side by side with other
--recipes.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import numpy as np
import torch
from restartable import keep, rows_of, stamp
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import SVC
from torch import Tensor

from sparring import networks
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
WIDTHS = {"dcgan": 32, "dcgan-free": 32, "resnet": 32, "r3gan": 16}


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
        self.strange = cross_val_predict(machine_, flat, self.labels, cv=folds)  # named by machines that never saw them
        self.accuracy = float((self.strange == self.labels).mean())
        self.classifier = machine_.fit(flat, self.labels)

    def _flat(self, pictures: Tensor) -> np.ndarray:
        return pictures.flatten(1).numpy()

    def stacked(self, n: int) -> Tensor:
        """n pictures of three random digits.  # [n, 3, 16, 16] in [-1, 1]"""
        return self.pictures[torch.randint(len(self.pictures), (n, 3))]

    def among(self, n: int, among: np.ndarray) -> np.ndarray:
        """The digits, by number, of n pictures of the modes in `among`.  # [n, 3]"""
        of_class = [np.flatnonzero(self.labels == digit) for digit in range(10)]
        modes = among[torch.randint(len(among), (n,)).numpy()]
        digits = np.stack([modes // 100, modes // 10 % 10, modes % 10], 1)
        draws = torch.rand(n, 3).numpy()
        chosen = [
            [of_class[d][int(u * len(of_class[d]))] for d, u in zip(*row, strict=True)]
            for row in zip(digits, draws, strict=True)
        ]
        return np.array(chosen)

    def count(self, pictures: Tensor) -> dict[str, float]:
        """`counted`, of pictures [n, 3, 16, 16] in [-1, 1]."""
        return self.counted(self.classifier.predict(self._flat(pictures.flatten(0, 1))).reshape(-1, 3))

    def counted(self, named: np.ndarray) -> dict[str, float]:
        """Modes that appear at all, those with 5 samples, and KL of the shares from those of the reals, in nats."""
        counts = np.bincount(named @ np.array([100, 10, 1]), minlength=MODES)
        shares = np.bincount(self.labels, minlength=10) / len(self.labels)
        expected = np.einsum("i,j,k->ijk", shares, shares, shares).ravel()
        seen = counts / counts.sum()
        there = seen > 0
        modes = {"modes": int(there.sum()), "modes_of_5": int((counts >= 5).sum())}
        return modes | {"kl": float((seen[there] * np.log(seen[there] / expected[there])).sum())}


def play(recipe: Recipe, digits: Digits, minutes: float, seed: int) -> dict[str, Any]:
    recipe = recipe.but(width=WIDTHS[recipe.network], batch=64, threads=1, precision="fp32", augment="", augment_p=1.0)
    with randomness(seed_for(seed, "networks"), CPU):
        pair = networks.build(recipe.network, SIZE_PX, 3, recipe.width, recipe.latent)
        prepare(*pair, recipe)
    players, game = Players(*pair, recipe, (recipe.latent,), "cpu"), Game.of(recipe)
    begin = time.process_time()
    with randomness(seed_for(seed, "training"), CPU):
        for step in itertools.count():
            if time.process_time() - begin > 60 * minutes:
                break
            players.at(step * recipe.images_a_step)
            game.at(recipe, step * recipe.images_a_step)
            seen = train_step(players, game, lambda: (digits.stacked(recipe.batch), None))
    found: dict[str, Any] = {"steps": step, "d_loss": float(seen["d_loss"])}
    if not seen["d_loss"].isfinite():
        return found | {"failed": "non-finite"}
    for name, network in (("", players.generator), ("average_", players.average)):
        pictures = paint(network, SAMPLES, seed, (recipe.latent,), CPU).float() / 127.5 - 1
        found |= {f"{name}{word}": value for word, value in digits.count(pictures).items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="*", default=["dcgan", "wgan-gp"])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    digits = Digits()
    file = ROOT / "benchmarks/results/thousand-modes.jsonl"
    rows = rows_of(file)
    with randomness(0, CPU):
        confined = np.random.default_rng(0).choice(MODES, 99, replace=False)
        few = digits.among(SAMPLES, confined)
        counter = {
            "accuracy": digits.accuracy,
            "reals": digits.count(digits.stacked(SAMPLES)),
            "reals of 99 modes": digits.count(digits.pictures[torch.from_numpy(few)]),
            "reals of 99 modes, named by machines that never saw them": digits.counted(digits.strange[few]),
        }
    print(counter, flush=True)
    for name in arguments.recipes:
        for seed in range(arguments.seeds):
            key = {"recipe": name, "seed": seed, "minutes": arguments.minutes}
            if any(key.items() <= row.items() for row in rows):
                continue
            row = key | play(RECIPES[name], digits, arguments.minutes, seed) | stamp() | {"counter": counter}
            print(row, flush=True)
            keep(file, row)


if __name__ == "__main__":
    main()
