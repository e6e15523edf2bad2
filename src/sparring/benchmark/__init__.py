"""Measures this machine: our step and our batches against what everyone does, in turn and in one process."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from .. import __version__, machine
from ..errors import SparringError, did_you_mean
from .measures import bench_metrics
from .reading import bench_data
from .steps import bench_keras, bench_monitor, bench_options, bench_step
from .timing import Found

_BENCHES: dict[str, Callable[..., Found]] = {
    "step": bench_step,
    "keras": bench_keras,
    "options": bench_options,
    "data": bench_data,
    "metrics": bench_metrics,
}


def bench(
    what: str,
    *,
    size: int = 64,
    channels: int = 3,
    batch: int = 64,
    width: int = 64,
    rounds: int = 12,
    monitor: bool = False,
) -> dict[str, Any]:
    """Runs one benchmark.

    Args:
        what: "step" (training step), "keras" (the same of a Keras pair), "options" (what each costs a step), "data"
            (batches of pictures) or "metrics" (features, and distances between them).
        size: side of the pictures in px.
        channels: 1, 3 or 4.
        batch: pictures a step.
        width: feature maps next to the picture ("step").
        rounds: how often each contender is measured, in turn.
        monitor: of "step", the official loop with a `Monitor` against the same without, ten iterations a turn.

    Returns the figures with machine and date: for each contender median images/s and the median ratio to the first.
    """
    if what not in _BENCHES:
        raise SparringError(f"There is no benchmark {what!r}.", did_you_mean(what, _BENCHES))
    if rounds < 1 or batch < 2 or channels not in (1, 3, 4):
        raise SparringError(
            f"--rounds is {rounds}, --batch {batch} and --channels {channels}.",
            "rounds >= 1, batch >= 2, 1, 3 or 4 channels",
        )
    if monitor and what != "step":
        raise SparringError(f"There is no bench {what} with a monitor.", "bench step --monitor")
    settings = {"size_px": size, "channels": channels, "batch": batch, "width": width, "rounds": rounds}
    results, notes = (bench_monitor if monitor else _BENCHES[what])(**settings)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    about = {
        "benchmark": f"{what} --monitor" if monitor else what,
        "date": today,
        "sparring": __version__,
        "machine": machine.describe(),
    }
    return about | {"settings": settings, "results": results, "notes": notes}


def as_text(found: dict[str, Any]) -> str:
    """The figures as a small table."""
    m = found["machine"]
    lines = [
        f"bench {found['benchmark']}: {found['settings']}",
        f"{m['cpu']}, {m['cores']} cores, {m['capability']}, torch {m['torch']}",
    ]
    digits = 3 if found["benchmark"].endswith("--monitor") else 2  # what is near 1 needs more
    for row in found["results"]:
        figure = (
            f"{row['seconds']:>10.3f} s       " if "seconds" in row else f"{row['images_per_second']:>10,.1f} images/s"
        )
        lines.append(f"  {row['name']:<48} {figure}   ratio {row['ratio']:.{digits}f}")
    return "\n".join([*lines, *found["notes"]])
