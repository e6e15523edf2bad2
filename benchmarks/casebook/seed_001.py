"""D at 1e-4, G at 10, accuracy 100 %: trading cards, with the networks and the loop of the second question.

    apt-get download openclipart-png; dpkg-deb -x openclipart-png_*.deb openclipart
    python benchmarks/casebook/seed_001.py data openclipart cards
    python benchmarks/casebook/seed_001.py as-asked cards --range=-1..1 --narrower 4 --batch 16 --steps 1000
    python benchmarks/casebook/seed_001.py cured cards --remedy "logits" --narrower 4 --batch 16 --steps 1000
    python benchmarks/casebook/seed_001.py table

`data` makes 2,000 cards of 64 px: openclipart's playing cards as they are, and other pictures of it framed as cards.
`as-asked` trains the networks of examples/keras/trading_cards.py as they were printed (`--narrower 4`: copies a quarter
as wide), by Keras' own train_on_batch, in the order of the question. `cured` trains the same networks, or G repaired
as below, in sparring. Both are measured alike against the same held-out cards; `picture` lays their sheets beside each
other. Results: benchmarks/results/seed-001.jsonl; the story is docs/casebook/seed-001.md.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core a run, so that two can run side by side; before torch
os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import torch
from PIL import Image, ImageDraw

import sparring
from sparring import machine
from sparring.data import Split, hold_out, open_data
from sparring.events import read
from sparring.networks.brought import brought
from sparring.networks.keras import import_keras
from sparring.pictures import grid, save_png

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "examples" / "keras" / "trading_cards.py"
FILE = ROOT / "benchmarks" / "results" / "seed-001.jsonl"
SIZE_PX, CHANNELS, LATENT = 64, 3, 100
CARDS = 2_000
FAKES = 1_000  # that are measured

# The data.

PLAYING = "recreation/games/cards"  # of these folders, those with whole cards
PLAYING_KINDS = ("bordered", "cardbacks", "ornamental", "simple", "white")
FRAMED = ("animals", "buildings", "education", "electronics", "food", "office", "people", "plants", "recreation",
          "tools", "transportation")  # fmt: skip
MOST_PX = 4_000_000  # some of them are drawn at 16,000 px
CARD_PX = (46, 62)  # width, height: the proportions of openclipart's playing cards, 140 x 190
TABLE = (38, 92, 66)  # what the cards lie on
BORDERS = ((178, 34, 52), (30, 90, 168), (226, 170, 32), (90, 60, 140), (60, 60, 60), (208, 108, 44))
TIMES = 4  # drawn so many times larger, then made smaller


def make_cards(openclipart: Path, cards: Path) -> int:
    """Writes CARDS pictures as PNG; the same ones each time. Returns how many."""
    pictures = next(openclipart.rglob("openclipart/png"))
    cards.mkdir(parents=True, exist_ok=True)
    playing = sorted(p for kind in PLAYING_KINDS for p in (pictures / PLAYING / kind).glob("*.png"))
    others = [p for kind in FRAMED for p in (pictures / kind).rglob("*.png") if PLAYING not in p.as_posix()]
    others.sort(key=lambda p: hashlib.sha256(p.relative_to(pictures).as_posix().encode()).hexdigest())
    made = 0
    for path in playing + others:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # they are only looked at for their size
            try:
                picture = Image.open(path)
            except Image.DecompressionBombError:
                continue
        if picture.width * picture.height > MOST_PX:
            continue
        kind = path.relative_to(pictures).parts[0]
        card = as_it_is(picture) if path in playing else framed(picture, BORDERS[FRAMED.index(kind) % len(BORDERS)])
        card.save(cards / f"{made:04d}-{'playing' if path in playing else kind}.png")
        made += 1
        if made == CARDS:
            break
    return made


def as_it_is(picture: Image.Image) -> Image.Image:
    """A playing card on the table."""
    card = picture.convert("RGBA").resize(CARD_PX, Image.Resampling.LANCZOS)
    return on_the_table(card)


def framed(picture: Image.Image, border: tuple[int, int, int]) -> Image.Image:
    """A picture as a trading card: a rounded white card, a coloured border, a bar for the name, the picture beneath."""
    width, height = (side * TIMES for side in CARD_PX)
    card = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(card)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), 4 * TIMES, fill="white")
    inside = (3 * TIMES, 3 * TIMES, width - 1 - 3 * TIMES, height - 1 - 3 * TIMES)
    draw.rounded_rectangle(inside, 2 * TIMES, outline=border, width=2 * TIMES)
    draw.rectangle((8 * TIMES, 8 * TIMES, width - 1 - 8 * TIMES, 11 * TIMES), fill=border)
    room = (width - 14 * TIMES, height - 22 * TIMES)
    image = picture.convert("RGBA")
    scale = min(room[0] / image.width, room[1] / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = image.resize(size, Image.Resampling.LANCZOS)
    corner = ((width - image.width) // 2, 13 * TIMES + (room[1] - image.height) // 2 + 2 * TIMES)
    card.alpha_composite(image, corner)
    return on_the_table(card.resize(CARD_PX, Image.Resampling.LANCZOS))


def on_the_table(card: Image.Image) -> Image.Image:
    whole = Image.new("RGBA", (SIZE_PX, SIZE_PX), (*TABLE, 255))
    whole.alpha_composite(card, ((SIZE_PX - card.width) // 2, (SIZE_PX - card.height) // 2))
    return whole.convert("RGB")


# The networks.


def printed(narrower: int, seed: int) -> tuple[Any, Any]:
    """G and D as they were printed, as Keras models, every hidden layer `narrower` times as narrow."""
    keras = import_keras()
    keras.utils.set_random_seed(seed)
    pair = brought(f"{MODELS}:generator_model()", f"{MODELS}:discriminator_model()")
    G, D = (as_narrow(network.model, narrower) for network in pair)
    adam = keras.optimizers.Adam(learning_rate=2e-4, beta_1=0.5)
    D.compile(loss="binary_crossentropy", optimizer=adam, metrics=["accuracy"])
    return G, D


def as_narrow(model: Any, narrower: int) -> Any:
    def narrow(layer: Any) -> Any:
        config = layer.get_config()
        for name in ("filters", "units"):
            if config.get(name, 0) > CHANNELS:  # not what gives the picture, or the answer
                config[name] //= narrower
        if "target_shape" in config:
            height, width, channels = config["target_shape"]
            config["target_shape"] = (height, width, channels // narrower)
        return type(layer).from_config(config)

    return import_keras().models.clone_model(model, clone_function=narrow)


def repaired_generator(narrower: int) -> Any:
    """The printed G with a norm after each hidden layer, kernels that its strides divide, and a bias at the end."""
    keras = import_keras()
    L = keras.layers
    layers = [keras.Input((LATENT,)), L.Dense(8 * 8 * 64 // narrower, use_bias=False), L.BatchNormalization()]
    layers += [L.LeakyReLU(negative_slope=0.3), L.Reshape((8, 8, 64 // narrower))]
    for filters, kernel, stride in ((128, 5, 1), (64, 4, 2), (64, 4, 2), (32, 4, 2)):
        convolution = L.Conv2DTranspose(filters // narrower, kernel, stride, padding="same", use_bias=False)
        layers += [convolution, L.BatchNormalization(), L.LeakyReLU(negative_slope=0.3)]
    layers.append(L.Conv2DTranspose(CHANNELS, 3, padding="same", activation="tanh"))
    return keras.Sequential(layers)


# The loop of the question.


class AsAsked:
    """Keras' own train_on_batch; `trainable` set before each step, so that Keras 3 does what Keras 2 did."""

    def __init__(self, narrower: int, seed: int) -> None:
        keras = import_keras()
        self.G, self.D = printed(narrower, seed)
        self.D.optimizer.build(self.D.trainable_variables)  # while it is trainable
        self.D.trainable = False
        self.stack = keras.Sequential([self.G, self.D])
        adam = keras.optimizers.Adam(learning_rate=2e-4, beta_1=0.5)
        self.stack.compile(loss="binary_crossentropy", optimizer=adam)

    def pictures(self, z: np.ndarray) -> np.ndarray:
        """As `predict` gives them: batch norm by its running means  # [n, 64, 64, 3] in [-1, 1]"""
        with torch.no_grad():
            return np.concatenate([self.G(part, training=False).numpy() for part in np.split(z, max(1, len(z) // 50))])

    def step(self, real: np.ndarray, random: np.random.Generator) -> tuple[float, float]:
        """One of D, one of G. Returns d_loss and gan_loss, as the question prints them."""
        batch = len(real)
        fake = self.pictures(random.standard_normal((batch, LATENT), dtype=np.float32))
        answers = np.concatenate([np.ones((batch, 1), np.float32), np.zeros((batch, 1), np.float32)])
        self.D.trainable = True
        d_loss, _ = self.D.train_on_batch(np.concatenate([real, fake]), answers)
        self.D.trainable = False
        z = random.standard_normal((batch, LATENT), dtype=np.float32)
        gan_loss = self.stack.train_on_batch(z, np.ones((batch, 1), np.float32))
        return float(d_loss), float(gan_loss)

    def right(self, pictures: np.ndarray, real: bool) -> float:
        """The share that D calls what they are, without dropout, as `evaluate` does."""
        with torch.no_grad():
            p = self.D(pictures, training=False).numpy()
        return float(np.mean((p > 0.5) == real))


def as_asked(cards: Path, span: str, narrower: int, batch: int, steps: int, seed: int, sheet: Path) -> dict[str, Any]:
    split = held_out_of(cards)
    loop, random = AsAsked(narrower, seed), np.random.default_rng(seed)

    def reals(position: int, count: int) -> np.ndarray:
        found = split.training.batch(position, count, seed=seed, flip=False).permute(0, 2, 3, 1).numpy()
        return (found + 1) / 2 if span == "0..1" else found

    curve, losses, began, watching = [], [], time.process_time(), 0.0
    for step in range(steps):
        losses.append(loop.step(reals(step * batch, batch), random))
        if step % EVERY == EVERY - 1:
            paused = time.process_time()
            d_loss, gan_loss = (round(statistics.fmean(column), 6) for column in zip(*losses[-EVERY:], strict=True))
            fakes = loop.pictures(random.standard_normal((100, LATENT), dtype=np.float32))
            curve.append([step + 1, d_loss, gan_loss, loop.right(reals(0, 100), True), loop.right(fakes, False)])
            print(*curve[-1], flush=True)
            watching += time.process_time() - paused
    seconds = time.process_time() - began - watching
    z = np.random.default_rng(1).standard_normal((FAKES, LATENT), dtype=np.float32)
    made = loop.pictures(z)
    shown = made if span == "0..1" else (made + 1) / 2
    pictures = np.clip(np.rint(shown * 255), 0, 255).astype(np.uint8).transpose(0, 3, 1, 2)
    row = {"what": "as asked", "data": span, "narrower": narrower, "batch": batch, "steps": steps, "seed": seed}
    row |= {"cpu_seconds": round(seconds), "curve": curve}
    return row | scores(pictures, split, sheet)


# The cure.

R1 = {"r1": 1.0}
REMEDIES: dict[str, tuple[dict[str, Any], bool]] = {  # numbers of the recipe, and whether G is the repaired one
    "logits": ({}, False),
    "logits, G repaired": ({}, True),
    "logits, R1": (R1, False),
    "logits, R1, G repaired": (R1, True),
}


def cured(cards: Path, remedy: str, narrower: int, batch: int, steps: int, seed: int, sheet: Path) -> dict[str, Any]:
    """The printed networks in sparring: D on its logits, data in [-1, 1], and a remedy."""
    numbers, repaired = REMEDIES[remedy]
    G, D = printed(narrower, seed)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        run = sparring.train(
            str(cards),
            sparring.recipes["dcgan"].but(batch=batch, latent=LATENT, threads=1, precision="fp32", **numbers),
            generator=repaired_generator(narrower) if repaired else G,
            discriminator=D,
            size=SIZE_PX,
            channels=CHANNELS,
            steps=steps,
            seed=seed,
            out=Path(folder) / "run",
            evaluate_every=0,
            sample_every=10**9,
            checkpoint_every=10**9,
            say=lambda _: None,
        )
        seconds = time.process_time() - began
        ticks = [event for event in read(run.path / "events.jsonl") if event.kind == "tick"]
        pictures = run.sample(FAKES, 1)
    names = ("d_loss_real", "d_loss_fake", "g_loss", "d_accuracy_real", "d_accuracy_fake")
    curve = []
    for tick in ticks:
        if tick.step % EVERY == 0:  # the mean of its last ten steps
            real, fake, g_loss, *right = (round(tick.values[name], 6) for name in names)
            curve.append([tick.step, round((real + fake) / 2, 6), g_loss, *right])  # as Keras: the mean over both
            print(*curve[-1], flush=True)
    row = {"what": "cured", "remedy": remedy, "narrower": narrower, "batch": batch, "steps": steps, "seed": seed}
    return row | {"cpu_seconds": round(seconds), "curve": curve} | scores(pictures, held_out_of(cards), sheet)


# Both.

EVERY = 20  # steps between two points of a curve
METRICS = ("fd", "kid", "coverage", "precision")


def held_out_of(cards: Path) -> Split:
    """The same cards are held out as by `sparring.train`."""
    data = open_data(cards, size_px=SIZE_PX, channels=CHANNELS, say=None)
    split = hold_out(data, None)
    assert split is not None
    return split


def scores(pictures: np.ndarray, split: Split, sheet: Path) -> dict[str, Any]:
    save_png(grid(pictures[:36]), sheet)
    found = sparring.measure(
        torch.from_numpy(pictures), split.pictures(), METRICS, interval=False, say=lambda _: None, progress=False
    )
    row: dict[str, Any] = {result.metric: round(result.value, 4) for result in found}
    row |= {"fd_floor": found[0].floor, "n_fake": found[0].n_fake, "n_real": found[0].n_real}
    row["spread"] = round(float(pictures.astype(np.float32).std(0).mean()), 2)  # of a pixel, of 255: 0 is one picture
    return row | {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "cpu": machine.describe()["cpu"]}


def table(rows: list[dict[str, Any]]) -> str:
    """Losses and accuracies are means over the last five points of each curve; FD and coverage at the end."""
    lines = [
        "| run | width | batch | steps | D's loss | G's loss | D right on reals | on fakes | FD | KID | coverage |",
        "|---" * 11 + "|",
    ]
    for row in rows:
        d_loss, gan_loss, real, fake = (
            statistics.fmean(column) for column in list(zip(*row["curve"][-5:], strict=True))[1:]
        )
        name = row["remedy"] if row["what"] == "cured" else f"as asked, data in [{row['data'].replace('..', ', ')}]"
        width = "printed" if row["narrower"] == 1 else f"1/{row['narrower']}"
        lines.append(
            f"| {name} | {width} | {row['batch']} | {row['steps']:,} | {d_loss:.2g} | {gan_loss:.2f} "
            f"| {real:.0%} | {fake:.0%} | {row['fd']:.0f} | {row['kid']:.2f} | {row['coverage']:.2f} |"
        )
    return "\n".join(lines)


def beside(sheets: list[Path], file: Path) -> None:
    """The first columns of each sheet side by side, with what it shows above."""
    width_px, height_px, above_px, gap_px = 266, 332, 18, 8
    whole = Image.new("RGB", (len(sheets) * (width_px + gap_px) - gap_px, above_px + height_px), "white")
    draw = ImageDraw.Draw(whole)
    for i, sheet in enumerate(sheets):
        left = i * (width_px + gap_px)
        whole.paste(Image.open(sheet).convert("RGB").crop((0, 0, width_px, height_px)), (left, above_px))
        draw.text((left + 4, 3), sheet.stem, fill="black")
    whole.quantize(200, dither=Image.Dither.NONE).save(file, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("data", "as-asked", "cured", "table", "picture"))
    parser.add_argument("folders", nargs="*", type=Path, help="CARDS; data: OPENCLIPART CARDS; picture: SHEETS, OUT")
    parser.add_argument("--range", choices=("-1..1", "0..1"), default="-1..1", help="of the data, as asked")
    parser.add_argument("--remedy", choices=REMEDIES, default=list(REMEDIES)[-1])
    parser.add_argument("--narrower", type=int, default=1, help="every hidden layer so many times as narrow")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path, default=Path(tempfile.gettempdir()) / "seed-001.png")
    arguments = parser.parse_args()
    if arguments.what == "table":
        print(table([json.loads(line) for line in FILE.read_text().splitlines()]))
        return
    if arguments.what == "data":
        print(make_cards(*arguments.folders), "cards")
        return
    if arguments.what == "picture":
        beside(arguments.folders[:-1], arguments.folders[-1])
        return
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)  # of NumPy, about Keras
    warnings.filterwarnings("ignore", "The model does not have any trainable weights", UserWarning)  # D's, in the stack
    how = (arguments.narrower, arguments.batch, arguments.steps, arguments.seed, arguments.sheet)
    if arguments.what == "as-asked":
        row = as_asked(arguments.folders[0], arguments.range, *how)
    else:
        row = cured(arguments.folders[0], arguments.remedy, *how)
    print({name: value for name, value in row.items() if name != "curve"})
    with FILE.open("a") as file:
        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
