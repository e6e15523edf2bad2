"""Tensors, data sets, loaders and generators: the same pictures again from any position, and clear errors."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from sparring.data import IndexedStream, Pack, Stream, open_data
from sparring.data.order import IndexOrder, flips
from sparring.errors import SparringError

N = 23


def pictures(n: int = N, channels: int = 3) -> torch.Tensor:
    """Pictures 0 .. n-1, float in [0, 1], of which picture k is k/255 at the top left."""
    out = torch.rand(n, channels, 8, 8, generator=torch.Generator().manual_seed(0))
    out[:, :, 0, 0] = torch.arange(n)[:, None] / 255
    out[:, :, 7, 7] = 1
    return out


def numbers(batch: torch.Tensor) -> list[int]:
    return ((batch[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def opened(source: Any, **options: Any) -> Any:
    return open_data(source, **{"size_px": 8, **options})


class Again:
    """An iterable that can be repeated, and nothing else."""

    def __init__(self, make: Callable[[], Iterator[Any]]) -> None:
        self.make = make

    def __iter__(self) -> Iterator[Any]:
        return self.make()


class Noisy(Dataset[torch.Tensor]):
    """A data set whose transform draws from all three global generators."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, index: int) -> torch.Tensor:
        noise = torch.rand(3, 8, 8) * 0.3 + float(np.random.rand()) * 0.3 + random.random() * 0.3
        noise[:, 0, 0] = index / 255
        return noise


def loader(**options: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(pictures(), torch.arange(N)), **{"batch_size": 5, "shuffle": True, **options})


REPEATABLE = {
    "list of pictures": lambda: list(pictures()),
    "list of batches": lambda: Again(lambda: iter(pictures().split(6))),
    "pairs": lambda: [(picture, 1) for picture in pictures()],
    "arrays, channels last": lambda: [picture.permute(1, 2, 0).numpy() for picture in pictures()],
    "dicts": lambda: Again(lambda: ({"pixel_values": part, "label": 0} for part in pictures().split(4))),
    "dataset": lambda: TensorDataset(pictures()),
    "noisy dataset": Noisy,
    "loader": loader,
    "loader, last dropped": lambda: loader(drop_last=True),
    "loader with a generator": lambda: loader(generator=torch.Generator().manual_seed(5)),
    "loader of a noisy dataset": lambda: DataLoader(Noisy(), batch_size=4, shuffle=True),
}


@pytest.mark.parametrize("kind", REPEATABLE)
def test_going_on_from_any_position_equals_one_go(kind: str) -> None:
    whole = opened(REPEATABLE[kind]()).batch(0, 80, seed=3, flip=True)
    assert whole.shape == (80, 3, 8, 8)
    assert whole.is_contiguous(memory_format=torch.channels_last)
    assert whole.dtype == torch.float32
    again = opened(REPEATABLE[kind]())
    sequential = torch.cat([again.batch(start, 8, seed=3, flip=True) for start in range(0, 80, 8)])
    assert torch.equal(sequential, whole)
    for position in (70, 0, 22, 23, 24, 46, 5):
        assert torch.equal(again.batch(position, 9, seed=3, flip=True), whole[position : position + 9]), position
        fresh = opened(REPEATABLE[kind]())
        assert torch.equal(fresh.batch(position, 9, seed=3, flip=True), whole[position : position + 9]), position
    plain = again.batch(0, 80, seed=3, flip=False)
    for place, coin in enumerate(flips(0, 80, 3)):
        assert torch.equal(whole[place], plain[place].flip(2) if coin else plain[place])


def test_each_pass_of_a_loader_holds_every_picture_in_an_order_of_its_own() -> None:
    data = opened(loader())
    drawn = numbers(data.batch(0, 3 * N, seed=0, flip=False))
    passes = [drawn[start : start + N] for start in (0, N, 2 * N)]
    assert [sorted(one) for one in passes] == [list(range(N))] * 3
    assert passes[0] != passes[1] != passes[2]
    assert drawn != numbers(data.batch(0, 3 * N, seed=1, flip=False))
    assert data.n == len(data) == N
    assert opened(loader(drop_last=True)).n == 20


def test_a_dataset_is_drawn_in_the_order_of_a_pack() -> None:
    data = opened(TensorDataset(pictures()))
    assert isinstance(data, IndexedStream)
    assert numbers(data.batch(17, 30, seed=4, flip=False)) == IndexOrder(N).indices(17, 30, 4).tolist()


def test_the_users_random_numbers_are_left_alone() -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    want = torch.rand(1).item(), np.random.rand(), random.random()
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    own = torch.Generator().manual_seed(5)
    before = own.get_state()
    source = loader(generator=own)
    opened(source)
    assert torch.equal(own.get_state(), before)
    for kind in ("noisy dataset", "loader"):
        opened(REPEATABLE[kind]()).batch(0, 50, seed=0, flip=True)
    assert (torch.rand(1).item(), np.random.rand(), random.random()) == want


def test_another_process_goes_on_where_this_one_stopped() -> None:
    program = "import test_data_stream as t\nprint(t.numbers(t.opened(t.loader()).batch(31, 20, seed=9, flip=False)))"
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": paths},
    )
    whole = opened(loader()).batch(0, 60, seed=9, flip=False)
    assert done.stdout == f"{numbers(whole[31:51])}\n"


def test_an_iterable_of_unknown_length_is_counted() -> None:
    data = opened(Again(lambda: iter(pictures().split(7))))
    assert data.n is None
    with pytest.raises(TypeError, match="nobody knows the length"):
        len(data)
    assert numbers(data.batch(3 * N + 5, 4, seed=0, flip=False)) == [5, 6, 7, 8]


def test_a_generator_runs_out_and_cannot_go_back() -> None:
    data = opened(part for part in pictures().split(4))
    assert isinstance(data, Stream)
    assert numbers(data.batch(0, 10, seed=0, flip=False)) == list(range(10))
    assert numbers(data.batch(12, 5, seed=0, flip=False)) == [12, 13, 14, 15, 16]
    with pytest.raises(SparringError, match="cannot go back to 3"):
        data.batch(3, 1, seed=0, flip=False)
    with pytest.raises(SparringError, match="The iterable ended after 23 pictures"):
        data.batch(17, 50, seed=0, flip=False)


def test_single_pictures_from_an_iterable_dataset() -> None:
    class Forever(IterableDataset[torch.Tensor]):
        def __iter__(self) -> Iterator[torch.Tensor]:
            while True:
                yield from pictures()

    for source in (Forever(), DataLoader(Forever(), batch_size=3)):
        data = opened(source)
        assert data.n is None
        assert numbers(data.batch(20, 6, seed=0, flip=False)) == [20, 21, 22, 0, 1, 2]


@pytest.mark.parametrize(
    ("scaled", "meaning"),
    [
        (lambda x: (x * 255).round().to(torch.uint8), "uint8"),
        (lambda x: (x * 255).round().long(), "uint8"),
        (lambda x: x, "0..1"),
        (lambda x: x.double(), "0..1"),
        (lambda x: x * 2 - 1, "-1..1"),
        (lambda x: (x * 2.001 - 1).half(), "-1..1"),
    ],
)
def test_the_first_batch_decides_the_range(scaled: Callable[[torch.Tensor], torch.Tensor], meaning: str) -> None:
    data = opened(Again(lambda: iter(scaled(pictures()).split(23))))
    assert data.identity["range"] == meaning
    assert any(meaning in note for note in data.notes)
    batch = data.batch(0, N, seed=0, flip=False)
    assert (batch - (pictures() * 2 - 1)).abs().max() < 5e-3
    assert batch.min() >= -1
    assert batch.max() <= 1


def test_ranges_that_are_unknown_or_change() -> None:
    with pytest.raises(SparringError, match="reach from 0 to 255"):
        opened(list(pictures() * 255))
    with pytest.raises(SparringError, match="not finite"):
        opened(list(pictures() / 0))
    parts = [pictures()[:20], pictures()[20:] * 2 - 1]
    data = opened(Again(lambda: iter(parts)))
    with pytest.raises(SparringError, match=r"taken for 0\.\.1"):
        data.batch(0, N, seed=0, flip=False)
    darker = opened(Again(lambda: iter([pictures()[:20] * 2 - 1, pictures()[20:]])))
    assert darker.batch(20, 1, seed=0, flip=False)[0, 0, 0, 0].item() == pytest.approx(20 / 255)  # no second scale


def test_grey_batches_without_a_channel_axis() -> None:
    grey = pictures(channels=1)[:, 0]
    for source in (Again(lambda: iter(grey.split(10))), list(grey)):  # the last batch of the first is [3, 8, 8]
        data = opened(source)
        assert data.channels == 1
        assert data.batch(0, N, seed=0, flip=False).shape == (N, 1, 8, 8)


def test_size_and_channels_must_be_those_of_the_data() -> None:
    assert opened(list(pictures()), size_px=None).size_px == 8
    with pytest.raises(SparringError, match=r"8 x 8 pixels(.|\n)*squares of 16 px(.|\n)*size=8"):
        opened(list(pictures()), size_px=16)
    with pytest.raises(SparringError, match="have 3 channels"):
        opened(list(pictures()), channels=1)
    hidden = list(pictures(40))
    hidden[1] = torch.zeros(3, 9, 9)  # not among the first looked at: found when it is drawn
    with pytest.raises(SparringError, match=r"9 x 9 pixels(.|\n)*resize them in your loader"):
        opened(hidden).batch(0, 40, seed=0, flip=False)
    with pytest.raises(SparringError, match="9 x 9 pixels"):
        opened([*pictures(3), torch.zeros(3, 9, 9)])


def test_pillow_images_are_fitted_as_files_are() -> None:
    images = [Image.new("RGBA", (20, 30), (k, 0, 0, 255)) for k in range(9)]
    data = opened(images)
    assert data.channels == 3
    assert sorted(numbers(data.batch(0, 9, seed=0, flip=False))) == list(range(9))
    assert opened([Image.new("L", (9, 9), 5), Image.new("L", (7, 9), 5)]).channels == 1
    assert opened([{"image": Image.new("LA", (9, 9), (5, 0))}]).channels == 4


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "holds nothing"),
        (iter([]), "holds nothing"),
        ([{"label": 3}], "a dict with the keys label"),
        (["a.png"], "of type str"),
        ({"images": 3}, "cannot come from a dict"),
        (42, "cannot come from a int"),
        ([torch.zeros(2, 8, 8)], "has the shape"),
        ([torch.zeros(5, 3, 8, 8)], "one picture for each index"),
    ],
)
def test_what_yields_no_pictures(source: Any, message: str) -> None:
    with pytest.raises(SparringError, match=message):
        opened(source)


def test_identity_of_streams() -> None:
    assert opened(TensorDataset(pictures())).identity == opened(TensorDataset(pictures())).identity
    assert opened(loader()).identity == opened(loader()).identity
    other = opened(TensorDataset(1 - pictures())).identity
    assert other["fingerprint"] != opened(TensorDataset(pictures())).identity["fingerprint"]
    assert opened(loader()).name == "dataloader"


def test_arrays_and_tensors_become_packs_in_memory() -> None:
    data = opened(pictures())
    assert isinstance(data, Pack)
    assert (data.name, data.n, data.channels, data.identity["kind"]) == ("tensors", N, 3, "array")
    order = IndexOrder(N).indices(0, N, 0)
    assert (data.batch(0, N, seed=0, flip=False) - (pictures()[order] * 2 - 1)).abs().max() <= 1 / 255 + 1e-6
    frozen = (pictures().permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8)
    frozen.setflags(write=False)
    assert np.array_equal(opened(frozen).pictures([3, 1]), frozen[[3, 1]])
    assert [row.row for row in opened(frozen).table()] == list(range(N))
    assert opened(frozen).identity == opened(frozen.copy()).identity != opened(255 - frozen).identity
    for wrong, message in (
        (pictures()[:, :, :6], "8 x 6 pixels"),
        (pictures()[0, 0], r"the shape \[8, 8\]"),
        (pictures(channels=2), "the shape"),
    ):
        with pytest.raises(SparringError, match=message):
            opened(wrong)
    with pytest.raises(SparringError, match=r"8 x 8 pixels(.|\n)*squares of 64 px"):
        open_data(pictures())
    with pytest.raises(SparringError, match="have 3 channels"):
        opened(pictures(), channels=4)
