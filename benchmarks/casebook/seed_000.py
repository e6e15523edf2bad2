"""Two inputs, losses that look like training, and garbage: does the discriminator see the sentence at all?

    python benchmarks/casebook/seed_000.py [--minutes 12] [--size 32] [--path FOLDER_OF_FASHION_MNIST]

The first question: a Keras pair, G(z, sentence) and D(picture, sentence), whose D takes the picture anew in each
convolution, so that the sentence never reaches its output. Both discriminators of examples/keras/sentence_condition.py,
as printed and repaired, are trained with the same generator on Fashion-MNIST, each picture told by a sentence about
its class ("a photo of a sandal", 384 numbers by MiniLM), side by side, for as long. Then a classifier that was learnt
from half of the held-out pictures (logistic regression on EfficientNet-Lite0's features) names what G makes for each
sentence. Results: benchmarks/results/seed-000.json; the story is docs/casebook/seed-000.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two runs share two cores; before torch is imported

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "examples" / "keras" / "sentence_condition.py"
KINDS = ("as_printed", "repaired")
RATE = 4e-4  # of both; 1e-4 in the question, for more time than there is here
PLURAL = ("Trouser",)


def play(kind: str, minutes: float, size_px: int, out: Path, path: str | None) -> dict[str, Any]:
    import sparring
    from sparring.data.arrays import read_idx
    from sparring.data.builtin import FASHION_CLASSES

    classes = list(FASHION_CLASSES.values())
    sentences = [
        f"a photo of {'some' if name in PLURAL else 'an' if name == 'Ankle boot' else 'a'} {name.lower()}"
        for name in classes
    ]
    source = Path(path or "/usr/share/datasets/fashion-mnist")
    labels = read_idx(source / "train-labels-idx1-ubyte.gz")
    said: list[str] = []
    run = sparring.train(
        "fashion-mnist",
        sparring.recipes["dcgan"].but(batch=16, d_lr=RATE, g_lr=RATE, threads=1, ema_half_life_images=5_000),
        generator=f"{MODELS}:generator({size_px})",
        discriminator=f"{MODELS}:discriminator_{kind}({size_px})",
        condition="text",
        condition_from=[sentences[label] for label in labels],
        size=size_px,
        channels=3,
        path=path,
        minutes=minutes,
        evaluate_every=0,
        force=True,  # the doctor stops the one as printed: SP101
        out=out,
        say=said.append,
    )
    ticks = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    tick = next(event for event in reversed(ticks) if event["event"] == "tick")
    row: dict[str, Any] = {"discriminator": kind, "steps": run.step, "minutes": minutes, "size_px": size_px}
    row |= {name: round(tick[name], 4) for name in ("d_loss", "g_loss")}
    row |= obeyed(run, sentences, labels, source, size_px)
    return row | {"told": [line for line in said if "SP1" in line], "grid": str(run.grid)}


def obeyed(run: Any, sentences: list[str], labels: Any, source: Path, size_px: int) -> dict[str, Any]:
    """How often a classifier of held-out reals names the class that the sentence told of."""
    import numpy as np
    import torch
    from sklearn.linear_model import LogisticRegression

    from sparring.data import open_data
    from sparring.metrics.extractors import extractor_named
    from sparring.metrics.features import extract

    def seen(pictures: Any) -> Any:  # uint8 [N, C, H, W] -> [N, 1280]
        return extract(extractor, [torch.from_numpy(np.ascontiguousarray(pictures))], None, False, "")[0].numpy()

    extractor = extractor_named("lite0")
    held = [int(line.split(",")[0]) for line in (run.path / "held_out.csv").read_text().splitlines()[1:]][:2000]
    pack = open_data("fashion-mnist", size_px=size_px, channels=3, path=str(source), say=None)
    half = len(held) // 2
    features, truth = seen(pack.pictures(held).transpose(0, 3, 1, 2)), np.array([labels[place] for place in held])
    judge = LogisticRegression(max_iter=300, C=0.05).fit(features[:half], truth[:half])
    hits = []
    for label, sentence in enumerate(sentences):
        fakes = run.sampler.sample(100, seed=0, condition=sentence)
        hits.append(float((judge.predict(seen(fakes)) == label).mean()))
    return {
        "obedience": round(float(np.mean(hits)), 3),
        "by_class": [round(hit, 2) for hit in hits],
        "obedience_reals": round(float((judge.predict(features[half:]) == truth[half:]).mean()), 3),
        "chance": 0.1,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--path", help="folder of Fashion-MNIST")
    parser.add_argument("--one", nargs=2, metavar=("KIND", "OUT"), help="used by itself")
    arguments = parser.parse_args()
    if arguments.one:
        kind, out = arguments.one
        print(json.dumps(play(kind, arguments.minutes, arguments.size, Path(out), arguments.path)))
        return
    folder = Path(tempfile.mkdtemp(prefix="seed-000-"))

    def run(kind: str) -> dict[str, Any]:
        words = [sys.executable, __file__, "--minutes", str(arguments.minutes), "--size", str(arguments.size)]
        words += ["--path", arguments.path] if arguments.path else []
        ran = subprocess.run([*words, "--one", kind, str(folder / kind)], capture_output=True, text=True, check=False)
        if ran.returncode:
            raise SystemExit(ran.stderr)
        return json.loads(ran.stdout.splitlines()[-1])

    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(run, KINDS))
    from sparring import machine

    about = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "machine": machine.describe()}
    for row in rows:
        print(row, flush=True)
        del row["grid"]
    file = ROOT / "benchmarks" / "results" / "seed-000.json"
    file.write_text(json.dumps(about | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
