"""Do probes learnt from real pictures tell who obeys? On scikit-learn's digits, on emoji, and on whole runs."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor

import sparring
from sparring import cli
from sparring.conditions import Shape
from sparring.data import open_data, read_conditions
from sparring.errors import SparringError
from sparring.methods import Recipe
from sparring.metrics.catalogue import METRICS
from sparring.metrics.dividing import FEWEST, asked_for, asked_in_training, divide, divided, not_among
from sparring.metrics.features import Extractor
from sparring.metrics.judging import judge_of, obedience_judge, obedience_judge_of
from sparring.metrics.measuring import as_text, measure
from sparring.metrics.obedience import CLASSIFIER_STRENGTHS, REGRESSOR_STRENGTHS, Probe, expected_hits, retrieved
from sparring.metrics.probes import Linear, Scaler, balanced, fit_classifier, fit_regressors
from sparring.metrics.sides import Estimate, Side
from sparring.pictures import as_image, save_png
from sparring.sampler import Sampler
from sparring.seeds import seed_for
from sparring.session import Run

TEN = Shape("class", 10)


@cache
def digits() -> tuple[Tensor, Tensor]:
    """1,797 handwritten digits of 8 px: pixels as features, classes.  # float32 [N, 64], int64 [N]"""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return torch.from_numpy(images[order]).float(), torch.from_numpy(labels[order]).long()


def coarse(pictures: Tensor) -> Tensor:
    """A cheap extractor: 6 x 6 mean colours, and how much they vary."""
    pixels = pictures.float() / 255
    maps = [F.adaptive_avg_pool2d(part, 6) for part in (pixels, pixels.square())]
    return torch.cat(maps, 1).flatten(1)


def by_words(captions: list[str]) -> np.ndarray:
    """Captions as bags of words: each word has a direction of its own."""
    rows = [sum(np.random.default_rng(seed_for(0, word)).standard_normal(48) for word in c.split()) for c in captions]
    return np.array(rows, np.float32) / np.linalg.norm(rows, axis=1, keepdims=True)


@cache
def emoji() -> tuple[Tensor, Tensor]:
    """All emoji of 16 px with their names.  # features float32 [N, 288], conditions float32 [N, 48]"""
    data = open_data("emoji", size_px=16)
    known, missing = read_conditions("emoji", data, "text", embed=by_words)
    assert not missing
    pictures = torch.from_numpy(data.pictures(np.arange(len(data)))).permute(0, 3, 1, 2)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(data)))
    return coarse(pictures)[order], torch.from_numpy(known.values)[order]


def reals(features: Tensor, conditions: Tensor, shape: Shape, held: int) -> Side:
    """The last `held` of them are held out."""
    return Side(
        features, conditions=conditions, held_out=torch.arange(len(features)) >= len(features) - held, shape=shape
    )


@pytest.fixture(scope="module")
def classes() -> Side:
    return reals(*digits(), TEN, 900)


@pytest.fixture(scope="module")
def texts() -> Side:
    return reals(*emoji(), Shape("text", 48), 400)


@pytest.fixture(scope="module")
def vectors() -> Side:
    """Where the ink of a digit lies, as three numbers of very different size."""
    x, _ = digits()
    maps, total = x.view(-1, 8, 8), x.sum(1)
    across, down = (maps.sum(axis) @ torch.arange(8.0) / total for axis in (1, 2))
    return reals(x, torch.stack([across, down, 1000 * total], 1), Shape("vector", 3), 500)


def value(name: str, features: Tensor, conditions: Tensor, real: Side, resample: str = "both") -> Estimate:
    return METRICS[name].compute(Side(features, conditions=conditions), real, seed=0, resample=resample)


def held(real: Side) -> tuple[Tensor, Tensor]:
    """Features and conditions of the held-out pictures."""
    mask = real.part("held_out")
    return real.part("features")[mask], real.part("conditions")[mask]


# The probes


def test_the_classifier_agrees_with_scikit_learn() -> None:
    x, y = digits()
    fewer = torch.cat([torch.arange(500), 500 + (y[500:1000] > 4).nonzero().flatten()])  # classes of different sizes
    start = None
    for strength in (0.3, 0.01):
        start = ours = fit_classifier(x[fewer], y[fewer], 10, strength, start)
        scaled = ours.scaler(x)
        theirs = LogisticRegression(C=1 / (len(fewer) * strength), class_weight="balanced", tol=1e-8, max_iter=5000)
        theirs.fit(scaled[fewer].numpy(), y[fewer].numpy())
        found = ours(x[1000:])
        assert np.abs(found.softmax(1).numpy() - theirs.predict_proba(scaled[1000:].numpy())).max() < 0.01
        assert (found.argmax(1).numpy() == theirs.predict(scaled[1000:].numpy())).mean() > 0.995


@pytest.mark.parametrize("n", [40, 600])  # fewer pictures than numbers, and more
def test_the_regressor_agrees_with_scikit_learn(n: int) -> None:
    x, y = digits()
    targets, strengths = 3 + F.one_hot(y, 10).double(), (10.0, 0.1, 1e-3)
    for strength, ours in zip(strengths, fit_regressors(x[:n], targets[:n], strengths), strict=True):
        scaled = ours.scaler(x).numpy()
        theirs = Ridge(alpha=n * strength).fit(scaled[:n], targets[:n].numpy()).predict(scaled[n:])
        assert np.abs(ours(x[n:]).numpy() - theirs).max() < 1e-8


def test_the_penalty_is_chosen_by_what_was_left_out(texts: Side) -> None:
    x, y = digits()
    noisy = reals(x + 6 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)), y, TEN, 300)
    value("obedience", *held(noisy), noisy)
    division, chosen = divided(noisy), noisy.kept["probe"].models
    left_out, rest = (division.held[rows] for rows in (division.folds == 0, division.folds != 0))
    x = noisy.part("features")
    alone = {s: fit_classifier(x[rest], y[rest], 10, s)(x[left_out]) for s in CLASSIFIER_STRENGTHS[:6]}
    weights = balanced(y[left_out], 10)
    losses = {
        s: float((weights * F.cross_entropy(one, y[left_out], reduction="none")).mean()) for s, one in alone.items()
    }
    assert {model.strength for model in chosen} == {min(losses, key=losses.__getitem__)}
    assert 0.01 < chosen[0].strength < 1
    found = value("obedience", *held(texts), texts)
    assert min(REGRESSOR_STRENGTHS) < found.details["strength"] < max(REGRESSOR_STRENGTHS)


def test_a_feature_that_only_rounds_is_left_out() -> None:
    x = torch.cat([digits()[0], 1e4 + 1e-3 * torch.randn(1797, 1)], 1)
    scaled = Scaler.of(x)(torch.cat([x[:3], x[:3] + 5]))
    assert (scaled[:, -1] == 0).all()
    assert scaled.isfinite().all()
    kept = Scaler.of(x).std.isfinite()
    assert Scaler.of(x)(x)[:, kept].std(0, correction=0).numpy() == pytest.approx(1)


# R-precision


def enumerated(better: int, tied: int, others: int, choices: int) -> float:
    """Over all draws of choices - 1 among the others: how often the own one is first, ties by lot."""
    ranks = [1] * better + [0] * tied + [-1] * (others - better - tied)
    draws = list(itertools.combinations(ranks, choices - 1))
    return sum(0.0 if 1 in draw else 1 / (1 + draw.count(0)) for draw in draws) / len(draws)


@settings(max_examples=60, deadline=None)
@given(others=st.integers(1, 9), data=st.data())
def test_expected_hits_by_all_draws(others: int, data: st.DataObject) -> None:
    better = data.draw(st.integers(0, others))
    tied = data.draw(st.integers(0, others - better))
    choices = data.draw(st.integers(1, others + 1))
    found = float(expected_hits(torch.tensor([better]), torch.tensor([tied]), others, choices))
    assert found == pytest.approx(enumerated(better, tied, others, choices), abs=1e-12)


def test_r_precision_by_hand() -> None:
    """Two other captions, of which one lies nearer to the second picture: it is right in one of two draws of one."""
    captions = torch.tensor([[1.0, 0], [0, 1], [-1, 0]], dtype=torch.float64)
    predicted = torch.tensor([[0.2, 0.1], [0.9, 0.5], [-3, 0]], dtype=torch.float64)
    assert retrieved("text", predicted, torch.arange(3), captions).tolist() == [1, 0, 1]  # all of them are choices
    many = torch.cat([captions, torch.tensor([[0.0, -1]]).double().repeat(60, 1)])
    expected = [1, 1 - 49 / 62, 1]  # the nearer one is among 49 drawn of 62
    assert retrieved("text", predicted, torch.arange(3), many).tolist() == pytest.approx(expected)
    assert retrieved("vector", predicted, torch.arange(3), many).tolist() == pytest.approx(expected)
    # A long caption of nearly the same direction: near by angle, far by distance.
    many[0] = 9 * many[0]
    assert retrieved("text", predicted, torch.arange(3), many).tolist() == pytest.approx(expected)
    assert retrieved("vector", predicted, torch.arange(3), many).tolist() == pytest.approx([0, 1, 1])


def test_each_fold_is_judged_by_the_probe_that_did_not_see_it() -> None:
    same = Scaler(torch.zeros(2).double(), torch.ones(2).double())
    models = tuple(Linear(same, sign * torch.eye(2).double(), torch.zeros(2).double(), 1.0) for sign in (1, 1, -1))
    probe = Probe("class", models, torch.tensor([4, 7]))
    pictures, asked = torch.eye(2).repeat(3, 1), torch.tensor([4, 7, 4, 7, 4, 4])
    folds = torch.tensor([0, 1, 2, 2, -1, -1])
    assert probe.hits(pictures, asked, folds).tolist() == pytest.approx([1, 1, 0, 0, 2 / 3, 1 / 3])


def test_r_precision_by_drawing(texts: Side) -> None:
    """As it is done elsewhere: 49 others drawn for each picture, over and over."""
    features, conditions = held(texts)
    found = value("obedience", features, conditions, texts)
    probe, division = texts.kept["probe"], divided(texts)
    own = division.numbers_of(conditions)
    rng, means = np.random.default_rng(0), {int(number): [] for number in division.judged}
    for fold, model in enumerate(probe.models):
        rows = (torch.isin(own, division.judged) & (division.fold_of[own] == fold)).nonzero().flatten()
        predicted = F.normalize(model(features[rows])) @ F.normalize(probe.choices).T
        for row, number in zip(predicted, own[rows].tolist(), strict=True):
            others = np.setdiff1d(np.arange(len(row)), [number])
            first = [float(row[number] > row[rng.choice(others, 49, replace=False)].max()) for _ in range(60)]
            means[number].append(np.mean(first))
    assert found.value == pytest.approx(np.mean([np.mean(m) for m in means.values()]), abs=0.01)
    assert found.details["chance"] == 1 / 50
    assert found.value > 3 / 50


# Who obeys


def test_one_picture_for_each_class_obeys_perfectly_and_is_not_diverse(classes: Side) -> None:
    x, y = held(classes)
    value("obedience", x, y, classes)
    sure = sum(model(x).softmax(1) for model in classes.kept["probe"].models)
    best = torch.stack([x[(sure[:, k] * (y == k)).argmax()] for k in range(10)])
    asked = torch.arange(900) % 10
    obeyed, diverse = (value(name, best[asked], asked, classes) for name in ("obedience", "diversity"))
    assert obeyed.value == 1
    assert obeyed.low > 0.98
    assert diverse.value < 0.1 < 0.9 < diverse.details["reals"]


@pytest.mark.parametrize("kind", ["classes", "vectors"])
def test_new_reals_are_as_good_as_those_held_out(kind: str, request: pytest.FixtureRequest) -> None:
    real: Side = request.getfixturevalue(kind)
    training = ~real.part("held_out")
    more = real.part("features")[training], real.part("conditions")[training]
    if kind == "classes":
        obeyed, diverse = (value(name, *more, real) for name in ("obedience", "diversity"))
        assert obeyed.details["chance"] == 1 / 10
        assert diverse.value == pytest.approx(diverse.details["reals"], abs=0.05)
        new, old = obeyed.value, obeyed.details["reals"]
    else:  # of conditions that the generator was trained on
        details = value("obedience", *(torch.cat(both) for both in zip(more, held(real), strict=True)), real).details
        assert details["training"] == pytest.approx(details["training_reals"])
        new, old = details["training"], details["reals"]
    assert old > 0.3
    assert new == pytest.approx(old, rel=0.12)


def test_copies_of_training_pictures_are_no_better_than_reals(texts: Side) -> None:
    """The training picture of the nearest caption: told by probes of training pictures it would beat all reals."""
    _, conditions = held(texts)
    training = ~texts.part("held_out")
    nearest = (conditions @ texts.part("conditions")[training].T).argmax(1)
    copied = value("obedience", texts.part("features")[training][nearest], conditions, texts)
    assert 2 / 50 < copied.value < 1.1 * copied.details["reals"]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_who_ignores_the_class_gets_chance(seed: int, classes: Side) -> None:
    """Exactly so on average, whatever is drawn: here the same picture for all, of any class."""
    x, _ = held(classes)
    drawn = torch.tensor([seed % len(x)]).repeat(50)
    found = value("obedience", x[drawn], torch.arange(50) % 10, classes, "none")
    assert found.value == pytest.approx(1 / 10)


def test_relabelled_pictures_are_found_in_order(classes: Side) -> None:
    x, y = held(classes)
    wrong = (y + 1 + torch.arange(len(y)) % 9) % 10
    shares = torch.linspace(0, 1, 5)
    asked = [torch.where(torch.arange(len(y)) < share * len(y), wrong, y) for share in shares]
    found = [value("obedience", x, conditions, classes).value for conditions in asked]
    assert found == sorted(found, reverse=True)
    for share, one in zip(shares.tolist(), found, strict=True):
        assert one == pytest.approx((1 - share) * found[0], abs=0.04)


@pytest.mark.parametrize("kind", ["classes", "texts", "vectors"])
def test_perturbed_pictures_are_found_in_order(kind: str, request: pytest.FixtureRequest) -> None:
    real: Side = request.getfixturevalue(kind)
    x, conditions = held(real)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)) * x.std(0)
    found = [value("obedience", x + strength * noise, conditions, real) for strength in (0, 0.5, 1.5, 6)]
    values = [estimate.value for estimate in found]
    assert values == sorted(values, reverse=True)
    chance = found[0].details["chance"]
    assert values[0] > 3 * chance
    assert values[-1] < chance + 0.4 * (values[0] - chance)


@pytest.mark.parametrize("kind", ["texts", "vectors"])
def test_who_ignores_texts_and_vectors_gets_chance(kind: str, request: pytest.FixtureRequest) -> None:
    real: Side = request.getfixturevalue(kind)
    x, conditions = held(real)
    shuffled = [x[torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))] for seed in range(8)]
    found = [value("obedience", features, conditions, real) for features in shuffled]
    error = np.std([estimate.value for estimate in found]) / 8**0.5
    assert np.mean([estimate.value for estimate in found]) == pytest.approx(1 / 50, abs=4 * error)
    assert sum(estimate.low <= 1 / 50 <= estimate.high for estimate in found) >= 6
    one = value("obedience", x[:1].expand(len(x), -1), conditions, real)
    assert one.value < 3 / 50


def test_diversity_within_a_text_goes_from_one_picture_to_any(texts: Side) -> None:
    x, conditions = (part[:200] for part in held(texts))
    eight, asked = x.repeat_interleave(8, 0), conditions.repeat_interleave(8, 0)
    same = value("diversity", eight, asked, texts)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert same.details["coverage"] > 0.9  # of the reals as a whole, which does not see it
    free = eight[torch.randperm(len(eight), generator=torch.Generator().manual_seed(0))]
    ignored = value("diversity", free, asked, texts)
    assert ignored.low < 1 < ignored.high
    between = [value("diversity", eight + part * (free - eight), asked, texts).value for part in (0.1, 0.3, 0.6)]
    assert [0, *between, ignored.value] == sorted([0, *between, ignored.value])
    collapsed = value("diversity", x[:1].expand(len(eight), -1), asked, texts)
    assert (collapsed.value, collapsed.notes) == (0, ["All of these fakes are one picture."])


def test_diversity_of_texts_by_all_pairs(vectors: Side) -> None:
    """Of so few conditions every pair is taken."""
    x, conditions = held(vectors)
    asked = conditions[torch.arange(10) % 5]
    found = value("diversity", x[:10], asked, vectors)
    distances, group = torch.cdist(x[:10].double(), x[:10].double()), torch.arange(10) % 5
    same, other = group[:, None] == group, torch.eye(10, dtype=torch.bool)
    assert found.details["within"] == pytest.approx(float(distances[same & ~other].mean()))
    assert found.details["between"] == pytest.approx(float(distances[~same].mean()))
    assert found.value == pytest.approx(found.details["within"] / found.details["between"])


def test_rare_classes_count_like_others(classes: Side) -> None:
    x, y = held(classes)
    keep = (y != 3) | (torch.arange(len(y)) < 60)
    found = value("obedience", x[keep], y[keep], classes)
    predicted = torch.stack([model(x).argmax(1) for model in classes.kept["probe"].models])
    by_class = [float((predicted[:, keep & (y == k)] == k).double().mean()) for k in range(10)]
    assert found.value == pytest.approx(np.mean(by_class))
    worst = int(np.argmin(by_class))
    assert f"Recognised least: class {worst} ({by_class[worst]:.0%}" in found.notes[-1]


def test_training_conditions_stand_apart(texts: Side) -> None:
    every = texts.part("features"), texts.part("conditions")
    found = value("obedience", *every, texts)
    alone = value("obedience", *held(texts), texts)
    assert alone.value == found.value == found.details["reals"]
    assert found.details["training"] == found.details["training_reals"] == pytest.approx(found.value, abs=0.08)
    assert "training" not in alone.details
    with pytest.raises(SparringError, match="None of the fakes"):
        value("obedience", *(part[: len(part) - 400] for part in every), texts)


@pytest.mark.parametrize(("kind", "resample"), [("classes", "both"), ("texts", "both"), ("texts", "fakes")])
@pytest.mark.parametrize("name", ["obedience", "diversity"])
def test_the_interval_is_as_wide_as_the_spread(
    name: str, kind: str, resample: str, request: pytest.FixtureRequest
) -> None:
    """Over 40 draws of fakes that obey in part; with "both" of other conditions too."""
    real: Side = request.getfixturevalue(kind)
    x, conditions = held(real)
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        some = rng.permutation(len(x))[:120] if resample == "both" else np.arange(120)
        rows = torch.from_numpy(some.repeat(4))
        of_others = torch.from_numpy(rng.permutation(len(x))[rng.integers(0, len(x), len(rows))])
        fakes = torch.where(torch.from_numpy(rng.random((len(rows), 1)) < 0.6), x[rows], x[of_others])
        fakes = fakes + torch.from_numpy(rng.normal(0, 0.3, fakes.shape)).float() * x.std(0)
        found.append(value(name, fakes, conditions[rows], real, resample))
    spread = float(np.std([estimate.value for estimate in found], ddof=1))
    said = float(np.mean([estimate.details["std"] for estimate in found]))
    assert 1 / 1.6 < said / spread < 2.3
    assert all(estimate.low < estimate.value < estimate.high for estimate in found)
    still = value(name, x, conditions, real, "none") if name == "obedience" else found[0]
    assert name == "diversity" or still.low == still.value == still.high


# Which real serves for what


@settings(max_examples=40, deadline=None)
@given(n=st.integers(60, 200), kinds=st.integers(2, 90), held_out=st.integers(0, 50), seed=st.integers(0, 10**6))
def test_divisions_share_nothing(n: int, kinds: int, held_out: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = torch.from_numpy(rng.integers(0, kinds, n))
    vectors = torch.stack([numbers, -numbers], 1).float()
    mask = torch.from_numpy(rng.permutation(n) < held_out)
    for shape, conditions in ((Shape("class", kinds), numbers), (Shape("vector", 2), vectors)):
        try:
            found = divide(shape, conditions, mask)
        except SparringError:
            few = (held_out or n // 2) < FEWEST
            assert shape.kind == "class" or few or len(numbers[mask].unique()) < 2
            continue
        assert not set(found.held.tolist()) & set(found.others.tolist())
        assert mask[found.held].all() or not held_out
        assert not mask[found.others].any()
        assert set(found.judged.tolist()) <= set(found.numbers[found.held].tolist())
        if shape.kind == "class":
            assert all(
                set(found.folds[numbers[found.held] == label].tolist()) == set(range(5)) for label in found.judged
            )
            assert set(found.fold_of.tolist()) == {-1}
        else:
            assert set(found.folds.tolist()) == set(range(5))
            whole = [len(found.folds[found.numbers[found.held] == number].unique()) for number in found.judged]
            assert max(whole) == 1 or len(numbers[found.held].unique()) < 50
            by_kind = (found.fold_of[found.numbers[found.held]] == found.folds).all()
            assert by_kind or len(numbers[found.held].unique()) < 50  # few kinds are divided picture by picture
            assert not set(found.training.tolist()) & set(found.numbers[found.held].tolist())
        again = divide(shape, conditions, mask)
        assert torch.equal(found.held, again.held)
        for seed in (1, 2):
            asked = found.numbers_of(asked_for(found, conditions, 60, 2, seed))
            assert set(asked.tolist()) <= set(found.judged.tolist())
            if shape.kind == "vector" and len(found.judged) > 1:
                assert asked.unique(return_counts=True)[1].min() >= 2
            trained = asked_in_training(found, conditions, 40, seed)
            assert len(trained) == min(40, len(found.training))
            assert set(found.numbers_of(trained).tolist()) <= set(found.training.tolist())


def test_a_held_out_picture_of_a_training_caption_is_no_news(texts: Side) -> None:
    features, conditions = texts.part("features"), texts.part("conditions").clone()
    conditions[-100:] = conditions[:100]  # a quarter of those held out
    real = reals(features, conditions, Shape("text", 48), 400)
    division = divided(real)
    assert 200 < len(division.judged) <= 300
    trained = set(division.numbers_of(conditions[:-400]).tolist())
    assert not trained & set(division.judged.tolist())
    assert len(division.held) == 400  # to learn from all the same
    asked = asked_for(division, conditions, 900, 2, 0)
    assert not trained & set(division.numbers_of(asked).tolist())
    # The training pictures at hand are some of many: what the others show is known all the same.
    some = reals(features[300:], conditions[300:], Shape("text", 48), 400)
    assert len(divided(some).judged) > len(division.judged)
    new = not_among(conditions[300:], conditions[:-400])
    assert not trained & set(division.numbers_of(conditions[300:][new]).tolist())
    judge = obedience_judge(
        Shape("text", 48), (features[300:-400], conditions[300:-400]), (features[-400:], conditions[-400:]),
        conditions[:-400],
    )  # fmt: skip
    assert len(divided(judge.real).judged) == len(division.judged)
    conditions[-400:] = conditions[:400]
    no_news = divided(reals(features, conditions, Shape("text", 48), 400))
    assert len(no_news.judged) == len({row.tobytes() for row in conditions[-400:].numpy()})
    assert any("0 are new" in note for note in no_news.notes)


def test_without_held_out_pictures_half_stand_for_them() -> None:
    real = reals(*digits(), TEN, 0)
    found = value("obedience", *digits(), real)
    assert found.value == pytest.approx(found.details["reals"], abs=0.05)
    assert "No picture was held out" in found.notes[0]
    assert 0.9 < value("diversity", *digits(), real).details["reals"] < 1


def test_too_few_of_a_class_are_left_out_and_named() -> None:
    x, y = digits()
    shape, held_out = Shape("class", 10, tuple("abcdefghij")), torch.arange(len(y)) >= 1297
    keep = (y > 1) | ~held_out
    found = value("obedience", x, y, Side(x[keep], conditions=y[keep], held_out=held_out[keep], shape=shape))
    assert found.details["chance"] == 1 / 8
    assert found.notes[0] == "Left out, with fewer than 5 held-out pictures: a, b."
    assert all(f"{name} (" not in found.notes[-1] for name in "ab")


def bad_sides() -> dict[str, tuple[Callable[[], Estimate], str]]:
    x, y = digits()
    good = reals(x, y, TEN, 500)
    few = reals(x[:25], y[:25], TEN, 10)
    vector = reals(x, torch.ones(len(x), 2), Shape("vector", 2), 500)
    nothing = Side(x, conditions=y)
    return {
        "no conditions of the reals": (lambda: value("obedience", x, y, Side(x)), "needs the conditions"),
        "no conditions of the fakes": (
            lambda: METRICS["obedience"].compute(Side(x), good, seed=0, resample="none"), "needs the conditions",
        ),
        "no held_out": (lambda: value("obedience", x, y, Side(x, conditions=y, shape=TEN)), "needs the held_out"),
        "no shape": (lambda: value("obedience", x, y, dataclasses.replace(good, shape=None, kept={})), "not known"),
        "too few": (lambda: value("obedience", x, y, few), "from 10 held-out pictures"),
        "one condition": (lambda: value("diversity", x, torch.ones(len(x), 2), vector), "one and the same"),
        "another kind": (lambda: value("obedience", x, torch.zeros(len(x), 2), good), "one kind and size"),
        "another width": (lambda: value("obedience", x[:, :5], y, good), "the same extractor"),
        "classes that no real has": (lambda: value("obedience", x, y + 10, good), "None of the fakes"),
        "too few of a class": (lambda: value("diversity", x[:30], y[:30], good), "Diversity cannot be told"),
        "no reals' features": (lambda: value("diversity", x, y, nothing), "not known"),
        "NaN": (lambda: value("obedience", x * float("nan"), y, good), "not finite"),
    }  # fmt: skip


@pytest.mark.parametrize("name", bad_sides())
def test_bad_sides_are_told_in_words(name: str) -> None:
    compute, words = bad_sides()[name]
    with pytest.raises(SparringError) as error:
        compute()
    assert words in str(error.value)
    assert error.value.expected


def test_one_fake_of_each_text_has_no_diversity(texts: Side) -> None:
    x, conditions = held(texts)
    with pytest.raises(SparringError, match="Of 0 conditions there are two fakes"):
        value("diversity", x[:50], conditions[:50], texts)


# Whole runs


class Remembering(Sampler):
    """A generator with the training pictures by heart: obeys in part, and else draws what it likes."""

    def __init__(self, run: Any, pictures: Tensor, conditions: Tensor, obeys: float = 1.0) -> None:
        size_px, channels = pictures.shape[-1], pictures.shape[1]
        super().__init__(torch.nn.Linear(1, 1), (1,), 7, size_px, channels, run.sampler.told)
        self.pictures, self.conditions, self.obeys = pictures, conditions, obeys

    def sample(self, n: int = 64, seed: int = 0, start: int = 0, condition: Any = None) -> np.ndarray:
        rng = np.random.default_rng([seed, start])
        places = rng.integers(0, len(self.pictures), n)
        if condition is not None:
            for i in np.flatnonzero(rng.random(n) < self.obeys):
                same = (self.conditions == condition[i]).reshape(len(self.conditions), -1).all(1)
                places[i] = rng.choice(np.flatnonzero(same))
        return self.pictures[torch.from_numpy(places)].numpy()


def told_run(run: Any, obeys: float) -> Any:
    """The run with a generator that has all pictures by heart."""
    return dataclasses.replace(run, sampler=Remembering(run, run.pictures, run.conditions, obeys))


@dataclasses.dataclass(frozen=True)
class Known(Run):
    """A run, and what it was trained on."""

    pictures: Tensor = dataclasses.field(default_factory=lambda: torch.zeros(0))
    conditions: Tensor = dataclasses.field(default_factory=lambda: torch.zeros(0))


def known(run: Any, pictures: Tensor, conditions: Tensor) -> Known:
    fields = {field.name: getattr(run, field.name) for field in dataclasses.fields(run)}
    return Known(**fields, pictures=pictures, conditions=conditions)


WORDS: dict[str, Any] = {"steps": 2, "evaluate_every": 0, "say": lambda _: None}


@pytest.fixture(scope="module")
def of_classes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Known, np.ndarray]:
    """A run on the digits at 28 px with their classes, and the array that it was trained on."""
    x, y = digits()
    pictures = F.interpolate(x.view(-1, 1, 8, 8) * 15.9, size=28, mode="bilinear").to(torch.uint8)
    array = pictures.permute(0, 2, 3, 1).numpy()
    recipe = sparring.recipes["dcgan"].but(width=4, batch=8, latent=16, precision="fp32", threads=1)
    out = tmp_path_factory.mktemp("obedience") / "classes"
    run = sparring.train(
        array, recipe, condition="class", condition_from=y.numpy(), held_out=500, size=28, out=out, **WORDS
    )
    return known(run, pictures, y), array


@pytest.fixture(scope="module")
def of_texts(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """A run on emoji at 16 px with their names."""
    recipe = sparring.recipes["dcgan"].but(width=4, batch=8, latent=16, precision="fp32", threads=1)
    out = tmp_path_factory.mktemp("obedience") / "texts"
    run = sparring.train("emoji", recipe, condition="text", embed=by_words, size=16, out=out, **WORDS)
    data = open_data("emoji", size_px=16)
    pictures = torch.from_numpy(data.pictures(np.arange(len(data)))).permute(0, 3, 1, 2)
    return known(run, pictures, torch.from_numpy(read_conditions("emoji", data, "text", embed=by_words)[0].values))


def asked(run: Any, reals: Any, metrics: Any = ("obedience", "diversity"), **options: Any) -> Any:
    return measure(run, reals, metrics, coarse, **({"say": lambda _: None} | options))


def test_a_run_of_classes_is_measured(of_classes: tuple[Known, np.ndarray]) -> None:
    run, array = of_classes
    labels = {"condition_from": run.conditions.numpy()}
    found = {part: asked(told_run(run, part), array, **labels) for part in (0.0, 0.5, 1.0)}
    values = [found[part][0].value for part in found]
    assert values == sorted(values)
    obeyed, diverse = found[1.0]
    assert (obeyed.reals, obeyed.chance, obeyed.floor) == (pytest.approx(obeyed.value, abs=0.06), 1 / 10, None)
    assert diverse.value == pytest.approx(diverse.reals, abs=0.05)
    assert found[0.0][0].interval[0] < 1 / 10 < found[0.0][0].interval[1]
    assert found[0.5][0].value == pytest.approx(0.5 * (obeyed.value + found[0.0][0].value), abs=0.05)
    untrained = asked(run, array, **labels, n=200)
    assert untrained[0].n_fake == 200
    assert untrained[0].value < 0.4
    assert untrained[1].value < 0.2
    json.dumps(obeyed.to_dict())
    shown = as_text([obeyed, diverse])
    assert f"reals {obeyed.reals:.5g}, chance 0.1   higher is better" in shown
    assert "500 held-out pictures of classes" in shown
    assert all(line in shown for line in ("Recognised least", "share_of_reals: "))


def test_a_run_of_texts_is_measured(of_texts: Known) -> None:
    by_heart, ignoring = (asked(told_run(of_texts, part), "emoji") for part in (1.0, 0.0))
    obeyed, same = by_heart
    assert obeyed.value == pytest.approx(obeyed.reals)  # its pictures of held-out names are the reals
    assert obeyed.value > 3 * obeyed.chance
    assert obeyed.details["training"] == pytest.approx(obeyed.details["training_reals"], abs=0.04)  # of some of them
    assert (same.value, same.reals, same.chance) == (0, None, None)
    assert ignoring[0].interval[0] < 1 / 50 < ignoring[0].interval[1]
    assert ignoring[1].value == pytest.approx(1, abs=0.05)
    assert obeyed.n_fake == 8 * obeyed.details["conditions"] + ignoring[0].n_fake - 8 * 373
    few = asked(told_run(of_texts, 1.0), "emoji", "obedience", n=80)[0]
    assert few.details["conditions"] == 10


def test_other_metrics_stand_beside(of_classes: tuple[Known, np.ndarray]) -> None:
    run, array = of_classes
    words = {"condition_from": run.conditions.numpy(), "n": 200, "interval": False}
    both = asked(told_run(run, 1.0), array, ("kid", "obedience"), **words)
    assert [result.metric for result in both] == ["kid", "obedience"]
    assert (both[0].reals, both[0].chance, both[1].interval) == (None, None, None)
    assert both[0].floor is not None
    assert both[1] == asked(told_run(run, 1.0), array, "obedience", **words)[0]


def test_a_data_set_with_labels_beside_its_pictures(tmp_path: Path, tiny: Recipe) -> None:
    x, y = digits()
    pictures = F.interpolate(x.view(-1, 1, 8, 8) / 8 - 1, size=28, mode="bilinear")[:400].clamp(-1, 1)

    class Digits:
        num_classes = 10

        def __len__(self) -> int:
            return 400

        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            return pictures[index], int(y[index])

    run = sparring.train(Digits(), tiny, condition="class", held_out=150, out=tmp_path / "run", **WORDS)
    seen = pictures.add(1).mul(127.5).round().to(torch.uint8)
    by_heart = told_run(known(run, seen, y[:400]), 1.0)
    obeyed, diverse = asked(by_heart, Digits())
    assert obeyed.reals > 0.8
    assert obeyed.value == pytest.approx(obeyed.reals, abs=0.07)
    assert diverse.n_real == 400
    split = sparring.data.hold_out(sparring.data.open_data(Digits(), size_px=28).conditioned("class"), 150)
    extractor = Extractor("coarse", 0, 0, "", lambda p: (coarse(p), None), None, "", sees_rgb=False)
    judge = obedience_judge_of(split, coarse(split.pictures()), extractor, False)
    assert judge(*held(judge.real))["obedience_reals"] == pytest.approx(obeyed.reals, abs=0.03)


def test_what_cannot_obey_is_told_in_words(
    of_classes: tuple[Known, np.ndarray], of_texts: Known, tmp_path: Path, tiny: Recipe, discs: Path
) -> None:
    run, array = of_classes
    labels = run.conditions.numpy()
    plain = sparring.train(array[:60], tiny, size=28, out=tmp_path / "plain", held_out=0, **WORDS)
    (tmp_path / "strange.txt").write_text("")
    cases: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "trained without conditions": (plain, array, {}),
        f"{discs} is no run": (discs, array, {"condition_from": labels}),
        "a ndarray is no run": (array, array, {"condition_from": labels}),
        "was not trained on these pictures": (run, array[:900], {"condition_from": labels[:900]}),
        "name no class": (run, array, {}),
        "are not those that the run was trained with": (run, array, {"condition_from": np.roll(labels, 1)}),
        "are class, 5": (run, array, {"condition_from": labels % 5}),
        "function of your own": (of_texts.path, "emoji", {}),
    }
    for words, (fakes, source, options) in cases.items():
        with pytest.raises(SparringError) as error:
            asked(fakes, source, **options)
        assert words in str(error.value)
        assert error.value.expected
    assert asked(of_texts.path, "emoji", "obedience", n=40, embed=by_words)[0].value < 0.3
    # A generator that was loaded from a run knows whose it is.
    assert asked(sparring.load(of_texts.path), "emoji", "obedience", n=40, embed=by_words)[0].value < 0.3


def test_the_command_line(tmp_path: Path, tiny: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    x, y = digits()
    for i, (picture, label) in enumerate(zip(x[:300], y[:300].tolist(), strict=True)):
        if label < 4:
            place = tmp_path / "digits" / f"number {label}" / f"{i}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            save_png(as_image((picture.view(1, 8, 8) * 15.9).numpy().astype(np.uint8).repeat(4, 1).repeat(4, 2)), place)
    sparring.train(tmp_path / "digits", tiny, condition="class", size=28, held_out=40, out=tmp_path / "run", **WORDS)
    words = ["measure", str(tmp_path / "run"), str(tmp_path / "digits"), "--metrics", "obedience", "-n", "40", "--json"]
    with contextlib.suppress(SystemExit):  # what it ended with stands in its answer
        cli.main(words)
    (found,) = json.loads(capsys.readouterr().out)["results"]
    assert (found["metric"], found["chance"], found["n_fake"]) == ("obedience", 1 / 4, 40)
    assert found["reals"] > 0.8
    assert "number " in found["notes"][-1]


# While a run trains


def test_a_judge_of_obedience_writes_plain_numbers(classes: Side, texts: Side) -> None:
    for real in (classes, texts):
        mask = real.part("held_out")
        parts = [(real.part("features")[rows], real.part("conditions")[rows]) for rows in (~mask, mask)]
        judge = obedience_judge(real.shape, parts[0], parts[1])
        found = judge(*parts[1])
        is_class = real is classes
        assert list(found) == [
            "obedience", "obedience_reals", "obedience_chance", "diversity", "diversity_reals",
        ]  # fmt: skip
        assert found["obedience"] == value("obedience", *parts[1], real).value
        assert is_class or found["obedience"] == found["obedience_reals"]
        assert found["obedience_chance"] == (1 / 10 if is_class else 1 / 50)
        assert (found["diversity"] is None) == (found["diversity_reals"] is None) == (not is_class)
        json.dumps(found)
        few = judge(parts[1][0][:12], parts[1][1][:12])
        assert (few["diversity"], few["obedience_reals"]) == (None, found["obedience_reals"])
        with pytest.raises(SparringError, match="None of the fakes"):
            judge(parts[0][0][:3], torch.full_like(parts[0][1][:3], 77))
        again = judge.asked(500, 3)
        assert torch.equal(again, judge.asked(500, 3))
        assert not torch.equal(again, judge.asked(500, 4))
    numbers = judge.asked(1_000, 0).unique(dim=0, return_counts=True)[1]
    assert set(numbers.tolist()) <= {2, 3}
    with pytest.raises(SparringError, match="from 9 held-out pictures"):
        obedience_judge(Shape("text", 48), *(tuple(part[:9] for part in both) for both in parts))


def test_the_classes_asked_for_are_those_held_out(classes: Side) -> None:
    _, y = held(classes)
    judge = obedience_judge(
        TEN, *((part[0], part[1]) for part in ((digits()[0][:897], digits()[1][:897]), held(classes)))
    )
    assert torch.equal(judge.asked(900, 5).sort().values, y.sort().values)
    assert torch.equal(judge.asked(1800, 5)[900:], judge.asked(900, 5))


def test_evaluations_of_a_conditional_run(of_classes: tuple[Known, np.ndarray], tmp_path: Path) -> None:
    run, array = of_classes
    data = sparring.data.open_data(array, size_px=28)
    labels, _ = read_conditions(array, data, "class", run.conditions.numpy())
    split = sparring.data.hold_out(data.conditioned(labels), 500)
    calls = []

    def embed(pictures: Tensor) -> tuple[Tensor, None]:
        calls.append(len(pictures))
        return coarse(pictures), None

    extractor = Extractor("coarse", 72, 0, "", embed, None, "coarse 1", sees_rgb=False)
    plain = judge_of(split.pictures(), extractor, "kid", 300, 0)
    calls.clear()
    obedience = obedience_judge_of(split, plain.held.features, extractor, False)
    assert sum(calls) == 1297
    obedience_judge_of(split, plain.held.features, extractor, False)
    assert sum(calls) == 1297  # what the reals look like was kept
    judge = dataclasses.replace(plain, obedience=obedience)
    by_heart = Remembering(run, run.pictures, run.conditions)

    def sample(n: int, seed: int, condition: Tensor) -> Tensor:
        return torch.from_numpy(by_heart.sample(n, seed, condition=condition))

    found = judge(sample)
    assert found["obedience"] == pytest.approx(found["obedience_reals"], abs=0.06)
    assert found["diversity"] == pytest.approx(found["diversity_reals"], abs=0.06)
    assert found["value"] < 0.01  # kid: of the classes' own shares
    before = plain(lambda n, seed: sample(n, seed, run.conditions[:n]))
    assert found.keys() - before.keys() == set(obedience(coarse(run.pictures[:9]), run.conditions[:9]))
