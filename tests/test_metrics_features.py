"""What goes into extractors and what comes out, worked out by hand; users' functions; how pictures are cut up."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sparring.errors import SparringError
from sparring.metrics import features
from sparring.metrics.extractors import EXTRACTORS, extractor_named
from sparring.metrics.features import Extractor, extract, to_rgb


def _pictures(n: int, channels: int = 3, size_px: int = 8) -> Tensor:
    draws = torch.Generator().manual_seed(n)
    return torch.randint(0, 256, (n, channels, size_px, size_px), dtype=torch.uint8, generator=draws)


def _means(pictures: Tensor) -> Tensor:
    return pictures.float().mean((2, 3))


def test_gray_becomes_three_equal_channels() -> None:
    gray = _pictures(2, 1)
    rgb = to_rgb(gray)
    assert rgb.shape == (2, 3, 8, 8)
    assert all(torch.equal(rgb[:, i], gray[:, 0]) for i in range(3))


def test_rgb_stays() -> None:
    pictures = _pictures(2)
    assert torch.equal(to_rgb(pictures), pictures)


def test_alpha_by_hand() -> None:
    pixels = torch.tensor([[10, 20, 30, 0], [10, 20, 30, 255], [0, 100, 255, 128], [0, 0, 0, 1]], dtype=torch.uint8)
    mixed = to_rgb(pixels.view(4, 4, 1, 1), (255, 0, 50)).view(4, 3).tolist()
    # 128: (0 * 128 + 255 * 127) / 255 = 127; 100 * 128 / 255 = 50.2; (255 * 128 + 50 * 127) / 255 = 152.9
    # 1: 255 * 254 / 255 = 254; 0; 50 * 254 / 255 = 49.8
    assert mixed == [[255, 0, 50], [10, 20, 30], [127, 50, 153], [254, 0, 50]]


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
@settings(deadline=None)
def test_alpha_rounds_to_the_nearest(color: int, alpha: int, below: int) -> None:
    pixel = torch.tensor([color, color, color, alpha], dtype=torch.uint8).view(1, 4, 1, 1)
    exact = (color * alpha + below * (255 - alpha)) / 255
    assert abs(to_rgb(pixel, (below,) * 3)[0, 0, 0, 0].item() - exact) <= 0.5


def test_two_channels_are_refused() -> None:
    with pytest.raises(SparringError, match="2 channels"):
        to_rgb(_pictures(1, 2))


def test_unknown_features_offer_the_near_name() -> None:
    with pytest.raises(SparringError, match="did you mean 'inception'"):
        extractor_named("inceptoin")
    assert set(EXTRACTORS) == {"lite0", "inception", "dinov2", "clip"}


def test_own_says_what_it_needs() -> None:
    with pytest.raises(SparringError, match=r"classes"):
        extractor_named("own")


@pytest.mark.parametrize("as_numpy", [False, True])
def test_a_function_is_an_extractor(as_numpy: bool) -> None:
    seen: list[tuple[int, ...]] = []

    def ink(pictures: Tensor) -> object:
        seen.append(tuple(pictures.shape))
        found = _means(pictures)
        return found.numpy().astype(np.float64) if as_numpy else found

    extractor = extractor_named(ink, shape=(4, 8, 8))
    assert (extractor.name, extractor.dims, extractor.identity, extractor.sees_rgb) == ("ink", 4, "", False)
    pictures = _pictures(5, 4)
    found, probabilities = extract(extractor, [pictures], 5, False, "")
    assert probabilities is None
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, _means(pictures))
    assert seen == [(2, 4, 8, 8), (5, 4, 8, 8)]  # a probe of two, and the pictures with their alpha


def test_without_a_shape_the_first_call_tells() -> None:
    extractor = extractor_named(_means)
    assert extractor.dims == 0
    assert extract(extractor, [_pictures(3, 1)], None, False, "")[0].shape == (3, 1)


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (lambda x: x.float(), r"gave \[2, 3, 8, 8\]"),
        (lambda x: x.float().mean((1, 2, 3)), r"gave \[2\]"),
        (lambda x: _means(x)[:1], r"gave \[1, 3\]"),
        (lambda x: _means(x)[:, :0], r"gave \[2, 0\]"),
        (lambda x: _means(x) * 1j, "complex"),
        (lambda x: "many", "gave a str"),
        (lambda x: None, "gave a NoneType"),
        (lambda x: _means(x) / 0, "not finite"),
        (lambda x: x.view(7), "failed on pictures"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_functions_that_give_something_else(function: object, match: str) -> None:
    with pytest.raises(SparringError, match=match):
        extractor_named(function, shape=(3, 8, 8))  # type: ignore[arg-type]


def test_a_function_may_not_change_its_width() -> None:
    extractor = extractor_named(lambda x: torch.zeros(len(x), len(x)))
    with pytest.raises(SparringError, match="gave 3 and 64 numbers"):
        extract(extractor, [_pictures(67)], None, False, "")


def test_weights_with_a_function_are_refused() -> None:
    with pytest.raises(SparringError, match="with a function"):
        extractor_named(_means, weights=Path("weights.pth"))


def test_features_that_are_not_finite_name_the_pictures() -> None:
    def undefined(pictures: Tensor) -> Tensor:
        found = _means(pictures)
        found[pictures[:, 0, 0, 0] == 7] = math.nan
        return found

    pictures = _pictures(100).clamp(min=8)
    pictures[[3, 70], 0, 0, 0] = 7
    extractor = extractor_named(undefined)
    with pytest.raises(SparringError, match="not finite for picture 3"):
        extract(extractor, [pictures], 100, False, "")
    pictures[3] = 9
    with pytest.raises(SparringError, match="not finite for picture 70"):
        extract(extractor, pictures.split(30), 100, False, "")


def test_floats_are_refused_and_broken_ones_named() -> None:
    extractor = extractor_named(_means)
    with pytest.raises(SparringError, match=r"torch\.float32"):
        extract(extractor, [torch.zeros(2, 3, 8, 8)], 2, False, "")
    broken = torch.zeros(4, 3, 8, 8)
    broken[2, 0, 0, 0] = math.nan
    with pytest.raises(SparringError, match=r"not finite numbers .*picture 2\)"):
        extract(extractor, [broken], 4, False, "")


def test_no_pictures() -> None:
    with pytest.raises(SparringError, match="no picture"):
        extract(extractor_named(_means), [], 0, False, "")


def _noting(sizes: list[int]) -> Extractor:
    def embed(pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        sizes.append(len(pictures))
        chances = pictures.float().flatten(1)[:, :2].softmax(1)
        return pictures.float().flatten(1)[:, :5], chances

    return Extractor("noting", 5, 0, "", embed, ("a", "b"), "", batch=4)


@given(st.lists(st.integers(0, 11), min_size=1, max_size=6).filter(sum))
@settings(deadline=None)
def test_how_pictures_are_split_changes_nothing(sizes: list[int]) -> None:
    pictures = _pictures(sum(sizes))
    seen: list[int] = []
    found, chances = extract(_noting(seen), pictures.split(sizes), sum(sizes), False, "")
    assert torch.equal(found, pictures.float().flatten(1)[:, :5])
    assert chances is not None
    assert chances.shape == (sum(sizes), 2)
    assert seen[:-1] == [4] * (len(seen) - 1)  # chunks of the extractor's own size, whatever came in
    assert sum(seen) == sum(sizes)


def test_pictures_of_several_sizes_keep_their_order() -> None:
    seen: list[int] = []
    batches = [_pictures(3), _pictures(2, size_px=9), _pictures(5)]
    found, _ = extract(_noting(seen), batches, None, False, "")
    assert torch.equal(found, torch.cat([batch.float().flatten(1)[:, :5] for batch in batches]))
    assert seen == [3, 2, 4, 1]


def test_batches_are_made_outside_of_inference_mode_and_so_are_the_features() -> None:
    def batches() -> Iterator[Tensor]:
        assert not torch.is_inference_mode_enabled()
        yield _pictures(2)
        assert not torch.is_inference_mode_enabled()

    found, _ = extract(extractor_named(_means), batches(), None, False, "")
    found += 1  # an inference tensor would refuse
    assert not found.is_inference()


def test_a_bar_only_on_a_terminal_and_only_for_long_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def shown(long_s: float, screen: io.StringIO, progress: bool = True) -> str:
        monkeypatch.setattr(features, "LONG_S", long_s)
        monkeypatch.setattr("sys.stderr", screen)
        extract(extractor_named(_means), [_pictures(70)], 70, progress, "looking")
        return screen.getvalue()

    monkeypatch.setenv("TERM", "xterm")
    assert "looking" in shown(-1.0, Terminal())
    assert shown(60.0, Terminal()) == ""
    assert shown(-1.0, io.StringIO()) == ""
    assert shown(-1.0, Terminal(), progress=False) == ""
