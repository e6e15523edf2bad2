"""The words of the command line, in processes of their own where it matters."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import NARROW
from sparring import cli, options


def run(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sparring", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def inside(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """The same in this process: (exit code, standard output, standard error)."""
    try:
        cli.main(list(map(str, words)))
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    told = capsys.readouterr()
    return code, told.out, told.err


def test_train_then_sample(discs: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    ran = run("train", discs, *NARROW, "--steps", 6, "--out", out)
    assert ran.returncode == 0, ran.stderr
    assert f"sparring sample {out}" in ran.stdout
    assert "step 6/6" in ran.stderr
    assert "D right about" in ran.stderr
    ran = run("sample", out, "-n", 5, "--seed", 1, "-o", tmp_path / "grid.png", "--json")
    assert json.loads(ran.stdout) == {
        "ok": True, "run": str(out), "step": 6, "n": 5, "seed": 1, "out": str(tmp_path / "grid.png"),
    }  # fmt: skip
    with Image.open(tmp_path / "grid.png") as sheet:
        assert sheet.size == (3 * 30 + 2, 2 * 30 + 2)


def test_samples_as_sheet_files_and_array_are_the_same(
    discs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert inside(capsys, "train", discs, *NARROW, "--steps", 2, "--out", out)[0] == 0
    for name in ("one.png", "many", "all.npz"):
        assert inside(capsys, "sample", out, "-n", 7, "-o", tmp_path / name)[0] == 0
    array = np.load(tmp_path / "all.npz")["images"]
    assert (array.shape, array.dtype) == ((7, 28, 28, 1), np.uint8)
    assert sorted(os.listdir(tmp_path / "many")) == [f"{i:05d}.png" for i in range(7)]
    for i in range(7):
        with Image.open(tmp_path / "many" / f"{i:05d}.png") as picture:
            assert np.array_equal(np.array(picture), array[i, ..., 0])
    with Image.open(tmp_path / "one.png") as sheet:
        assert np.array_equal(np.array(sheet)[2:30, 2:30], array[0, ..., 0])
    code, _, said = inside(capsys, "sample", out, "-o", tmp_path / "grid.gif")
    assert code == 1
    assert "ends in .gif" in said


def test_json_is_one_document_on_standard_output(discs: Path, tmp_path: Path) -> None:
    ran = run("train", discs, *NARROW, "--steps", 2, "--out", tmp_path / "run", "--json")
    found = json.loads(ran.stdout)
    assert (found["ok"], found["step"], found["images"], found["ended"]) == (True, 2, 16, "budget")
    ran = run("train", tmp_path / "nowhere", "--steps", 2, "--json")
    found = json.loads(ran.stdout)
    assert found["ok"] is False
    assert "nowhere" in found["error"]["what"]
    assert ran.returncode == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["train", "emoij", "--steps", "2"], 1, "did you mean 'emoji'"),
        (["train", "DISCS", "--set", "d_lr"], 1, "--set d_lr has no value"),
        (["train", "DISCS", "--set", "dlr=3", "--steps", "1"], 1, "did you mean 'd_lr'"),
        (["train", "DISCS", "--recipe", "dcgann", "--steps", "1"], 1, "did you mean 'dcgan'"),
        (["train", "DISCS", "--size", "48", "--steps", "1"], 1, "do not make pictures of 48 px"),
        (["train", "DISCS", "--size", "32", "--steps", "-4"], 1, "--steps is -4"),
        (["train", "DISCS", "--size", "32", "--steps", "1", "--background", "notacolour"], 1, "notacolour"),
        (["train", "DISCS", "--size", "32", "--steps", "1", "--device", "gpu"], 1, "no device 'gpu'"),
        (["train", "DISCS", "--size", "32"], 1, "nobody to ask"),
        (["train", "DISCS", "--steps", "many"], 2, "many"),
        (["train", "DISCS", "--stepps", "3"], 2, "--steps"),
        (["train", "DISCS", "--fit", "stretch"], 2, "stretch"),
        (["trian", "DISCS"], 2, "train"),
        (["sample", "NOWHERE"], 1, "There is no run in"),
        (["sample", "DISCS", "-n", "0"], 1, "There is no run in"),
        (["bench", "stp"], 2, "stp"),
    ],
)
def test_a_mistake_is_answered_in_words(
    words: list[str],
    code: int,
    said: str,
    discs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [{"DISCS": str(discs), "NOWHERE": str(tmp_path / "nowhere")}.get(word, word) for word in words]
    found, _, told = inside(capsys, *words)
    assert (found, said in told) == (code, True), told
    assert "Traceback" not in told


def test_other_settings_stop_on_the_command_line(
    discs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", discs, *NARROW, "--out", tmp_path / "run", "--steps"]
    assert inside(capsys, *words, 1)[0] == 0
    code, _, told = inside(capsys, *words, 2, "--set", "d_lr=1e-3")
    assert code == 1
    assert "recipe.d_lr: 0.002 there, 0.001 asked" in told
    assert inside(capsys, *words, 2)[0] == 0


def test_yes_takes_the_stated_default(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert options.budget_of(options.Until(), yes=True).steps == options.DEFAULT_STEPS
    assert "5,000 steps" in capsys.readouterr().err


def test_without_a_budget_it_asks(discs: Path, tmp_path: Path) -> None:
    """On a real terminal, answered as a person would."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sparring", "train", str(discs), *NARROW, "--out", str(tmp_path / "run"), "--json"],
        stdin=follower, stderr=follower, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(follower)
    seen = b""
    while b"How many steps?" not in seen:
        seen += os.read(leader, 1000)
    os.write(leader, b"3\n")
    try:
        while os.read(leader, 1000):
            pass
    except OSError:
        pass  # the terminal is gone with the process
    out, _ = process.communicate(timeout=120)
    os.close(leader)
    assert json.loads(out)["step"] == 3


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("train", "sample", "bench"):
        code, told, _ = inside(capsys, verb, "--help")
        assert code == 0
        assert f"sparring {verb} " in told
        assert "--json" in told


def test_version_names_versions_and_device(capsys: pytest.CaptureFixture[str]) -> None:
    code, told, _ = inside(capsys, "--version")
    assert code == 0
    assert {"sparring", "python:", "torch:", "device:"} <= {line.split()[0] for line in told.splitlines()}


@pytest.mark.parametrize("what", ["step", "keras", "data"])
def test_bench_measures_and_saves(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "bench",
        what,
        "--size",
        "32",
        "--batch",
        "8",
        "--width",
        "4",
        "--rounds",
        "1",
        "--save",
        tmp_path / "b.json",
    ]
    code, told, _ = inside(capsys, *words)
    assert code == 0
    assert "images/s" in told
    found = json.loads((tmp_path / "b.json").read_text())
    assert found["results"][0]["ratio"] == 1.0
    assert all(row["images_per_second"] > 0 for row in found["results"])
    assert {"cpu", "torch", "cores"} <= found["machine"].keys()
