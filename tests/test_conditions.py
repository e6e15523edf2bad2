"""Conditions: plain data, what users type, what is drawn to sample with, and how pictures come with theirs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from sparring.conditions import Conditions, Shape, class_conditions, encode, text_conditions, vector_conditions
from sparring.data import ImageSource, IndexedStream, Pack, Stream, hold_out, open_data
from sparring.errors import SparringError

N = 23
DRESS = Shape("class", 3, ("T-shirt/top", "Dress", "dress code"))


def embed(captions: list[str]) -> list[list[float]]:
    """Numbers that tell captions apart: their first letter, and their length."""
    return [[ord(caption[0]) / 128, len(caption) / 10] for caption in captions]


def letters(n: int) -> list[str]:
    return [chr(97 + i % 26) * (1 + i // 26) for i in range(n)]


def of_kind(kind: str, n: int = N, without: tuple[int, ...] = ()) -> Conditions:
    """Conditions of n pictures: class k % 3, the k-th letter, or the vector (k, -k)."""
    has = np.array([place not in without for place in range(n)])
    if kind == "class":
        return class_conditions(np.where(has, np.arange(n) % 3, -1), ("red", "green", "blue"), "a test")
    if kind == "text":
        captions = [letter if known else "" for letter, known in zip(letters(n), has, strict=True)]
        values = np.array([embed([caption])[0] if caption else [0, 0] for caption in captions], np.float32)
        return text_conditions(captions, values, "embed", "a test")
    return vector_conditions(np.array([(k, -k) for k in range(n)], np.float32), has, "a test")


KINDS = ("class", "text", "vector")


# --- what they are ---


@given(st.sampled_from(KINDS), st.integers(2, 50), st.booleans())
def test_a_shape_survives_json(kind: Any, size: int, named: bool) -> None:
    shape = Shape(kind, size, tuple(map(str, range(size))) if named and kind == "class" else ())
    assert Shape.of(json.loads(json.dumps(shape.to_dict()))) == shape


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"kind": "klass", "size": 2, "names": []}, "did you mean 'class'"),
        ({"kind": "class", "size": 1, "names": []}, "2 or more"),
        ({"kind": "vector", "size": 0, "names": []}, "1 or more"),
        ({"kind": "text", "size": 2.0, "names": []}, "is 2.0"),
        ({"kind": "class", "size": 3, "names": ["a", "b"]}, "size 3 has 2 names"),
        ({"kind": "text", "size": 1, "names": ["a"]}, "or none"),
        ({"kind": "class", "size": 3}, "cannot be read"),
        ({"kind": "class", "size": 3, "names": None}, "cannot be read"),
    ],
)
def test_shapes_that_make_no_sense(shape: dict[str, Any], message: str) -> None:
    with pytest.raises(SparringError, match=message):
        Shape.of(shape)


@pytest.mark.parametrize("kind", KINDS)
def test_conditions_by_place(kind: str) -> None:
    conditions = of_kind(kind, without=(2, 5))
    assert len(conditions) == N - 2
    places = np.array([7, 0, 7])
    found = conditions.of(places)
    want = {"class": [1, 0, 1], "text": embed(["h", "a", "h"]), "vector": [[7, -7], [0, 0], [7, -7]]}[kind]
    assert torch.equal(found, torch.tensor(want, dtype=torch.int64 if kind == "class" else torch.float32))
    assert conditions.captions[2] == ""
    with pytest.raises(ValueError, match="without a condition"):
        conditions.of(np.array([1, 2]))
    part = conditions.part(np.array([5, 4, 3]))
    assert part.places.tolist() == [3, 4]
    with pytest.raises(ValueError, match="without a condition"):
        part.of(np.array([7]))
    with pytest.raises(SparringError, match="None of these pictures"):
        conditions.part(np.array([2, 5]))
    assert json.loads(json.dumps(conditions.identity)) == conditions.identity
    other = of_kind(kind, without=(2, 6))
    assert other.identity != conditions.identity == of_kind(kind, without=(2, 5)).identity


def test_the_identity_of_captions_is_theirs_and_not_that_of_the_last_bit() -> None:
    values = np.array([[1, 0], [0, 1]], np.float32)
    one, other = (text_conditions(["a", "b"], values + shift, "minilm", "x") for shift in (0, np.float32(1e-7)))
    assert one.identity == other.identity
    assert one.identity != text_conditions(["ab", ""], values, "minilm", "x").identity
    assert one.identity != text_conditions(["a", "b"], values, "mine", "x").identity
    assert one.notes == []
    assert "length of 30" in text_conditions(["a", "b"], values * 30, "mine", "x").notes[0]


# --- what is drawn to sample with ---


@settings(max_examples=60)
@given(st.sampled_from(KINDS), st.integers(0, 60), st.integers(0, 60), st.integers(0, 5))
def test_what_is_drawn_is_a_function_of_seed_and_place(kind: str, n: int, more: int, seed: int) -> None:
    conditions = of_kind(kind, without=(0, 4))
    places = conditions.draw(n + more, seed)
    assert len(places) == n + more
    assert places[:n].tolist() == conditions.draw(n, seed).tolist()
    assert conditions.has(places).all()
    if kind == "class":
        assert conditions.of(places).tolist() == [i % 3 for i in range(n + more)]
    else:
        counts = Counter(places.tolist())
        assert max(counts.values(), default=0) - (min(counts.values()) if len(counts) == N - 2 else 0) <= 1


def test_other_seeds_draw_other_conditions_and_parts_their_own() -> None:
    conditions = of_kind("text")
    assert conditions.draw(N, 0).tolist() != conditions.draw(N, 1).tolist()
    rounds = conditions.draw(2 * N, 0).reshape(2, N).tolist()
    assert rounds[0] != rounds[1]
    assert set(conditions.part(np.array([3, 9])).draw(8, 0).tolist()) == {3, 9}
    without_green = of_kind("class").part(np.array([0, 2, 3, 5]))
    assert without_green.of(without_green.draw(4, 0)).tolist() == [0, 2, 0, 2]


# --- what users type ---


def test_classes_by_name_and_by_number() -> None:
    words = ["Dress", "dress", " T-SHIRT/top ", "2", "dress code", "0"]
    found = encode(DRESS, words)
    assert found.dtype == torch.int64
    assert found.tolist() == [1, 1, 0, 2, 2, 0]
    digits = Shape("class", 3, ("7", "2", "1"))
    assert encode(digits, ["2", "1", "7", "0"]).tolist() == [1, 2, 0, 0]  # a name goes before a number
    alike = Shape("class", 2, ("Cat", "cat"))
    assert encode(alike, ["cat", "Cat"]).tolist() == [1, 0]
    for shape, word, message in (
        (DRESS, "dres", r"no class 'dres'(.|\n)*one of 3 names, or a number from 0 to 2(.|\n)*did you mean 'Dress'"),
        (DRESS, "3", "no class '3'"),
        (DRESS, "-1", "no class '-1'"),
        (alike, "CAT", "no class 'CAT'"),
        (Shape("class", 5), "dress", r"from 0 to 4(.|\n)*not known here"),
        (Shape("class", 300, tuple(f"n{i:03d}" for i in range(300))), "zzz", "the first of them: n000, n001"),
    ):
        with pytest.raises(SparringError, match=message):
            encode(shape, [word])
    assert encode(Shape("class", 5), ["4"]).tolist() == [4]


@given(st.lists(st.text(min_size=1).map(str.strip).filter(bool), min_size=2, max_size=9, unique=True))
def test_every_class_is_found_by_its_own_name(names: list[str]) -> None:
    shape = Shape("class", len(names), tuple(names))
    assert encode(shape, names).tolist() == list(range(len(names)))


def test_captions_are_embedded() -> None:
    found = encode(Shape("text", 2), [" red\n apple ", "dog"], embed)
    assert torch.equal(found, torch.tensor(embed(["red apple", "dog"])))
    with pytest.raises(SparringError, match="A caption is empty"):
        encode(Shape("text", 2), ["dog", " "], embed)
    with pytest.raises(SparringError, match="nothing that turns them into numbers"):
        encode(Shape("text", 2), ["dog"])
    with pytest.raises(SparringError, match=r"embed gives the shape \[1, 2\](.|\n)*\[1, 384\]"):
        encode(Shape("text", 384), ["dog"], embed)
    with pytest.raises(SparringError, match="There is no text to encode"):
        encode(Shape("text", 2), [], embed)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_vectors_as_text(numbers: list[float]) -> None:
    shape = Shape("vector", len(numbers))
    words = [",".join(map(repr, numbers)), str(numbers), " ".join(map(repr, numbers)), "; ".join(map(repr, numbers))]
    assert encode(shape, words).tolist() == [numbers] * 4


def test_vectors_in_files(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.array([1.5, 2]))
    np.save(tmp_path / "two.npy", np.array([[3, 4], [5, 6]]))
    found = encode(Shape("vector", 2), [str(tmp_path / "two.npy"), "7,8", str(tmp_path / "one.npy")])
    assert found.tolist() == [[3, 4], [5, 6], [7, 8], [1.5, 2]]
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    np.save(tmp_path / "deep.npy", np.zeros((1, 1, 2)))
    np.save(tmp_path / "none.npy", np.zeros((0, 2)))
    for word, message in (
        ("1", r"'1' holds the shape \[1, 1\](.|\n)*2 numbers such as"),
        ("1,2,3", r"holds the shape \[1, 3\]"),
        ("1,x", "'1,x' is no vector"),
        ("", "is no vector"),
        ("1,nan", "not finite"),
        ("1,1e300", "not finite"),
        ("gone.npy", "gone.npy cannot be read"),
        (str(tmp_path / "objects.npy"), "cannot be read"),
        (str(tmp_path / "deep.npy"), r"the shape \[1, 1, 2\]"),
        (str(tmp_path / "none.npy"), r"the shape \[0, 2\]"),
    ):
        with pytest.raises(SparringError, match=message):
            encode(Shape("vector", 2), [word])


# --- pictures with their conditions ---


def pictures(n: int = N) -> Tensor:
    """Pictures 0 .. n-1, float in [0, 1], of which picture k is k/255 at the top left."""
    out = torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    out[:, :, 0, 0] = torch.arange(n)[:, None] / 255
    out[:, :, 7, 7] = 1
    return out


def numbers(batch: Tensor) -> list[int]:
    return ((batch[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def opened(source: Any) -> Any:
    return open_data(source, size_px=8)


def wanted(kind: str, places: list[int]) -> Tensor:
    return of_kind(kind).of(np.array(places))


class Pairs(Dataset[Any]):
    """Pictures with what `label` gives for the k-th, in tuples or under keys."""

    def __init__(self, label: Callable[[int], Any], keys: tuple[str, str] | None = None) -> None:
        self.label, self.keys, self.pictures = label, keys, pictures()

    def __len__(self) -> int:
        return N

    def __getitem__(self, index: int) -> Any:
        pair = self.pictures[index], self.label(index)
        return pair if self.keys is None else dict(zip(self.keys, pair, strict=True))


class Again:
    """An iterable that can be repeated, and nothing else."""

    def __init__(self, make: Callable[[], Iterator[Any]]) -> None:
        self.make = make

    def __iter__(self) -> Iterator[Any]:
        return self.make()


def batches(size: int, *labels: Any) -> Again:
    """Batches of the pictures, each with the same part of every label."""
    parts = [range(start, min(N, start + size)) for start in range(0, N, size)]
    cut = lambda some, part: some[part.start : part.stop]  # noqa: E731
    return Again(
        lambda: ((pictures()[part.start : part.stop], *(cut(some, part) for some in labels)) for part in parts)
    )


LABELS = torch.arange(N) % 3
SOURCES: dict[str, tuple[str, Callable[[], Any], dict[str, Any]]] = {
    "pairs with ints": ("class", lambda: Pairs(lambda k: k % 3), {"n_classes": 3}),
    "dicts with tensors": ("class", lambda: Pairs(lambda k: torch.tensor(k % 3), ("image", "label")), {"n_classes": 3}),
    "pairs with one-hot rows": ("class", lambda: Pairs(lambda k: np.eye(3)[k % 3]), {}),
    "tensors": ("class", lambda: TensorDataset(pictures(), LABELS), {}),
    "loader": ("class", lambda: DataLoader(TensorDataset(pictures(), LABELS), batch_size=4, shuffle=True), {}),
    "loader of a part": ("class", lambda: DataLoader(Subset(Pairs(lambda k: k % 3), range(N)), 5), {"n_classes": 3}),
    "batches with one-hot rows": ("class", lambda: batches(6, torch.eye(3)[LABELS]), {}),
    "batches with columns": ("class", lambda: batches(6, LABELS[:, None].numpy()), {"n_classes": 3}),
    "pairs with strings": ("text", lambda: Pairs(lambda k: letters(N)[k]), {"embed": embed}),
    "dicts with captions": ("text", lambda: Pairs(lambda k: letters(N)[k], ("img", "caption")), {"embed": embed}),
    "loader of strings": ("text", lambda: DataLoader(Pairs(lambda k: letters(N)[k]), batch_size=4), {"embed": embed}),
    "labels and captions": ("text", lambda: batches(7, LABELS, letters(N)), {"embed": embed}),
    "pairs with vectors": ("vector", lambda: Pairs(lambda k: [float(k), -k]), {}),
    "loader of vectors": ("vector", lambda: DataLoader(Pairs(lambda k: torch.tensor([k, -k])), batch_size=4), {}),
    "dicts with vectors": ("vector", lambda: Pairs(lambda k: np.array([k, -k]), ("x", "condition")), {}),
}


@pytest.mark.parametrize("name", SOURCES)
def test_streams_give_each_picture_its_condition_from_any_position(name: str) -> None:
    kind, make, options = SOURCES[name]
    plain = opened(make())
    assert plain.condition is None
    data = opened(make()).conditioned(kind, **options)
    assert isinstance(data, ImageSource)
    assert isinstance(data, IndexedStream | Stream)
    assert data.condition == Shape(kind, 3 if kind == "class" else 2)
    whole, conditions = data.draw(0, 60, seed=3, flip=False)
    assert torch.equal(conditions, wanted(kind, numbers(whole)))
    assert torch.equal(whole, plain.batch(0, 60, seed=3, flip=False))
    assert plain.draw(0, 5, seed=3, flip=False)[1] is None
    for position in (30, 0, 22, 23, 41, 5):
        fresh = opened(make()).conditioned(kind, **options)
        for source in (data, fresh):
            part, found = source.draw(position, 9, seed=3, flip=False)
            assert torch.equal(part, whole[position : position + 9])
            assert torch.equal(found, conditions[position : position + 9])
    flipped, again = fresh.draw(0, 60, seed=3, flip=True)
    assert torch.equal(flipped, plain.batch(0, 60, seed=3, flip=True))
    assert torch.equal(again, conditions)
    assert json.loads(json.dumps(data.identity))["condition"]["kind"] == kind
    assert "condition" not in plain.identity
    assert len(data.notes) == len(plain.notes) + 1


def test_what_can_be_iterated_once_only() -> None:
    data = opened(iter(batches(6, LABELS))).conditioned("class", n_classes=3)
    first, second = data.draw(0, 9, seed=0, flip=False), data.draw(9, 9, seed=0, flip=False)
    assert numbers(torch.cat([first[0], second[0]])) == list(range(18))
    assert torch.cat([first[1], second[1]]).tolist() == LABELS[:18].tolist()
    drawn = opened(iter(batches(6, LABELS)))
    drawn.batch(0, 2, seed=0, flip=False)
    with pytest.raises(SparringError, match="has been drawn from already"):
        drawn.conditioned("class", n_classes=3)


def test_passes_that_differ_in_length_are_told_of() -> None:
    lengths = iter([9, 9, 9, 6, 9, 9, 9])
    source = Again(lambda: iter([(pictures()[k], k % 3) for k in range(next(lengths))]))
    data = opened(source).conditioned("class", n_classes=3)
    data.draw(0, 30, seed=0, flip=False)
    assert [note for note in data.notes if "differ in length" in note] == data.notes[2:]
    assert len(data.notes) == 3


def test_a_caption_is_embedded_once_and_alone() -> None:
    asked: list[list[str]] = []

    def counting(captions: list[str]) -> list[list[float]]:
        asked.append(captions)
        return embed(captions)

    data = opened(DataLoader(Pairs(lambda k: "ab"[k % 2]), batch_size=4)).conditioned("text", counting)
    asked.clear()
    data.draw(0, 40, seed=0, flip=False)
    assert sorted(asked) == [["a"], ["b"]]
    data.draw(200, 4, seed=0, flip=False)  # pictures that are skipped need no numbers
    assert len(asked) == 2


class Named(Pairs):
    classes = ["red", "green", "blue"]  # noqa: RUF012


class Counted(Pairs):
    num_classes = 3


class Targeted(Pairs):
    targets = [0, 2, 1, 0]  # noqa: RUF012


class Feature:
    names = ("red", "green", "blue")


class Featured(Pairs):
    features = {"image": None, "label": Feature()}  # noqa: RUF012


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (Named, ("red", "green", "blue")),
        (Featured, ("red", "green", "blue")),
        (Counted, ()),
        (Targeted, ()),
    ],
)
def test_the_number_of_classes_that_a_data_set_tells(data: type[Pairs], names: tuple[str, ...]) -> None:
    for source in (data(lambda k: k % 3), Subset(data(lambda k: k % 3), range(9)), DataLoader(data(lambda k: k % 3))):
        assert opened(source).conditioned("class").condition == Shape("class", 3, names)
    assert opened(data(lambda k: k % 3)).conditioned("class", n_classes=7).condition == Shape("class", 7)


@pytest.mark.parametrize(
    ("source", "kind", "options", "message"),
    [
        (
            lambda: Pairs(lambda k: k % 3),
            "class",
            {},
            r"A Pairs does not say how many classes(.|\n)*loader\.num_classes = 10",
        ),
        (lambda: list(pictures()), "class", {}, "are pictures without a class"),
        (lambda: Pairs(lambda k: "cat"), "class", {"n_classes": 3}, r"the class 'cat'(.|\n)*whole numbers from 0"),
        (lambda: Pairs(lambda k: k % 3, ("image", "tag")), "class", {}, r"the keys tag(.|\n)*under label, labels"),
        (lambda: Pairs(lambda k: k % 3 + 1), "class", {"n_classes": 3}, "An element has the class 3"),
        (lambda: Pairs(lambda k: -1), "class", {"n_classes": 3}, "An element has the class -1"),
        (lambda: Pairs(lambda k: 0.5), "class", {"n_classes": 3}, r"the classes \[0\.5\]"),
        (lambda: Pairs(lambda k: [1, 1, 0]), "class", {"n_classes": 3}, r"the classes \[\[1, 1, 0\]\]"),
        (lambda: Pairs(lambda k: k % 3), "text", {"embed": embed}, r"pictures with ints(.|\n)*with strings"),
        (lambda: Pairs(lambda k: " "), "text", {"embed": embed}, "has the captions"),
        (lambda: batches(6, letters(N)[:9]), "text", {"embed": embed}, "An element of 6 pictures has the captions"),
        (lambda: Pairs(lambda k: "cat"), "vector", {}, r"the vector 'cat'(.|\n)*numbers"),
        (lambda: Pairs(lambda k: [float("nan"), 1]), "vector", {}, "of finite numbers"),
        (lambda: Pairs(lambda k: []), "vector", {}, "one for each picture"),
        (lambda: Pairs(lambda k: [1] * (1 + k // 22)), "vector", {}, r"a vector of 2 numbers(.|\n)*1, as in the first"),
        (lambda: batches(6, torch.zeros(N, 2)[:8]), "vector", {}, r"An element of 6 pictures has a vector of shape"),
        (lambda: Pairs(lambda k: 1), "clas", {}, "did you mean 'class'"),
    ],
)
def test_elements_without_what_is_wanted(source: Any, kind: str, options: Any, message: str) -> None:
    with pytest.raises(SparringError, match=message):
        opened(source()).conditioned(kind, **options).draw(0, N, seed=0, flip=False)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 100), st.integers(1, 40), st.integers(0, 3))
def test_two_draws_equal_one_of_both(kind: str, position: int, count: int, seed: int) -> None:
    pack = opened(pictures()).conditioned(of_kind(kind, without=(3, 8, 9)))
    make, options = {k: (make, options) for k, make, options in SOURCES.values()}[kind]
    for data in (pack, opened(make()).conditioned(kind, **options)):
        images, conditions = data.draw(position, 2 * count, seed=seed, flip=True)
        parts = [data.draw(start, count, seed=seed, flip=True) for start in (position, position + count)]
        assert torch.equal(images, torch.cat([part for part, _ in parts]))
        assert torch.equal(conditions, torch.cat([part for _, part in parts]))


@pytest.mark.parametrize("kind", KINDS)
def test_packs_draw_pictures_that_have_a_condition_each_with_its_own(kind: str) -> None:
    plain = opened(pictures())
    assert isinstance(plain, Pack)
    assert isinstance(plain, ImageSource)
    assert plain.condition is None
    assert plain.draw(0, 5, seed=0, flip=True)[1] is None
    assert torch.equal(plain.draw(7, 50, seed=2, flip=True)[0], plain.batch(7, 50, seed=2, flip=True))
    full = plain.conditioned(of_kind(kind))
    images, conditions = full.draw(0, 2 * N, seed=1, flip=False)
    assert torch.equal(images, plain.batch(0, 2 * N, seed=1, flip=False))  # the order of a run without conditions
    assert torch.equal(conditions, wanted(kind, numbers(images)))
    data = plain.conditioned(of_kind(kind, without=(0, 7, 22)))
    assert data.condition == of_kind(kind).shape
    assert len(data) == data.n == N - 3
    images, conditions = data.draw(0, N - 3, seed=0, flip=False)
    assert sorted(numbers(images)) == [place for place in range(N) if place not in (0, 7, 22)]
    assert torch.equal(conditions, wanted(kind, numbers(images)))
    assert torch.equal(data.batch(0, N - 3, seed=0, flip=False), images)
    assert plain.n == N  # the view leaves it as it was
    assert plain.conditions is None
    assert "condition" not in plain.identity
    assert data.identity["condition"] == data.conditions.identity


def test_parts_of_packs_keep_their_conditions() -> None:
    conditions = of_kind("class", without=(0, 7, 22))
    plain = opened(pictures())
    part = np.array([7, 5, 0, 4])
    for data in (plain.part(part).conditioned(conditions), plain.conditioned(conditions).part(part)):
        images, found = data.draw(0, 10, seed=0, flip=False)
        assert set(numbers(images)) == {4, 5}
        assert found.tolist() == [number % 3 for number in numbers(images)]
    with pytest.raises(SparringError, match="None of these pictures has a class"):
        plain.conditioned(conditions).part(np.array([0, 7]))
    with pytest.raises(ValueError, match="22 conditions for 23 pictures"):
        plain.conditioned(of_kind("class", 22))
    split = hold_out(plain.conditioned(of_kind("vector")), 5)
    images, found = split.training.draw(0, N - 5, seed=0, flip=False)
    assert found[:, 0].tolist() == numbers(images)
    assert not set(numbers(images)) & set(split.held_out.tolist())


def test_parts_of_streams_keep_their_conditions() -> None:
    data = opened(Pairs(lambda k: k % 3)).conditioned("class", n_classes=3).part(np.array([5, 6, 8]))
    images, found = data.draw(0, 3, seed=0, flip=False)
    assert sorted(numbers(images)) == [5, 6, 8]
    assert found.tolist() == [number % 3 for number in numbers(images)]


def test_pillow_images_and_their_labels() -> None:
    images = [(Image.new("RGB", (9, 9), (k, 0, 0)), k % 2) for k in range(8)]
    batch, found = opened(images).conditioned("class", n_classes=2).draw(0, 8, seed=0, flip=True)
    assert found.tolist() == [number % 2 for number in numbers(batch)]
