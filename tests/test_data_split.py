"""What is held out: never drawn in training, the same every time, copies on one side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sparring.data import hold_out, open_data
from sparring.data.split import usual_number
from sparring.errors import SparringError


def numbered(n: int, size_px: int = 8) -> np.ndarray:
    """n gray pictures, each of one shade pair that no other has."""
    pictures = np.zeros((n, size_px, size_px, 1), np.uint8)
    pictures[:, 0, 0, 0], pictures[:, 0, 1, 0] = np.arange(n) // 256, np.arange(n) % 256
    return pictures


def numbers(batch: torch.Tensor) -> list[int]:
    pixels = batch.add(1).mul(127.5).round().to(torch.int64) if batch.is_floating_point() else batch.to(torch.int64)
    return (pixels[:, 0, 0, 0] * 256 + pixels[:, 0, 0, 1]).tolist()


@given(st.integers(4, 300), st.data())
def test_training_never_draws_what_is_held_out(n: int, data: st.DataObject) -> None:
    count, seed = data.draw(st.integers(2, n - 2)), data.draw(st.integers(0, 5))
    split = hold_out(open_data(numbered(n), size_px=None), count, seed)
    assert split is not None
    drawn = numbers(split.training.batch(0, 2 * (n - count), seed=3, flip=False))
    assert sorted(drawn) == sorted([i for i in range(n) if i not in set(split.held_out)] * 2)  # two epochs
    assert numbers(split.pictures()) == split.held_out.tolist()
    assert len(split.held_out) == split.n == count
    again = hold_out(open_data(numbered(n), size_px=None), count, seed)
    assert again is not None
    assert (again.held_out == split.held_out).all()


def test_another_seed_holds_out_others() -> None:
    data = open_data(numbered(200), size_px=None)
    splits = [hold_out(data, 40, seed) for seed in (0, 1)]
    assert set(splits[0].held_out) != set(splits[1].held_out)


def test_copies_stay_on_one_side() -> None:
    pictures = numbered(50)[np.arange(200) % 50]  # each four times
    split = hold_out(open_data(pictures, size_px=None), 40)
    held, training = set(split.held_out % 50), set(np.setdiff1d(np.arange(200), split.held_out) % 50)
    assert not held & training
    assert 40 <= split.n < 44


def test_one_picture_many_times_cannot_be_split() -> None:
    with pytest.raises(SparringError, match="copies of one"):
        hold_out(open_data(numbered(1)[np.zeros(20, int)], size_px=None), 4)


def test_files_are_named(discs: Path) -> None:
    split = hold_out(open_data(discs, size_px=16, say=None), 8)
    assert len(split.names()) == 8
    assert all((discs / name).exists() or (discs.parent / name).exists() for name in split.names())


class Indexed:
    """A map-style data set."""

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(numbered(30)[index]).permute(2, 0, 1)


def test_a_data_set_with_indices_is_split_too() -> None:
    split = hold_out(open_data(Indexed(), size_px=None), 6)
    drawn = numbers(split.training.batch(0, 24, seed=0, flip=False))
    assert not set(drawn) & set(split.held_out.tolist())
    assert numbers(split.pictures()) == split.held_out.tolist()
    assert split.names() == [str(i) for i in split.held_out]


def test_an_iterable_has_no_held_out_part() -> None:
    loader = open_data(iter([torch.from_numpy(numbered(600)).permute(0, 3, 1, 2)]), size_px=None)
    assert hold_out(loader, None) is None
    with pytest.raises(SparringError, match="--held-out is 5"):
        hold_out(loader, 5)


@pytest.mark.parametrize("count", [1, 39, 40, -3])
def test_senseless_counts_are_refused(count: int) -> None:
    with pytest.raises(SparringError, match="--held-out"):
        hold_out(open_data(numbered(40), size_px=None), count)


def test_the_usual_number() -> None:
    assert [usual_number(n) for n in (3, 499, 500, 1865, 2500, 5000, 8000, 60_000)] == [
        0, 0, 100, 373, 500, 500, 800, 2000,
    ]  # fmt: skip
