"""Precision, recall, density, coverage and nearness against scikit-learn's neighbours in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from sparring.errors import SparringError
from sparring.metrics.neighbours import (
    measure_coverage,
    measure_density,
    measure_nearest,
    measure_precision,
    measure_recall,
)
from sparring.metrics.sides import Estimate, Side

Measure = Callable[..., Estimate]
MEASURES: dict[str, Measure] = {
    "precision": measure_precision,
    "recall": measure_recall,
    "density": measure_density,
    "coverage": measure_coverage,
    "nearest": measure_nearest,
}


def draw(n: int, k: int, seed: int, scale: float = 1.0, offset: float = 0.0) -> torch.Tensor:
    numbers = np.random.default_rng(seed).standard_normal((n, k)) * scale + offset
    return torch.from_numpy(numbers.astype(np.float32))


def value(name: str, x: torch.Tensor, y: torch.Tensor) -> float:
    return MEASURES[name](Side(features=x), Side(features=y), seed=0, resample="none").value


def reference(x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    a, b = x.double().numpy(), y.double().numpy()
    across = np.sqrt(((a[:, None] - b[None]) ** 2).sum(2))

    def radii(points: np.ndarray, k: int) -> np.ndarray:
        near = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points).kneighbors()[1]  # itself left out
        return np.sqrt(((points - points[near[:, -1]]) ** 2).sum(1))

    own = radii(b, 1)
    inside = across <= radii(b, 5)
    return {
        "precision": (across <= radii(b, 3)).any(1).mean(),
        "recall": (across <= radii(a, 3)[:, None]).any(0).mean(),
        "density": inside.sum() / (5 * len(a)),
        "coverage": inside.any(0).mean(),
        "nearest": float(np.median(across.min(1)) / np.median(own)) if np.median(own) else 0.0,
    }


@pytest.mark.parametrize("offset", [0.0, 300.0])  # far from the origin |a|^2 + |b|^2 - 2 a.b has no digits left
@pytest.mark.parametrize("k", [2, 24])
def test_agrees_with_scikit_learn(k: int, offset: float, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = draw(170, k, 0, 1.1, offset + 0.2), draw(210, k, 1, 1.0, offset)
    x[:9] = y[20:29]  # some copies
    for cells in (1 << 24, 1000):  # all rows at once, and a few a block
        monkeypatch.setattr("sparring.metrics.neighbours._CELLS", cells)
        for name, expected in reference(x, y).items():
            assert value(name, x, y) == pytest.approx(expected, rel=1e-9), name


@pytest.mark.parametrize("scale", [1.0, 1e-4])
def test_agrees_on_clumps(scale: float) -> None:
    """Points so near in clumps so far apart that float32 sees each clump as one point."""
    x, y = (draw(120, 16, seed, 1e-3) + draw(4, 16, 9, 30.0).repeat(30, 1) for seed in (0, 1))
    for name, expected in reference(x * scale, y * scale).items():
        assert value(name, x * scale, y * scale) == pytest.approx(expected, rel=1e-6), name


@settings(max_examples=25, deadline=None)
@given(n=st.integers(6, 40), m=st.integers(6, 40), k=st.integers(1, 4), seed=st.integers(0, 10**6))
def test_properties_on_a_lattice(n: int, m: int, k: int, seed: int) -> None:
    """Whole numbers: full of ties and copies, where every comparison must come out exactly."""
    rng = np.random.default_rng(seed)
    x, y = (torch.from_numpy(rng.integers(0, 5, (size, k)).astype(np.float32)) for size in (n, m))
    shuffled = x[torch.from_numpy(rng.permutation(n))], y[torch.from_numpy(rng.permutation(m))]
    assert value("precision", x, y) == value("recall", y, x)
    assert value("precision", x, x) == value("recall", x, x) == value("coverage", x, x) == 1
    a, b = x.double(), y.double()
    for name in ("precision", "recall", "density", "coverage"):
        assert value(name, x, y) == pytest.approx(value(name, *shuffled), rel=1e-12)
    radii = torch.cdist(b, b, compute_mode="donot_use_mm_for_euclid_dist").pow(2).round().sort(dim=1).values[:, 5]
    across = (a[:, None] - b[None]).square().sum(2)
    assert value("coverage", x, y) == pytest.approx(float((across <= radii).any(0).double().mean()))
    assert value("density", x, y) == pytest.approx(float((across <= radii).sum() / (5 * n)))


def test_what_is_expected_of_an_honest_generator() -> None:
    x, y = draw(1500, 8, 0), draw(1500, 8, 1)
    fake, real = Side(features=x), Side(features=y)
    assert value("coverage", x, y) == pytest.approx(1 - 2**-5, abs=0.02)
    assert value("density", x, y) == pytest.approx(1, abs=0.1)
    near = measure_nearest(fake, real, seed=0, resample="both")
    assert near.low < 1 < near.high
    assert near.details["share_nearer_than_reals"] == pytest.approx(0.01, abs=0.01)


def test_copies_are_found() -> None:
    y = draw(400, 8, 1, offset=50.0)
    near = measure_nearest(Side(features=y[:100].clone()), Side(features=y), seed=0, resample="both")
    assert (near.value, near.low, near.high) == (0, 0, 0)
    assert near.details["share_nearer_than_reals"] == 1
    barely = measure_nearest(Side(features=y[:100] + 1e-3), Side(features=y), seed=0, resample="both")
    assert barely.details["distance"] == pytest.approx(1e-3 * 8**0.5, rel=0.01)
    with pytest.raises(SparringError, match="Half of the reals"):
        measure_nearest(Side(features=y), Side(features=y.repeat(2, 1)), seed=0, resample="both")


@pytest.mark.parametrize("resample", ["both", "fakes"])
@pytest.mark.parametrize("name", MEASURES)
def test_the_interval_holds_the_spread(name: str, resample: str) -> None:
    """The spread over 40 draws; kept radii may lose some of it, the jackknife of a count that jumps adds some."""
    fixed = draw(150, 4, 999)
    found = []
    for seed in range(40):
        reals = fixed if resample == "fakes" else draw(150, 4, 500 + seed)
        fake, real = Side(features=draw(150, 4, seed, 1.3)), Side(features=reals)
        found.append(MEASURES[name](fake, real, seed=seed, resample=resample))
    spread = float(np.std([estimate.value for estimate in found], ddof=1))
    said = float(np.mean([estimate.details["std"] for estimate in found]))
    assert 1 / 1.6 < said / spread < 2.3
    assert all(estimate.low < estimate.value <= estimate.high for estimate in found)


def test_an_interval_at_the_end_of_the_scale_is_not_empty() -> None:
    far, near = Side(features=draw(50, 4, 0, offset=90.0)), Side(features=draw(50, 4, 1))
    none_inside = measure_precision(far, near, seed=0, resample="both")
    assert (none_inside.value, none_inside.low) == (0, 0)
    assert none_inside.high == pytest.approx(1.96**2 / (50 + 1.96**2), rel=1e-3)  # Wilson's for 0 of 50
    copies = measure_coverage(near, near, seed=0, resample="fakes")
    assert copies.low < copies.value == copies.high == 1


@pytest.mark.parametrize(("name", "k"), [("precision", 3), ("recall", 3), ("density", 5), ("coverage", 5)])
def test_too_few_pictures_are_named(name: str, k: int) -> None:
    few, many = draw(k, 4, 0), draw(20, 4, 1)
    for x, y, of in ((few, many, "fakes"), (many, few, "reals")):
        with pytest.raises(SparringError, match=f"cannot be computed from {k} {of}"):
            value(name, x, y)
    assert 0 <= value(name, draw(k + 1, 4, 0), draw(k + 1, 4, 1)) <= 20
    with pytest.raises(SparringError, match="are not finite"):
        value(name, many * float("inf"), many)
    with pytest.raises(SparringError, match="4 numbers, those of the reals 3"):
        value(name, many, many[:, :3])
