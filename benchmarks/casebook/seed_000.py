"""Two inputs, losses that look like training, and garbage: does the discriminator see the sentence at all?

    python benchmarks/casebook/seed_000.py [--minutes 8] [--size 32]

The first question: a Keras pair, G(z, sentence) and D(picture, sentence), whose D takes the picture anew in each
convolution, so that the sentence never reaches its output. Both discriminators of examples/keras/sentence_condition.py,
as printed and repaired, are trained with the same generator on emoji and their names, side by side, for as long;
then it is measured whether the pictures follow sentences that were held out. Results:
benchmarks/results/seed-000.json; the story is docs/casebook/seed-000.md.
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
RATE = 2e-4  # of both; 1e-4 in the question, for more time than there is here


def play(kind: str, minutes: float, size_px: int, out: Path) -> dict[str, Any]:
    import sparring

    said: list[str] = []
    run = sparring.train(
        "emoji",
        sparring.recipes["dcgan"].but(batch=16, d_lr=RATE, g_lr=RATE, threads=1, ema_half_life_images=5_000),
        generator=f"{MODELS}:generator({size_px})",
        discriminator=f"{MODELS}:discriminator_{kind}({size_px})",
        condition="text",
        size=size_px,
        channels=3,
        minutes=minutes,
        evaluate_every=10**9,
        out=out,
        say=said.append,
    )
    events = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    last = next(event for event in reversed(events) if event["event"] == "last evaluation")
    tick = next(event for event in reversed(events) if event["event"] == "tick")
    kept = ("obedience", "obedience_reals", "obedience_chance", "diversity", "value", "coverage")
    row: dict[str, Any] = {"discriminator": kind, "steps": run.step, "minutes": minutes, "size_px": size_px}
    row |= {name: last[name] for name in kept} | {name: round(tick[name], 4) for name in ("d_loss", "g_loss")}
    return row | {"told": [line for line in said if "depend" in line], "grid": str(run.grid)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--one", nargs=2, metavar=("KIND", "OUT"), help="used by itself")
    arguments = parser.parse_args()
    if arguments.one:
        kind, out = arguments.one
        print(json.dumps(play(kind, arguments.minutes, arguments.size, Path(out))))
        return
    folder = Path(tempfile.mkdtemp(prefix="seed-000-"))

    def run(kind: str) -> dict[str, Any]:
        words = [sys.executable, __file__, "--minutes", str(arguments.minutes), "--size", str(arguments.size)]
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
