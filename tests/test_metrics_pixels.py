"""Sliced Wasserstein distance against scipy, MS-SSIM against torchmetrics, and what both must do on any picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchmetrics.image import MultiScaleStructuralSimilarityIndexMeasure

from sparring.errors import SparringError
from sparring.metrics.pixels import (
    SCALE_WEIGHTS,
    enlarged,
    measure_msssim,
    measure_swd,
    ms_ssim,
    pyramid,
    wasserstein_1d,
)
from sparring.metrics.sides import Side


def blobs(n: int, seed: int, channels: int = 3, height: int = 32, width: int = 32, cell: int = 4) -> Tensor:
    """Smooth random pictures: a coarse grid of random colours, enlarged, and a little noise."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.random((n, channels, -(-height // cell) + 1, -(-width // cell) + 1)))
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=True)
    return ((smooth + torch.from_numpy(rng.normal(0, 0.03, smooth.shape))) * 255).clamp(0, 255).to(torch.uint8)


def side(pixels: Tensor) -> Side:
    return Side(pixels=pixels)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 30), m=st.integers(1, 30), seed=st.integers(0, 10**6), whole=st.booleans())
def test_wasserstein_agrees_with_scipy(n: int, m: int, seed: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 2, (3, n)), rng.normal(0.5, 1, (3, m))
    if whole:  # ties
        a, b = a.round(), b.round()
    found, of_a, of_b = wasserstein_1d(torch.from_numpy(a), torch.from_numpy(b))
    for row in range(3):
        assert float(found[row]) == pytest.approx(scipy.stats.wasserstein_distance(a[row], b[row]), abs=1e-12)
    assert float(of_a.mean(1).abs().max()) < 1e-12
    assert float(of_b.mean(1).abs().max()) < 1e-12


def test_the_effects_are_what_more_of_a_number_does() -> None:
    """Against a finite difference: one of 400 numbers present once more."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 400), rng.normal(0.3, 1.2, 300)
    value, of_a, of_b = wasserstein_1d(torch.from_numpy(a[None]), torch.from_numpy(b[None]))
    for i in (3, 50, 199):
        more_a = scipy.stats.wasserstein_distance(np.append(a, a[i]), b)
        more_b = scipy.stats.wasserstein_distance(a, np.append(b, b[i]))
        assert 401 * (more_a - float(value)) == pytest.approx(float(of_a[0, i]), abs=0.02)
        assert 301 * (more_b - float(value)) == pytest.approx(float(of_b[0, i]), abs=0.02)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 50), (16, 90), (128, 40)])
def test_a_pyramid_adds_up(height: int, width: int) -> None:
    pictures = blobs(2, 0, 3, height, width).float()
    levels = pyramid(pictures)
    assert min(levels[-1].shape[2:]) in range(16, 32)
    assert len(levels) == 1 + max(0, math.floor(math.log2(min(height, width) / 16)))
    again = levels[-1]
    for level in reversed(levels[:-1]):
        again = enlarged(again, level.shape[2], level.shape[3]) + level
    torch.testing.assert_close(again, pictures)
    flat = pyramid(torch.full((1, 1, height, width), 7.0))
    if len(flat) > 1:
        torch.testing.assert_close(flat[-1], torch.full_like(flat[-1], 7.0))
        inside = flat[0][:, :, 2:-4, 2:-4]
        torch.testing.assert_close(inside, torch.zeros_like(inside), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 28, 28), (3, 32, 48), (4, 35, 33), (3, 16, 16)])
def test_swd_grows_with_the_difference(channels: int, height: int, width: int) -> None:
    def look(seed: int, cell: int = 4) -> Side:
        return side(blobs(40, seed, channels, height, width, cell))

    alike = measure_swd(look(0), look(1), seed=0, resample="both")
    other = measure_swd(look(0), look(1, 2), seed=0, resample="both")
    assert other.low > alike.value
    assert other.value > alike.high
    assert alike.value == pytest.approx(np.mean([v for k, v in alike.details.items() if k.startswith("px_")]))
    shorter = min(height, width)
    expected = {f"px_{shorter}"} | ({f"px_{-(-shorter // 2)}"} if shorter >= 32 else set())
    assert set(alike.details) == {*expected, "std"}
    assert measure_swd(look(0), look(1), seed=0, resample="both") == alike
    assert measure_swd(look(0), look(1), seed=1, resample="none").value != alike.value


def test_swd_takes_sides_of_any_length_and_an_alpha_that_never_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    opaque = blobs(30, 0, 4)
    opaque[:, 3] = 255
    found = measure_swd(side(opaque), side(blobs(17, 1, 4)), seed=0, resample="fakes")
    assert all(math.isfinite(x) for x in (found.value, found.low, found.high))
    black = side(torch.zeros(3, 1, 20, 20, dtype=torch.uint8))
    assert measure_swd(black, black, seed=0, resample="both").value == 0
    monkeypatch.setattr("sparring.metrics.pixels.MOST_PICTURES", 10)
    assert len(measure_swd(side(opaque), side(blobs(10, 1, 4)), seed=0, resample="none").notes) == 1


def test_the_swd_interval_is_not_narrower_than_the_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparring.metrics.pixels.DIRECTIONS", 32)
    found = [
        measure_swd(side(blobs(24, s, 1, 16, 16)), side(blobs(24, 99 + s, 1, 16, 16, 3)), seed=0, resample="both")
        for s in range(30)
    ]
    spread = float(np.std([estimate.value for estimate in found], ddof=1))
    said = float(np.mean([estimate.details["std"] for estimate in found]))
    assert 0.7 < said / spread < 3.5


def test_ms_ssim_agrees_with_torchmetrics() -> None:
    a = blobs(3, 0, 3, 180, 200, 20)
    b = torch.cat([blobs(1, 1, 3, 180, 200, 20), (a[1:2].float() * 0.8).to(torch.uint8), 255 - a[2:]])
    reference = MultiScaleStructuralSimilarityIndexMeasure(
        data_range=255.0, betas=SCALE_WEIGHTS, reduction="none", normalize="relu"
    )
    expected = reference(a.double(), b.double())
    # torchmetrics' weights sum to 1.0001; here they sum to 1
    torch.testing.assert_close(ms_ssim(a, b) ** sum(SCALE_WEIGHTS), expected.double(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(ms_ssim(a, a), torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize(("px", "scales"), [(11, 1), (28, 2), (43, 2), (44, 3), (175, 4), (176, 5)])
def test_ms_ssim_uses_the_scales_that_fit(px: int, scales: int) -> None:
    found = measure_msssim(side(blobs(6, 0, 1, px, px + 3)), Side(), seed=0, resample="both")
    assert found.details | {"std": 0} == {"scales": scales, "window_px": 11, "pairs": 3, "std": 0}
    assert len(found.notes) == (scales < 5)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_msssim_sees_collapse_and_lays_alpha_on_white() -> None:
    same = blobs(1, 0, 3, 48, 48).repeat(10, 1, 1, 1)
    assert measure_msssim(side(same), Side(), seed=0, resample="both").value == pytest.approx(1)
    assert measure_msssim(side(blobs(10, 0, 3, 48, 48)), Side(), seed=0, resample="both").value < 0.5
    hidden = torch.cat([blobs(10, 0, 3, 48, 48), torch.zeros(10, 1, 48, 48, dtype=torch.uint8)], 1)
    found = measure_msssim(side(hidden), Side(), seed=0, resample="both")
    assert found.value == pytest.approx(1)
    assert any("on white" in note for note in found.notes)


def test_the_msssim_interval_is_as_wide_as_the_spread() -> None:
    found = [measure_msssim(side(blobs(60, s, 1, 24, 24)), Side(), seed=s, resample="fakes") for s in range(40)]
    spread = float(np.std([estimate.value for estimate in found], ddof=1))
    assert 0.7 < float(np.mean([estimate.details["std"] for estimate in found])) / spread < 1.4


def test_pictures_that_do_not_fit_are_named() -> None:
    good = side(blobs(4, 0))
    for bad, text in (
        (blobs(4, 0, 3, 15, 40), "pictures of 15 x 40 px"),
        (blobs(4, 0).float(), "torch.float32"),
        (blobs(1, 0), "from 1 fakes"),
        (blobs(4, 0, 1), r"fakes are \[1, 32, 32\]"),
    ):
        with pytest.raises(SparringError, match=text):
            measure_swd(side(bad), good, seed=0, resample="both")
    with pytest.raises(SparringError, match="10 x 40 px"):
        measure_msssim(side(blobs(4, 0, 3, 10, 40)), Side(), seed=0, resample="both")
