"""The table of a pack: one row for each file, those that were left out with the reason."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Row:
    """One file of a data set.

    Attributes:
        path: where it lies in the data set, with "/" between folders.
        folder: the folder it lies in, or its class where the data set has classes; "" at the top.
        mode: Pillow's name of the file's kind of pixels ("RGB", "P", ...); "" if it could not be opened.
        width_px: width in the file, before fitting.
        height_px: height in the file, before fitting.
        content_hash: BLAKE2b of the file's bytes, 128 bits as hexadecimal digits.
        perceptual_hash: 64 bits of `perceptual_hash` as hexadecimal digits; near pictures differ in few bits.
        row: its place in the pack; None if it was left out.
        reason: why it was left out, in plain words; "" if it was not.
    """

    path: str
    folder: str
    mode: str = ""
    width_px: int = 0
    height_px: int = 0
    content_hash: str = ""
    perceptual_hash: str = ""
    row: int | None = None
    reason: str = ""


def content_hash(raw: bytes | np.ndarray) -> str:
    """Returns BLAKE2b of a file's bytes or of an array's, 128 bits as hexadecimal digits."""
    data = raw if isinstance(raw, bytes) else np.ascontiguousarray(raw).data
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def perceptual_hash(pixels: np.ndarray) -> str:
    """Returns the difference hash (dHash) of a picture: is each of 8 x 8 cells darker than its neighbour to the right?

    Args:
        pixels: uint8  # [H, W, C] in [0, 255], C of 1, 3 or 4; transparent parts count as white

    Returns:
        64 bits as 16 hexadecimal digits.
    """
    if pixels.shape[2] == 4:
        alpha = pixels[..., 3:].astype(np.uint16)
        pixels = ((pixels[..., :3] * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("L")
    cells = np.asarray(image.resize((9, 8), Image.Resampling.BOX))
    return np.packbits(cells[:, :-1] < cells[:, 1:]).tobytes().hex()


def fingerprint(rows: Iterable[Row]) -> str:
    """Returns one hash for the contents of a data set, in order: equal contents, equal fingerprint."""
    digest = hashlib.blake2b(digest_size=16)
    for row in rows:
        if row.row is not None:
            digest.update(bytes.fromhex(row.content_hash))
    return digest.hexdigest()


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Writes rows as CSV, one column for each attribute of `Row`; an empty `row` says that the file was left out."""
    names = [field.name for field in fields(Row)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in rows:
            writer.writerow(["" if (value := getattr(row, name)) is None else value for name in names])


def read_table(path: Path) -> list[Row]:
    """Reads what `write_table` wrote. Raises OSError, ValueError or KeyError where it is damaged."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                path=line["path"],
                folder=line["folder"],
                mode=line["mode"],
                width_px=int(line["width_px"]),
                height_px=int(line["height_px"]),
                content_hash=line["content_hash"],
                perceptual_hash=line["perceptual_hash"],
                row=int(line["row"]) if line["row"] else None,
                reason=line["reason"],
            )
            for line in csv.DictReader(file, strict=True)
        ]
