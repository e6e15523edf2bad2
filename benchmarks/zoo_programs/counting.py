"""Rows of the zoo -> counts with 95 % bounds, and the table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .healthy import PLAIN, variation_named
from .outcomes import harmed
from .plants import PLANTS, Plant, plant_named

Row = Mapping[str, Any]
_Z = 1.959964  # of 95 %


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % bounds of a share by Wilson's score; (0, 1) of nothing."""
    if not of:
        return 0.0, 1.0
    share, z2 = hits / of, _Z**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2)) / (1 + z2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def alarms(row: Row) -> list[Row]:
    """Findings of warning or error, in the order in which they were told."""
    return [each for each in row["findings"] if each["severity"] in ("error", "warning")]


def plain_runs(rows: Iterable[Row], like: Row) -> list[Row]:
    """The plain healthy runs of a row's program."""
    key = (like["part"], like["program"], f"healthy: {PLAIN}")
    return [row for row in rows if (row["part"], row["program"], row["plant"]) == key]


def plant_of(row: Row) -> Plant | None:
    """The plant of a row; None for a healthy one."""
    return None if row["plant"].startswith("healthy: ") else plant_named(row["plant"])


def harm_of(row: Row, rows: Sequence[Row]) -> bool | None:
    """Whether a run came out worse, by the rule; None where that is not known, or not asked (runs meant to be slow)."""
    name = row["plant"].removeprefix("healthy: ")
    if plant_of(row) is None and (name == PLAIN or not variation_named(name).compared):
        return bool(row["raised"]) or row["outcome"].get("distance") is None
    return harmed(row, plain_runs(rows, row))


@dataclass(frozen=True)
class Judged:
    """How the doctor did on one planted run.

    Attributes:
        right: an alarm with an accepted code came at or after the onset.
        first: the first alarm since the onset has a code that may come first.
        delay: steps from the onset to the first right alarm; None where none came.
        before: codes of alarms before the onset.
        codes: of all alarms since the onset, in their order.
    """

    right: bool
    first: bool
    delay: int | None
    before: tuple[str, ...]
    codes: tuple[str, ...]


def judged(row: Row) -> Judged:
    """Compares what was told with the table of plants."""
    plant = plant_of(row)
    assert plant is not None
    told = alarms(row)
    since = [each for each in told if each["step"] >= row["onset"]]
    right = [each for each in since if each["code"] in plant.codes]
    return Judged(
        bool(right),
        bool(since) and since[0]["code"] in plant.first,
        right[0]["step"] - row["onset"] if right else None,
        tuple(each["code"] for each in told if each["step"] < row["onset"]),
        tuple(dict.fromkeys(each["code"] for each in since)),
    )


def table(rows: Sequence[Row]) -> str:
    """Everything, for each part that there are rows of."""
    told = []
    for part in dict.fromkeys(row["part"] for row in rows):
        of_part = [row for row in rows if row["part"] == part]
        told += [f"## Part: {part}", "", *_overall(of_part), "", *_by_plant(of_part), "", *_healthy(of_part), ""]
    return "\n".join(told)


def _overall(rows: Sequence[Row]) -> list[str]:
    planted = [row for row in rows if plant_of(row) is not None]
    harmful = [row for row in planted if harm_of(row, rows)]
    unhurt = [row for row in planted if harm_of(row, rows) is False]
    sound = [row for row in rows if plant_of(row) is None and not harm_of(row, rows)]
    unsound = [row for row in rows if plant_of(row) is None and harm_of(row, rows)]
    done = [judged(row) for row in harmful]
    delays = [each.delay for each in done if each.delay is not None]
    false = sum(bool(alarms(row)) for row in sound)
    early = [row for row in planted if row["onset"] > 0]
    lines = [
        "| what | count | share, 95 % bounds |",
        "|---|---|---|",
        f"| recall: an accepted code told, of runs that the plant hurt | {_share(e.right for e in done)} |",
        f"| the right code first, of the same | {_share(e.first for e in done)} |",
        f"| accepted code told, of planted runs that came out unhurt | {_share(judged(r).right for r in unhurt)} |",
        f"| healthy runs with an alarm | {_share(bool(alarms(r)) for r in sound)} |",
        f"| alarms before the onset, of runs planted in mid-run | {_share(bool(judged(r).before) for r in early)} |",
        "",
        f"Median of steps from onset to the first right alarm: {_median(delays)}. Alarms per healthy run: "
        f"{sum(len(alarms(row)) for row in sound) / max(1, len(sound)):.3f} ({false} of {len(sound)} runs).",
    ]
    unknown = len(planted) - len(harmful) - len(unhurt)
    if unknown:
        lines.append(f"{unknown} planted runs have no plain run to be compared with and are not counted.")
    if unsound:
        with_alarm = sum(bool(alarms(row)) for row in unsound)
        lines.append(
            f"{len(unsound)} runs that were meant to be healthy came out worse by the rule, {with_alarm} of them with "
            "an alarm; they are in none of these counts."
        )
    return lines


def _by_plant(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| plant | runs | hurt | recall | first | steps to alarm | told (runs) | right |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for plant in PLANTS:
        some = [row for row in rows if row["plant"] == plant.name]
        if not some:
            continue
        hurt = [row for row in some if harm_of(row, rows)]
        done = [judged(row) for row in hurt]
        seen = hurt or some
        codes: dict[str, int] = {}
        for row in seen:
            for code in judged(row).codes:
                codes[code] = codes.get(code, 0) + 1
        told = ", ".join(f"{code} {n}" for code, n in sorted(codes.items(), key=lambda each: -each[1]))
        delays = [each.delay for each in done if each.delay is not None]
        label = f"{len(hurt)}" if hurt else "0 (did no harm)"
        lines.append(
            f"| {plant.name} | {len(some)} | {label} | {_of(e.right for e in done)} | {_of(e.first for e in done)} | "
            f"{_median(delays)} | {told or 'nothing'} | {', '.join(plant.codes)} |"
        )
    return lines


def _healthy(rows: Sequence[Row]) -> list[str]:
    sound = [row for row in rows if plant_of(row) is None]
    names = list(dict.fromkeys(row["plant"] for row in sound))
    lines = ["| healthy runs | runs | worse | with an alarm | told |", "|---|---|---|---|---|"]
    for name in names:
        some = [row for row in sound if row["plant"] == name]
        told = [
            f"{each['code']} {row['program']} {row['seed']} at {each['step']}" for row in some for each in alarms(row)
        ]
        worse = sum(bool(harm_of(row, rows)) for row in some)
        with_alarm = sum(bool(alarms(row)) for row in some)
        lines.append(f"| {name} | {len(some)} | {worse} | {with_alarm} | {'; '.join(told)} |")
    return lines


def _share(hits: Iterable[bool]) -> str:
    found = list(hits)
    low, high = wilson(sum(found), len(found))
    share = sum(found) / len(found) if found else math.nan
    return f"{sum(found)} of {len(found)} | {share:.3f} ({low:.3f} to {high:.3f})"


def _of(hits: Iterable[bool]) -> str:
    found = list(hits)
    return f"{sum(found)} of {len(found)}" if found else "-"


def _median(numbers: Sequence[float]) -> str:
    return f"{statistics.median(numbers):.0f}" if numbers else "-"
