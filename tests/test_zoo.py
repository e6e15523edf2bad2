"""The zoo of planted faults: its table is whole, its counting is right, and a small part of it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from sparring.doctor.catalogue import rules
from sparring.doctor.observing.allowance import Allowance

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import zoo
from zoo_programs.counting import alarms, harm_of, judged, table, wilson
from zoo_programs.healthy import VARIATIONS
from zoo_programs.outcomes import harmed
from zoo_programs.plants import PLANTS, PROGRAMS_EACH, SEEDS
from zoo_programs.tuned import PROGRAMS

STEPS = 160


# The table of plants


def test_every_code_that_a_plant_accepts_exists() -> None:
    for plant in PLANTS:
        assert set(plant.codes) <= set(rules()), plant.name
        assert set(plant.first) <= set(plant.codes), plant.name


def test_every_rule_on_balance_and_stability_has_a_plant() -> None:
    wanted = {code for code in rules() if code[:3] in ("SP4", "SP5")} - {"SP503"}  # an info: it never alarms
    assert wanted <= {code for plant in PLANTS for code in plant.codes}


def test_every_plant_fits_a_program_and_names_are_unique() -> None:
    assert all(plant.among(PROGRAMS) for plant in PLANTS)
    assert all(len(plant.among(PROGRAMS)) <= PROGRAMS_EACH for plant in PLANTS)
    for names in ([p.name for p in PLANTS], [p.name for p in PROGRAMS], [v.name for v in VARIATIONS]):
        assert len(set(names)) == len(names)


def test_there_are_enough_runs() -> None:
    plan = zoo.plan("tuned")
    assert len(set(plan)) == len(plan)
    assert sum(entry.plant.startswith(zoo.HEALTHY) for entry in plan) >= 150
    for plant in PLANTS:
        assert len({entry.seed for entry in plan if entry.plant == plant.name}) == SEEDS >= 3
    assert plan[0].plant == "healthy: plain"


def test_a_part_that_is_not_written_has_no_programs() -> None:
    assert zoo.programs_of("nobody_wrote_this") == {}


# Counting


def _row(plant: str, codes: list[tuple[str, str, int]], distance: float | None = 0.1, **more: Any) -> dict[str, Any]:
    findings = [{"code": c, "severity": s, "step": n, "where": "", "message": ""} for c, s, n in codes]
    row = {
        "plant": plant, "program": "mlp bce", "seed": 0, "part": "tuned", "steps": 1000, "onset": 0, "classes": 0,
        "raised": "", "outcome": {"distance": distance, "diversity": 0.9}, "findings": findings,
    }  # fmt: skip
    return row | more


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(0, 150, 0.0, 0.02497), (95, 100, 0.8882, 0.9785), (10, 10, 0.7225, 1.0)]
)
def test_wilson_bounds(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx((low, high), abs=2e-4)


def test_wilson_of_nothing_knows_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_infos_are_no_alarms() -> None:
    assert alarms(_row("healthy: plain", [("SP503", "info", 700)])) == []


def test_a_run_is_judged_from_its_onset() -> None:
    told = [("SP409", "warning", 100), ("SP502", "warning", 600), ("SP501", "error", 620)]
    seen = judged(_row("nan in d", told, onset=550))
    assert (seen.right, seen.first, seen.delay, seen.before) == (True, False, 70, ("SP409",))


def test_a_wrong_code_is_no_recall() -> None:
    seen = judged(_row("nan in d", [("SP409", "warning", 600)], onset=550))
    assert (seen.right, seen.first, seen.delay, seen.codes) == (False, False, None, ("SP409",))


def test_harm_is_measured_against_plain_runs() -> None:
    plain = [_row("healthy: plain", [], each) for each in (0.1, 0.12, 0.2)]
    assert harmed(_row("watermark", [], 0.19), plain) is False  # no worse than the worst plain run
    assert harmed(_row("watermark", [], 0.21), plain) is True
    assert harmed(_row("watermark", [], None), plain) is True  # nothing finite came out
    assert harmed(_row("watermark", [], 0.1, raised="ValueError: x"), plain) is True
    assert harmed(_row("watermark", [], 0.1, outcome={"distance": 0.1, "diversity": 0.5}), plain) is True
    assert harmed(_row("watermark", [], 0.1), []) is None
    slow = _row("healthy: slow", [], 0.9)
    assert harm_of(slow, [*plain, slow]) is False  # meant to learn less


def test_obedience_counts_where_it_was_measured() -> None:
    def told(obedience: float) -> dict[str, Any]:
        return {"outcome": {"distance": 0.1, "diversity": 0.9, "obedience": obedience}, "classes": 10}

    plain = [_row("healthy: plain", [], **told(0.8))]
    assert harmed(_row("g not told", [], **told(0.4)), plain) is True
    assert harmed(_row("g not told", [], **told(0.5)), plain) is False


def test_the_table_counts_what_harmed_and_what_did_not_apart() -> None:
    rows = [_row("healthy: plain", [], 0.1, seed=seed) for seed in range(3)]
    rows += [_row("healthy: flips", [("SP409", "warning", 800)])]
    rows += [_row("nan in d", [("SP501", "error", 560)], None, onset=550), _row("watermark", [], 0.1)]
    text = table(rows)
    assert "recall: an accepted code told, of runs that the plant hurt | 1 of 1 | 1.000" in text
    assert "| healthy runs with an alarm | 1 of 4 | 0.250" in text
    assert "| watermark | 1 | 0 (did no harm) |" in text
    assert "| nan in d | 1 | 1 | 1 of 1 | 1 of 1 | 10 | SP501 1 | SP501 |" in text


# A small part of it


@pytest.mark.parametrize(("plant", "program"), [("healthy: plain", "mlp bce"), ("healthy: uniform", "squares mlp")])
def test_sound_programs_raise_no_alarm(plant: str, program: str) -> None:
    row = zoo.play(zoo.Entry(plant, program, 0, "tuned"), None, STEPS)
    assert (row["ended"], row["raised"], alarms(row)) == (STEPS, "", [])
    assert 0 < row["outcome"]["distance"] < 3


@pytest.mark.parametrize(
    ("plant", "program"), [("d stale optimiser", "mlp bce"), ("g detached", "squares mlp"), ("nan in d", "mlp bce")]
)
def test_planted_faults_are_told(plant: str, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Allowance, "may", lambda self: True)  # on a busy machine the clock would let it see too little
    row = zoo.play(zoo.Entry(plant, program, 0, "tuned"), None, STEPS)
    seen = judged(row)
    assert (seen.right, seen.first, seen.before) == (True, True, ()), row["findings"]
