"""What `sparring check` costs: time and memory beside those of one training step of D and G, at two sizes of networks.

    python benchmarks/looking.py

DCGAN at 64 px (batch 64), and a style-based pair at 256 px (batch 4): mapping of 8 x 512, modulated convolutions of up
to 512 maps, a residual D with minibatch deviation, after arXiv 1912.04958; 24 and 29 million parameters. Each
measurement is a process of its own, since what the peak of a process was cannot be taken back; imports, networks and
data are left out of time and memory. Result: benchmarks/results/looking.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring import check, machine, networks

RESULTS = Path(__file__).parent / "results" / "looking.json"
LATENT, MOST = 512, 512


class Modulated(nn.Module):
    """A convolution whose weights are scaled by a style, and brought back to unit variance."""

    def __init__(self, below: int, above: int, w: int, size: int = 3, demodulate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(above, below, size, size) / math.sqrt(below * size * size))
        self.style, self.bias = nn.Linear(w, below), nn.Parameter(torch.zeros(above))
        self.noise = nn.Parameter(torch.zeros(())) if demodulate else None
        nn.init.ones_(self.style.bias)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        n, _, h, wide = x.shape
        weight = self.weight * self.style(w)[:, None, :, None, None]
        if self.noise is not None:
            weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        x = F.conv2d(x.reshape(1, -1, h, wide), weight.flatten(0, 1), padding=self.weight.shape[-1] // 2, groups=n)
        x = x.reshape(n, -1, h, wide) + self.bias[:, None, None]
        return x + self.noise * torch.randn(n, 1, h, wide) if self.noise is not None else x


class Painter(nn.Module):
    def __init__(self, size_px: int) -> None:
        super().__init__()
        self.mapping = nn.Sequential(*[m for _ in range(8) for m in (nn.Linear(LATENT, LATENT), nn.LeakyReLU(0.2))])
        sides = [2**i for i in range(2, int(math.log2(size_px)) + 1)]
        self.start = nn.Parameter(torch.randn(1, maps(4), 4, 4))
        pairs = [(maps(sides[max(0, i - 1)]), maps(side)) for i, side in enumerate(sides)]
        self.first = nn.ModuleList(Modulated(below, above, LATENT) for below, above in pairs)
        self.second = nn.ModuleList(Modulated(above, above, LATENT) for _, above in pairs)
        self.colour = nn.ModuleList(Modulated(above, 3, LATENT, 1, demodulate=False) for _, above in pairs)

    def forward(self, z: Tensor) -> Tensor:
        w = self.mapping(F.normalize(z, dim=1) * math.sqrt(LATENT))
        x, picture = self.start.expand(len(z), -1, -1, -1), torch.zeros(())
        for i, (first, second, colour) in enumerate(zip(self.first, self.second, self.colour, strict=True)):
            if i:
                x = F.interpolate(x, scale_factor=2, mode="bilinear")
                picture = F.interpolate(picture, scale_factor=2, mode="bilinear")
            x = F.leaky_relu(second(F.leaky_relu(first(x, w), 0.2), w), 0.2)
            picture = picture + colour(x, w)
        return picture


class Critic(nn.Module):
    def __init__(self, size_px: int) -> None:
        super().__init__()
        sides = [size_px // 2**i for i in range(int(math.log2(size_px)) - 2)]
        self.colour = nn.Conv2d(3, maps(size_px), 1)
        self.same = nn.ModuleList(nn.Conv2d(maps(side), maps(side), 3, padding=1) for side in sides)
        self.down = nn.ModuleList(nn.Conv2d(maps(side), maps(side // 2), 3, 2, 1) for side in sides)
        self.skip = nn.ModuleList(nn.Conv2d(maps(side), maps(side // 2), 1, bias=False) for side in sides)
        self.last = nn.Sequential(
            nn.Conv2d(maps(4) + 1, maps(4), 3, padding=1), nn.LeakyReLU(0.2), nn.Flatten(),
            nn.Linear(maps(4) * 16, MOST), nn.LeakyReLU(0.2), nn.Linear(MOST, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.colour(x), 0.2)
        for same, down, skip in zip(self.same, self.down, self.skip, strict=True):
            aside = skip(F.avg_pool2d(x, 2))
            x = (F.leaky_relu(down(F.leaky_relu(same(x), 0.2)), 0.2) + aside) / math.sqrt(2)
        spread = x.std(0).mean().expand(len(x), 1, *x.shape[2:])
        return self.last(torch.cat([x, spread], 1))


def maps(side: int) -> int:
    """Maps at a side, as StyleGAN2's configuration F at half its width."""
    return min(16384 // side, MOST)


def dcgan() -> tuple[nn.Module, nn.Module, Tensor, int]:
    return *networks.build("dcgan", 64, 3, 64, 100), torch.rand(64, 3, 64, 64) * 2 - 1, 100


def style_based() -> tuple[nn.Module, nn.Module, Tensor, int]:
    return Painter(256), Critic(256), torch.rand(4, 3, 256, 256) * 2 - 1, LATENT


PAIRS = {"DCGAN, 64 px, batch 64": dcgan, "style-based, 256 px, batch 4": style_based}


def look(G: nn.Module, D: nn.Module, real: Tensor, latent: int) -> dict[str, Any]:
    report = check(G, D, data=real, latent=latent, loss="bce-logits")
    return {"findings": report.codes, "judged": len(report.judged)}


def train(G: nn.Module, D: nn.Module, real: Tensor, latent: int) -> dict[str, Any]:
    """One step of D and one of G, with Adam."""
    g_adam, d_adam = (torch.optim.Adam(network.parameters(), 1e-4) for network in (G, D))
    fake = G(torch.randn(len(real), latent))
    (F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()).backward()
    d_adam.step()
    F.softplus(-D(fake)).mean().backward(inputs=list(G.parameters()))
    g_adam.step()
    return {}


DOINGS = {"check": look, "one step of D and G": train}


def one(pair: str, doing: str) -> dict[str, Any]:
    torch.manual_seed(0)
    built = PAIRS[pair]()
    before, begin, wall = peak_mb(), time.process_time(), time.perf_counter()
    found = DOINGS[doing](*built)
    used = {"cpu_seconds": time.process_time() - begin, "seconds": time.perf_counter() - wall}
    used |= {"peak_mb": peak_mb() - before}
    millions = [round(sum(p.numel() for p in network.parameters()) / 1e6, 1) for network in built[:2]]
    return {"pair": pair, "doing": doing, **{name: round(value, 2) for name, value in used.items()}} | {
        "million_parameters": millions, **found,
    }  # fmt: skip


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs=2, metavar=("PAIR", "DOING"), help="used by itself")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(*arguments.one)))
        return
    rows = []
    for pair in PAIRS:
        for doing in DOINGS:
            ran = subprocess.run(
                [sys.executable, __file__, "--one", pair, doing], capture_output=True, text=True, check=False
            )
            if ran.returncode:
                raise SystemExit(ran.stderr)
            rows.append(json.loads(ran.stdout.splitlines()[-1]))
            print(rows[-1], flush=True)
    about = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "machine": machine.describe()}
    RESULTS.write_text(json.dumps(about | {"rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
