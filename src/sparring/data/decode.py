"""One picture file of any kind -> one [H, W, C] array of uint8 at the size that training wants."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from functools import cache
from typing import IO

import numpy as np
from PIL import Image, ImageColor, ImageOps, UnidentifiedImageError

from sparring.errors import SparringError

DECODER_VERSION = 1  # raise it whenever the same file would give other pixels: it is a part of every pack's key
MAX_PIXELS = 178_956_970  # where Pillow itself refuses (twice its MAX_IMAGE_PIXELS, which users change)
MAX_BYTES = 1 << 30  # 1 GiB for one file: more is no picture for training, and would be held once in each thread
DRAFT = 2  # JPEGs are asked for at twice the size: measured within 0.5 grey levels of the full decode

# Stubs that open and never decode, formats that need another program (Ghostscript) or Windows, and scanned documents.
_UNREADABLE = {"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "PDF", "WMF", "XVTHUMB"}


@dataclass(frozen=True)
class Fitting:
    """How pictures are brought to one shape.

    Args:
        size_px: side of the square that comes out.
        channels: 1 (grey), 3 (RGB) or 4 (RGB and alpha, not premultiplied).
        fit: "crop" (centre), "pad" (bars in the background colour) or "squeeze" (both sides scaled on their own).
        background: what lies under transparent parts where there is no alpha channel, RGB in [0, 255].
    """

    size_px: int
    channels: int
    fit: str = "crop"
    background: tuple[int, int, int] = (255, 255, 255)


@dataclass(frozen=True)
class Picture:
    """A decoded file before it is fitted: an image in mode L, LA, RGB or RGBA, and what the file said of itself."""

    image: Image.Image
    mode: str
    width_px: int
    height_px: int


class UnusableError(Exception):
    """This file cannot be used; the text is the short reason for the table."""


@cache
def readable_formats() -> tuple[str, ...]:
    """Returns the names of the formats that Pillow decodes here, with nothing else installed.

    In Pillow's own order: it asks one after the other, the common ones first and those without a signature late.
    """
    Image.init()
    return tuple(name for name in Image.ID if name not in _UNREADABLE)


@cache
def picture_extensions() -> frozenset[str]:
    """Returns the lower-case extensions (".png", ...) of the files that are taken for pictures."""
    formats = set(readable_formats())
    return frozenset(extension for extension, name in Image.registered_extensions().items() if name in formats)


def background_rgb(color: str) -> tuple[int, int, int]:
    """Returns a colour's RGB in [0, 255]. Raises SparringError where Pillow does not know the colour."""
    try:
        red, green, blue = ImageColor.getrgb(color)[:3]
    except (ValueError, AttributeError, TypeError):
        raise SparringError(
            f"background={color!r} is not a colour.", 'a name such as "white", or "#rrggbb"', 'pass background="white"'
        ) from None
    return red, green, blue


def open_lazily(file: IO[bytes]) -> Image.Image:
    """Opens a picture without decoding it. Raises UnusableError for what is too large, else what Pillow raises."""
    image = Image.open(file, formats=readable_formats())
    _check_size(image)
    return image


def read_picture(raw: bytes, draft_px: int | None = None) -> Picture:
    """Decodes a file's bytes: the first frame, turned as its EXIF says, in mode L, LA, RGB or RGBA.

    Args:
        raw: the whole file.
        draft_px: the side in pixels that will be wanted; JPEGs are then decoded smaller, at no less than twice that.

    Raises:
        UnusableError: with a reason in plain words, whatever was wrong with the file.
    """
    if not raw:
        raise UnusableError("the file is empty")
    try:
        with open_lazily(io.BytesIO(raw)) as image:
            mode, (width, height) = image.mode, image.size
            if draft_px is not None and image.format in ("JPEG", "MPO"):
                image.draft(None, (DRAFT * draft_px, DRAFT * draft_px))
            image.load()
            _check_size(image)
            return Picture(standard_mode(_upright(image)), mode, width, height)
    except UnusableError:
        raise
    except Exception as error:
        # Pillow's plugins raise nearly anything on damaged files (struct.error, IndexError, SyntaxError, ...).
        raise UnusableError(reason_for(error, raw[:512])) from error


def reason_for(error: BaseException, head: bytes = b"") -> str:
    """Returns a short reason in plain words for an exception met while a file was read; `head` is how it starts."""
    if isinstance(error, UnusableError):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return _what_it_is(head)
    if isinstance(error, Image.DecompressionBombError):
        return "too large to decode"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, FileNotFoundError):
        return "it is not there (a link to a missing file, or it was just removed)"
    if isinstance(error, IsADirectoryError):
        return "a folder with a picture's name"
    if isinstance(error, zipfile.BadZipFile):
        return "damaged in the zip"
    if isinstance(error, NotImplementedError):
        return "packed in the zip in a way that Python cannot read"
    if isinstance(error, MemoryError):
        return "too large for this machine's memory"
    text = " ".join(str(error).split())[:80] or type(error).__name__
    return f"cut short or damaged ({text})"


def standard_mode(image: Image.Image) -> Image.Image:
    """Returns any of Pillow's images in mode L, LA, RGB or RGBA. Raises UnusableError on values that fit no picture."""
    mode = image.mode
    if mode in ("L", "1"):
        return image.convert("LA" if "transparency" in image.info else "L")
    if mode == "La":
        return image.convert("LA")
    if mode in ("LA", "RGBA"):
        return image
    if mode.startswith("I;16") or mode in ("I", "F"):
        return Image.fromarray(_to_8_bits(np.asarray(image)))
    if mode in ("RGBa", "PA") or (mode in ("P", "RGB") and image.has_transparency_data):
        return image.convert("RGBA")
    return image.convert("RGB")  # RGB, RGBX, P, CMYK, YCbCr, HSV, LAB


def uses_transparency(image: Image.Image) -> bool:
    """Whether an image in a standard mode has a pixel that is not opaque."""
    if image.mode not in ("LA", "RGBA"):
        return False
    lowest, _ = image.getchannel("A").getextrema()
    return bool(lowest < 255)  # type: ignore[operator]  # Pillow types it for images of many bands as well


def fitted(image: Image.Image, fitting: Fitting) -> np.ndarray:
    """Crops, pads or squeezes one image in a standard mode to its place in the pack.

    With four channels the colour of a wholly transparent pixel is exactly 0: what cannot be seen is not learnt.

    Returns:
        uint8  # [size_px, size_px, C] in [0, 255]
    """
    transparent = uses_transparency(image)
    box, (width, height) = _placing(image.size, fitting)
    if transparent and fitting.channels == 4:
        pixels = _with_alpha(image.convert("RGBA"), box, (width, height))
    elif transparent:
        pixels = _on_background(image.convert("RGBA"), box, (width, height), fitting)
    else:
        scaled = _scaled(image.convert("L" if fitting.channels == 1 else "RGB"), box, (width, height))
        pixels = np.asarray(scaled).reshape(height, width, -1)
        if fitting.channels == 4:
            pixels = np.concatenate([pixels, np.full((height, width, 1), 255, np.uint8)], axis=2)
    size_px = fitting.size_px
    if (width, height) == (size_px, size_px):
        return np.ascontiguousarray(pixels)
    out = np.empty((size_px, size_px, fitting.channels), np.uint8)
    out[:] = 0 if fitting.channels == 4 else background_pixel(fitting)
    top, left = (size_px - height) // 2, (size_px - width) // 2
    out[top : top + height, left : left + width] = pixels
    return out


def background_pixel(fitting: Fitting) -> np.ndarray:
    """Returns the background as a pixel of one (Pillow's luma) or three channels, uint8  # [C] in [0, 255]."""
    pixel = np.array(fitting.background, np.uint8)
    return _luma(pixel.reshape(1, 1, 3))[0, 0] if fitting.channels == 1 else pixel


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnusableError(
            f"too large: {width:,} x {height:,} pixels (at most {MAX_PIXELS // 1_000_000} million are decoded)"
        )
    if width * height == 0:
        raise UnusableError("it has no pixels")


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF next to sound pixels is common; such a picture is used as it lies
        return image


def _what_it_is(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a web page, not a picture (a download that failed?)"
    if start.startswith((b"<svg", b"<?xml")):
        return "SVG or XML, which Pillow cannot read"
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the picture (run `git lfs pull`)"
    if head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypheim"):
        return "HEIC, which Pillow cannot read (convert it to JPEG)"
    if head and not any(byte < 9 or 13 < byte < 32 for byte in head):
        return "text, not a picture"
    return "not a picture that Pillow can read"


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    """Grey of 16 or 32 bits, or floating point -> uint8; what the numbers mean is judged by the largest."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UnusableError("it holds values that are not finite numbers")
    lowest, highest = values.min(), values.max()
    if lowest < 0 or highest > 65535 or (values.dtype.kind == "f" and highest > 255):
        raise UnusableError(f"its values reach from {lowest:g} to {highest:g}, which is no known range of grey")
    if values.dtype.kind == "f":
        scaled = values * 255.0 if highest <= 1 else values
    elif values.dtype.itemsize == 2 or highest > 255:
        scaled = values.astype(np.float64) / 257.0  # 65535 / 257 = 255: the full range on the full range
    else:
        scaled = values
    return np.rint(scaled).astype(np.uint8)


def _placing(size: tuple[int, int], fitting: Fitting) -> tuple[tuple[int, int, int, int], tuple[int, int]]:
    """Returns the part of the picture that is used, and the (width, height) in pixels that it comes to."""
    (width, height), size_px = size, fitting.size_px
    if fitting.fit == "crop":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return (left, top, left + side, top + side), (size_px, size_px)
    if fitting.fit == "pad":
        scale = size_px / max(width, height)
        return (0, 0, width, height), (max(1, round(width * scale)), max(1, round(height * scale)))
    return (0, 0, width, height), (size_px, size_px)


def _scaled(image: Image.Image, box: tuple[int, int, int, int], size: tuple[int, int]) -> Image.Image:
    """Resizes with antialiasing.

    Both filters have no negative weights. Lanczos and bicubic have: in a premultiplied picture their ringing gives
    pixels whose colour exceeds their alpha, which come out as bright fringes, and faint halos around cut-out shapes.
    Hamming is the sharpest of Pillow's filters without; it is made for shrinking, so enlarging is bilinear.
    """
    used = (box[2] - box[0], box[3] - box[1])
    if used == size:
        return image if used == image.size else image.crop(box)
    shrinks = used[0] > size[0] or used[1] > size[1]
    resample = Image.Resampling.HAMMING if shrinks else Image.Resampling.BILINEAR
    # A gap of 3 first shrinks huge pictures by whole numbers; Pillow documents it as not to be told from no gap.
    return image.resize(size, resample, box=box, reducing_gap=3.0)


def _with_alpha(image: Image.Image, box: tuple[int, int, int, int], size: tuple[int, int]) -> np.ndarray:
    if (box[2] - box[0], box[3] - box[1]) == size:  # nothing to scale: keep the file's own pixels
        pixels = np.array(_scaled(image, box, size))
        pixels[pixels[..., 3] == 0] = 0
        return pixels
    premultiplied = np.asarray(_scaled(image.convert("RGBa"), box, size))
    alpha = premultiplied[..., 3:].astype(np.float32)
    color = np.rint(premultiplied[..., :3] * (255.0 / np.maximum(alpha, 1.0))).clip(0, 255)
    return np.concatenate([np.where(alpha > 0, color, 0), alpha], axis=2).astype(np.uint8)


def _on_background(
    image: Image.Image, box: tuple[int, int, int, int], size: tuple[int, int], fitting: Fitting
) -> np.ndarray:
    premultiplied = np.asarray(_scaled(image.convert("RGBa"), box, size)).astype(np.float32)
    see_through = 1.0 - premultiplied[..., 3:] / 255.0
    color = premultiplied[..., :3] + np.array(fitting.background, np.float32) * see_through
    pixels = np.rint(color).clip(0, 255).astype(np.uint8)
    return _luma(pixels) if fitting.channels == 1 else pixels


def _luma(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).convert("L"))[..., None]
