"""One file of any kind -> the pixels that one expects."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pictures_of_all_kinds import SIDE, color_ramp, grey_ramp, png_that_claims
from sparring.data.decode import (
    Fitting,
    UnusableError,
    background_rgb,
    fitted,
    read_picture,
    standard_mode,
    uses_transparency,
)
from sparring.errors import SparringError


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def pixels_of(raw: bytes, channels: int, size_px: int = SIDE, **fitting: object) -> np.ndarray:
    return fitted(read_picture(raw, size_px).image, Fitting(size_px, channels, **fitting))


def test_grey_files_of_8_bits_1_bit_and_palette_keep_their_pixels() -> None:
    grey = grey_ramp()
    assert np.array_equal(pixels_of(encoded(Image.fromarray(grey)), 1)[..., 0], grey)
    assert np.array_equal(pixels_of(encoded(Image.fromarray(grey).convert("P")), 1)[..., 0], grey)
    bits = Image.fromarray(grey).point(lambda value: 255 * (value > 99)).convert("1")
    assert np.array_equal(pixels_of(encoded(bits), 1)[..., 0], np.where(grey > 99, 255, 0))
    assert np.array_equal(pixels_of(encoded(Image.fromarray(grey)), 3), np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("order", ["<u2", ">u2"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_of_16_bits_is_divided_by_257_and_rounded(order: str, kind: str) -> None:
    deep = np.linspace(0, 65535, SIDE * SIDE).astype(order).reshape(SIDE, SIDE)
    image = Image.frombytes("I;16B" if order == ">u2" else "I;16", (SIDE, SIDE), deep.tobytes())
    if order == ">u2" and kind == "PNG":
        image = Image.fromarray(deep.astype("<u2"))  # PNG knows one byte order only
    assert np.array_equal(pixels_of(encoded(image, kind), 1)[..., 0], np.rint(deep / 257.0).astype(np.uint8))


def test_16_bits_in_all_of_pillows_byte_orders() -> None:
    deep = np.linspace(0, 65535, 64).astype("<u2").reshape(8, 8)
    want = np.rint(deep / 257.0).astype(np.uint8)
    for mode, stored in (("I;16", "<u2"), ("I;16L", "<u2"), ("I;16B", ">u2"), ("I;16N", "=u2")):
        image = Image.frombytes(mode, (8, 8), deep.astype(stored).tobytes())
        assert np.array_equal(np.asarray(standard_mode(image)), want), mode


def test_32_bit_integers_are_read_by_their_largest_value() -> None:
    small, large = np.arange(256, dtype=np.int32).reshape(16, 16), np.arange(256, dtype=np.int32).reshape(16, 16) * 257
    assert np.array_equal(pixels_of(encoded(Image.fromarray(small), "TIFF"), 1)[..., 0], small)
    assert np.array_equal(pixels_of(encoded(Image.fromarray(large), "TIFF"), 1)[..., 0], small)
    for wrong in (small - 1, large + 1):
        with pytest.raises(UnusableError, match=r"values reach from .* no known range"):
            pixels_of(encoded(Image.fromarray(wrong), "TIFF"), 1)


def test_floating_point_in_0_to_1_and_0_to_255() -> None:
    unit = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    want = np.rint(unit * 255).astype(np.uint8)
    assert np.array_equal(pixels_of(encoded(Image.fromarray(unit), "TIFF"), 1)[..., 0], want)
    assert np.array_equal(pixels_of(encoded(Image.fromarray(unit * 255), "TIFF"), 1)[..., 0], want)
    with pytest.raises(UnusableError, match="from 0 to 300"):
        pixels_of(encoded(Image.fromarray(unit * 300), "TIFF"), 1)
    unit[3, 3] = np.nan
    with pytest.raises(UnusableError, match="not finite"):
        pixels_of(encoded(Image.fromarray(unit), "TIFF"), 1)


def test_palettes_with_and_without_transparency() -> None:
    indices = (grey_ramp() // 64).astype(np.uint8)
    image = Image.fromarray(indices).convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], np.uint8)[indices]
    assert np.array_equal(pixels_of(encoded(image), 3), colors)
    out = pixels_of(encoded(image, transparency=1), 4)
    assert np.array_equal(out[..., 3], np.where(indices == 1, 0, 255))
    assert (out[indices == 1] == 0).all()
    assert np.array_equal(out[indices != 1][:, :3], colors[indices != 1])
    half = pixels_of(encoded(image, transparency=bytes([255, 128, 255, 255])), 4)
    assert np.array_equal(half[..., 3], np.where(indices == 1, 128, 255))
    assert np.array_equal(half[..., :3], colors)


def test_transparent_color_of_grey_and_rgb_png() -> None:
    grey = grey_ramp()
    out = pixels_of(encoded(Image.fromarray(grey), transparency=int(grey[2, 2])), 4)
    assert np.array_equal(out[..., 3] == 0, grey == grey[2, 2])
    color = color_ramp()
    out = pixels_of(encoded(Image.fromarray(color), transparency=tuple(int(v) for v in color[1, 1])), 4)
    assert out[1, 1].tolist() == [0, 0, 0, 0]
    assert (out[..., 3] == 255).sum() >= SIDE * SIDE - SIDE


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB", "HSV", "RGBX"])
def test_other_color_spaces_come_back_as_rgb(mode: str) -> None:
    color = color_ramp()
    if mode == "LAB":
        lab = Image.merge("LAB", [Image.new("L", (8, 8), 128)] * 3)  # a in the middle of L, a = b = 0 as Pillow stores
        out = np.asarray(standard_mode(Image.frombytes("LAB", (8, 8), bytes([128, 0, 0]) * 64)))
        assert lab.mode == "LAB"
        assert np.ptp(out.astype(int)) <= 2  # grey,
        assert abs(int(out[0, 0, 0]) - 119) <= 2  # and L* = 50 is 119 in sRGB
        return
    image = Image.fromarray(color).convert(mode)
    out = np.asarray(standard_mode(image)).astype(int)
    assert standard_mode(image).mode == "RGB"
    assert np.abs(out - color).max() <= {"CMYK": 1, "YCbCr": 3, "HSV": 8, "RGBX": 0}[mode]


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "CMYK"), ("TIFF", "LAB"), ("TIFF", "CMYK"), ("TIFF", "YCbCr")])
def test_files_in_other_color_spaces_are_usable(kind: str, mode: str) -> None:
    image = Image.new(mode, (20, 20), (10, 20, 30, 40)[: len(mode) if mode != "YCbCr" else 3])
    want = np.asarray(image.convert("RGB"))[0, 0].astype(int)
    assert np.abs(pixels_of(encoded(image, kind), 3).astype(int) - want).max() <= 3


@pytest.mark.parametrize("mode", ["LA", "PA", "La", "RGBa", "RGBA"])
def test_all_modes_with_alpha_keep_it(mode: str) -> None:
    color, alpha = color_ramp(), np.full((SIDE, SIDE), 255, np.uint8)
    alpha[:, :8] = 0
    rgba = Image.fromarray(np.dstack([color, alpha]))
    if mode == "PA":
        image = rgba.convert("RGB").quantize(64)
        image.putalpha(Image.fromarray(alpha))
    else:
        image = rgba.convert("LA").convert(mode) if mode in ("LA", "La") else rgba.convert(mode)
    assert image.mode == mode
    out = fitted(standard_mode(image), Fitting(SIDE, 4))
    assert np.array_equal(out[..., 3], alpha)
    assert (out[:, :8] == 0).all()
    if mode in ("RGBA", "RGBa"):
        assert np.array_equal(out[:, 8:, :3], color[:, 8:])


def test_hidden_color_is_zeroed_and_never_leaks_when_resized() -> None:
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[...] = (0, 255, 0, 0)  # bright green that cannot be seen
    picture[20:44, 20:44] = (200, 0, 0, 255)
    for size_px in (64, 24, 90):
        out = fitted(Image.fromarray(picture), Fitting(size_px, 4))
        assert (out[out[..., 3] == 0] == 0).all()
        seen = out[out[..., 3] > 8]
        assert (seen[:, 1] == 0).all()  # no green fringe
        assert (np.abs(seen[:, 0].astype(int) - 200) <= 16).all()  # and neither dark nor bright ones
        assert out[0, 0].tolist() == [0, 0, 0, 0]  # no halo
        laid = fitted(Image.fromarray(picture), Fitting(size_px, 3, background=(255, 255, 255)))
        assert (laid[..., 1] == laid[..., 2]).all()
        assert laid[0, 0].tolist() == [255, 255, 255]


def test_transparency_is_laid_on_the_background_by_its_share() -> None:
    half = Image.new("RGBA", (8, 8), (100, 0, 50, 128))
    out = fitted(half, Fitting(8, 3, background=(255, 255, 0)))
    share = 128 / 255
    want = [100 * share + 255 * (1 - share), 255 * (1 - share), 50 * share]
    assert np.abs(out.astype(float) - want).max() <= 1
    grey = fitted(half, Fitting(8, 1, background=(255, 255, 255)))
    luma = np.asarray(Image.fromarray(fitted(half, Fitting(8, 3))).convert("L"))
    assert np.array_equal(grey[..., 0], luma)


def test_crop_pad_and_squeeze() -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, :20, 0], wide[:, 20:40, 1], wide[:, 40:, 2] = 200, 200, 200
    image = Image.fromarray(wide)
    assert np.array_equal(fitted(image, Fitting(20, 3)), wide[:, 20:40])
    squeezed = fitted(image, Fitting(30, 3, "squeeze"))
    assert squeezed[15, [2, 15, 27]].tolist() == [[200, 0, 0], [0, 200, 0], [0, 0, 200]]
    padded = fitted(image, Fitting(30, 3, "pad", (1, 2, 3)))
    assert (padded[:10] == (1, 2, 3)).all()
    assert (padded[20:] == (1, 2, 3)).all()
    assert padded[15, [2, 15, 27]].tolist() == [[200, 0, 0], [0, 200, 0], [0, 0, 200]]
    clear = fitted(image, Fitting(30, 4, "pad", (1, 2, 3)))
    assert (clear[:10] == 0).all()
    assert (clear[10:20, :, 3] == 255).all()
    assert fitted(Image.new("L", (1, 500), 7), Fitting(16, 1, "pad")).shape == (16, 16, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int) -> None:
    upright = np.zeros((32, 32), np.uint8)
    upright[:8, :16] = 255  # a mark at the top left: each of the eight turns puts it elsewhere
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.T, 6: np.rot90(upright, 1), 7: np.rot90(upright, 2).T, 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        raw = encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif)
        out = pixels_of(raw, 1, 32)[..., 0]
        assert np.abs(out.astype(int) - upright).mean() < 6, kind


def test_damaged_exif_does_not_cost_the_picture() -> None:
    raw = encoded(Image.fromarray(grey_ramp()), exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert np.array_equal(pixels_of(raw, 1)[..., 0], grey_ramp())


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (SIDE, SIDE), color) for color in ((250, 0, 0), (0, 250, 0))]
    options = {"lossless": True} if kind == "WEBP" else {}
    raw = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert np.abs(pixels_of(raw, 3).astype(int) - (250, 0, 0)).max() <= 2


def test_jpeg_by_draft_is_near_the_full_decode() -> None:
    ramp = np.asarray(Image.fromarray(color_ramp(64)).resize((1024, 1024), Image.Resampling.BICUBIC))
    raw = encoded(Image.fromarray(ramp), "JPEG", quality=95)
    full = fitted(read_picture(raw).image, Fitting(64, 3)).astype(float)
    draft = read_picture(raw, 64)
    assert draft.image.size == (128, 128)
    assert (draft.width_px, draft.height_px) == (1024, 1024)
    assert np.abs(fitted(draft.image, Fitting(64, 3)) - full).mean() < 1


def test_resizing_antialiases_and_small_pictures_are_enlarged() -> None:
    stripes = np.zeros((128, 128), np.uint8)
    stripes[:, ::2] = 255
    out = fitted(Image.fromarray(stripes), Fitting(16, 1))
    assert np.abs(out.astype(int) - 127).max() <= 12
    assert fitted(Image.new("RGB", (1, 1), (3, 4, 5)), Fitting(32, 3)).reshape(-1, 3).max(axis=0).tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the file is empty"),
        (b"just words\n" * 9, "text, not a picture"),
        (b"  <!DOCTYPE html><html>404", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (bytes(range(256)), "not a picture that Pillow can read"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (png_that_claims(60_000, 60_000), "too large"),
        (png_that_claims(12_000, 16_000), "too large"),
        (encoded(Image.fromarray(color_ramp(64)))[:400], "cut short or damaged"),
        (encoded(Image.fromarray(color_ramp(64)), "JPEG")[:700], "cut short or damaged"),
        (png_that_claims(100, 100), "cut short or damaged"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_cannot_be_read_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(UnusableError, match=reason):
        read_picture(raw, 16)


def test_an_opaque_alpha_channel_is_no_transparency() -> None:
    assert not uses_transparency(Image.new("RGBA", (4, 4), (1, 2, 3, 255)))
    assert uses_transparency(Image.new("LA", (4, 4), (1, 254)))
    assert not uses_transparency(Image.new("RGB", (4, 4)))


def test_background_colors() -> None:
    assert background_rgb("white") == (255, 255, 255)
    assert background_rgb("#10203080") == (16, 32, 48)
    with pytest.raises(SparringError, match="background='whit' is not a colour"):
        background_rgb("whit")
