"""Rules on trainings that ran: each speaks on its faults and keeps silent on their neighbours; the constants hold."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seed_003_rows import FIRST, STEPS, D, G
from sparring.doctor import faults
from sparring.doctor.catalogue import HEADINGS, rule_named
from sparring.doctor.diagnosing import diagnose_history, story
from sparring.doctor.faults._running import logged, played, recorded, wobble
from sparring.doctor.running import FACTS, facts_of, losses_of
from sparring.doctor.running.families import LN2, LN4, UNDECIDED, family_of, guess, impossible, least_d
from sparring.doctor.running.losses import CEILINGS, SMOOTHED, Losses
from sparring.doctor.running.windows import drift, jumps, moving_medians, stretches
from sparring.findings import Finding, Report
from sparring.history import History, Series

CODES = [f"SP{block}0{number}" for block in (4, 5) for number in range(1, 10)]
ERRORS, INFOS = {"SP405", "SP406", "SP407", "SP501"}, {"SP503"}
BAD = [pytest.param(code, case, id=f"{code}: {case.name}") for code in CODES for case in faults.bad(code)]
GOOD = [pytest.param(code, case, id=f"{code}: {case.name}") for code in CODES for case in faults.good(code)]
# Of the kinds of log that people post; each must stay silent in at least 98 of 100.
SOUND: list[dict[str, Any]] = [
    {"real": 1.0, "fake": -1.0},
    {"real": 0.4, "fake": -0.3, "rows": 1500},
    {"real": 1.8, "fake": -2.0, "spread": 1.5, "every": 50},
    {"real": 0.8, "fake": -0.8, "loss": "hinge", "every": 100, "rows": 1000},
    {"real": 0.7, "fake": 0.3, "loss": "least-squares", "spread": 0.3, "every": 10},
    {"real": 5.0, "fake": -4.0, "loss": "wasserstein", "every": 5},
    {"real": 0.9, "fake": -0.6, "average": True, "every": 20, "told": False},
    {"real": 1.2, "fake": -1.4, "every": 100, "start": 100, "told": False},
]


def loud(report: Report) -> set[str]:
    return {finding.code for finding in report.findings if finding.severity != "info"}


def the(code: str, report: Report, where: str = "") -> Finding:
    return next(f for f in report.findings if f.code == code and where in f.where)


@pytest.mark.parametrize(("code", "case"), BAD)
def test_a_fault_is_found(code: str, case: faults.Case, tmp_path: Path) -> None:
    assert case.verb == "history"
    given = case.build(tmp_path)
    report = diagnose_history(**given)
    assert code in report.codes
    assert loud(report) <= {code, *case.also}
    assert len({(f.code, f.where) for f in report.findings}) == len(
        [f for f in report.findings if f.code != "SP505"]
    ) + ("SP505" in report.codes)
    for finding in report.findings:
        assert finding.message.endswith(".")
        assert finding.remedies
        assert finding.undecided
        numbers = finding.evidence
        assert numbers["first_step"] <= numbers["last_step"]
        assert all(math.isfinite(number) for number in numbers.values())
        json.dumps(finding.to_dict(), allow_nan=False)
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    told = story(given["history"], report)
    assert f"[{code}]" in told or len(report.findings) > 7
    assert len(told.splitlines()) <= 25


@pytest.mark.parametrize(("code", "case"), GOOD)
def test_its_neighbours_are_left_in_peace(code: str, case: faults.Case, tmp_path: Path) -> None:
    given = case.build(tmp_path)
    report = diagnose_history(**given)
    assert not loud(report), report.findings
    assert code not in INFOS or code not in report.codes
    assert "Nothing here calls for a change." in story(given["history"], report)


@pytest.mark.parametrize("code", CODES)
def test_the_rule_explains_itself(code: str) -> None:
    rule = rule_named(code)
    assert rule.severity == ("error" if code in ERRORS else "info" if code in INFOS else "warning")
    assert [line[3:] for line in rule.page.splitlines() if line.startswith("## ")] == list(HEADINGS)
    assert len(faults.bad(code)) >= 2
    assert len(faults.good(code)) >= 2
    assert set(rule.needs) <= set(FACTS)
    assert all(f"`{name}`" in rule.page for name in rule.thresholds)
    assert rule.remedies


def test_remedies_name_fields_of_a_recipe() -> None:
    from sparring.methods import Recipe

    fields = set(Recipe().to_dict())
    for code in CODES:
        for remedy in rule_named(code).remedies:
            assert set(remedy.change) <= fields, code
    for finding in diagnose_history(logged(D, G, start=FIRST)).findings:
        assert all(set(remedy.change) <= fields for remedy in finding.remedies)


@pytest.mark.parametrize("kind", SOUND, ids=lambda kind: " ".join(map(str, kind.values())))
def test_sound_logs_raise_hardly_any_alarm(kind: dict[str, Any]) -> None:
    alarms = [loud(diagnose_history(**played(**kind, seed=seed))) for seed in range(1000, 1050)]
    assert sum(map(bool, alarms)) <= 1, alarms  # .02 a log


# -- the constants --


def test_where_losses_stand_when_d_tells_nothing_apart() -> None:
    assert pytest.approx(math.log(2)) == LN2
    assert pytest.approx(2 * math.log(2)) == LN4
    for family, (d_level, g_level) in UNDECIDED.items():
        if family == "relativistic":
            assert (d_level, g_level) == (LN2, LN2)
            continue
        score = 0.5 if family.startswith("least") else 0.0
        run = played(score, score, loss=family, spread=1e-9, decimals=9)
        losses = losses_of(run["history"], family)
        assert losses is not None
        assert np.median(losses.d) == pytest.approx(d_level, abs=0.06)  # the levels wander by .2
        assert np.median(losses.g) == pytest.approx(g_level, abs=0.06)


def test_the_floor_of_smoothed_targets() -> None:
    p = np.linspace(0.01, 0.99, 9801)
    assert min(-0.9 * np.log(p) - 0.1 * np.log(1 - p)) == pytest.approx(SMOOTHED, abs=1e-4)
    rng = np.random.default_rng(0)
    d, g = SMOOTHED + rng.gamma(2, 0.01, 400), rng.normal(6, 0.5, 400)
    assert "SP401" in diagnose_history(logged(d, g), loss="bce").codes
    assert "SP401" not in diagnose_history(logged(d + 0.3, g), loss="bce").codes


@pytest.mark.parametrize(
    ("constant", "value"),
    [
        (16.118, -math.log(1e-7)),
        (15.942, -math.log(float(np.float32(1) - np.float32(1 - 1e-7)))),
        (27.631, -math.log(1e-12)),
        (23.026, -math.log(1e-10)),
        (18.421, -math.log(1e-8)),
        (13.816, -math.log(1e-6)),
        (100.0, 100.0),
    ],
)
def test_ceilings_are_what_clamps_give(constant: float, value: float) -> None:
    assert constant in CEILINGS
    assert constant == pytest.approx(value, abs=1e-3)
    run = played(2.0, -2.0, rows=400)
    d, g = (series.values for series in run["history"].series)
    g[200:] = round(value, 4)
    seen = the("SP505", diagnose_history(logged(d, g), loss="bce"), "generator")
    assert seen.evidence["ceiling"] == constant


def test_a_loss_that_wanders_past_a_constant_is_not_clamped() -> None:
    g = np.random.default_rng(0).normal(13.8, 3, 20_000)
    d = np.random.default_rng(1).normal(0.7, 0.1, 20_000)
    assert losses_of(logged(d, g), "bce").ceilings == {}  # type: ignore[union-attr]


def test_d_cannot_be_lower_than_what_fools_it() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3, (500, 64))
    for family, g, least in (
        ("bce", np.logaddexp(0, -scores), np.logaddexp(0, scores)),
        ("hinge", -scores, np.maximum(0, 1 + scores)),
        ("least-squares", np.square(scores - 1), np.square(scores)),
        ("least-squares-halved", np.square(scores - 1) / 2, np.square(scores) / 2),
    ):
        assert (least.mean(axis=1) >= least_d(family, g.mean(axis=1)) - 1e-9).all()
        assert impossible(family, least.mean(axis=1), g.mean(axis=1)) == 0


@pytest.mark.parametrize(
    ("name", "family"),
    [("vanilla", "bce"), ("wgan-gp", "wasserstein"), ("lsgan", "least-squares"), ("non-saturating", "bce"), ("?", "")],
)
def test_names_of_losses(name: str, family: str) -> None:
    assert family_of(name) == family


@pytest.mark.parametrize("family", ["bce", "hinge", "wasserstein", "least-squares"])
def test_a_loss_is_guessed_from_its_numbers(family: str) -> None:
    right = 0
    for seed in range(20):
        square = family == "least-squares"
        run = played(
            0.7 if square else 0.5, 0.3 if square else -0.4, loss=family, seed=seed, spread=0.15 if square else 1.0
        )
        d, g = (series.values for series in run["history"].series)
        right += guess(d, g)[0] == family
    assert right >= 19


# -- the posted log --


@pytest.fixture(scope="module")
def posted() -> Report:
    return diagnose_history(logged(D, G, start=FIRST))


def test_the_posted_log_is_one_that_d_had_won_from_the_start(posted: Report) -> None:
    found = the("SP401", posted)
    assert found.evidence["first_step"] == FIRST
    assert found.evidence["d_loss"] < 0.02


def test_it_drifts_28_rows_before_it_leaps(posted: Report) -> None:
    assert the("SP503", posted).evidence["alarm_row"] == 84


def test_it_leaps_at_row_112_and_d_moved_first(posted: Report) -> None:
    leaps = [f for f in posted.findings if f.code == "SP502"]
    assert [f.where for f in leaps] == ["discriminator"]
    numbers = leaps[0].evidence
    assert numbers["first_row"] == 112
    assert (numbers["d_loss"], numbers["g_loss"]) == (0.3462, 32.6314)
    assert numbers["times"] == 1
    assert 145 <= numbers["recovered_row"] <= 156
    assert leaps[0].remedies[0].change == {"d_clip_norm": 1.0}


def test_a_sigmoid_would_have_taken_gs_gradient(posted: Report) -> None:
    numbers = the("SP505", posted).evidence
    assert (numbers["first_row"], numbers["last_row"]) == (112, 139)
    assert numbers["attenuation"] == pytest.approx(math.exp(27.63 - 45.9534), rel=0.01)


def test_the_leap_is_seen_in_the_row_it_happens_and_told_when_it_lasts() -> None:
    for rows, seen, lasts in ((112, False, False), (113, True, False), (114, True, False), (115, True, True)):
        report = diagnose_history(logged(D[:rows], G[:rows], start=FIRST))
        assert ("SP502" in report.codes) is seen
        assert ("SP502" in loud(report)) is lasts


def test_its_story(posted: Report) -> None:
    told = story(logged(D, G, start=FIRST), posted)
    order = [told.index(word) for word in ("[SP401]", "[SP503]", "[SP502]", "[SP505]", "Do first", "Open: ")]
    assert order == sorted(order)
    assert "The discriminator moved first" in " ".join(told.split())
    assert len(told.splitlines()) <= 25
    assert (STEPS[0], len(STEPS)) == (6280, 180)


# -- two more that people described --


def test_d_at_1e_4_and_g_from_5_to_10() -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(0, 5 * 468, 10)
    d = (np.exp(np.linspace(np.log(0.3), np.log(1e-4), 40).tolist() + [np.log(1e-4)] * (len(steps) - 40))) * np.exp(
        rng.normal(0, 0.4, len(steps))
    )
    g = np.linspace(5, 10.5, len(steps)) * np.exp(rng.normal(0, 0.08, len(steps)))
    report = diagnose_history(logged(d.round(4), g.round(4), every=10, start=0))
    assert "SP401" in report.codes
    assert "SP402" not in report.codes


@pytest.mark.parametrize("epochs", [False, True], ids=["iterations", "epochs"])
def test_a_frozen_d_from_2_to_7_while_g_goes_to_0(epochs: bool) -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(150) if epochs else np.arange(150) * 100
    d = np.linspace(2.02, 6.7, 150) * np.exp(rng.normal(0, 0.05, 150))
    g = np.exp(np.linspace(np.log(0.8), np.log(0.00024), 150) + rng.normal(0, 0.1, 150))
    history = History(
        (Series("d_loss", "d", "loss", steps, d), Series("g_loss", "g", "loss", steps, g)), steps_known=not epochs
    )
    report = diagnose_history(history)
    assert loud(report) == {"SP402"}
    found = the("SP402", report)
    assert found.evidence["g_loss"] < 0.1
    assert "check --step" in found.undecided
    assert "frozen" in story(history, report)


# -- facts --


def test_a_log_is_warm_after_500_iterations_or_if_it_starts_late() -> None:
    def warm(**kind: Any) -> int:
        run = played(1.0, -1.0, rows=1000, **kind)
        return losses_of(run["history"]).warm_from  # type: ignore[union-attr]

    assert warm(start=0) == 500
    assert warm(start=0, every=100) == 5
    assert warm(start=6280) == 0


def test_terms_apart_are_added_and_averages_doubled() -> None:
    steps = np.arange(1000, 1100)
    terms = [
        Series("real", "d", "real", steps, np.full(100, 0.3)),
        Series("fake", "d", "fake", steps, np.full(100, 0.4)),
    ]
    g = Series("g", "g", "loss", steps, np.full(100, 1.2))
    whole = Series("D", "d", "loss", steps, np.full(100, 5.0), note="whole")
    losses = losses_of(History((whole, *terms, g)), "bce")
    assert losses is not None
    assert losses.d[0] == pytest.approx(0.7)
    halved = losses_of(
        History((Series("D", "d", "loss", steps, np.full(100, 0.35), note="average of two terms"), g)), "bce"
    )
    assert halved is not None
    assert (halved.averaged, halved.d[0]) == ("told", pytest.approx(0.7))
    real = losses_of(History((Series("D", "d", "loss", steps, np.full(100, 0.001), note="real term only"), g)), "bce")
    assert real is not None
    assert real.partial == "real term only"


def test_what_is_missing_is_skipped_with_a_reason() -> None:
    report = diagnose_history(History())
    assert report.judged == ()
    assert {code for code in report.skipped if not code.startswith("SP6")} == set(CODES)
    assert all(report.skipped.values())
    short = diagnose_history(played(1.0, -1.0, rows=8, start=0)["history"])
    assert "SP401" in short.skipped
    assert "no pair" in " ".join(report.notes)
    assert "Nothing could be judged" in story(History(), report)


def test_nan_rows_do_not_stop_the_other_rules() -> None:
    run = played(6.0, -7.0)
    run["history"].series[0].values[500:] = np.nan
    assert {"SP501", "SP401"} <= set(diagnose_history(**run).codes)


def test_facts_are_there_only_where_the_history_has_them() -> None:
    assert set(facts_of(History())) == set()
    bare = facts_of(played(1.0, -1.0)["history"])
    assert set(bare) == {"losses", "bad_numbers", "rewinds"}
    more = facts_of(recorded(d_gradient=1.0, d_shock=1.0, d_moved_in_d_step=1e-3)["history"])
    assert set(more) >= {"losses", "gradients", "shocks", "updates"}
    assert set(more) <= set(FACTS)
    steps = np.arange(100)
    accuracy = Series("acc", "d", "accuracy", steps, np.full(100, 98.0))
    assert facts_of(History((accuracy,)))["accuracies"]["all"].values[0] == pytest.approx(0.98)


# -- what they measure with --


def test_a_regime_must_last_and_does_not_flicker() -> None:
    steps = np.arange(200)
    on = np.zeros(200, bool)
    on[50:90] = True
    assert stretches(on, ~on, steps, np.ones(200)) is None  # 40 iterations
    on[50:120:2] = True
    off = np.zeros(200, bool)
    off[150:] = True
    found = stretches(on, off, steps, np.arange(200.0))
    assert found is not None
    assert (found.first, found.last, found.worst, found.times, found.ended) == (50, 149, 149, 1, True)
    sparse = stretches(on[:4] | True, np.zeros(4, bool), np.arange(4) * 100, np.ones(4))
    assert sparse is None  # 4 logged points


def test_jumps_look_only_back() -> None:
    values = wobble(300, 0)
    whole = jumps(values, 50, 0.1)[0]
    assert np.array_equal(whole[:200], jumps(values[:200], 50, 0.1)[0])


def test_drift_is_the_textbook_sum() -> None:
    values = np.log(G)
    early = values[:60] - values[:60].mean()
    memory = early[1:] @ early[:-1] / (early @ early)
    surprise = (values[1:] - values[:60].mean()) - memory * (values[:-1] - values[:60].mean())
    deviation = max(surprise[:59].std(), 0.15)
    total, alarm = 0.0, 0
    for row in range(60, len(values)):
        total = max(0.0, total + surprise[row - 1] / deviation - 1.0)
        if total > 12 and not alarm:
            alarm = row
    found = drift(values, warm=60, sd_floor=0.15, k=1.0, h=12.0)
    assert found is not None
    assert found[0] == alarm == 84


def test_a_single_leap_is_no_drift() -> None:
    run = played(1.0, -1.0, rows=500)
    run["history"].series[1].values[300] = 70.0
    assert "SP503" not in diagnose_history(**run).codes


def test_least_squares_may_be_told_with_or_without_halves() -> None:
    run = played(0.95, 0.05, rows=400, loss="least-squares-halved", spread=0.05, every=100)
    losses = losses_of(run["history"], "lsgan")
    assert losses is not None
    assert losses.family == "least-squares-halved"
    assert "SP408" not in diagnose_history(run["history"], loss="lsgan").codes


@pytest.mark.parametrize(
    ("usual", "kind", "family"),
    [
        ("hinge", {"real": 1.6, "fake": -1.6, "loss": "hinge"}, "hinge"),
        ("bce", {"real": 5.0, "fake": -4.0, "loss": "wasserstein"}, "wasserstein"),
        ("logistic", {"real": 1.0, "fake": -1.0}, "bce"),
    ],
)
def test_a_producers_usual_loss_holds_unless_the_numbers_deny_it(usual: str, kind: dict[str, Any], family: str) -> None:
    history = dataclasses.replace(played(**kind, every=50)["history"], facts={"usual_loss": usual})
    losses = losses_of(history)
    assert losses is not None
    assert losses.family == family
    assert losses.sure < 1


def test_rows_that_are_epochs_need_no_iterations() -> None:
    run = played(6.0, -7.0, rows=30, start=0)
    history = dataclasses.replace(run["history"], steps_known=False, facts={"steps_are": "epochs"})
    report = diagnose_history(history, loss="bce")
    assert "from epoch" in the("SP401", report).message


def test_medians_of_a_long_log_are_thinned() -> None:
    medians, ends = moving_medians(np.arange(100_000.0), 31)
    assert len(medians) <= 40_000
    assert np.array_equal(medians, ends - 15.0)


def test_a_million_rows_take_little_time() -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(1_000_000)
    d, g = np.exp(rng.normal(-0.5, 0.3, len(steps))), np.exp(rng.normal(0.2, 0.3, len(steps)))
    losses = Losses(steps, d, g, "bce", 1.0, warm_from=500)
    for code in CODES:
        rule = rule_named(code)
        if rule.needs == ("losses",):
            least = math.inf
            for _ in range(3):
                started = time.process_time()
                rule.judge(losses)
                least = min(least, time.process_time() - started)
            assert least < 1.0, code
