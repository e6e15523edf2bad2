"""Do the metrics rank damage rightly? Writes the table of docs/metrics.md and benchmarks/results/damages.json.

    python benchmarks/damages.py --path FOLDER_OF_FASHION_MNIST [--n 5000]

Fakes are one random part of Fashion-MNIST, damaged; reals are another part of the same. Every damage should score worse
than no damage, and the worse the stronger it is.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from sparring import machine
from sparring.data import open_data
from sparring.metrics.measuring import measure

ROOT = Path(__file__).parents[1]
METRICS = ("fd", "kid", "coverage", "recall", "swd")
BEGIN, END = "<!-- damages: begin -->", "<!-- damages: end -->"


def noisy(pictures: np.ndarray, share: float) -> np.ndarray:
    """Gaussian noise, its standard deviation a share of the range."""
    noise = np.random.default_rng(1).normal(0, 255 * share, pictures.shape)
    return np.clip(np.rint(pictures + noise), 0, 255).astype(np.uint8)


def blurred(pictures: np.ndarray, radius_px: float) -> np.ndarray:
    blur = ImageFilter.GaussianBlur(radius_px)
    return np.stack([np.asarray(Image.fromarray(p[..., 0]).filter(blur))[..., None] for p in pictures])


def build(path: Path | None, n: int) -> tuple[dict[str, list[tuple[str, np.ndarray]]], np.ndarray]:
    """Returns (damage -> [(strength, fakes)], reals)."""
    data = open_data("fashion-mnist", size_px=28, path=path)
    labels = np.array([row.folder for row in data.table() if row.row is not None])
    order = np.random.default_rng(0).permutation(len(data))
    reals, rest = data.pictures(order[:n]), order[n:]
    plain, classes = data.pictures(rest[:n]), sorted(set(labels))

    def without(k: int) -> np.ndarray:
        kept = rest[np.isin(labels[rest], classes[k:])]
        return data.pictures(kept[:n])

    def repeated(k: int) -> np.ndarray:
        return plain[np.arange(n) % (n // k)]

    return {
        "none": [("the other half", plain)],
        "noise": [(f"{s:.0%} of the range", noisy(plain, s)) for s in (0.02, 0.05, 0.1, 0.2)],
        "blur": [(f"radius {r} px", blurred(plain, r)) for r in (0.5, 0.8, 1.2, 2.0)],
        "dropped classes": [(f"{k} of {len(classes)}", without(k)) for k in (1, 2, 4, 7)],
        "repeated pictures": [(f"each {k} times", repeated(k)) for k in (2, 10, 50, 250)],
    }, reals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", type=Path)
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--features", default="lite0")
    arguments = parser.parse_args()
    damages, reals = build(arguments.path, arguments.n)
    rows = []
    for damage, strengths in damages.items():
        for strength, fakes in strengths:
            found = measure(fakes, reals, METRICS, arguments.features, interval=damage == "none", say=lambda _: None)
            rows.append({"damage": damage, "strength": strength} | {r.metric: r.value for r in found})
            if damage == "none":
                rows[-1]["intervals"] = {r.metric: r.interval for r in found}
            print(rows[-1], flush=True)
    broken = disorders(rows)
    about = {"command": f"python benchmarks/damages.py --n {arguments.n}", "features": arguments.features}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    found = about | {"n": arguments.n, "date": today, "machine": machine.describe(), "rows": rows, "disorders": broken}
    (ROOT / "benchmarks/results/damages.json").write_text(json.dumps(found, indent=2) + "\n")
    page = ROOT / "docs/metrics.md"
    before, after = page.read_text().split(BEGIN)[0], page.read_text().split(END)[1]
    page.write_text(before + BEGIN + "\n" + table(rows) + END + after)
    print("\n".join(broken) or "FD and KID rank every damage above none, and each the higher the stronger it is.")


def disorders(rows: list[dict[str, object]]) -> list[str]:
    """Every place where FD or KID does not rise with the damage."""
    found = []
    for metric in ("fd", "kid"):
        floor = rows[0][metric]
        for before, row in zip(rows, rows[1:], strict=False):
            least = before[metric] if before["damage"] == row["damage"] else floor
            if not row[metric] > least:  # type: ignore[operator]
                found.append(f"{metric} of {row['damage']}, {row['strength']}: {row[metric]} is not above {least}")
    return found


def table(rows: list[dict[str, object]]) -> str:
    lines = [f"| damage | strength | {' | '.join(METRICS)} |", "|---" * (2 + len(METRICS)) + "|"]
    for row in rows:
        figures = " | ".join(f"{row[name]:.4g}" for name in METRICS)
        lines.append(f"| {row['damage']} | {row['strength']} | {figures} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
