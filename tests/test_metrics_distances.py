"""Fréchet distance and KID against scipy, torchmetrics, closed forms, and the spread over repeated draws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from sparring.errors import SparringError
from sparring.metrics.catalogue import METRICS, metric_named
from sparring.metrics.distances import (
    Moments,
    frechet,
    frechet_of_features,
    kid,
    measure_fd,
    measure_kid,
    polynomial_mmd2,
)
from sparring.metrics.roots import trace_of_root
from sparring.metrics.sides import Estimate, Side


def draw(n: int, k: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, k)) * scale)


def covariances(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return torch.cov(x.T), torch.cov(y.T)


def nuclear(x: Tensor, y: Tensor) -> float:
    """tr (S1 S2)^(1/2) = || X1 X2' ||_* of centred, scaled features."""
    a, b = ((part - part.mean(0)) / math.sqrt(len(part) - 1) for part in (x, y))
    return float(torch.linalg.matrix_norm(a @ b.T, ord="nuc"))


def test_the_trace_agrees_with_scipy() -> None:
    x, y = draw(300, 40), draw(200, 40, 1) @ draw(40, 40, 2)
    s1, s2 = covariances(x, y)
    reference = np.trace(scipy.linalg.sqrtm(s1.numpy() @ s2.numpy())).real
    assert trace_of_root(s1, s2) == pytest.approx(reference, rel=1e-9)
    assert nuclear(x, y) == pytest.approx(reference, rel=1e-9)


RANDOM, WIDE = draw(900, 300, 3), draw(300, 300, 4)
ODD = {
    "large": (RANDOM, draw(700, 300, 5) @ WIDE / 17),  # above 256 the product is taken in blocks
    "both rank deficient": (draw(60, 90), draw(50, 90, 1)),
    "one rank deficient": (draw(500, 90), draw(40, 90, 1)),
    "deficient by one": (draw(90, 90), draw(500, 90, 1)),
    "low rank": (draw(300, 5) @ draw(5, 90, 7), draw(400, 5, 1) @ draw(5, 90, 8)),
    "orthogonal": (draw(50, 30) * (torch.arange(30) < 15), draw(50, 30, 1) * (torch.arange(30) >= 15)),
    "near singular": (draw(300, 90) * torch.logspace(0, -6, 90), draw(300, 90, 1) * torch.logspace(0, -6, 90)),
    "turned near singular": (
        draw(300, 90) * torch.logspace(0, -5, 90) @ torch.linalg.qr(draw(90, 90, 3))[0],
        draw(300, 90, 1) * torch.logspace(0, -5, 90) @ torch.linalg.qr(draw(90, 90, 3))[0],
    ),
    "dead features": (draw(200, 60) * (torch.arange(60) % 3 > 0), draw(200, 60, 1) * (torch.arange(60) % 4 > 0)),
    "scales apart": (draw(300, 60) * torch.logspace(-5, 5, 60), draw(300, 60, 1) * torch.logspace(-5, 5, 60)),
    "rectified": (draw(300, 60).relu() @ draw(60, 60, 2).relu(), draw(80, 60, 1).relu() @ draw(60, 60, 2).relu()),
}


@pytest.mark.parametrize("case", ODD)
def test_the_trace_is_right_where_square_roots_lose_digits(case: str) -> None:
    x, y = (part.double() for part in ODD[case])
    reference = nuclear(x, y)
    assert trace_of_root(*covariances(x, y)) == pytest.approx(reference, rel=1e-6, abs=1e-12)
    traces = float(x.var(0).sum() + y.var(0).sum())
    distance = float((x.mean(0) - y.mean(0)).square().sum()) + traces - 2 * reference
    assert frechet(Moments.of(x), Moments.of(y)) == pytest.approx(distance, rel=1e-6, abs=1e-6 * traces)
    assert frechet_of_features(x, y) == pytest.approx(distance, rel=1e-9, abs=1e-9 * traces)


def test_frechet_of_gaussians_with_diagonal_covariances() -> None:
    a, b = Moments(3), Moments(3)
    corners = torch.tensor([[i, j, k] for i in (-1.0, 1) for j in (-1.0, 1) for k in (-1.0, 1)], dtype=torch.float64)
    corners *= math.sqrt(7 / 8)  # so the unbiased covariance is the unit matrix
    a.add(corners * torch.tensor([1.0, 2, 3]) + 1)
    b.add(corners * torch.tensor([4.0, 2, 5]))
    assert frechet(a, b) == pytest.approx(3 + 9 + 0 + 4)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 40), m=st.integers(2, 40), k=st.integers(1, 12), seed=st.integers(0, 10**6))
def test_frechet_is_symmetric_and_zero_on_itself(n: int, m: int, k: int, seed: int) -> None:
    x, y = draw(n, k, seed), draw(m, k, seed + 1).relu()
    there = frechet_of_features(x, y)
    assert there >= 0
    assert there == pytest.approx(frechet_of_features(y, x), rel=1e-7, abs=1e-9)
    assert there == pytest.approx(frechet_of_features(x[torch.randperm(n)], y), rel=1e-7, abs=1e-9)
    assert there == pytest.approx(frechet(Moments.of(x), Moments.of(y)), rel=1e-6, abs=1e-6)
    assert frechet_of_features(x, x) == pytest.approx(0, abs=1e-6 * float(x.var(0).sum()))


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 60), max_size=4), offset=st.sampled_from([0.0, 1.0, 1e4, 1e7]))
def test_moments_do_not_depend_on_the_batches_or_the_offset(cuts: list[int], offset: float) -> None:
    x = (draw(60, 4) * 16).round() / 16 + offset  # short binary fractions: the offset itself rounds nothing away
    moments = Moments(4)
    edges = [0, *sorted(cuts), 60]
    for a, b in itertools.pairwise(edges):
        moments.add(x[a:b])
    assert moments.n == 60
    torch.testing.assert_close(moments.mean, (x - offset).mean(0) + offset, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(moments.covariance, torch.cov((x - offset).T), rtol=1e-9, atol=1e-9)


def test_moments_say_what_is_wrong() -> None:
    moments = Moments(3)
    moments.add(torch.zeros(1, 3))
    with pytest.raises(SparringError, match="from 1 pictures"):
        _ = moments.covariance
    with pytest.raises(SparringError, match="2 features"):
        moments.add(torch.zeros(4, 2))
    with pytest.raises(SparringError, match="1 of 2 pictures are not finite"):
        moments.add(torch.tensor([[0.0, 1, 2], [0, math.nan, 0]]))


class Twelve(nn.Module):
    """Twelve numbers of a picture, for torchmetrics."""

    num_features = 12

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.double().flatten(1)[:, :12] / 64


def pictures(n: int, seed: int, low: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(low, 256, (n, 3, 4, 4)).astype(np.uint8))


@pytest.mark.filterwarnings("ignore:Metric `Kernel:UserWarning")
def test_agrees_with_torchmetrics() -> None:
    fakes, reals, network = pictures(150, 0, 60), pictures(200, 1), Twelve()
    fid = FrechetInceptionDistance(feature=network, input_img_size=(3, 4, 4)).set_dtype(torch.float64)
    every = KernelInceptionDistance(feature=network, subsets=1, subset_size=150)
    for metric in (fid, every):
        metric.update(fakes, real=False)
        metric.update(reals[:150] if metric is every else reals, real=True)
    x, y = network(fakes), network(reals)
    assert frechet_of_features(x, y) == pytest.approx(float(fid.compute()), rel=1e-6)
    assert polynomial_mmd2(x, y[:150]) == pytest.approx(float(every.compute()[0]), rel=1e-6)
    assert kid(x, y[:150], subsets=1, subset=150) == pytest.approx(float(every.compute()[0]), rel=1e-6)


def test_mmd2_by_its_definition_and_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = draw(30, 5), draw(23, 5, 1, 1.3)

    def kernel(a: Tensor, b: Tensor) -> float:
        return (float(a @ b) / 5 + 1) ** 3

    own = [sum(kernel(p[i], p[j]) for i in range(len(p)) for j in range(len(p)) if i != j) for p in (x, y)]
    across = sum(kernel(a, b) for a in x for b in y)
    by_hand = own[0] / (30 * 29) + own[1] / (23 * 22) - 2 * across / (30 * 23)
    assert polynomial_mmd2(x, y) == pytest.approx(by_hand, rel=1e-10)
    monkeypatch.setattr("sparring.metrics.distances._KERNEL_ROWS", 7)
    assert polynomial_mmd2(x, y) == pytest.approx(by_hand, rel=1e-10)


def test_mmd2_is_unbiased() -> None:
    values = [polynomial_mmd2(draw(12, 4, seed), draw(9, 4, 10_000 + seed)) for seed in range(800)]
    error = np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(values)) < 3.5 * error
    assert error < 0.05


def test_both_ways_to_kid_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A subset's own kernels, or memberships and one pass over all kernels, whichever is less work."""
    x, y = draw(120, 6), draw(90, 6, 1, 1.2)
    by_itself = kid(x, y, subsets=4, subset=10, seed=5)  # 800 cells against 22,050
    counted: list[int] = []
    monkeypatch.setattr("sparring.metrics.distances._work_of_subsets", lambda *_: counted.append(1) or 10**12)
    assert kid(x, y, subsets=4, subset=10, seed=5) == pytest.approx(by_itself, rel=1e-10)
    assert counted
    assert kid(x, y, subsets=4, subset=10, seed=6) != pytest.approx(by_itself, rel=1e-3)


def test_kid_of_subsets_that_hold_all_is_the_whole() -> None:
    x, y = draw(90, 6), draw(90, 6, 1, 1.2)
    assert kid(x, y, subsets=3, subset=90, seed=1) == pytest.approx(polynomial_mmd2(x, y), rel=1e-9)
    with pytest.raises(SparringError, match="cannot hold 91"):
        kid(x, y, subset=91)


def heavy(n: int, seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_t(8, (n, 6)) * np.linspace(0.5, 1.5, 6))


@pytest.mark.parametrize("measure", [measure_fd, measure_kid])
@pytest.mark.parametrize("resample", ["both", "fakes"])
@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_the_interval_is_as_wide_as_the_spread(measure: Callable[..., Estimate], resample: str, shift: float) -> None:
    """Over 60 draws. Where both sides are the same, the first order is what noise makes of it: up to 2 times."""
    fixed = heavy(200, 999)
    found = []
    for seed in range(60):
        fakes = heavy(200, seed) + shift
        reals = heavy(200, 500 + seed) if resample == "both" else fixed
        found.append(measure(Side(features=fakes), Side(features=reals), seed=seed, resample=resample))
    spread = float(np.std([estimate.value for estimate in found], ddof=1))
    said = float(np.mean([estimate.details["std"] for estimate in found]))
    assert 1 / 1.5 < said / spread < (1.5 if shift else 2.2)
    assert all(estimate.low <= estimate.value <= estimate.high for estimate in found)


def test_none_has_no_interval_and_few_pictures_are_named() -> None:
    few, many = Side(features=draw(20, 16)), Side(features=draw(200, 16))
    alone = measure_fd(few, many, seed=0, resample="none")
    assert alone.low == alone.value == alone.high
    assert "20 pictures are few for 16 features" in alone.notes[0]
    assert measure_fd(many, many, seed=0, resample="both").notes == []
    with pytest.raises(SparringError, match=r"'fake'.*\n.*did you mean 'fakes'"):
        measure_fd(few, many, seed=0, resample="fake")
    with pytest.raises(SparringError, match="KID cannot be computed from 3 fakes"):
        measure_kid(few.take([0, 1, 2]), many, seed=0, resample="both")
    with pytest.raises(SparringError, match="needs the features"):
        measure_fd(Side(), many, seed=0, resample="both")


@pytest.mark.parametrize("resample", ["both", "fakes", "none"])
@pytest.mark.parametrize("name", ["fd", "kid", "density", "coverage", "precision", "recall"])
def test_nothing_is_nan_on_collapsed_fakes(name: str, resample: str) -> None:
    same, reals = Side(features=torch.ones(30, 8)), Side(features=draw(30, 8).float())
    for fake, real in ((same, reals), (reals, same), (same, same)):
        found = metric_named(name).compute(fake, real, seed=0, resample=resample)
        assert all(math.isfinite(x) for x in (found.value, found.low, found.high, *found.details.values()))
        assert found.low <= found.value <= found.high


def test_the_kid_interval_says_that_it_used_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, real = Side(features=heavy(400, 0) + 0.3), Side(features=heavy(400, 1))
    every = measure_kid(fake, real, seed=0, resample="both")
    monkeypatch.setattr("sparring.metrics.distances._MOST", 200)
    some = measure_kid(fake, real, seed=0, resample="both")
    assert some.details["std"] == pytest.approx(every.details["std"], rel=0.3)
    assert (every.notes, len(some.notes)) == ([], 1)


def test_sides() -> None:
    side = Side(features=torch.arange(6.0).view(3, 2), classes=torch.tensor([5, 6, 7]))
    taken = side.take([2, 0])
    assert taken.features is not None
    assert taken.features.tolist() == [[4, 5], [0, 1]]
    assert taken.classes is not None
    assert taken.classes.tolist() == [7, 5]
    assert (side.n, taken.n, Side().n) == (3, 2, 0)
    with pytest.raises(SparringError, match="differ in length"):
        Side(features=torch.zeros(3, 2), classes=torch.zeros(2, dtype=torch.int64))
    with pytest.raises(SparringError, match=r"shape \[3\]"):
        Side(features=torch.zeros(3))


WORDS = [
    "fd", "kid", "is", "mis", "precision", "recall", "density", "coverage", "swd", "msssim", "nearest", "modes",
    "obedience", "diversity",
]  # fmt: skip


def test_the_catalogue_names_itself() -> None:
    assert set(METRICS) == set(WORDS)
    assert all(name == metric.name for name, metric in METRICS.items())
    assert {name for name, metric in METRICS.items() if metric.one_sided} == {"is", "mis", "msssim"}
    assert {name for name, metric in METRICS.items() if metric.better == "lower"} == {"fd", "kid", "swd", "msssim"}
    with pytest.raises(SparringError, match="did you mean 'precision'"):
        metric_named("precison")
