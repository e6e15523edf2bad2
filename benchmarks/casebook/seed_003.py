"""A generator that got worse at once: can the blow-up of the third question be provoked, and what prevents it?

    python benchmarks/casebook/seed_003.py provoke --seeds 10 --steps 20000
    python benchmarks/casebook/seed_003.py fork
    python benchmarks/casebook/seed_003.py table

Several may run side by side (`--first 5 --seeds 5`): each row is appended when it is done, and none is run twice.

The question: an RGBA DCGAN (BCE behind a sigmoid, Adam 2e-4) whose Loss_G went from 8 to 45 within three iterations
after 6,392. `provoke` runs its loop and its loss on narrow copies of its networks (width 16, 32 px) with RGBA emoji; a
jump is a Loss_G of 25 or more that is three times the median of the 50 before. `fork` goes back to the last state saved
before each jump and runs on from there, 3 times with other draws each: unchanged, and with every remedy that was
proposed. Results: benchmarks/results/seed-003-*.jsonl; the story is docs/casebook/seed-003.md.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import os
import statistics
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # such narrow networks gain nothing from more; before torch is imported

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.data import Pack, open_data
from sparring.networks.calling import randomness
from sparring.seeds import seed_for
from sparring.stabilisers import normalise_spectrally

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
CPU = torch.device("cpu")
BATCH, LATENT = 64, 100
JUMP, TIMES, BEFORE = 25.0, 3.0, 50
SAVED_EVERY = 100  # steps between the states that a fork may go back to
AFTER = 1500  # steps of a fork


def networks(size_px: int, width: int) -> tuple[nn.Sequential, nn.Sequential]:
    """G and D of the question, layer for layer; a stage fewer at 32 px. Its width is 64."""
    stages = {32: 2, 64: 3}[size_px]
    widths = [width * 2**i for i in range(stages, -1, -1)]
    g: list[nn.Module] = [
        nn.ConvTranspose2d(LATENT, widths[0], 4, 1, 0, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(True)
    ]  # fmt: skip
    for wide, narrow in itertools.pairwise(widths):
        g += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU(True)]
    g += [nn.ConvTranspose2d(widths[-1], 4, 4, 2, 1, bias=False), nn.Tanh()]
    d: list[nn.Module] = [nn.Conv2d(4, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
    for narrow, wide in itertools.pairwise(widths[::-1]):
        d += [nn.Conv2d(narrow, wide, 4, 2, 1, bias=False), nn.BatchNorm2d(wide), nn.LeakyReLU(0.2, inplace=True)]
    d += [nn.Conv2d(widths[0], 1, 4, 1, 0, bias=False), nn.Flatten(0)]  # logits; the loop adds the sigmoid
    return nn.Sequential(*g), nn.Sequential(*d)


def as_in_the_question(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


def behind_a_sigmoid(logits: Tensor, target: float) -> Tensor:
    """nn.BCELoss of a sigmoid, which saturates at about 17 a picture and is cut at 100."""
    return F.binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, target))


def on_logits(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


class Loop:
    """The loop of the question, with places where a remedy may be put in."""

    def __init__(self, size_px: int, width: int, seed: int) -> None:
        with randomness(seed_for(seed, "networks"), CPU):
            self.G, self.D = networks(size_px, width)
            as_in_the_question(self.G)
            as_in_the_question(self.D)
        for network in (self.G, self.D):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a quarter faster on a CPU
        self.g_adam = torch.optim.Adam(self.G.parameters(), 2e-4, (0.5, 0.999))
        self.d_adam = torch.optim.Adam(self.D.parameters(), 2e-4, (0.5, 0.999))
        self.bce: Callable[[Tensor, float], Tensor] = behind_a_sigmoid
        self.before_g: Callable[[], object] = lambda: None  # between backward and step
        self.before_d: Callable[[], object] = lambda: None
        self.noise = self.r1 = 0.0

    def step(self, real: Tensor) -> dict[str, float]:
        def seen(images: Tensor) -> Tensor:
            return self.D(images + self.noise * torch.randn_like(images) if self.noise else images)

        self.d_adam.zero_grad()
        real = real.contiguous(memory_format=torch.channels_last)
        real.requires_grad_(bool(self.r1))
        real_logits = seen(real)
        fake = self.G(torch.randn(len(real), LATENT, 1, 1))
        fake_logits = seen(fake.detach())
        loss_d = self.bce(real_logits, 1.0) + self.bce(fake_logits, 0.0)
        total = loss_d
        if self.r1:
            (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
            total = loss_d + self.r1 / 2 * slope.square().sum() / len(real)
        total.backward()
        self.before_d()
        self.d_adam.step()
        self.g_adam.zero_grad()
        with torch.no_grad():
            unmoved = float(self.bce(fake_logits, 1.0))  # what Loss_G would have been before D's update
        loss_g = self.bce(seen(fake), 1.0)
        loss_g.backward()
        g_norm = float(torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in self.G.parameters()])))
        self.before_g()
        self.g_adam.step()
        return {"d": float(loss_d.detach()), "g": float(loss_g.detach()), "unmoved": unmoved, "g_norm": g_norm}

    def state(self) -> dict[str, Any]:
        parts = {name: getattr(self, name).state_dict() for name in ("G", "D", "g_adam", "d_adam")}
        return copy.deepcopy(parts)

    def load(self, state: dict[str, Any]) -> None:
        for name, part in state.items():
            getattr(self, name).load_state_dict(part)


def is_jump(loss_g: float, before: deque[float]) -> bool:
    return loss_g >= JUMP and len(before) == BEFORE and loss_g >= TIMES * statistics.median(before)


def provoke(data: Pack, size_px: int, width: int, seed: int, steps: int, states: Path) -> dict[str, Any]:
    """One run. Returns its jumps; the state before each is saved."""
    loop = Loop(size_px, width, seed)
    before: deque[float] = deque(maxlen=BEFORE)
    saved: deque[tuple[int, dict[str, Any]]] = deque(maxlen=2)
    jumps: list[dict[str, Any]] = []
    curve = []
    for step in range(steps):
        if step % SAVED_EVERY == 0:
            saved.append((step, loop.state()))
        with randomness(seed_for(seed, "step", step), CPU):
            found = loop.step(data.batch(step * BATCH, BATCH, seed=seed, flip=False))
        if is_jump(found["g"], before) and (not jumps or step > jumps[-1]["step"] + 500):
            jumps.append({"step": step, "from": saved[0][0], "median": statistics.median(before)} | found)
            states.mkdir(parents=True, exist_ok=True)
            torch.save(saved[0][1], states / f"{size_px}-{width}-{seed}-{step}.pt")
        before.append(found["g"])
        if step % 500 == 499:
            curve.append([step + 1, round(found["d"], 4), round(statistics.median(before), 3), round(max(before), 2)])
    return {"seed": seed, "size_px": size_px, "width": width, "steps": steps, "jumps": jumps, "curve": curve}


def clip_norm(network: nn.Module, most: float) -> Callable[[], object]:
    return lambda: torch.nn.utils.clip_grad_norm_(network.parameters(), most)


def clip_value(network: nn.Module, most: float) -> Callable[[], object]:
    return lambda: torch.nn.utils.clip_grad_value_(network.parameters(), most)


def beta2(loop: Loop, value: float) -> None:
    for adam in (loop.g_adam, loop.d_adam):
        for group in adam.param_groups:
            group["betas"] = (0.5, value)


def anew(loop: Loop, init: Callable[[Tensor], object]) -> None:
    """Another initialisation can only begin anew: weights drawn again, optimisers fresh."""
    for network in (loop.G, loop.D):
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
                nn.init.normal_(module.weight, 1.0, 0.02)
                nn.init.zeros_(module.bias)
        for param in network.parameters():
            if param.dim() > 1:
                init(param.data)
    adam_anew(loop, "G", "D")


def spectral(loop: Loop) -> None:
    """On D's layers from the fork on; D's Adam begins anew, since its weights are other numbers now."""
    normalise_spectrally(loop.D)
    adam_anew(loop, "D")


def adam_anew(loop: Loop, *networks: str) -> None:
    """A control for remedies that cannot keep Adam's memory: that alone may prevent a jump."""
    for name in networks:
        setattr(loop, f"{name.lower()}_adam", torch.optim.Adam(getattr(loop, name).parameters(), 2e-4, (0.5, 0.999)))


REMEDIES: dict[str, Callable[[Loop], object]] = {
    "unchanged": lambda loop: None,
    "Adam anew on D": lambda loop: adam_anew(loop, "D"),
    "all anew, as in the question": lambda loop: anew(loop, lambda w: nn.init.normal_(w, 0.0, 0.02)),
    "clip norm 1 on G": lambda loop: setattr(loop, "before_g", clip_norm(loop.G, 1.0)),
    "clip norm 1 on D": lambda loop: setattr(loop, "before_d", clip_norm(loop.D, 1.0)),
    "clip norm .1 on D": lambda loop: setattr(loop, "before_d", clip_norm(loop.D, 0.1)),
    "clip value 100 on G": lambda loop: setattr(loop, "before_g", clip_value(loop.G, 100.0)),
    "clip value .01 on both": lambda loop: (
        setattr(loop, "before_g", clip_value(loop.G, 0.01)), setattr(loop, "before_d", clip_value(loop.D, 0.01))
    ),
    "Xavier, anew": lambda loop: anew(loop, nn.init.xavier_normal_),
    "Kaiming, anew": lambda loop: anew(loop, lambda w: nn.init.kaiming_normal_(w, nonlinearity="leaky_relu")),
    "spectral norm in D": spectral,
    "noise .1 on both inputs": lambda loop: setattr(loop, "noise", 0.1),
    "logits, no sigmoid": lambda loop: setattr(loop, "bce", on_logits),
    "beta2 .9": lambda loop: beta2(loop, 0.9),
    "R1 1": lambda loop: setattr(loop, "r1", 1.0),
}  # fmt: skip


def fork(data: Pack, row: dict[str, Any], jump: dict[str, Any], remedy: str, draw: int, states: Path) -> dict[str, Any]:
    """From the state before a jump, on with a remedy. Returns when it jumped, if it did, and the losses' extremes."""
    loop = Loop(row["size_px"], row["width"], row["seed"])
    loop.load(
        torch.load(states / f"{row['size_px']}-{row['width']}-{row['seed']}-{jump['step']}.pt", weights_only=True)
    )
    with randomness(seed_for(draw, "remedy"), CPU):
        REMEDIES[remedy](loop)
    before: deque[float] = deque(maxlen=BEFORE)
    jumped, highest, losses = None, 0.0, []
    for i in range(AFTER):
        step = jump["from"] + i
        # Draw 0 goes on exactly as the run did; the others see other pictures and other z.
        seed = row["seed"] if draw == 0 else 1000 * draw + row["seed"]
        with randomness(seed_for(seed, "step", step), CPU):
            found = loop.step(data.batch(step * BATCH, BATCH, seed=seed, flip=False))
        if jumped is None and is_jump(found["g"], before):
            jumped = i
        before.append(found["g"])
        highest = max(highest, found["g"])
        losses.append(found["g"])
    return fork_key(row, jump, remedy, draw) | {
        "jumped_after": jumped,
        "highest_g": round(highest, 2),
        "median_g": round(statistics.median(losses), 3),
        "last_d": round(found["d"], 4),
    }


def fork_key(row: dict[str, Any], jump: dict[str, Any], remedy: str, draw: int) -> dict[str, Any]:
    run = {name: row[name] for name in ("seed", "size_px", "width", "steps")}
    return run | {"jump": jump["step"], "remedy": remedy, "draw": draw}


def table(provoked: list[dict[str, Any]], forks: list[dict[str, Any]]) -> str:
    """What was provoked, and of each remedy how many forks jumped."""
    lines = []
    for row in provoked:
        jumps = ", ".join(f"{j['step']:,} ({j['median']:.1f} -> {j['g']:.1f})" for j in row["jumps"]) or "none"
        run = f"{row['size_px']} px, width {row['width']}, seed {row['seed']}, {row['steps']:,} steps"
        lines.append(f"{run}: jumps {jumps}; highest Loss_G {max(point[3] for point in row['curve']):.1f}")
    lines += ["", "| remedy | forks that jumped | highest Loss_G, median of forks | median Loss_G | last Loss_D |"]
    lines.append("|---" * 5 + "|")
    for remedy in dict.fromkeys(fork["remedy"] for fork in forks):
        some = [fork for fork in forks if fork["remedy"] == remedy]
        highest, usual, last = (statistics.median(f[k] for f in some) for k in ("highest_g", "median_g", "last_d"))
        jumped = sum(fork["jumped_after"] is not None for fork in some)
        lines.append(f"| {remedy} | {jumped} of {len(some)} | {highest:.1f} | {usual:.1f} | {last:.3f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("provoke", "fork", "table"))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=32, choices=(32, 64))
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--states", type=Path, default=Path("/tmp/seed-003"))
    arguments = parser.parse_args()
    if arguments.what == "table":
        print(table(*(rows_of(RESULTS / f"seed-003-{what}.jsonl") for what in ("provoke", "fork"))))
        return
    torch.set_num_threads(1)
    data = open_data("emoji", size_px=arguments.size, channels=4, say=None)
    file = RESULTS / f"seed-003-{arguments.what}.jsonl"
    done = rows_of(file)
    if arguments.what == "provoke":
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            key = {"seed": seed, "size_px": arguments.size, "width": arguments.width, "steps": arguments.steps}
            if not any(key.items() <= row.items() for row in done):
                row = provoke(data, arguments.size, arguments.width, seed, arguments.steps, arguments.states)
                keep(file, row)
                print(f"seed {seed}: jumps at {[jump['step'] for jump in row['jumps']]}", flush=True)
        return
    runs = range(arguments.first, arguments.first + arguments.seeds)
    size = {"size_px": arguments.size, "width": arguments.width, "steps": arguments.steps}
    for row in rows_of(RESULTS / "seed-003-provoke.jsonl"):
        jumps = row["jumps"] if row["seed"] in runs and size.items() <= row.items() else []
        for jump, remedy, draw in itertools.product(jumps, REMEDIES, range(3)):
            if not any(fork_key(row, jump, remedy, draw).items() <= found.items() for found in done):
                keep(file, fork(data, row, jump, remedy, draw, arguments.states))


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def keep(file: Path, row: dict[str, Any]) -> None:
    with file.open("a") as opened:
        opened.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
