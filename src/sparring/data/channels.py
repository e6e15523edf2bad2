"""How many channels a set of pictures needs: decided from the files themselves, and said why."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from sparring.data.decode import open_lazily, read_picture, uses_transparency
from sparring.data.parallel import in_order
from sparring.data.sources import Item

SAMPLE = 512  # files decoded for their alpha: a share of one half is then known to within 0.05 (two standard errors)
_GREY_MODES = {"1", "L", "LA", "La", "I", "F"}


@dataclass(frozen=True)
class _Header:
    grey: bool
    may_have_alpha: bool


def decide_channels(items: Sequence[Item], pool: ThreadPoolExecutor | None) -> tuple[int, str]:
    """Returns the number of channels (4, 1 or 3) and a sentence on why.

    Four if at least half of the files really use transparency (an alpha channel that is opaque throughout does not
    count), else one if all are grey, else three. All headers are read; the alpha of up to `SAMPLE` files, evenly
    spaced.
    """
    headers = list(in_order(pool, _header, items))
    sound = [(item, header) for item, header in zip(items, headers, strict=True) if header is not None]
    if not sound:
        return 3, "channels: 3, since no file could be opened"
    places = np.unique(np.linspace(0, len(sound) - 1, min(SAMPLE, len(sound))).round().astype(int))
    sample = [sound[place] for place in places]
    candidates = [item for item, header in sample if header.may_have_alpha]
    transparent = sum(in_order(pool, _is_transparent, candidates))
    which = f"{transparent:,} of {len(sample):,} {'sampled ' if len(sample) < len(sound) else ''}files"
    if 2 * transparent >= len(sample):
        return 4, f"channels: 4, since {which} use transparency"
    over = f" ({which} use transparency; they are laid on the background)" if transparent else ""
    if all(header.grey for _, header in sound):
        return 1, f"channels: 1, since all {len(sound):,} files are grey{over}"
    colored = sum(not header.grey for _, header in sound)
    return 3, f"channels: 3, since {colored:,} of {len(sound):,} files are of a colour mode{over}"


def _header(item: Item) -> _Header | None:
    if item.reason:
        return None
    try:
        if item.peek is None:
            pixels = item.read()
            if isinstance(pixels, np.ndarray):
                return _Header(pixels.shape[2] == 1, pixels.shape[2] == 4)
            return None
        with item.peek() as file, open_lazily(file) as image:
            return _Header(_is_grey(image), image.has_transparency_data)
    except Exception:  # whatever is wrong with it is told when it is decoded
        return None


def _is_grey(image: Image.Image) -> bool:
    if image.mode in ("P", "PA"):
        palette = image.getpalette("RGB")
        if palette is None:
            return False
        colors = np.array(palette, np.uint8).reshape(-1, 3)
        return bool((colors == colors[:, :1]).all())
    return image.mode in _GREY_MODES or image.mode.startswith("I;16")


def _is_transparent(item: Item) -> bool:
    try:
        raw = item.read()
        if isinstance(raw, np.ndarray):
            return bool((raw[..., 3] < 255).any())
        return uses_transparency(read_picture(raw).image)
    except Exception:  # whatever is wrong with it is told when it is decoded
        return False
