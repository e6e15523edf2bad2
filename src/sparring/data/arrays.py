"""Pictures that come as arrays: .npy and .npz files, IDX files, and arrays in memory."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch

from sparring.data.ranges import ValueRange, as_uint8, range_of
from sparring.data.sources import Item, Listing, Source, file_stamp, printable, slug
from sparring.errors import SparringError

_CHANNELS = (1, 3, 4)
_KEYS = ("images", "x_train", "arr_0")  # Keras' and NumPy's own names
_SHAPES = "pictures of shape [N, H, W], [N, H, W, C] or [N, C, H, W], with C of 1, 3 or 4"


def array_source(path: Path) -> Source:
    """Takes the pictures in a .npy or .npz file. It is opened only when it must be read."""
    return Source("npy", slug(path.stem), printable(path.name), file_stamp(path), partial(_open_array, path))


def channels_last(array: np.ndarray, *, prefer_first: bool = False) -> np.ndarray:
    """Returns a view of an array of pictures as [N, H, W, C].

    Args:
        array: [N, H, W], [N, H, W, C] or [N, C, H, W].
        prefer_first: whether [N, 3, H, 3] is read as channels first, as PyTorch has it.

    Raises:
        SparringError: for any other shape, and for no pictures.
    """
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise SparringError(f"The array has the shape {list(array.shape)}.", _SHAPES, "reshape it")
    if array.ndim == 3:
        return array[..., None]
    first, last = array.shape[1] in _CHANNELS, array.shape[3] in _CHANNELS
    if first and (prefer_first or not last):
        return array.transpose(0, 2, 3, 1)
    if last:
        return array
    raise SparringError(f"The array has the shape {list(array.shape)}.", _SHAPES, "transpose or reshape it")


def array_pictures(array: np.ndarray | torch.Tensor) -> tuple[np.ndarray, ValueRange]:
    """Reads an array of pictures in any layout and range.

    Returns them as uint8  # [N, H, W, C] in [0, 255], and what the numbers meant.

    Raises SparringError for other shapes, no pictures, and numbers that are not finite or in no known range.
    """
    if isinstance(array, torch.Tensor):
        tensor = array.detach().cpu()
        numbers = (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()
    else:
        numbers = array
    pictures = channels_last(numbers, prefer_first=isinstance(array, torch.Tensor))
    meaning = range_of(numbers)
    return np.ascontiguousarray(as_uint8(pictures, meaning)), meaning


def array_items(pictures: np.ndarray, meaning: ValueRange, prefix: str, folders: Sequence[str] = ()) -> list[Item]:
    """Returns one item for each picture of an array [N, H, W, C]; `folders` names their classes, if known."""

    def read(index: int) -> np.ndarray:
        return as_uint8(np.asarray(pictures[index]), meaning)

    width = len(str(len(pictures) - 1))
    return [
        Item(f"{prefix}/{index:0{width}d}", folders[index] if len(folders) else "", partial(read, index))
        for index in range(len(pictures))
    ]


def read_idx(path: Path) -> np.ndarray:
    """Reads an IDX file of unsigned bytes (LeCun's MNIST format), gzipped or not. Raises SparringError if damaged."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zeros, kind, n_dimensions = struct.unpack(">HBB", raw[:4])
        shape = struct.unpack(f">{n_dimensions}I", raw[4 : 4 + 4 * n_dimensions])
        if zeros != 0 or kind != 0x08:  # 0x08: unsigned byte
            raise ValueError(f"its first bytes are {raw[:4].hex()}")
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * n_dimensions).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise SparringError(
            f"{printable(str(path))} cannot be read: {error}.", "an IDX file of unsigned bytes", "download it again"
        ) from error


@contextmanager
def _open_array(path: Path) -> Iterator[Listing]:
    try:
        loaded = np.load(path, mmap_mode="r" if path.suffix.lower() == ".npy" else None, allow_pickle=False)
        array, key = (loaded, "") if isinstance(loaded, np.ndarray) else _pick(loaded, path)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise SparringError(
            f"{printable(path.name)} cannot be read: {' '.join(str(error).split())}",
            "a .npy or .npz of numbers, without Python objects",
            "save it again with numpy.save(path, array)",
        ) from error
    pictures, meaning = channels_last(array), range_of(array)
    notes = [f"the numbers in {printable(path.name)}{key} ({array.dtype}) were read as {meaning}"]
    yield Listing(array_items(pictures, meaning, path.stem), notes)


def _pick(loaded: np.lib.npyio.NpzFile, path: Path) -> tuple[np.ndarray, str]:
    with loaded:
        known = [key for key in _KEYS if key in loaded.files]
        arrays = {}
        for key in known + [key for key in loaded.files if key not in known]:
            arrays[key] = loaded[key]  # every access reads the file again
            if key in known and arrays[key].ndim in (3, 4):
                return arrays[key], f" under {key!r}"
        fit = [key for key, array in arrays.items() if array.ndim in (3, 4)]
        if len(fit) == 1:
            return arrays[fit[0]], f" under {fit[0]!r}"
        names = ", ".join(f"{key} {list(array.shape)}" for key, array in arrays.items())
    raise SparringError(
        f"{printable(path.name)} does not say which array holds the pictures: {names or 'it is empty'}.",
        _SHAPES,
        "save them under the key 'images'",
    )
