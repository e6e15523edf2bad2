"""Do the metrics rank damage rightly? Writes the table of docs/metrics.md and benchmarks/results/damages.json.

    python benchmarks/damages.py --path FOLDER_OF_FASHION_MNIST

Fakes are one random part of Fashion-MNIST, damaged; reals are another part of the same. Every damage should score worse
than no damage, and the worse the stronger it is. Which classes are dropped, or pictures repeated, is drawn DRAWS times
and the mean taken: some classes are missed more than others.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter

from sparring import machine
from sparring.data import open_data
from sparring.metrics.catalogue import METRICS
from sparring.metrics.extractors import extractor_named, own
from sparring.metrics.features import Extractor, extract
from sparring.metrics.sides import Side

ROOT = Path(__file__).parents[1]
COLUMNS = {"lite0": ("fd", "kid", "coverage", "recall"), "own": ("fd", "kid")}
ORDERED = ("fd", "kid")  # must rise with the damage
DRAWS = 5
BEGIN, END = "<!-- damages: begin -->", "<!-- damages: end -->"


def noisy(pictures: np.ndarray, share: float) -> np.ndarray:
    """Gaussian noise, its standard deviation a share of the range."""
    noise = np.random.default_rng(1).normal(0, 255 * share, pictures.shape)
    return np.clip(np.rint(pictures + noise), 0, 255).astype(np.uint8)


def blurred(pictures: np.ndarray, radius_px: float) -> np.ndarray:
    blur = ImageFilter.GaussianBlur(radius_px)
    return np.stack([np.asarray(Image.fromarray(p[..., 0]).filter(blur))[..., None] for p in pictures])


def seen(extractor: Extractor, pictures: np.ndarray) -> torch.Tensor:
    pages = torch.from_numpy(pictures).permute(0, 3, 1, 2).split(256)
    return extract(extractor, pages, len(pictures), True, extractor.name)[0]


def damages(
    extractor: Extractor, pool: np.ndarray, labels: np.ndarray, n: int
) -> Iterator[tuple[str, str, list[torch.Tensor]]]:
    """Yields (damage, strength, the features of some draws of n fakes)."""
    features = seen(extractor, pool)
    plain, classes = pool[:n], np.unique(labels)
    yield "none", "another part", [features[:n]]
    for share in (0.02, 0.05, 0.1, 0.2):
        yield "noise", f"{share:.0%} of the range", [seen(extractor, noisy(plain, share))]
    for radius in (0.5, 0.8, 1.2, 2.0):
        yield "blur", f"radius {radius} px", [seen(extractor, blurred(plain, radius))]
    orders = [np.random.default_rng(draw).permutation(classes) for draw in range(DRAWS)]
    for k in (1, 2, 4, 7):
        kept = [features[np.flatnonzero(~np.isin(labels, order[:k]))[:n]] for order in orders]
        yield "dropped classes", f"{k} of {len(classes)}", kept
    for k in (2, 10, 50, 250):
        choices = [np.random.default_rng(draw).permutation(len(pool))[: n // k] for draw in range(DRAWS)]
        yield "repeated pictures", f"each {k} times", [features[np.resize(chosen, n)] for chosen in choices]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", type=Path)
    parser.add_argument("--n", type=int, default=5000)
    arguments = parser.parse_args()
    data = open_data("fashion-mnist", size_px=28, path=arguments.path)
    labels = np.array([row.folder for row in data.table() if row.row is not None])
    order = np.random.default_rng(0).permutation(len(data))
    n, of_reals, of_pool = arguments.n, order[: arguments.n], order[arguments.n : 5 * arguments.n]
    names = sorted(set(labels))
    taught = torch.from_numpy(data.pictures(order[5 * n : 7 * n])).permute(0, 3, 1, 2)  # seen by neither side
    classes = torch.tensor([names.index(label) for label in labels[order[5 * n : 7 * n]]])
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for extractor in (extractor_named("lite0"), own.fit(taught, classes, names)):
        reals = Side(features=seen(extractor, data.pictures(of_reals)))
        for damage, strength, draws in damages(extractor, data.pictures(of_pool), labels[of_pool], n):
            row = rows.setdefault((damage, strength), {"damage": damage, "strength": strength})
            for name in COLUMNS[extractor.name]:
                some = draws if name in ORDERED else draws[:1]
                compute = METRICS[name].compute
                values = [compute(Side(features=fakes), reals, seed=0, resample="none").value for fakes in some]
                row[f"{name}, {extractor.name}"] = statistics.fmean(values)
            print(row, flush=True)
    write(list(rows.values()), n)


def write(rows: list[dict[str, Any]], n: int) -> None:
    broken = disorders(rows)
    about = {"command": f"python benchmarks/damages.py --n {n}", "n": n, "draws": DRAWS}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    found = about | {"date": today, "machine": machine.describe(), "rows": rows, "disorders": broken}
    (ROOT / "benchmarks/results/damages.json").write_text(json.dumps(found, indent=2) + "\n")
    page = ROOT / "docs/metrics.md"
    before, after = page.read_text().split(BEGIN)[0], page.read_text().split(END)[1]
    page.write_text(before + BEGIN + "\n" + table(rows) + END + after)
    if broken:
        raise SystemExit("\n".join(["The page's sentence above the table is not true:", *broken]))
    print("FD and KID rank every damage above none, and each the higher the stronger it is.")


def disorders(rows: list[dict[str, Any]]) -> list[str]:
    """Every place where FD or KID does not rise with the damage."""
    found = []
    for column in [f"{name}, {extractor}" for extractor in COLUMNS for name in ORDERED]:
        for before, row in itertools.pairwise(rows):
            least = (before if before["damage"] == row["damage"] else rows[0])[column]
            if not row[column] > least:
                found.append(
                    f"{column}: {row['damage']}, {row['strength']}: {row[column]:.4g} is not above {least:.4g}"
                )
    return found


def table(rows: list[dict[str, Any]]) -> str:
    columns = [column for column in rows[0] if column not in ("damage", "strength")]
    lines = [f"| damage | strength | {' | '.join(columns)} |", "|---" * (2 + len(columns)) + "|"]
    for row in rows:
        figures = " | ".join(f"{row[column]:.4g}" for column in columns)
        lines.append(f"| {row['damage']} | {row['strength']} | {figures} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
