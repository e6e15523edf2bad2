"""What this machine is, and what it decides: threads by rule, precision by measurement."""

from __future__ import annotations

import contextlib
import copy
import os
import platform
import statistics
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from .conditions import Shape
from .data.parallel import cores
from .game import Game
from .methods import Recipe
from .networks.calling import randomness
from .players import Players, resolve_device
from .stabilisers import prepare
from .step import train_step

# bf16 must be at least this much faster to be worth its coarser numbers (8 bits of mantissa).
WORTH = 1.15
_BUSY = 0.75  # mean number of programs that ran or waited to, over the last minute


def has_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bf16; without them it is emulated, 100 times slower on a CPU."""
    if device.type == "cpu":
        able = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}  # a young function
        return any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))  # the last is ARM's
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return False


def choose_precision(
    generator: nn.Module,
    discriminator: nn.Module,
    recipe: Recipe,
    image_shape: tuple[int, int, int],
    z_shape: tuple[int, ...],
    device: Any,
    told: Shape | None = None,
) -> tuple[str, str]:
    """Measures a few steps of copies in fp32 and bf16. Returns (the word for `precision`, why in words).

    `told` is what the conditions of a conditional pair are.
    """
    where = resolve_device(device)
    if not has_bf16(where):
        return "fp32", f"this {where.type} has no bf16 arithmetic"
    kinds = {p: contender(generator, discriminator, recipe.but(precision=p), z_shape, where) for p in ("fp32", "bf16")}
    with randomness(0, where):
        real = torch.rand(recipe.batch, *image_shape, device=where) * 2 - 1
        times = step_seconds(kinds, recipe, real, steps=4, told=told)
    ratio = statistics.median(a / b for a, b in zip(times["fp32"], times["bf16"], strict=True))
    return ("bf16" if ratio >= WORTH else "fp32"), f"bf16 steps are {ratio:.2f} times as fast, measured here"


def contender(
    generator: nn.Module, discriminator: nn.Module, recipe: Recipe, z_shape: tuple[int, ...], device: Any
) -> Players:
    """A pair that may be trained for a measurement: copies, so that the run's own stay as they are."""
    pair = copy.deepcopy(generator), copy.deepcopy(discriminator)
    with randomness(0, torch.device("cpu")):
        prepare(*pair, recipe)
    return Players(*pair, recipe, z_shape, device)


def step_seconds(
    kinds: dict[str, Players], recipe: Recipe, real: torch.Tensor, steps: int, told: Shape | None = None
) -> dict[str, list[float]]:
    """Times steps of several pairs in turn, after one of each to warm up: a noisy machine disturbs all alike."""
    game, condition = Game.of(recipe), None if told is None else some_conditions(told, len(real)).to(real.device)
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for turn in range(steps + 1):
        for name, players in kinds.items():
            begin = time.perf_counter()
            seen = train_step(players, game, lambda: (real, condition))
            seen["g_loss"].item()  # waits for the device
            if turn:
                times[name].append(time.perf_counter() - begin)
    return times


def some_conditions(told: Shape, n: int) -> torch.Tensor:
    """Conditions to time a step with.  # int64 [n] or float32 [n, size]"""
    if told.kind == "class":
        return torch.arange(n) % told.size
    return torch.nn.functional.normalize(torch.randn(n, told.size))


def describe() -> dict[str, Any]:
    """The machine in words and numbers, for `--version` and beside every benchmark's result."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cpu": _cpu_name(),
        "cores": cores(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "bf16": has_bf16(torch.device("cpu")),
        "device": _accelerator(),
    }


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = dict(line.split(":", 1) for line in file if ":" in line)
        found = {key.strip(): value.strip() for key, value in lines.items()}
        return f"{found['model name']} (family {found['cpu family']}, model {found['model']})"
    except (OSError, KeyError, ValueError):
        return platform.processor() or platform.machine()


def _accelerator() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return "mps" if torch.backends.mps.is_available() else "cpu"


def usual_threads() -> int:
    """Threads of a run that names none: what OMP_NUM_THREADS says, else one for each core this process may use."""
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(said) if said.isdecimal() and int(said) else cores()


def crowded(n: int) -> str:
    """What to tell somebody who is about to use n threads beside other programs; "" for nothing.

    Threads wait for each other hundreds of times in a step, and each time for the slowest. Measured on two cores, one
    of them busy with another program: 176 ms a step with two threads (914 before `wait_briefly`), 51 with one.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if n < 2 or load < _BUSY:
        return ""
    return (
        f"Other programs keep this machine busy (load {load:.1f}): {n} threads that wait for each other may be slower "
        "than one (--set threads=1)."
    )


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """n CPU threads for a while: the sums of a run depend on how many share them."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
