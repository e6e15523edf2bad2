"""Sheets of samples made small enough to stand in a page: some of them, spread over the run, as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ..pictures import opened

MOST_SHEETS = 24  # on a slider
MOST_BYTES = 1_800_000  # of all sheets of a page, before base64 makes a third more of them
_LARGEST_SHEET = 160_000  # bytes of one, where there are few
_LARGEST_PX = 1_600  # side
_SMALL_PX = 600  # sides up to this are tried without loss first


@dataclass(frozen=True)
class Sheet:
    """One picture of a page.

    Attributes:
        step: of the run.
        uri: data:image/...
        width: px
        height: px
        alpha: whether it is transparent somewhere.
    """

    step: int
    uri: str
    width: int
    height: int
    alpha: bool


def chosen(steps: Sequence[int], best: int | None, most: int = MOST_SHEETS) -> list[int]:
    """Steps of at most `most` sheets: the first, the last, the one nearest to the best, and others evenly between."""
    if len(steps) <= most:
        return list(steps)
    places = {round(i * (len(steps) - 1) / (most - 2)) for i in range(most - 1)}
    if best is not None:
        places.add(steps.index(nearest(steps, best)))
    return [steps[place] for place in sorted(places)]


def nearest(steps: Sequence[int], to: int) -> int:
    """The step that is nearest to another, the later of two."""
    return min(steps, key=lambda step: (abs(step - to), -step))


def encoded(files: Sequence[tuple[int, Path]], most_bytes: int = MOST_BYTES) -> tuple[list[Sheet], list[str]]:
    """Reads sheets and makes them small: WebP, without loss where there is room, else as good as there is room.

    Args:
        files: (step, file).
        most_bytes: of all together.

    Returns the sheets, and the names of files that are no pictures.
    """
    limit = min(_LARGEST_SHEET, most_bytes // max(1, len(files)))
    sheets, broken, rung = [], [], 0
    # The last first: it is the hardest to press, and the others begin where it found room.
    for step, file in reversed(files):
        image = opened(file)
        if image is None:
            broken.append(file.name)
            continue
        sheet, rung = _pressed(step, image, limit, rung)
        sheets.append(sheet)
    return sheets[::-1], broken[::-1]


def as_sheet(image: Image.Image, most_bytes: int, step: int = 0) -> Sheet:
    """One picture, in at most about so many bytes."""
    return _pressed(step, image, most_bytes, 0)[0]


def _pressed(step: int, image: Image.Image, limit: int, rung: int) -> tuple[Sheet, int]:
    """The first rung of the ladder, from `rung` on, on which a picture fits into `limit` bytes."""
    alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    image = image.convert("RGBA" if alpha else "RGB")
    alpha = alpha and image.getchannel("A").getextrema() != (255, 255)
    if max(image.size) > _LARGEST_PX:
        image.thumbnail((_LARGEST_PX, _LARGEST_PX))
    if max(image.size) > _SMALL_PX:
        rung = max(rung, 1)
    while len(content := _LADDER[rung](image)) > limit and rung < len(_LADDER) - 1:
        rung += 1
    uri = f"data:image/webp;base64,{base64.b64encode(content).decode()}"
    return Sheet(step, uri, image.width, image.height, alpha), rung


def _webp(quality: int, part: float = 1.0) -> Callable[[Image.Image], bytes]:
    """Writes a WebP of a quality (100: without loss), with its sides shortened to `part`."""

    def write(image: Image.Image) -> bytes:
        if part < 1:
            image = image.resize((max(1, int(image.width * part)), max(1, int(image.height * part))))
        out = io.BytesIO()
        # The quickest methods: a page is written at the end of every run.
        if quality == 100:
            image.save(out, "WEBP", lossless=True, quality=0, method=0)
        else:
            image.save(out, "WEBP", quality=quality, method=2, alpha_quality=quality)
        return out.getvalue()

    return write


_LADDER = (_webp(100), _webp(90), _webp(75), _webp(60), _webp(60, 0.7), _webp(50, 0.5), _webp(40, 0.35))
