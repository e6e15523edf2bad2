"""Scores of class probabilities against closed forms, the plain double sums, and the spread over repeated draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sparring.errors import SparringError
from sparring.metrics.catalogue import METRICS
from sparring.metrics.sides import Estimate, Side


def soft(n: int, classes: int, seed: int, sharpness: float = 2.0) -> Tensor:
    logits = np.random.default_rng(seed).standard_normal((n, classes)) * sharpness
    return torch.softmax(torch.from_numpy(logits), 1).float()


def measure(name: str, fakes: Tensor, reals: Side | None = None, resample: str = "both") -> Estimate:
    return METRICS[name].compute(Side(probabilities=fakes), reals or Side(), seed=0, resample=resample)


@settings(max_examples=20, deadline=None)
@given(classes=st.integers(2, 12), rounds=st.integers(2, 5))
def test_sure_and_balanced_is_the_number_of_classes(classes: int, rounds: int) -> None:
    one_hot = torch.eye(classes).repeat(10 * rounds, 1)
    found = measure("is", one_hot)
    assert found.value == pytest.approx(classes)
    assert (found.low, found.high) == pytest.approx((classes, classes))
    assert measure("mis", one_hot).value == pytest.approx(1)
    assert measure("is", torch.full((20 * rounds, classes), 1 / classes)).value == pytest.approx(1)
    assert measure("is", one_hot[:1].repeat(40, 1)).value == pytest.approx(1)


def test_inception_score_by_its_definition() -> None:
    p = soft(235, 7, 0)
    scores = []
    for part in np.array_split(p.double().numpy(), 10):
        marginal = part.mean(0)
        scores.append(np.exp(np.mean([(row * np.log(row / marginal)).sum() for row in part])))
    assert measure("is", p).value == pytest.approx(np.mean(scores), rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 40), classes=st.integers(2, 6), seed=st.integers(0, 10**6))
def test_modified_score_by_all_pairs(n: int, classes: int, seed: int) -> None:
    p = soft(n, classes, seed)
    rows = p.double().numpy()
    value = 0.0
    for c in range(classes):
        some = rows[rows.argmax(1) == c]
        if len(some):
            pairs = [(a * np.log(a / b)).sum() for a in some for b in some]
            value += len(some) / n * math.exp(np.mean(pairs))
    found = measure("mis", p)
    assert found.value == pytest.approx(value, rel=1e-5)
    assert measure("mis", p[torch.randperm(n)]).value == pytest.approx(found.value)
    assert 1 <= found.low <= found.value <= found.high


def test_modified_score_of_two_kinds_in_one_class() -> None:
    a, b = (0.9, 0.1), (0.6, 0.4)
    kl = 0.3 * math.log(1.5) + (0.1 - 0.4) * math.log(0.1 / 0.4)  # KL(a||b) + KL(b||a)
    found = measure("mis", torch.tensor([a, b] * 5))
    assert found.value == pytest.approx(math.exp(kl / 4), rel=1e-6)
    assert math.isfinite(measure("mis", torch.tensor([[1.0, 0, 0], [0.5, 0, 0.5], [0.4, 0.3, 0.3]])).value)


@pytest.mark.parametrize(("name", "low", "high"), [("is", 0.7, 1.4), ("mis", 0.7, 1.4), ("modes", 0.6, 2.2)])
def test_the_interval_is_as_wide_as_the_spread(name: str, low: float, high: float) -> None:
    tilt = torch.linspace(3, -3, 60 if name == "modes" else 5).exp()
    reals = Side(classes=torch.arange(len(tilt)))
    found = []
    for seed in range(80):
        p = soft(300, len(tilt), seed, 1.0) * tilt
        found.append(measure(name, p / p.sum(1, keepdim=True), reals))
    spread = float(np.std([estimate.value for estimate in found], ddof=1))
    said = float(np.mean([estimate.details["std"] for estimate in found]))
    assert low < said / spread < high
    alone = measure(name, soft(300, 5, 0), Side(classes=torch.arange(5)), "none")
    assert alone.low == alone.value == alone.high


def test_modes_and_their_kl() -> None:
    def drawn(counts: list[int]) -> Tensor:
        return torch.eye(len(counts))[torch.repeat_interleave(torch.tensor(counts))]

    balanced = Side(classes=torch.tensor([0, 1, 2, 3]).repeat(5))
    half = measure("modes", drawn([4, 4, 0, 0]), balanced)
    assert (half.value, half.details["classes"]) == (2, 4)
    assert half.details["kl"] == pytest.approx(math.log(2))
    assert (half.low, half.high) == (2, 2)  # no class hangs on one fake
    assert measure("modes", drawn([3, 3, 1, 3]), balanced).low < 4
    same = measure("modes", drawn([2, 2, 2, 2]), balanced)
    assert (same.value, same.details["kl"]) == (4, 0)
    never_real = measure("modes", drawn([1, 1]), Side(classes=torch.zeros(4, dtype=torch.int64)))
    assert never_real.details["kl"] == pytest.approx(0.5 * math.log(0.5 * 4.5 / 4) + 0.5 * math.log(0.5 * 4.5 / 0.5))
    known = Side(probabilities=drawn([8, 0]), classes=torch.tensor([0, 1] * 4))
    assert measure("modes", drawn([1, 1]), known).details["kl"] == 0  # what is known goes before what is predicted
    predicted = Side(probabilities=drawn([8, 0]))
    assert measure("modes", drawn([1, 0]), predicted).details["kl"] == 0


def test_what_is_no_probability_is_named() -> None:
    good = soft(40, 4, 0)
    for bad in (torch.randn(40, 4), good * 2, good * math.nan):
        with pytest.raises(SparringError, match="fakes are not probabilities"):
            measure("is", bad)
    with pytest.raises(SparringError, match="from 19 fakes"):
        measure("is", good[:19])
    with pytest.raises(SparringError, match="from 1 fakes"):
        measure("mis", good[:1])
    with pytest.raises(SparringError, match="go from 0 to 4"):
        measure("modes", good, Side(classes=torch.tensor([0, 4])))
    with pytest.raises(SparringError, match="from 0 reals"):
        measure("modes", good)
    with pytest.raises(SparringError, match="needs the probabilities"):
        measure("modes", good, Side(features=torch.zeros(3, 2)))
