"""`sparring film`: every sheet a frame, in the order of steps, whatever the sheets are; the run stays as it was."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sparring.cli import main
from sparring.errors import SparringError
from sparring.events import Event
from sparring.reporting import filming
from sparring.reporting.filming import film
from test_reporting import trained


@pytest.fixture(scope="module")
def run(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(discs, tmp_path_factory.mktemp("runs") / "discs")


@pytest.fixture
def own(run: Path, tmp_path: Path) -> Path:
    """A copy of the run that may be changed."""
    return Path(shutil.copytree(run, tmp_path / "own"))


def steps(run: Path) -> list[int]:
    return sorted(int(file.stem.split("-")[1]) for file in (run / "samples").iterdir())


def seconds(file: Path) -> tuple[int, float]:
    """(frames, seconds) of a GIF."""
    with Image.open(file) as image:
        told = []
        for i in range(image.n_frames):
            image.seek(i)
            told.append(image.info.get("duration", 0))
    return len(told), sum(told) / 1000


def contents(run: Path) -> dict[str, bytes]:
    return {str(file.relative_to(run)): file.read_bytes() for file in run.rglob("*") if file.is_file()}


def test_every_sheet_is_a_frame(own: Path) -> None:
    before = contents(own)
    made = film(own, seconds=4)
    assert made.path == own / "film.gif"
    assert seconds(made.path) == (len(steps(own)), pytest.approx(4, abs=0.1))
    with Image.open(made.path) as image:
        assert image.size == made.size
        assert image.info["loop"] == 0
    assert contents(own) | before == contents(own), "a file of the run was changed"
    assert len(contents(own)) == len(before) + 1


def test_frames_show_the_sheets_and_say_what_they_are(own: Path, tmp_path: Path) -> None:
    made = film(own, tmp_path / "frames", scale=3)
    frames = sorted(made.path.iterdir())
    assert [file.name for file in frames] == [f"frame-{i:05d}.png" for i in range(1, len(steps(own)) + 1)]
    for file, sheet in zip(frames, sorted((own / "samples").iterdir()), strict=True):
        with Image.open(file) as frame, Image.open(sheet) as small:
            shown = np.asarray(frame.convert("L"))
            larger = np.kron(np.asarray(small.convert("L")), np.ones((3, 3), np.uint8))
        assert (shown[: larger.shape[0], : larger.shape[1]] == larger).all()
        assert shown[larger.shape[0] :].min() < 100  # a label below


def test_labels_tell_step_and_quality() -> None:
    judged = [Event("evaluation", 100, 0, {"metric": "kid", "value": 0.02345})]
    assert filming._label(50, judged) == "step 50"
    assert filming._label(100, judged) == "step 100   kid 0.02345"
    assert filming._label(1500, judged) == "step 1,500   kid 0.02345 (step 100)"


def test_sheets_of_every_kind_make_one_film(own: Path, tmp_path: Path) -> None:
    """Resumed with another grid, with alpha, gray, broken, gone."""
    sheets = sorted((own / "samples").iterdir())
    Image.new("RGBA", (200, 90), (255, 0, 0, 0)).save(sheets[0])
    Image.new("L", (30, 40), 7).save(sheets[1])
    sheets[2].write_bytes(b"no picture")
    sheets[3].write_bytes(sheets[3].read_bytes()[:200])
    sheets[4].unlink()
    made = film(own, tmp_path / "frames", scale=1)
    assert made.left_out == (sheets[2].name, sheets[3].name)
    assert made.frames == len(sheets) - 3
    first = np.asarray(Image.open(made.path / "frame-00001.png"))
    assert len(np.unique(first[:90, :200].reshape(-1, 3), axis=0)) == 2, "what is transparent lies on squares"
    assert made.size[0] >= 200
    assert film(own, tmp_path / "film.gif").frames == made.frames


def test_one_sheet_is_a_film(own: Path, tmp_path: Path) -> None:
    for sheet in sorted((own / "samples").iterdir())[1:]:
        sheet.unlink()
    made = film(own, tmp_path / "one.gif")
    assert (made.frames, seconds(made.path)[0]) == (1, 1)


def test_of_very_many_sheets_some_are_taken(own: Path, tmp_path: Path) -> None:
    sheets = sorted((own / "samples").iterdir())
    for step in range(1, 36):
        if (target := own / "samples" / f"step-{step:08d}.png") not in sheets:
            shutil.copy(sheets[0], target)
    made = film(own, tmp_path / "short.gif", seconds=0.4)
    assert made.frames <= 0.4 * filming.MOST_PER_SECOND + 1
    assert seconds(made.path)[1] <= 0.6


def test_no_sheet_is_no_film(own: Path, tmp_path: Path) -> None:
    shutil.rmtree(own / "samples")
    with pytest.raises(SparringError, match="no sheet of samples"):
        film(own)
    with pytest.raises(SparringError, match="holds no run"):
        film(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("out", "why"),
    [
        ("film.webm", "a .gif, a .mp4"),
        ("nowhere/film.gif", "no folder"),
        ("own/samples", "among what the run wrote"),
        ("own/frames", "among what the run wrote"),
    ],
)
def test_where_it_cannot_be_written(out: str, why: str, own: Path, tmp_path: Path) -> None:
    before = contents(own)
    with pytest.raises(SparringError, match=why):
        film(own, tmp_path / out)
    assert contents(own) == before


@pytest.mark.parametrize("told", [{"seconds": 0}, {"seconds": float("nan")}, {"scale": 0}, {"scale": 10_000}])
def test_numbers_out_of_bounds_are_said(told: dict[str, Any], own: Path) -> None:
    with pytest.raises(SparringError):
        film(own, **told)


def test_an_mp4_needs_its_package(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filming, "find_spec", lambda _: None)
    with pytest.raises(SparringError, match=r"pip install 'sparring\[film\]'"):
        film(own, tmp_path / "film.mp4")


def test_an_mp4_is_sent_frame_by_frame(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the one function of imageio-ffmpeg that is used: the package has 165 MB."""
    sent: list[int] = []
    told: dict[str, Any] = {}

    def write_frames(path: str, size: tuple[int, int], *, fps: float, **rest: Any) -> Any:
        told.update(size=size, fps=fps)
        Path(path).write_bytes(b"film")
        while True:
            sent.append(len((yield)))

    package: Any = ModuleType("imageio_ffmpeg")
    package.__spec__ = SimpleNamespace(origin="here")
    package.write_frames = write_frames
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", package)
    made = film(own, tmp_path / "film.mp4", seconds=6)
    assert made.path.read_bytes() == b"film"
    assert set(sent) == {3 * made.size[0] * made.size[1]}
    assert len(sent) / told["fps"] == pytest.approx(6, abs=0.3)
    assert told["fps"] >= 10
    assert all(side % 2 == 0 for side in told["size"])


def test_the_command_says_what_it_made(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sorted((own / "samples").iterdir())[1]).write_bytes(b"")
    main_ended = []
    for words in (["--json"], []):
        with pytest.raises(SystemExit) as ended:
            main(["film", str(own), "-o", str(tmp_path / "a.gif"), *words])
        main_ended.append(ended.value.code or 0)
    told = capsys.readouterr()
    assert main_ended == [0, 0]
    found = json.loads(told.out.splitlines()[0])
    assert (found["ok"], found["frames"]) == (True, len(steps(own)) - 1)
    assert len(found["left_out"]) == 1
    assert "left out" in told.err
