"""`film`: the sheets of samples of a run, one after the other, as a GIF, an MP4 or a folder of PNG files."""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from ..checkpoints import unwritable, write_whole
from ..errors import SparringError
from ..events import Event
from ..folder import RunFolder
from ..pictures import opened, save_png
from .reading import read_run
from .sheets import chosen

MOST_PER_SECOND = 25  # frames; of more sheets some are taken, evenly
_MOST_FRAMES = 1_000
_HOLD = 0.15  # of the film's length, for which its last frame stays
_USUAL_PX = 480  # of the longer side, which small sheets are brought up to in whole steps
_LARGEST_PX = 4_096  # of a side of the film
_SQUARES = ("#dfe2e6", "#f4f5f6")  # under what is transparent, as in the report
_SQUARE_PX = 10
_FEWEST_PER_SECOND = 10  # frames of an MP4: some players show nothing of fewer


@dataclass(frozen=True)
class Film:
    """A film that was made.

    Attributes:
        path: the file, or the folder of frames.
        frames: how many different ones.
        size: width and height in px.
        left_out: names of sheets that are no pictures.
    """

    path: Path
    frames: int
    size: tuple[int, int]
    left_out: tuple[str, ...] = ()


def film(run: str | Path, out: str | Path | None = None, *, seconds: float = 10.0, scale: int | None = None) -> Film:
    """Makes a film of a run's sheets of samples, in the order of their steps, with step and quality below each.

    Args:
        run: the run's folder.
        out: ends in .gif or .mp4, or is a folder for PNG files; by default film.gif in the run's folder.
        seconds: how long it is; the last frame stays for the last 15 %.
        scale: how many times larger than the sheets, a whole number; None: as many as bring a small sheet to 480 px.

    Raises:
        SparringError: there is no run, or no sheet in it; or the film cannot be made or written.
    """
    if not (math.isfinite(seconds) and 0 < seconds <= 3_600):
        raise SparringError(f"The film is to last {seconds:g} seconds.", "more than 0, and 3,600 at most")
    folder = RunFolder(run)
    out = Path(out) if out is not None else folder.film
    told = read_run(folder.path)
    write = _writer(out, folder)
    steps = [step for step, _ in told.sheets]
    most = max(2, min(_MOST_FRAMES, int(seconds * MOST_PER_SECOND)))
    best = told.best.step if told.best is not None else None
    wanted = set(chosen(steps, best, most))
    sheets, sizes, broken = _openable([each for each in told.sheets if each[0] in wanted])
    if not sheets:
        raise SparringError(
            f"{folder.path} has no sheet of samples{' that can be read' if broken else ''}.",
            "pictures in its samples/",
            "train it on: a sheet is written every --sample-every steps.",
        )
    widest, highest = max(width for width, _ in sizes), max(height for _, height in sizes)
    scale = _scale(scale, widest, highest)
    still = _Canvas(widest * scale, highest * scale, scale)
    frames = (still.frame(file, _label(step, told.evaluations)) for step, file in sheets)
    try:
        write(out, frames, len(sheets), seconds)
    except OSError as error:
        raise unwritable(out, error) from None
    return Film(out, len(sheets), still.size, tuple(broken))


def _openable(sheets: Sequence[tuple[int, Path]]) -> tuple[list[tuple[int, Path]], list[tuple[int, int]], list[str]]:
    """The sheets that are whole, their sizes, and the names of the others. One is held at a time."""
    whole, sizes, broken = [], [], []
    for step, file in sheets:
        image = opened(file)
        if image is None:
            broken.append(file.name)
        else:
            whole.append((step, file))
            sizes.append(image.size)
    return whole, sizes, broken


def _scale(asked: int | None, width: int, height: int) -> int:
    """How many times larger. Raises SparringError for what is too large."""
    scale = max(1, round(_USUAL_PX / max(width, height))) if asked is None else asked
    if scale < 1 or (scale > 1 and scale * max(width, height) > _LARGEST_PX):
        most = max(1, _LARGEST_PX // max(width, height))
        raise SparringError(f"--scale is {scale}, of sheets of {width} x {height} px.", f"a whole number, 1 to {most}")
    return scale


def _label(step: int, evaluations: Sequence[Event]) -> str:
    """'step 1,500   kid 0.0231', with the step of the evaluation where it is an earlier one."""
    before = [each for each in evaluations if each.step <= step]
    if not before:
        return f"step {step:,}"
    last = before[-1]
    of = "" if last.step == step else f" (step {last.step:,})"
    return f"step {step:,}   {last.values['metric']} {last.values['value']:.4g}{of}"


class _Canvas:
    """What every frame is laid on: sheets of all sizes from the top left, and a strip for the label below."""

    def __init__(self, width: int, height: int, scale: int) -> None:
        self._scale, self._height = scale, height
        letters_px = max(11, min(24, width // 26))
        self._font = ImageFont.load_default(size=letters_px)
        strip = math.ceil(letters_px * 1.8)
        # Even sides, which MP4 asks for.
        self.size = (max(width, 160) + max(width, 160) % 2, (height + strip) + (height + strip) % 2)

    def frame(self, file: Path, label: str) -> Image.Image:
        """One frame.  # RGB"""
        with Image.open(file) as sheet:
            image = sheet.convert("RGBA")
        if self._scale > 1:
            larger = (image.width * self._scale, image.height * self._scale)
            image = image.resize(larger, Image.Resampling.NEAREST)
        whole = Image.new("RGB", self.size, "white")
        if image.getchannel("A").getextrema() != (255, 255):
            whole.paste(_squares(image.size), (0, 0))
        whole.paste(image, (0, 0), image)
        middle = self._height + (self.size[1] - self._height) / 2
        ImageDraw.Draw(whole).text((6, middle), label, fill="#1b1f24", font=self._font, anchor="lm")
        return whole


def _squares(size: tuple[int, int]) -> Image.Image:
    """A checkerboard, so that what is transparent is not taken for white."""
    tile = Image.new("RGB", (2 * _SQUARE_PX, 2 * _SQUARE_PX), _SQUARES[1])
    for left, top in ((0, 0), (_SQUARE_PX, _SQUARE_PX)):
        tile.paste(_SQUARES[0], (left, top, left + _SQUARE_PX, top + _SQUARE_PX))
    whole = Image.new("RGB", size)
    for top in range(0, size[1], tile.height):
        for left in range(0, size[0], tile.width):
            whole.paste(tile, (left, top))
    return whole


Frames = Iterator[Image.Image]


def _as_gif(out: Path, frames: Frames, n: int, seconds: float) -> None:
    """As a GIF that begins again; its times are in hundredths of a second, and few programs show less than two."""
    small = (each.quantize(256, dither=Image.Dither.NONE) for each in frames)
    each = max(20, round((1 - _HOLD) * seconds * 100 / n) * 10)
    times = [each] * (n - 1) + [max(each, round(seconds * 1_000) - each * (n - 1))]
    # A GIF of one frame has no time.
    told: dict[str, Any] = {"save_all": True, "append_images": small, "duration": times, "loop": 0} if n > 1 else {}
    made = io.BytesIO()
    next(small).save(made, "GIF", optimize=False, **told)
    write_whole(out, lambda file: file.write(made.getbuffer()))


def _as_mp4(out: Path, frames: Frames, n: int, seconds: float) -> None:
    """As H.264, which everything plays."""
    import imageio_ffmpeg

    apart = (1 - _HOLD) * seconds / n
    often = max(1, math.ceil(apart * _FEWEST_PER_SECOND))
    rate = often / apart
    with tempfile.TemporaryDirectory() as room:
        made = Path(room) / "film.mp4"
        writer = None
        for i, frame in enumerate(frames):
            if writer is None:
                writer = imageio_ffmpeg.write_frames(
                    str(made), frame.size, fps=rate, codec="libx264", quality=8, macro_block_size=2,
                    ffmpeg_log_level="error",
                )  # fmt: skip
                writer.send(None)
            pixels = frame.tobytes()
            for _ in range(often + (round(_HOLD * seconds * rate) if i == n - 1 else 0)):
                writer.send(pixels)
        assert writer is not None
        writer.close()
        with open(made, "rb") as file:
            content = file.read()
    write_whole(out, lambda file: file.write(content))


def _as_frames(out: Path, frames: Frames, n: int, seconds: float) -> None:
    """As PNG files in a folder, numbered, for programs that make films of such."""
    out.mkdir(parents=True, exist_ok=True)
    for i, frame in enumerate(frames, 1):
        save_png(frame, out / f"frame-{i:05d}.png")


_WRITERS = {".gif": _as_gif, ".mp4": _as_mp4, "": _as_frames}


def _writer(out: Path, folder: RunFolder) -> Any:
    """What writes such a film. Raises SparringError, before anything is read, where nothing can."""
    kind = "" if out.is_dir() else out.suffix.lower()
    if kind not in _WRITERS:
        raise SparringError(f"The film is to be written to {out}.", "a .gif, a .mp4, or a folder for PNG files")
    if kind == "":
        with contextlib.suppress(OSError):
            if folder.path.resolve() in (out.resolve(), *out.resolve().parents) and out.resolve().name != "film":
                raise SparringError(
                    f"The frames are to be written into {out}, among what the run wrote.", "a folder of their own",
                    f"-o {folder.path / 'film'}",
                )  # fmt: skip
    elif not out.parent.is_dir():
        raise SparringError(f"There is no folder {out.parent}.", "a folder that is there", "make it first.")
    if kind == ".mp4" and find_spec("imageio_ffmpeg") is None:
        raise SparringError(
            "An MP4 needs imageio-ffmpeg, which is not installed.", "imageio-ffmpeg, or a .gif",
            "pip install 'sparring[film]'",
        )  # fmt: skip
    return _WRITERS[kind]
