"""Rules on quality: each speaks on its fault, and none on a sound neighbour; what evaluations measure is right."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sparring.doctor import faults
from sparring.doctor.catalogue import HEADINGS, rule_named
from sparring.doctor.diagnosing import diagnose, diagnose_history, story
from sparring.doctor.faults._quality import SOUND, TOLD, evaluated
from sparring.doctor.running import FACTS, Quality, facts_of, facts_of_quality
from sparring.findings import Report
from sparring.history import History
from sparring.methods import Recipe
from sparring.metrics.symptoms import auc, evenly, turned
from sparring.metrics.traces import checkerboard, holes, spread, spread_within

CODES = [f"SP6{number:02d}" for number in range(1, 12)]
BAD = [pytest.param(code, case, id=f"{code}: {case.name}") for code in CODES for case in faults.bad(code)]
GOOD = [pytest.param(code, case, id=f"{code}: {case.name}") for code in CODES for case in faults.good(code)]


def loud(report: Report) -> set[str]:
    return {finding.code for finding in report.findings if finding.severity != "info"}


@pytest.mark.parametrize(("code", "case"), BAD)
def test_a_fault_is_found(code: str, case: faults.Case, tmp_path: Path) -> None:
    given = case.build(tmp_path)
    report = diagnose_history(**given)
    assert code in loud(report)
    assert loud(report) <= {code, *case.also}
    for finding in report.findings:
        assert finding.message.endswith(".")
        assert finding.remedies
        assert finding.undecided
        numbers = finding.evidence
        assert numbers["first_step"] <= numbers["worst_step"] <= numbers["last_step"]
        json.dumps(finding.to_dict(), allow_nan=False)
    assert f"[{code}]" in story(given["history"], report)


@pytest.mark.parametrize(("code", "case"), GOOD)
def test_its_neighbours_are_left_in_peace(code: str, case: faults.Case, tmp_path: Path) -> None:
    given = case.build(tmp_path)
    report = diagnose_history(**given)
    assert not loud(report), report.findings
    assert "Nothing here calls for a change." in story(given["history"], report)


@pytest.mark.parametrize("code", CODES)
def test_the_rule_explains_itself(code: str) -> None:
    rule = rule_named(code)
    assert rule.severity == "warning"
    assert [line[3:] for line in rule.page.splitlines() if line.startswith("## ")] == list(HEADINGS)
    assert len(faults.bad(code)) >= 2
    assert len(faults.good(code)) >= 2
    assert set(rule.needs) <= set(FACTS)
    assert all(f"`{name}`" in rule.page for name in rule.thresholds), rule.thresholds
    fields = set(Recipe().to_dict())
    assert all(set(remedy.change) <= fields for remedy in rule.remedies)


@pytest.mark.parametrize("told", [False, True], ids=["nothing", "classes"])
def test_sound_evaluations_raise_no_alarm(told: bool) -> None:
    for seed in range(60):
        assert not loud(diagnose_history(**evaluated(n=15, seed=seed, told=told)))


def test_what_was_not_measured_is_listed() -> None:
    bare = diagnose_history(History())
    assert set(CODES) <= set(bare.skipped)
    only = evaluated(**{name: math.nan for name in SOUND if name not in ("value", "noise")})
    report = diagnose_history(**only)
    assert "SP608" in report.judged
    assert {code: why for code, why in report.skipped.items() if code in ("SP601", "SP607")} == {
        "SP601": ["spread"],
        "SP607": ["nearness"],
    }
    few = diagnose_history(**evaluated(n=2))
    assert "evaluations" in few.skipped["SP602"][0]


def test_every_fact_of_an_evaluation_is_there() -> None:
    facts = facts_of(evaluated(told=True)["history"])
    assert {"quality", "spread", "modes", "within", "obedience", "critic_of_conditions", "critic_gap"} <= set(facts)
    assert {"nearness", "checkerboard", "average", "leak"} <= set(facts)
    assert set(facts) <= set(FACTS)


@pytest.mark.parametrize(
    "rows",
    [
        [{"step": "x", "value": 1.0}],
        [{"step": 5, "value": None, "metric": "kid", "better": "lower"}],
        [{"step": 5, "value": math.nan, "metric": 3, "better": []}, {"step": 1e300, "spread": math.inf}],
        [{"step": True, "spread": 0.5}, {"spread": 0.5}],
    ],
)
def test_evaluations_that_make_no_sense_are_no_facts(rows: list[dict[str, Any]]) -> None:
    assert facts_of_quality(History(facts={"evaluations": rows})) == {}


def test_which_way_is_better_counts() -> None:
    steps, values, noise = np.arange(5), np.array([0.2, 0.5, 0.9, 0.8, 0.3]), np.full(5, 0.01)
    assert Quality("coverage", False, steps, values, noise).best == 2
    assert Quality("kid", True, steps, values, noise).best == 0
    assert Quality("coverage", False, steps, values, noise).worse_than_best(5, 0.25).tolist() == [False] * 4 + [True]


def test_a_runs_own_log_is_judged_by_its_evaluations(tmp_path: Path) -> None:
    """The same values, as lines of events.jsonl; what a resume took back does not count."""
    rows = faults.bad("SP601")[0].build(tmp_path)["history"].facts["evaluations"]
    lines = [{"event": "started", "step": 0, "loss": "least-squares", "label_smoothing": 0.1}]
    lines += [{"event": "evaluation", "images": 9, "time": 1.0, **row} for row in rows]
    lines.insert(3, {"event": "last evaluation", "step": 1250, "spread": 0.01, "metric": "kid", "value": 9.9})
    lines.insert(4, {"event": "resumed", "step": 1250})
    log = tmp_path / "events.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = diagnose(log)
    assert "SP601" in loud(report)
    from sparring.doctor.readers import read_log

    facts = read_log(log)[0].facts
    assert [row["step"] for row in facts["evaluations"]] == [row["step"] for row in rows]
    assert (facts["loss"], facts["label_smoothing"]) == ("least-squares-halved", 0.1)
    log.write_text(log.read_text() + '{"event": "resumed", "step": 2000}\n')
    assert [row["step"] for row in read_log(log)[0].facts["evaluations"]] == [500, 1000, 1500, 2000]


def test_sums_of_evaluations_are_told_by_name() -> None:
    told = set(TOLD) | set(SOUND)
    from sparring.doctor.running.quality import _SHEETS

    assert {name for needed, beside in _SHEETS.values() for name in (*needed, *beside)} <= told


# -- what is measured --


def shapes(n: int = 60, size: int = 32, seed: int = 0) -> torch.Tensor:
    """Smooth coloured pictures."""
    rng = np.random.default_rng(seed)
    maps = torch.from_numpy(rng.uniform(0, 255, (n, 3, 5, 5)))
    return torch.nn.functional.interpolate(maps, size=size, mode="bilinear").to(torch.uint8)


def test_spread_is_relative_to_nothing_else() -> None:
    pictures = shapes()
    assert spread(pictures[:1].expand(9, -1, -1, -1)) == 0
    assert spread(pictures) > 30
    two = torch.cat([pictures[:6], pictures[6:7].expand(6, -1, -1, -1)])
    found = spread_within(two, torch.tensor([0] * 6 + [1] * 6))
    assert found[1] == 0 < found[0]


@pytest.mark.parametrize("period", [2, 4])
@pytest.mark.parametrize("size", [28, 32, 64])
def test_a_grid_is_seen(period: int, size: int) -> None:
    pictures = shapes(size=size)
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    grid = 12 * (((x // (period // 2)) + (y // (period // 2))) % 2)
    plain = checkerboard(pictures)
    assert plain < 5
    assert checkerboard((pictures.int() + grid).clamp(0, 255).to(torch.uint8)) > 5 * max(plain, 1.0)
    assert checkerboard(torch.full((4, 1, size, size), 128, dtype=torch.uint8)) < 1


def test_holes_are_seen() -> None:
    pictures = shapes()
    assert holes(pictures) == 0
    boxed, moved, gray = pictures.clone(), pictures.clone(), pictures.clone()
    boxed[:30, :, 8:20, 4:18] = 127
    moved[:15, :, :, :3] = 128
    gray[:] = 127
    assert holes(boxed) == 0.5
    assert holes(moved) == 0.25
    assert holes(gray) == 0  # flat as a whole: a young generator


def test_each_condition_is_given_to_another() -> None:
    labels = torch.arange(10) % 3
    swapped, changed = turned(labels)
    assert sorted(swapped.tolist()) == sorted(labels.tolist())
    assert changed.float().mean() > 0.8
    assert (swapped[changed] != labels[changed]).all()
    vectors = torch.randn(6, 4)
    assert turned(vectors)[1].all()


def test_how_often_one_is_above() -> None:
    a, b = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 2.0])
    assert auc(a, b) == pytest.approx((3 + 1 + 0.5) / 6)
    assert evenly(5, 3).tolist() == [0, 2, 4]
    assert evenly(2, 9).tolist() == [0, 1]
