"""What other people's loaders yield -> pixels and conditions: batches or single pictures, in any layout."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from sparring.conditions import Embed, Kind, Shape, check_kind, embedded
from sparring.data.arrays import channels_last
from sparring.data.build import Options
from sparring.data.decode import Fitting, background_rgb, fitted, standard_mode, uses_transparency
from sparring.data.ranges import ValueRange, extremes, value_range
from sparring.errors import SparringError
from sparring.text import embedder

KEYS = ("image", "images", "pixel_values", "img", "x")
CONDITION_KEYS: dict[Kind, tuple[str, ...]] = {
    "class": ("label", "labels", "class", "target", "condition"),
    "text": ("text", "caption", "captions", "prompt", "condition"),
    "vector": ("condition", "vector", "embedding"),
}
_MOST_CAPTIONS = 65_536  # whose numbers are kept: 100 MiB of MiniLM's
_DEEPEST = 8  # data sets that wrap data sets are looked into no deeper

Raw = np.ndarray | list[str]  # conditions of n pictures: labels or vectors, or captions
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


def beside_picture(sample: Any) -> Any:
    """Returns what a loader yields with a picture: a dict without it, the rest of a pair, or None."""
    if isinstance(sample, Mapping):
        return {key: value for key, value in sample.items() if key not in KEYS}
    return tuple(sample[1:]) if isinstance(sample, tuple | list) else None


class ConditionReader:
    """Reads the conditions out of what a loader yields with its pictures.

    Args:
        shape: what they are.
        embed: captions -> [n, k]; None for classes and vectors.
    """

    def __init__(self, shape: Shape, embed: Embed | None = None) -> None:
        self.shape, self.embed = shape, embed
        self._known: OrderedDict[str, np.ndarray] = OrderedDict()  # captions and their numbers, the last used last

    def read(self, beside: Any, n: int) -> Raw:
        """Returns the conditions of n pictures out of what stands beside them, captions as captions.

        Raises SparringError where there are none, or of another kind, number or size than is expected.
        """
        raw = raw_conditions(beside, self.shape.kind, n)
        if self.shape.kind == "class":
            classes = _class_numbers(raw, self.shape.size)
            if classes.min() < 0 or classes.max() >= self.shape.size:
                raise SparringError(
                    f"An element has the class {classes.max() if classes.min() >= 0 else classes.min()}.",
                    f"0 to {self.shape.size - 1}, for {self.shape.size} classes",
                    "count classes from 0 in your loader, or set its num_classes to how many there are",
                )
            return classes
        if isinstance(raw, np.ndarray) and raw.shape[1] != self.shape.size:
            raise SparringError(
                f"An element has a vector of {raw.shape[1]} numbers.", f"{self.shape.size}, as in the first elements"
            )
        return raw

    def numbers(self, raw: Raw) -> np.ndarray:
        """Returns what `read` gave as the networks take it  # int64 [n] or float32 [n, size]."""
        return np.stack([self._embedded(caption) for caption in raw]) if isinstance(raw, list) else raw

    def bytes_of(self, beside: Any, n: int) -> bytes:
        """Returns what tells these conditions from others: equal for equal captions, labels or vectors."""
        raw = self.read(beside, n)
        return raw.tobytes() if isinstance(raw, np.ndarray) else "\0".join(raw).encode("utf-8", "replace")

    def _embedded(self, caption: str) -> np.ndarray:
        if caption not in self._known:
            assert self.embed is not None
            # One by one: in company its last bits would depend on the others, and so on where a run was resumed.
            self._known[caption] = embedded([caption], self.embed, self.shape.size)[0]
            if len(self._known) > _MOST_CAPTIONS:
                self._known.popitem(last=False)
        self._known.move_to_end(caption)
        return self._known[caption]


def condition_reader(
    kind: str, source: Any, first: Sequence[tuple[Any, int]], embed: Embed | None, n_classes: int | None
) -> ConditionReader:
    """Makes a reader by what is known beforehand.

    Args:
        kind: "class", "text" or "vector".
        source: the user's data set or loader.
        first: its first elements without their pictures, and how many pictures each held.
        embed: captions -> [n, k]; None for MiniLM.
        n_classes: number of classes; None for what the data set says.

    Raises:
        SparringError: where the first elements have no such condition, or nobody knows how many classes there are.
    """
    raws = [raw_conditions(beside, check_kind(kind), n) for beside, n in first]
    if kind == "class":
        names = () if n_classes else class_names(source)
        found = n_classes or len(names) or class_count(source) or max(map(_one_hot_size, raws))
        if not found:
            raise SparringError(
                f"A {type(source).__name__} does not say how many classes there are.",
                "an attribute `classes`, `num_classes` or `targets` of it or its data set, or one-hot labels",
                "set it, as in loader.num_classes = 10",
            )
        return ConditionReader(Shape("class", found, names))
    if kind == "vector":
        return ConditionReader(Shape("vector", int(np.shape(raws[0])[1])))
    embed = embedder() if embed is None else embed
    return ConditionReader(Shape("text", embedded(list(raws[0])[:1], embed).shape[1]), embed)


def raw_conditions(beside: Any, kind: Kind, n: int) -> Raw:
    """Finds the conditions of n pictures in what stands beside them.

    Returns captions, n of them; vectors, float32 [n, k]; or labels as they are, [n] or one-hot [n, k].
    Raises SparringError where there are none of this kind, or not n of them.
    """
    found = _condition_in(beside, kind)
    if kind == "text":
        captions = [found] if isinstance(found, str) else list(found)
        if len(captions) != n or not all(isinstance(caption, str) and caption.strip() for caption in captions):
            raise SparringError(
                f"An element of {n} pictures has the captions {str(captions)[:60]}.",
                "a string that is not empty for each picture",
                "leave pictures without a caption out in your loader",
            )
        return [" ".join(caption.split()) for caption in captions]
    if isinstance(found, torch.Tensor):
        found = found.detach().cpu().numpy()
    array = np.asarray(found)
    if array.dtype.kind not in "biuf":
        raise SparringError(
            f"An element has the {kind} {str(found)[:60]!r}.",
            "whole numbers from 0, since an iterable does not tell all names beforehand"
            if kind == "class"
            else "numbers",
            "number the classes in your loader" if kind == "class" else "yield an array or tensor with each picture",
        )
    array = array.reshape(1, -1) if n == 1 and array.size and array.shape[:1] != (1,) else array
    if array.ndim == 0 or len(array) != n or not array.size or not np.isfinite(array).all():
        raise SparringError(
            f"An element of {n} pictures has a {kind} of shape {list(np.shape(found))}.",
            "one for each picture, of finite numbers",
        )
    return array.reshape(n, -1).astype(np.float32) if kind == "vector" else array


def _condition_in(beside: Any, kind: Kind) -> Any:
    if isinstance(beside, Mapping):
        for key in CONDITION_KEYS[kind]:
            if beside.get(key) is not None:
                return beside[key]
        found = f"the keys {', '.join(map(str, beside))}" if beside else "no keys but the picture's"
        raise SparringError(f"An element has {found}.", f"a {kind} under {', '.join(CONDITION_KEYS[kind])}")
    if not beside:
        raise SparringError(f"The elements are pictures without a {kind}.", f"(picture, {kind}) pairs, or dicts")
    # Of (picture, label, caption) whichever is of the kind; a batch of strings is a list of them.
    textual = [isinstance(one[0] if isinstance(one, list | tuple) and one else one, str) for one in beside]
    wanted = [one for one, is_text in zip(beside, textual, strict=True) if is_text == (kind == "text")]
    if kind == "text" and not wanted:
        raise SparringError(f"The elements are pictures with {type(beside[0]).__name__}s.", "pictures with strings")
    return (wanted or beside)[0]


def _class_numbers(raw: Raw, size: int) -> np.ndarray:
    """Labels, or one-hot rows, as int64 [n]. Raises SparringError for fractions and rows that are not one-hot."""
    array = np.asarray(raw)
    if array.ndim > 1 and array.shape[1] == 1:
        array = array.reshape(-1)
    if array.ndim == 2 and array.shape[1] == size and ((array == 0) | (array == 1)).all() and (array.sum(1) == 1).all():
        return array.argmax(axis=1).astype(np.int64)
    if array.ndim != 1 or (array != np.floor(array)).any():
        raise SparringError(
            f"An element has the classes {str(array.tolist())[:60]}.",
            f"whole numbers from 0 to {size - 1}, or rows of {size} with a single one",
        )
    return array.astype(np.int64)


def _one_hot_size(raw: Raw) -> int:
    array = np.asarray(raw)
    return array.shape[1] if array.ndim == 2 and array.shape[1] > 1 else 0


def class_names(source: Any) -> tuple[str, ...]:
    """Returns the names that a data set gives its classes, or one inside it; () where it gives none."""
    for dataset in _inside(source):
        features = getattr(dataset, "features", None)  # Hugging Face's data sets
        labels = [features.get(key) for key in CONDITION_KEYS["class"]] if isinstance(features, Mapping) else []
        for names in (getattr(dataset, "classes", None), *(getattr(label, "names", None) for label in labels)):
            if isinstance(names, list | tuple) and len(names) > 1:
                return tuple(map(str, names))
    return ()


def class_count(source: Any) -> int:
    """Returns how many classes a data set says that it has, or those of its labels; 0 where it does not tell."""
    for dataset in _inside(source):
        for name in ("num_classes", "n_classes"):
            if isinstance(found := getattr(dataset, name, None), int) and found > 1:
                return found
        tensors = getattr(dataset, "tensors", None)
        for labels in (getattr(dataset, "targets", None), tensors[1] if tensors and len(tensors) > 1 else None):
            if labels is not None and len(labels):
                array = np.asarray(labels)
                if array.ndim == 1 and array.dtype.kind in "iu":
                    return int(array.max()) + 1
    return 0


def _inside(source: Any) -> Iterator[Any]:
    """The object, and what it wraps: a loader's data set, a subset's whole."""
    for _ in range(_DEEPEST):
        if source is None:
            return
        yield source
        source = getattr(source, "dataset", None)
