"""Some of the pictures that a run was trained on, where they still lie decoded in the cache; else none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..folder import cache_folder
from ..pictures import grid

SHOWN = 40
_COLUMNS = 10
_LARGEST_PACK = 1 << 20  # bytes of a pack.json; one of a million pictures left out is not worth waiting for


def contact_sheet(data: dict[str, Any]) -> tuple[Image.Image, list[str]] | None:
    """A sheet of training pictures, and what the data set says of itself (whose art it is); None where it is not there.

    Nothing is decoded: a pack with the same fingerprint is looked for in the cache of this machine.

    Args:
        data: of recipe.json.
    """
    found = pack_of(data)
    if found is None:
        return None
    images, meta = found
    places = np.linspace(0, len(images) - 1, min(SHOWN, len(images))).astype(int)
    notes = [str(note) for note in meta.get("notes", [])] if isinstance(meta.get("notes"), list) else []
    return grid(np.array(images[places]).transpose(0, 3, 1, 2), columns=_COLUMNS), notes


def pack_of(data: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]] | None:
    """The pictures of a data set as they lie decoded in the cache, and what is written beside them; None without.

    Args:
        data: of recipe.json.

    Returns (a map of the file, pack.json).  # uint8 [n, size_px, size_px, channels]
    """
    fingerprint, side, channels = (data.get(name) for name in ("fingerprint", "size_px", "channels"))
    if data.get("kind") == "stream" or not fingerprint:
        return None
    try:
        packs = sorted(cache_folder(None).joinpath("packs").iterdir())
    except OSError:
        return None
    for folder in packs:
        meta = _meta(folder / "pack.json")
        if meta.get("fingerprint") != fingerprint or meta.get("channels") != channels:
            continue
        try:
            images = np.load(folder / "images.npy", mmap_mode="r")
        except (OSError, ValueError):
            continue
        if images.ndim == 4 and images.shape[1:] == (side, side, channels) and len(images):
            return images, meta
    return None


def _meta(path: Path) -> dict[str, Any]:
    try:
        if os.path.getsize(path) > _LARGEST_PACK:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
