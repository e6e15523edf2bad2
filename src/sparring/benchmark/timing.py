"""Contenders timed in turn, so that a noisy machine disturbs all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

Found = tuple[list[dict[str, Any]], list[str]]  # a row for each contender; sentences


def in_turn(contenders: dict[str, Callable[[], int]], rounds: int, seconds: bool = False) -> list[dict[str, Any]]:
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
