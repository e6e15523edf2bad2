"""Arrays -> picture files: one picture, or a grid of many. Alpha stays alpha."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .checkpoints import write_whole
from .errors import SparringError

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_LONGEST = 40  # letters of a caption on a sheet


def as_image(picture: np.ndarray) -> Image.Image:
    """One picture as a Pillow image: 1 channel gray, 3 RGB, 4 RGBA.  # uint8 [C, H, W]"""
    channels = picture.shape[0]
    if channels not in _MODES or picture.dtype != np.uint8:
        raise SparringError(
            f"A picture has the shape {list(picture.shape)} and the type {picture.dtype}.",
            "uint8 [1, 3 or 4, height, width]",
        )
    if channels == 1:
        return Image.fromarray(picture[0])
    return Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0)))


def grid(pictures: np.ndarray, columns: int | None = None, gap_px: int = 2) -> Image.Image:
    """All pictures on one sheet, row by row, as near to a square as it goes unless `columns` says.

    Between RGBA pictures the sheet is transparent, else white.  # uint8 [N, C, H, W]
    """
    if len(pictures) == 0:
        raise SparringError("There is no picture to put into a grid.", "one or more")
    n, channels, height, width = pictures.shape
    columns = min(n, columns or math.ceil(math.sqrt(n)))
    rows = math.ceil(n / columns)
    paper = 0 if channels == 4 else 255
    sheet = np.full(
        (channels, rows * (height + gap_px) + gap_px, columns * (width + gap_px) + gap_px), paper, dtype=np.uint8
    )
    for i, picture in enumerate(pictures):
        top = gap_px + (i // columns) * (height + gap_px)
        left = gap_px + (i % columns) * (width + gap_px)
        sheet[:, top : top + height, left : left + width] = picture
    return as_image(sheet)


def captioned(pictures: np.ndarray, captions: list[str], gap_px: int = 2) -> Image.Image:
    """A sheet of one row for each caption, which is written to the left of it.

    Args:
        pictures: as many for each caption, row by row.  # uint8 [len(captions) * k, C, H, W]
        captions: what was asked for.
        gap_px: between the pictures.
    """
    rows, rest = divmod(len(pictures), max(1, len(captions)))
    if not captions or rest or not rows:
        raise SparringError(
            f"{len(pictures)} pictures do not make {len(captions)} rows.", "as many pictures for each caption"
        )
    sheet = grid(pictures, columns=rows, gap_px=gap_px)
    height = pictures.shape[2]
    font = ImageFont.load_default(size=max(9, min(14, height // 3)))
    shown = [caption if len(caption) <= _LONGEST else f"{caption[: _LONGEST - 3]}..." for caption in captions]
    margin = 8 + math.ceil(max(font.getlength(caption) for caption in shown))
    kind = "RGBA" if sheet.mode == "RGBA" else "RGB"
    whole = Image.new(kind, (margin + sheet.width, sheet.height), "white")
    whole.paste(sheet, (margin, 0))
    draw = ImageDraw.Draw(whole)
    for row, caption in enumerate(shown):
        middle = gap_px + row * (height + gap_px) + height / 2
        draw.text((4, middle), caption, fill="black", font=font, anchor="lm")
    return whole


def opened(file: Path) -> Image.Image | None:
    """A picture file of a run, read whole; None where it is gone, was never written whole, or is none."""
    try:
        with Image.open(file) as image:
            image.load()
            return image
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def save_png(image: Image.Image, path: Path) -> None:
    """Writes a PNG whole or not at all. Raises SparringError when it cannot be written."""
    write_whole(path, lambda file: image.save(file, format="PNG"))
