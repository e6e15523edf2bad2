"""The order of drawing: a function of (seed, position), in any process, with every picture once in each epoch."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparring.data import open_data
from sparring.data.order import IndexOrder, flips, mirror
from sparring.data.pack import Pack


def numbered(n: int, size_px: int = 4) -> Pack:
    """A pack whose picture k holds k in its left half and 255 - k in its right."""
    images = np.zeros((n, size_px, size_px, 1), np.uint8)
    images[:, :, : size_px // 2, 0] = np.arange(n)[:, None, None]
    images[:, :, size_px // 2 :, 0] = 255 - np.arange(n)[:, None, None]
    return open_data(images, size_px=size_px)


def numbers(batch: torch.Tensor) -> list[int]:
    return ((batch[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 40), count=st.integers(1, 50), start=st.integers(0, 200), seed=st.integers(0, 2**40))
def test_any_cut_into_batches_gives_one_sequence_with_each_picture_once_an_epoch(
    n: int, count: int, start: int, seed: int
) -> None:
    order = IndexOrder(n)
    whole = order.indices(0, 6 * n + 260, seed)
    assert np.array_equal(IndexOrder(n).indices(start, count, seed), whole[start : start + count])
    for epoch in range(6):
        assert sorted(whole[epoch * n : (epoch + 1) * n]) == list(range(n))


@settings(deadline=None, max_examples=30)
@given(position=st.integers(0, 40_000), count=st.integers(1, 300), seed=st.integers(0, 9))
def test_flips_are_a_function_of_seed_and_position(position: int, count: int, seed: int) -> None:
    assert np.array_equal(flips(position, count, seed), flips(0, position + count, seed)[position:])


def test_flips_are_fair_and_differ_between_seeds() -> None:
    tossed = flips(0, 100_000, 3)
    assert abs(tossed.mean() - 0.5) < 0.01  # six standard errors
    assert 0.4 < (tossed != flips(0, 100_000, 4)).mean() < 0.6


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    order = IndexOrder(100)
    orders = {tuple(order.epoch(seed, epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


@pytest.mark.parametrize(("position", "count"), [(-1, 4), (0, 0), (3, -1)])
def test_draws_that_make_no_sense(position: int, count: int) -> None:
    with pytest.raises(ValueError, match="position must be >= 0"):
        numbered(3).batch(position, count, seed=0, flip=False)


def test_batches_straddle_epochs_and_may_be_larger_than_the_data() -> None:
    data = numbered(10)
    whole = numbers(data.batch(0, 50, seed=1, flip=False))
    for epoch in range(5):
        assert sorted(whole[10 * epoch : 10 * epoch + 10]) == list(range(10))
    assert numbers(data.batch(7, 6, seed=1, flip=False)) == whole[7:13]
    assert numbers(numbered(1).batch(5, 3, seed=0, flip=False)) == [0, 0, 0]


def test_a_batch_is_float_in_minus_1_to_1_channels_last_and_its_own_memory() -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    images[0, 0, 0] = (0, 127, 255)
    data = open_data(images, size_px=8)
    batch = data.batch(0, 40, seed=5, flip=False)
    assert batch.shape == (40, 3, 8, 8)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert batch.min().item() == -1.0
    assert batch.max().item() == 1.0
    want = images[IndexOrder(40).indices(0, 40, 5)].transpose(0, 3, 1, 2) / 127.5 - 1
    assert np.abs(batch.numpy() - want).max() < 1e-6
    batch.fill_(9)
    assert data.batch(0, 40, seed=5, flip=False).max().item() == 1.0
    assert np.array_equal(data.pictures(np.arange(40)), images)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_mirrored_pictures_are_those_that_the_coins_say(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 6, 6, channels), dtype=np.uint8)
    data = open_data(images, size_px=6)
    plain, flipped = data.batch(11, 70, seed=2, flip=False), data.batch(11, 70, seed=2, flip=True)
    coins = flips(11, 70, 2)
    assert 10 < coins.sum() < 60
    for place in range(70):
        assert torch.equal(flipped[place], plain[place].flip(2) if coins[place] else plain[place])


def test_mirror_touches_only_what_it_is_told() -> None:
    pictures = np.arange(2 * 2 * 3 * 1).reshape(2, 2, 3, 1)
    before = pictures.copy()
    mirror(pictures, np.array([False, True]))
    assert np.array_equal(pictures[0], before[0])
    assert np.array_equal(pictures[1], before[1][:, ::-1])


def test_another_process_draws_the_same() -> None:
    program = (
        "from sparring.data.order import IndexOrder, flips\n"
        "print(IndexOrder(97).indices(1234, 60, 7).tolist(), flips(8180, 60, 7).astype(int).tolist())"
    )
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)
    env = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    here = f"{IndexOrder(97).indices(1234, 60, 7).tolist()} {flips(8180, 60, 7).astype(int).tolist()}\n"
    assert done.stdout == here
