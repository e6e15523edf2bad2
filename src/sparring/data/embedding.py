"""Captions -> numbers for a whole data set: every caption once, under a progress bar, and kept in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sparring.checkpoints import write_whole
from sparring.conditions import Embed, embedded, embedder_name
from sparring.data.build import Say, shown
from sparring.errors import SparringError
from sparring.text import MiniLM

_AT_ONCE = 256  # captions between two moves of the bar


def embed_captions(captions: Sequence[str], embed: Embed, cache: Path, say: Say | None, progress: bool) -> np.ndarray:
    """Returns the numbers of captions; zeros for an empty one  # float32 [n, k].

    Equal captions are computed once. What MiniLM gave is kept in the cache; a function of the user's is called each
    time, since nobody knows when it changes.

    Raises:
        SparringError: where `embed` gives no numbers, or not equally many for all.
    """
    # By length, since captions of one length are the fastest together.
    distinct = sorted(set(captions) - {""}, key=lambda caption: (len(caption), caption))
    path = _place(distinct, embed, cache) if isinstance(embed, MiniLM) else None
    table = _kept(path, len(distinct), MiniLM.size) if path is not None else None
    if table is None:
        table = _embedded(distinct, embed, say, progress)
        if path is not None:
            _keep(path, table)
    rows = {caption: row for row, caption in enumerate(distinct)}
    values = np.zeros((len(captions), table.shape[1]), np.float32)
    for place, caption in enumerate(captions):
        if caption:
            values[place] = table[rows[caption]]
    return values


def _embedded(distinct: list[str], embed: Embed, say: Say | None, progress: bool) -> np.ndarray:
    pieces = [distinct[start : start + _AT_ONCE] for start in range(0, len(distinct), _AT_ONCE)]
    text = f"turning {len(distinct):,} captions into numbers with {embedder_name(embed)}"
    tables: list[np.ndarray] = []
    for piece in shown(pieces, len(pieces), text, say, progress):
        tables.append(embedded(piece, embed, tables[0].shape[1] if tables else None))
    return np.concatenate(tables)


def _place(distinct: list[str], embed: MiniLM, cache: Path) -> Path:
    key = hashlib.blake2b(json.dumps([embed.name, distinct]).encode(), digest_size=12).hexdigest()
    return cache / "captions" / f"{key}.npy"


def _kept(path: Path, n: int, size: int) -> np.ndarray | None:
    """What the cache holds; None where it is missing or damaged."""
    try:
        table = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError):
        return None
    sound = table.shape == (n, size) and table.dtype == np.float32 and np.isfinite(table).all()
    return table if sound else None


def _keep(path: Path, table: np.ndarray) -> None:
    def write(file: BinaryIO) -> None:
        np.save(file, table, allow_pickle=False)

    # A cache that is full or may not be written costs seconds the next time, and is no reason to stop.
    with contextlib.suppress(OSError, SparringError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, write)
