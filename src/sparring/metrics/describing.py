"""From one side's pictures to what metrics see of them: one pass, and the reference's features kept by content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..checkpoints import write_whole
from ..data.decode import background_rgb
from ..errors import SparringError
from ..seeds import seed_for
from .features import Extractor, extract, to_rgb
from .opening import Look, Opened
from .sides import Side

PIXEL_PICTURES = 8_192  # that pixel metrics look at: as many as PGGAN's sliced Wasserstein (arXiv 1710.10196)


def describe(
    side: Opened,
    extractor: Extractor | None,
    needs: frozenset[str],
    look: Look,
    store: Path | None,
    progress: bool,
) -> tuple[Side, Side]:
    """Looks at all pictures once. Returns (what the extractor saw, the pixels of at most PIXEL_PICTURES of them).

    Args:
        side: the pictures.
        extractor: None where only pixels are needed.
        needs: "features", "probabilities", "pixels", "classes".
        look: its background lies under transparent parts.
        store: folder of features already computed, or None.
        progress: whether a bar is shown.
    """
    keep = _Keeper(side.n, look.seed) if "pixels" in needs else None
    features = probabilities = None
    if extractor is not None:
        file = _file(side, extractor, look, store)
        found = _read(file, side.n, "probabilities" in needs) if file is not None else None
        if found is None:
            pages = keep.watching(side.pages()) if keep else side.pages()
            words = f"{extractor.name}: {side.name}"
            found = extract(extractor, _fit_for(extractor, pages, look), side.n, progress, words)
            if file is not None:
                _write(file, found[0], found[1] if "probabilities" in needs else None)
        features, probabilities = found
    if keep is not None and not keep.kept:
        for _ in keep.watching(side.pages()):
            pass
    labels = side.labels()
    return Side(features, probabilities, labels and labels[1]), Side(pixels=keep.pictures() if keep else None)


def _fit_for(extractor: Extractor, pages: Iterator[Tensor], look: Look) -> Iterator[Tensor]:
    if not extractor.sees_rgb:
        yield from pages
        return
    for page in pages:
        yield to_rgb(page, background_rgb(look.background))


class _Keeper:
    """Keeps the pixels of at most PIXEL_PICTURES pictures, chosen by the seed, while pages go by."""

    def __init__(self, n: int, seed: int) -> None:
        chosen = np.arange(n)
        if n > PIXEL_PICTURES:
            rng = np.random.Generator(np.random.Philox(seed_for(seed, "pixels")))
            chosen = np.sort(rng.choice(n, PIXEL_PICTURES, replace=False))
        self._chosen = chosen
        self.kept: list[Tensor] = []

    def watching(self, pages: Iterator[Tensor]) -> Iterator[Tensor]:
        """Lets pages through."""
        start = 0
        for page in pages:
            first, last = np.searchsorted(self._chosen, (start, start + len(page)))
            self.kept.append(page[self._chosen[first:last] - start])
            start += len(page)
            yield page

    def pictures(self) -> Tensor:
        """What was kept, uint8  # [n, C, H, W]."""
        return torch.cat(self.kept)


def _file(side: Opened, extractor: Extractor, look: Look, store: Path | None) -> Path | None:
    if store is None or side.identity is None or not extractor.identity:
        return None
    what = [side.identity, extractor.identity, look.size_px, look.background]
    return store / f"{hashlib.blake2b(json.dumps(what).encode(), digest_size=16).hexdigest()}.npz"


def _read(file: Path, n: int, with_probabilities: bool) -> tuple[Tensor, Tensor | None] | None:
    """What is kept of these pictures; None where nothing is, or what is there is damaged or lacks probabilities."""
    with contextlib.suppress(OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        with np.load(file, allow_pickle=False) as found:
            features = torch.from_numpy(found["features"])
            probabilities = torch.from_numpy(found["probabilities"]) if with_probabilities else None
        if len(features) == n:
            return features, probabilities
    return None


def _write(file: Path, features: Tensor, probabilities: Tensor | None) -> None:
    """Keeps features for the next time; a cache that cannot be written is no reason to fail."""
    arrays = {"features": features.numpy()}
    if probabilities is not None:
        arrays["probabilities"] = probabilities.numpy()
    with contextlib.suppress(OSError, SparringError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, lambda opened: np.savez(opened, **arrays))  # type: ignore[arg-type]  # NumPy's own typing
