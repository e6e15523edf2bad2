"""Folders, zips and files of arrays become packs: which files are used, what is said of the others, what is cached."""

from __future__ import annotations

import json
import os
import shutil
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pictures_of_all_kinds import SIDE, color_ramp, folder_of_noise, grey_ramp, png_that_claims, random_color
from sparring.data import build, open_data
from sparring.data.pack import Pack
from sparring.errors import SparringError
from sparring.folder import cache_folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path_factory.mktemp("cache")))


def opened(source: Any, **options: Any) -> Pack:
    return open_data(source, **{"size_px": SIDE, **options})


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a picture was decoded again")

    monkeypatch.setattr(build, "_decode", refuse)


def test_a_nested_folder_in_the_order_of_its_paths(tmp_path: Path) -> None:
    names = ["b/2.PNG", "a/x/1.png", "top.Png", "a/0.png", "a/.hidden.png", "__MACOSX/a.png", "b/._2.png", ".git/x.png"]
    for seed, name in enumerate(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random_color(seed)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "movie.mp4").write_bytes(b"\0")
    data = opened(tmp_path)
    table = data.table()
    assert [(row.path, row.folder, row.row) for row in table] == [
        ("a/0.png", "a", 0), ("a/x/1.png", "a/x", 1), ("b/2.PNG", "b", 2), ("top.Png", "", 3),
    ]  # fmt: skip
    assert np.array_equal(data.pictures(range(4)), np.stack([random_color(seed) for seed in (3, 1, 0, 2)]))
    assert (table[0].mode, table[0].width_px, table[0].height_px) == ("RGB", SIDE, SIDE)
    assert any(note.startswith("2 other files ignored") for note in data.notes)
    assert data.left_out == []
    assert len(data) == data.n == 4


def test_broken_files_are_listed_and_never_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of_noise(tmp_path / "photos", 3)
    good = (folder / "00.png").read_bytes()
    (folder / "bomb.png").write_bytes(png_that_claims(60_000, 60_000))
    (folder / "claims.png").write_bytes(png_that_claims(10_000, 10_000))
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.png").write_bytes(good[:500])
    (folder / "text.png").write_text("hello\n" * 40)
    (folder / "page.jpg").write_text("<html><body>Not found</body></html>")
    (folder / "folder.png").mkdir()
    Image.fromarray(random_color(50)).save(folder / "folder.png" / "inside.png")
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "circle").symlink_to(folder)
    (folder / "secret.png").write_bytes(good)
    os.mkfifo(folder / "pipe.png")
    read = Path.read_bytes

    def denied(path: Path) -> bytes:  # tests may run as root, who may read everything
        if path.name == "secret.png":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", denied)
    data = opened(folder, channels=3)
    reasons = dict(data.left_out)
    wanted = {
        "bomb.png": "too large", "claims.png": "damaged", "empty.png": "empty", "cut.png": "cut short",
        "text.png": "text, not a picture", "page.jpg": "a web page", "folder.png": "a folder",
        "gone.png": "a link to a missing file", "secret.png": "no permission", "pipe.png": "not a regular file",
    }  # fmt: skip
    assert set(reasons) == set(wanted)
    for path, part in wanted.items():
        assert part in reasons[path], (path, reasons[path])
        assert len(reasons[path]) < 120
    assert data.n == 4  # the three, and the one inside folder.png
    assert {row.path: row.reason for row in data.table() if row.row is None} == reasons
    assert any(note.startswith("10 files left out; the list is in ") for note in data.notes)


def test_nothing_usable_and_nothing_at_all(tmp_path: Path) -> None:
    for index in range(5):
        (tmp_path / f"{index}.png").write_bytes(b"")
    with pytest.raises(SparringError, match="None of the 5 pictures") as caught:
        opened(tmp_path)
    assert str(caught.value).count("the file is empty") == 3
    assert not list(cache_folder(None).glob("packs/*"))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.heic").write_bytes(b"x")
    with pytest.raises(SparringError, match=r"no pictures in .*1 other files: 1 \.heic"):
        opened(tmp_path / "sub")


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(b'caf\xe9,\n"x".png')
    Image.fromarray(random_color(1)).save(tmp_path / name)
    data = opened(tmp_path)
    assert [row.path for row in data.table()] == ['caf\\udce9,\n"x".png']
    assert json.dumps(data.identity)


def test_the_second_time_nothing_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of_noise(tmp_path / "photos", 6)
    said: list[str] = []
    first = opened(folder, say=said.append)
    assert said == ["reading 6 pictures of photos once"]
    forbid_decoding(monkeypatch)
    second = opened(folder, say=said.append)
    assert len(said) == 1
    assert second.identity == first.identity
    assert second.notes == first.notes
    assert second.table() == first.table()
    assert np.array_equal(second.pictures(range(6)), first.pictures(range(6)))
    for changed in ({"size_px": 8}, {"channels": 1}, {"fit": "pad"}, {"background": "black"}):
        with pytest.raises(AssertionError, match="decoded again"):
            opened(folder, **changed)


def test_identity_follows_the_contents_and_holds_no_path(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "photos", 4)
    before = opened(folder)
    assert before.identity == {
        "kind": "folder", "source": "photos", "fingerprint": before.identity["fingerprint"], "n": 4, "size_px": SIDE,
        "channels": 3, "fit": "crop", "background": "white", "decoder": 1,
    }  # fmt: skip
    assert str(tmp_path) not in json.dumps(before.identity)
    os.utime(folder / "01.png", ns=(5, 5))
    assert opened(folder).identity == before.identity
    Image.fromarray(random_color(99)).save(folder / "01.png")
    changed = opened(folder).identity
    assert changed["fingerprint"] != before.identity["fingerprint"]
    assert {**changed, "fingerprint": ""} == {**before.identity, "fingerprint": ""}
    (folder / "01.png").unlink()
    assert opened(folder).identity["n"] == 3


@pytest.mark.parametrize("harm", ["truncate", "remove", "json", "table"])
def test_a_damaged_pack_is_made_again_and_said_so(tmp_path: Path, harm: str) -> None:
    folder = folder_of_noise(tmp_path / "photos", 5)
    before = opened(folder)
    pack = next((cache_folder(None) / "packs").iterdir())
    if harm == "truncate":
        os.truncate(pack / "images.npy", 1000)
    elif harm == "remove":
        (pack / "images.npy").unlink()
    elif harm == "json":
        (pack / "pack.json").write_text('{"n": 5')
    else:
        (pack / "table.csv").write_text("path\n")
    after = opened(folder)
    assert any("was damaged" in note for note in after.notes)
    assert after.identity == before.identity
    assert np.array_equal(after.pictures(range(5))[2], random_color(2))
    assert not any("was damaged" in note for note in opened(folder).notes)


def test_killed_builds_leave_only_what_is_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packs = cache_folder(None) / "packs"
    old, young = packs / ".building-old", packs / ".building-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "images.npy").write_bytes(b"x")
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    photos = folder_of_noise(tmp_path / "photos", 2)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build, "write_table", interrupt)
        with pytest.raises(KeyboardInterrupt):
            opened(photos)
    assert sorted(packs.iterdir()) == [young]
    assert opened(photos).n == 2
    assert young.exists()


def test_a_race_is_won_by_one_and_harms_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = folder_of_noise(tmp_path / "photos", 3)
    write = build.write_table

    def write_while_another_finishes(path: Path, rows: Any) -> None:
        write(path, rows)
        monkeypatch.setattr(build, "write_table", write)
        opened(photos)

    monkeypatch.setattr(build, "write_table", write_while_another_finishes)
    assert opened(photos).n == 3
    assert len(list((cache_folder(None) / "packs").iterdir())) == 1


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = folder_of_noise(tmp_path / "photos", 2)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SparringError, match="SPARRING_CACHE"):
        opened(photos, cache=tmp_path / "file")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(SparringError, match="MiB left"):
        opened(photos)


@pytest.mark.parametrize("variable", ["argument", "SPARRING_CACHE", "XDG_CACHE_HOME", "HOME"])
def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    for name in ("SPARRING_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    if variable != "argument":
        monkeypatch.setenv(variable, str(tmp_path))
    tail = {"XDG_CACHE_HOME": "sparring", "HOME": ".cache/sparring"}.get(variable, "")
    assert cache_folder(tmp_path if variable == "argument" else None) == tmp_path / tail


def test_the_users_files_are_not_changed(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "photos", 3)
    (folder / "broken.png").write_bytes(b"x")

    def state() -> list[tuple[str, bytes, int]]:
        return [(file.name, file.read_bytes(), file.stat().st_mtime_ns) for file in sorted(folder.iterdir())]

    before = state()
    data = opened(folder)
    data.batch(0, 8, seed=0, flip=True)
    assert state() == before


def test_many_files_come_in_order_whatever_the_threads_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of_noise(tmp_path / "photos", 90, side=4)
    decode = build._decode

    def dawdle(item: Any, **options: Any) -> Any:
        time.sleep(0.01 if item.path.endswith("0.png") else 0)
        return decode(item, **options)

    monkeypatch.setattr(build, "_decode", dawdle)
    data = opened(folder, size_px=4)
    assert np.array_equal(data.pictures(range(90)), np.stack([random_color(seed, 4) for seed in range(90)]))


def test_channels_by_themselves(tmp_path: Path) -> None:
    def folder(name: str, pictures: list[Image.Image]) -> Path:
        (tmp_path / name).mkdir()
        for index, picture in enumerate(pictures):
            picture.save(tmp_path / name / f"{index}.png")
        return tmp_path / name

    grey, color = Image.fromarray(grey_ramp()), Image.fromarray(color_ramp())
    opaque, clear = color.convert("RGBA"), color.convert("RGBA")
    clear.putpixel((0, 0), (1, 2, 3, 0))
    deep = Image.fromarray(np.full((SIDE, SIDE), 40_000, np.uint16))
    palette = color.quantize(16)
    cases = {
        "grey": ([grey, grey.convert("1"), grey.convert("LA"), grey.convert("P"), deep], 1, "all 5 files are grey"),
        "color": ([grey, color], 3, "1 of 2 files are of a colour mode"),
        "palette": ([grey, palette], 3, "1 of 2 files are of a colour mode"),
        "opaque": ([opaque, opaque], 3, "2 of 2 files are of a colour mode"),
        "half": ([clear, color], 4, "1 of 2 files use transparency"),
        "third": ([clear, color, color], 3, "1 of 3 files use transparency; they are laid"),
    }
    for name, (pictures, channels, why) in cases.items():
        data = opened(folder(name, pictures))
        assert data.channels == channels, name
        assert any(note.startswith(f"channels: {channels}, since") and why in note for note in data.notes), data.notes
    assert opened(tmp_path / "half", channels=1).channels == 1


def test_zips(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "photos", 4)
    path = tmp_path / "Photos of 2024.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir(), reverse=True):
            archive.write(file, f"in/{file.name}")
        archive.writestr("__MACOSX/in/._00.png", b"x")
        archive.writestr("in/readme.txt", b"x")
        archive.writestr("in/zz_locked.png", (folder / "00.png").read_bytes())
        archive.writestr("in/zz_sick.png", b"S" * 300, zipfile.ZIP_STORED)
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"S" * 300) + 7] = 0  # a wrong checksum
    entry = raw.index(b"PK\x01\x02", raw.index(b"in/zz_locked.png") + 50)
    while raw[entry + 46 : entry + 62] != b"in/zz_locked.png":
        entry = raw.index(b"PK\x01\x02", entry + 1)
    raw[entry + 8] |= 1  # the flag of encryption
    path.write_bytes(raw)
    data = opened(path)
    assert np.array_equal(data.pictures(range(4)), np.stack([random_color(seed) for seed in range(4)]))
    assert dict(data.left_out) == {"in/zz_locked.png": "encrypted in the zip", "in/zz_sick.png": "damaged in the zip"}
    assert (data.name, data.identity["kind"], data.identity["source"]) == ("photos-of-2024", "zip", path.name)
    assert data.table()[0].folder == "in"
    path.write_bytes(raw[:-200])
    with pytest.raises(SparringError, match="not a zip, or was cut short"):
        opened(path)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "NHW"])
@pytest.mark.parametrize("numbers", ["uint8", "uint16", "0..1", "-1..1", "bool"])
def test_npy_files_of_every_layout_and_range(tmp_path: Path, layout: str, numbers: str) -> None:
    color = np.stack([random_color(seed) for seed in range(5)])
    want = color[..., :1] if layout == "NHW" else color
    if numbers == "bool":
        want = np.where(want > 127, 255, 0).astype(np.uint8)
    array = {
        "uint8": want, "uint16": want.astype(np.uint16) * 257, "0..1": want / 255, "-1..1": want / 127.5 - 1,
        "bool": want > 0,
    }[numbers]  # fmt: skip
    array = array[..., 0] if layout == "NHW" else array.transpose(0, 3, 1, 2) if layout == "NCHW" else array
    np.save(tmp_path / "x.npy", array)
    data = opened(tmp_path / "x.npy")
    assert np.array_equal(data.pictures(range(5)), want)
    assert data.channels == want.shape[3]
    assert any(f"read as {numbers}" in note for note in data.notes)
    in_memory = opened(array)
    assert np.array_equal(in_memory.pictures(range(5)), want)


def test_npy_is_resized_and_npz_is_picked_from(tmp_path: Path) -> None:
    images = np.repeat(np.arange(4, dtype=np.uint8) * 60, 12 * 20).reshape(4, 12, 20)
    np.save(tmp_path / "flat.npy", images)
    data = opened(tmp_path / "flat.npy", size_px=8)
    assert np.array_equal(data.pictures([3]), np.full((1, 8, 8, 1), 180))
    for keys in (("labels", "images"), ("y_train", "x_train"), ("labels", "arr_0"), ("labels", "anything")):
        np.savez(tmp_path / "x.npz", **{keys[0]: np.arange(4), keys[1]: images[:, :, :12]})
        assert opened(tmp_path / "x.npz", size_px=None).size_px == 12
    np.savez(tmp_path / "two.npz", one=images, other=images)
    with pytest.raises(SparringError, match=r"which array holds the pictures: one \[4, 12, 20\]"):
        opened(tmp_path / "two.npz")
    np.save(tmp_path / "objects.npy", np.array([{}, {}]), allow_pickle=True)
    with pytest.raises(SparringError, match="without Python objects"):
        opened(tmp_path / "objects.npy")
    np.save(tmp_path / "wide.npy", images.astype(np.float32))
    with pytest.raises(SparringError, match="from 0 to 180"):
        opened(tmp_path / "wide.npy")
    with pytest.raises(SparringError, match="no one size of their own"):
        opened(tmp_path / "flat.npy", size_px=None)


def test_near_pictures_have_near_perceptual_hashes(tmp_path: Path) -> None:
    smooth = np.asarray(Image.fromarray(random_color(1, 6)).resize((48, 48), Image.Resampling.BICUBIC))
    other = np.asarray(Image.fromarray(random_color(2, 6)).resize((48, 48), Image.Resampling.BICUBIC))
    for name, picture in (("a", smooth), ("b", np.clip(smooth.astype(int) + 9, 0, 255).astype(np.uint8)), ("c", other)):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    a, b, c = (int(row.perceptual_hash, 16) for row in opened(tmp_path).table())
    assert (a ^ b).bit_count() <= 6 < 16 <= (a ^ c).bit_count()
    assert len({row.content_hash for row in opened(tmp_path).table()}) == 3
