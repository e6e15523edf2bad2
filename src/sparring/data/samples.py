"""What other people's loaders yield -> pixels: batches or single pictures, alone or with labels, in any layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from sparring.data.arrays import channels_last
from sparring.data.build import Options
from sparring.data.decode import Fitting, background_rgb, fitted, standard_mode, uses_transparency
from sparring.data.ranges import ValueRange, extremes, value_range
from sparring.errors import SparringError

KEYS = ("image", "images", "pixel_values", "img", "x")
Layout = Literal["picture", "batch"]
_EXPECTED = (
    "tensors or arrays [C, H, W], [B, C, H, W] or [H, W], Pillow images, (picture, label) pairs, "
    f"or dicts with one of the keys {', '.join(KEYS)}"
)


class SampleReader:
    """Turns what a loader yields into [B, H, W, C] arrays; layout, channels, size and range are set by the first.

    Args:
        options: what the user asked; `channels` of 0 and `size_px` of 0 mean that the data decide.
        whole_pictures: whether each element is one picture (a map-style data set), so that [3, H, W] is never a batch.
    """

    def __init__(self, options: Options, whole_pictures: bool) -> None:
        self._options, self._whole_pictures = options, whole_pictures
        self._layout: Layout | None = None
        self.channels, self.size_px = options.channels, options.size_px
        self.range: ValueRange | None = None

    @property
    def takes_single_pictures(self) -> bool:
        """Whether the first element was one picture, not a batch."""
        return self._layout == "picture"

    def decide_pillow_channels(self, samples: list[Any]) -> None:
        """Decides the channels from the first elements, by the rule for files, where these are Pillow images."""
        images = [standard_mode(found) for found in map(_picture_in, samples) if isinstance(found, Image.Image)]
        if images and not self.channels:
            transparent = sum(map(uses_transparency, images))
            grey = all(image.mode in ("L", "LA") for image in images)
            self.channels = 4 if 2 * transparent >= len(images) else 1 if grey else 3

    def read(self, sample: Any) -> np.ndarray:
        """Returns the pictures of one element in the loader's own numbers  # [B, H, W, C].

        Raises:
            SparringError: where there is no picture in it, or one of another size or number of channels than before.
        """
        found = _picture_in(sample)
        pixels = self._from_pillow(found) if isinstance(found, Image.Image) else self._from_array(found)
        _, height, width, channels = pixels.shape
        if not self.channels:
            self.channels = channels
        if not self.size_px and height == width:
            self.size_px = height
        if channels != self.channels:
            raise SparringError(
                f"The pictures have {channels} channels.", f"{self.channels} channels", 'pass channels="auto"'
            )
        if (height, width) != (self.size_px, self.size_px):
            side = str(self.size_px) if self.size_px else "any size"
            raise SparringError(
                f"The pictures are {width} x {height} pixels.",
                f"squares of {side} px, since arrays are not resized",
                f"give the size: size={height}"
                if height == width and self.range is None
                else "resize them in your loader",
            )
        self._layout = self._layout or "picture"
        return pixels

    def decide_range(self, pictures: list[np.ndarray]) -> None:
        """Decides from the first pictures what the numbers mean. Raises SparringError, naming both ends, if unknown."""
        ends = [extremes(piece) for piece in pictures]
        lowest, highest = float(np.min([low for low, _ in ends])), float(np.max([high for _, high in ends]))
        self.range = value_range(pictures[0].dtype, lowest, highest)

    def to_signed(self, pictures: np.ndarray) -> np.ndarray:
        """Returns pictures as float32  # [B, H, W, C] in [-1, 1]. Raises SparringError beyond the decided range."""
        assert self.range is not None
        if not (self.range == "uint8" and pictures.dtype == np.uint8):
            self._check_range(pictures)
        values = pictures.astype(np.float32)
        if self.range != "-1..1":
            values *= {"uint8": 2 / 255, "uint16": 2 / 65535, "bool": 2.0, "0..1": 2.0}[self.range]
            values -= 1
        return values.clip(-1, 1, out=values)

    def _check_range(self, pictures: np.ndarray) -> None:
        lowest, highest = extremes(pictures)
        now = value_range(pictures.dtype, lowest, highest)
        # A dim batch of 16 bits fits into 8, and one of [-1, 1] may lack negative values: that is no other range.
        fits = now == self.range or (now, self.range) in {("uint8", "uint16"), ("0..1", "-1..1")}
        if not fits:
            raise SparringError(
                f"A batch has values from {lowest:g} to {highest:g} ({pictures.dtype}), but the first pictures were "
                f"taken for {self.range}.",
                "one range in all batches",
                "scale all pictures alike in your loader",
            )

    def _from_array(self, found: Any) -> np.ndarray:
        if isinstance(found, torch.Tensor):
            found = found.detach().cpu()
            found = found.float().numpy() if found.dtype is torch.bfloat16 else found.numpy()
        array = np.asarray(found)
        if array.ndim == 2:
            return array[None, ..., None]
        if array.ndim == 3:
            if self._layout is None:
                one = self._whole_pictures or array.shape[0] in (1, 3, 4) or array.shape[2] in (1, 3, 4)
                self._layout = "picture" if one else "batch"
            return channels_last(array[None] if self._layout == "picture" else array, prefer_first=True)
        self._layout = self._layout or "batch"
        if array.ndim == 4 and self._whole_pictures and len(array) != 1:
            raise SparringError(
                f"An element has the shape {list(array.shape)}.", "one picture for each index", "yield single pictures"
            )
        return channels_last(array, prefer_first=True)

    def _from_pillow(self, image: Image.Image) -> np.ndarray:
        """Pillow images get what files get: any mode, fitted to the size."""
        image = standard_mode(image)
        if not self.size_px:
            raise SparringError("Pillow images have no size of their own.", "a size in px", "give the size: size=64")
        background = background_rgb(self._options.background)
        return fitted(image, Fitting(self.size_px, self.channels, self._options.fit, background))[None]


def _picture_in(sample: Any) -> Any:
    if isinstance(sample, (torch.Tensor, np.ndarray, Image.Image)):
        return sample
    if isinstance(sample, Mapping):
        for key in KEYS:
            if key in sample:
                return _picture_in(sample[key])
        raise SparringError(f"An element is a dict with the keys {', '.join(map(str, sample))}.", _EXPECTED)
    if isinstance(sample, (tuple, list)) and len(sample) > 0:
        return _picture_in(sample[0])
    raise SparringError(f"An element is of type {type(sample).__name__}.", _EXPECTED)
