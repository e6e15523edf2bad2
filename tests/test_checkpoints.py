"""Whole files or none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from sparring.checkpoints import Store, sha256_of, sweep, write_whole


def bytes_of(text: str):  # type: ignore[no-untyped-def]
    return lambda file: file.write(text.encode())


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_whole(path, bytes_of("old"))

    def fail(file: BinaryIO) -> None:
        file.write(b"new, half")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write_whole(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_the_last_are_kept_and_every_nth(tmp_path: Path) -> None:
    store = Store(tmp_path, keep_last=2, multiples=[30])
    for step in range(10, 110, 10):
        store.save(step, bytes_of(str(step)))
    assert store.steps() == [30, 60, 90, 100]
    assert sorted(os.listdir(tmp_path)) == sorted(
        f"step-{step:08d}.pt{end}" for step in (30, 60, 90, 100) for end in ("", ".sha256")
    )


def test_the_checksum_is_what_sha256sum_reads(tmp_path: Path) -> None:
    Store(tmp_path).save(10, bytes_of("ten"))
    subprocess.run(["sha256sum", "-c", "--status", "step-00000010.pt.sha256"], cwd=tmp_path, check=True)


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "no checksum", "bad checksum"])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    for step in (10, 20):
        store.save(step, bytes_of(f"{step}" * 100))
    path = store.path(20)
    checksum = path.with_suffix(".pt.sha256")
    if damage == "truncate":
        os.truncate(path, 50)
    elif damage == "flip":
        data = bytearray(path.read_bytes())
        data[7] ^= 1
        path.write_bytes(data)
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "no checksum":
        checksum.unlink()
    else:
        checksum.write_bytes(b"\xff\xfe")
    assert store.newest() == (10, [20])
    aside = store.set_aside(20)
    assert aside.name == "step-00000020.pt.damaged"
    assert store.newest() == (10, [])
    store.save(20, bytes_of("again"))
    assert store.newest() == (20, [])


def test_a_whole_one_is_not_written_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(10, bytes_of("ten"))
    before = sha256_of(store.path(10))
    store.save(10, bytes_of("another ten"))
    assert sha256_of(store.path(10)) == before


def test_sweeping_takes_only_what_is_half_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(10, bytes_of("ten"))
    (tmp_path / "step-00000020.pt.part").write_text("half")
    (tmp_path / "step-00000020.pt.part.77.part").write_text("half")
    (tmp_path / "movie.part").write_text("not ours")
    sweep(tmp_path, "step-*")
    assert store.newest() == (10, [])
    assert sorted(os.listdir(tmp_path)) == ["movie.part", "step-00000010.pt", "step-00000010.pt.sha256"]


def test_no_room_is_said_in_words_and_loses_nothing(tmp_path: Path) -> None:
    """A real limit of the operating system on how large a file may grow, in a process of its own."""
    code = f"""
import resource, pathlib
from sparring.checkpoints import Store
from sparring.errors import SparringError
store = Store(pathlib.Path({str(tmp_path)!r}))
store.save(10, lambda file: file.write(b"x" * 1000))
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    store.save(20, lambda file: file.write(b"x" * 100_000))
except SparringError as error:
    print(error)
print(store.newest())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "There is no room left to write" in ran.stdout
    assert "free some room" in ran.stdout
    assert "(10, [])" in ran.stdout
    assert len(os.listdir(tmp_path)) == 2
