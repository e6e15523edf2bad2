"""A run is seen where people already look: true to its events, never sent twice, and it comes to no harm by it."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import sparring
from sparring.cli import main
from sparring.errors import SparringError
from sparring.events import Event, read
from sparring.findings import Action
from sparring.folder import RunFolder
from sparring.mirrors import MIRRORS, Kind, check_mirrors
from sparring.mirrors import wandb as our_wandb
from sparring.mirrors.telling import config, said, scalars
from test_reporting import TINY, WON, trained


def train(out: Path, steps: int = 20, **options: Any) -> sparring.run.Run:  # type: ignore[name-defined]
    pictures = torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    defaults: dict[str, Any] = {"sample_every": 10, "checkpoint_every": 10, "say": lambda _: None}
    return sparring.train(pictures, TINY, steps=steps, out=out, **(defaults | options))


def stopped_at(step: int) -> Callable[[Event], Action | None]:
    """An observer that ends a run as a kill would, but for the checkpoint before it."""

    def ask(event: Event) -> Action | None:
        if event.kind == "tick" and event.step >= step:
            raise RuntimeError("killed")
        return None

    return ask


def board(run: Path) -> EventAccumulator:
    everything = {"scalars": 0, "images": 0, "tensors": 0}
    found = EventAccumulator(str(run / "tensorboard"), size_guidance=everything)
    found.Reload()
    return found


class Listening:
    """A channel that keeps what it is told; it may be told to fail."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, Any]] = []
        self.configs: list[dict[str, Any]] = []
        self.closed = 0
        self.fails_at = math.inf

    def opened(self, folder: Any, project: Any, config: Any, remembered: dict[str, Any], known: int) -> Listening:
        remembered.setdefault("id", f"run {len(self.configs)}")
        self.configs.append(config)
        return self

    def scalars(self, event: Event, values: dict[str, float]) -> None:
        if event.step >= self.fails_at:
            raise ConnectionError("the network is gone")
        self.told.append(("scalars", event.step, values))

    def picture(self, event: Event, tag: str, image: Image.Image) -> None:
        self.told.append((tag, event.step, image.size))

    def text(self, event: Event, tag: str, markdown: str) -> None:
        self.told.append((tag, event.step, markdown))

    def flush(self) -> None:
        self.told.append(("flush", -1, None))

    def close(self) -> None:
        self.closed += 1

    def steps(self, kind: str) -> list[int]:
        return [step for what, step, _ in self.told if what == kind]


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Listening:
    """A mirror called trackio, whose package seems to be here."""
    channel = Listening()
    package = ModuleType("trackio")
    package.__spec__ = SimpleNamespace(origin="here")  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "trackio", package)
    monkeypatch.setitem(MIRRORS, "trackio", Kind(channel.opened))
    return channel


def test_tensorboard_shows_what_the_log_says(discs: Path, tmp_path: Path) -> None:
    run = trained(discs, tmp_path / "run", mirrors=("tensorboard",))
    shown, events = board(run), read(run / "events.jsonl")
    ticks = [event for event in events if event.kind == "tick"]
    losses = shown.Scalars("loss/d_loss")
    assert [(each.step, pytest.approx(each.value)) for each in losses] == [
        (tick.step, tick.values["d_loss"]) for tick in ticks
    ]
    assert [each.wall_time for each in losses] == pytest.approx([tick.time for tick in ticks], abs=0.01)
    judged = [event for event in events if event.kind == "evaluation"]
    assert [each.step for each in shown.Scalars(f"quality/{judged[0].values['metric']}")] == [
        event.step for event in judged
    ]
    assert shown.Scalars("quality/coverage")
    sheets = shown.Images("samples")
    assert [each.step for each in sheets] == [event.step for event in events if event.kind == "sample"]
    with Image.open(next((run / "samples").iterdir())) as sheet:
        assert sheet.size == (sheets[0].width, sheets[0].height)
    assert "_hparams_/session_start_info" in shown.summary_metadata


def test_a_run_is_the_same_with_a_mirror_and_without(tmp_path: Path) -> None:
    train(tmp_path / "without")
    torch.manual_seed(5)
    train(tmp_path / "with", mirrors=("tensorboard",))
    for folder in ("checkpoints", "samples"):
        there = {file.name: file.read_bytes() for file in (tmp_path / "without" / folder).iterdir()}
        assert there == {file.name: file.read_bytes() for file in (tmp_path / "with" / folder).iterdir()}


def test_after_a_kill_tensorboard_has_every_step_once(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        train(tmp_path / "run", 60, mirrors=("tensorboard",), observers={"kill": stopped_at(40)}, checkpoint_every=25)
    train(tmp_path / "run", 60, mirrors=("tensorboard",))
    assert [each.step for each in board(tmp_path / "run").Scalars("loss/g_loss")] == [
        1,
        2,
        5,
        10,
        20,
        25,
        30,
        40,
        50,
        60,
    ]


def test_where_steps_cannot_be_taken_back_they_are_sent_once(tmp_path: Path, listening: Listening) -> None:
    out = tmp_path / "run"
    killed = {"kill": stopped_at(50)}
    with pytest.raises(RuntimeError):
        train(out, 80, mirrors=("trackio",), observers=killed, checkpoint_every=30)
    # As a kill leaves it, which has no time to write down what was sent.
    kept = json.loads((out / "mirrors.json").read_text())
    assert kept["trackio"]["sent"] == 40
    (out / "mirrors.json").write_text(json.dumps({"trackio": kept["trackio"] | {"sent": None}}))
    train(out, 80, mirrors=("trackio",), checkpoint_every=30)
    steps = listening.steps("scalars")
    assert len(set(steps)) == len(steps)
    assert steps[-3:] == [60, 70, 80]
    assert listening.steps("samples") == [0, 10, 20, 30, 40, 50, 60, 70, 80]
    assert json.loads((out / "mirrors.json").read_text())["trackio"] == {"id": "run 0", "sent": 80}
    assert listening.closed == 2


def test_what_was_trained_without_the_mirror_is_sent_later(tmp_path: Path, listening: Listening) -> None:
    train(tmp_path / "run", 20)
    train(tmp_path / "run", 40, mirrors=("trackio",))
    train(tmp_path / "run", 50)
    train(tmp_path / "run", 60, mirrors=("trackio",))
    assert listening.steps("scalars") == [1, 2, 5, 10, 20, 30, 40, 50, 60]
    assert listening.steps("samples") == [0, 10, 20, 30, 40, 50, 60]


def test_a_mirror_that_fails_is_said_once_and_harms_nothing(tmp_path: Path, listening: Listening) -> None:
    said: list[str] = []
    listening.fails_at = 10
    run = train(tmp_path / "run", 40, mirrors=("trackio",), say=said.append)
    assert run.step == 40
    assert [line for line in said if "trackio" in line] == [
        "Nothing more is sent to trackio: ConnectionError: the network is gone. The training goes on."
    ]
    # The next time it goes on where it was.
    listening.fails_at = math.inf
    train(tmp_path / "run", 50, mirrors=("trackio",))
    assert listening.steps("scalars") == [1, 2, 5, 10, 20, 30, 40, 50]


def test_a_mirror_that_cannot_be_opened_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise OSError("no room")

    said: list[str] = []
    monkeypatch.setitem(MIRRORS, "tensorboard", Kind(fails))
    assert train(tmp_path / "run", mirrors=("tensorboard",), say=said.append).step == 20
    assert sum("no room" in line for line in said) == 1


@pytest.mark.parametrize("name", MIRRORS)
def test_a_missing_package_is_said_before_anything_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sparring.mirrors.find_spec", lambda _: None)
    with pytest.raises(SparringError, match=rf"sparring\[{name}\]"):
        sparring.train(tmp_path / "nothing", steps=1, out=tmp_path / "run", mirrors=(name,))
    assert not (tmp_path / "run").exists()


def test_a_folder_called_wandb_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W&B makes one wherever it runs, and Python takes it for a package."""
    (tmp_path / "wandb").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    with pytest.raises(SparringError, match="not installed"):
        check_mirrors(["wandb"])


def test_mirrors_are_named(tmp_path: Path) -> None:
    with pytest.raises(SparringError, match="did you mean 'tensorboard'"):
        check_mirrors(["tensorbord"])
    with pytest.raises(SparringError, match="several names"):
        check_mirrors("tensorboard")


def test_the_command_line_has_a_word_for_it(discs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "train",
        discs,
        "--size",
        "28",
        "--channels",
        "1",
        "--steps",
        "2",
        "--set",
        "width=4",
        "--set",
        "threads=1",
    ]
    words += ["--batch", "8", "--out", tmp_path / "run", "--tensorboard", "--json"]
    with contextlib.suppress(SystemExit):
        main([str(word) for word in words])
    assert json.loads(capsys.readouterr().out)["step"] == 2
    assert board(tmp_path / "run").Scalars("loss/d_loss")


def test_what_is_sent_tells_no_path_of_this_machine() -> None:
    settings = {
        "recipe": {"name": "dcgan", "d_lr": 2e-4}, "seed": 3,
        "data": {"source": "/home/me/photos", "n": 5, "size_px": 32},
        "networks": {"family": "own", "files": [{"network": "/home/me/gan.py:G"}]}, "decided": {"device": "cpu"},
    }  # fmt: skip
    sent = config(settings)
    assert (sent["recipe"], sent["d_lr"], sent["data_source"], sent["networks"]) == ("dcgan", 2e-4, "photos", "own")
    finding = WON.to_dict() | {"message": "See /home/me/photos/1.png, C:\\Users\\me\\2.png."}
    words = said(Event("finding", 5, 0, finding))
    assert words is not None
    assert words[0] == "findings/SP401"
    assert "1. Penalise D on reals and fakes." in words[1]
    assert "me" not in json.dumps([sent, words[1].split("\n\n")[1]]).replace("name", "")


def test_numbers_that_are_not_finite_are_sent_as_such() -> None:
    live = scalars(Event("tick", 5, 40, {"d_loss": math.nan, "g_loss": 1.0, "nonfinite": {"d_loss": 2}}))
    logged = scalars(Event("tick", 5, 40, {"d_loss": None, "g_loss": 1.0, "nonfinite": {"d_loss": 2}}))
    assert math.isnan(live["loss/d_loss"])
    assert math.isnan(logged["loss/d_loss"])
    assert live["progress/nonfinite"] == 2
    assert live["progress/images"] == 40


def test_what_was_asked_of_a_run_is_told() -> None:
    asked = Event("applied", 7, 0, {"action": "set", "changes": {"d_lr": 1e-4}, "why": "a page"})
    assert said(asked) == ("actions", "step 7: set d_lr = 0.0001 (a page)")
    assert said(Event("applied", 7, 0, {"action": "keep", "changes": {}, "why": ""})) is None


@pytest.fixture
def wandb_stand_in(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The few functions of wandb that are used, with the arguments of wandb 0.31; the package is 62 MB."""
    calls = SimpleNamespace(inits=[], rows=[], logins=0, finished=0, error=None)

    class Run:
        def log(self, data: dict[str, Any], step: int | None = None) -> None:
            calls.rows.append((step, data))

        def finish(self, exit_code: int | None = None) -> None:
            calls.finished += 1

    def init(*, id: str, project: str, name: str, dir: str, config: Any, **rest: Any) -> Run:
        calls.inits.append({"id": id, "project": project, "name": name, "dir": dir, "config": config} | rest)
        return Run()

    def login() -> bool:
        calls.logins += 1
        if calls.error is not None:
            raise calls.error
        return True

    package: Any = ModuleType("wandb")
    package.__spec__ = SimpleNamespace(origin="here")
    package.init, package.login = init, login
    package.setup = lambda: SimpleNamespace(settings=SimpleNamespace(mode="online"))
    package.Settings = lambda **words: words
    package.Image = lambda image, caption=None: ("image", image.size, caption)
    package.Html = lambda data, inject=True: ("html", data)
    monkeypatch.setitem(sys.modules, "wandb", package)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    return calls


def test_wandb_is_sent_rows_by_step(tmp_path: Path, wandb_stand_in: SimpleNamespace) -> None:
    train(tmp_path / "run", mirrors=("wandb",), project="faces")
    train(tmp_path / "run", 30, mirrors=("wandb",), project="faces")
    first, second = wandb_stand_in.inits
    assert first["id"] == second["id"]
    assert (first["project"], first["name"], first["resume"]) == ("faces", "run", "allow")
    assert first["config"]["d_lr"] == TINY.d_lr
    assert str(tmp_path) not in json.dumps([first["config"], [str(row) for row in wandb_stand_in.rows]])
    losses = [step for step, row in wandb_stand_in.rows if "loss/d_loss" in row]
    assert losses == [1, 2, 5, 10, 20, 30]
    assert ("image", "step 10") in [
        (r["samples"][0], r["samples"][2]) for _, r in wandb_stand_in.rows if "samples" in r
    ]
    assert wandb_stand_in.logins == wandb_stand_in.finished == 2


def test_wandb_escapes_findings(wandb_stand_in: SimpleNamespace, tmp_path: Path) -> None:
    channel = our_wandb.opened(RunFolder(tmp_path), None, {}, {}, -1)
    channel.text(Event("finding", 3), "findings/SP401", "<script>1</script>")
    assert wandb_stand_in.rows == [(3, {"findings/SP401": ("html", "<pre>&lt;script&gt;1&lt;/script&gt;</pre>")})]


def test_nobody_logged_in_is_said_before_anything_is_read(wandb_stand_in: SimpleNamespace, tmp_path: Path) -> None:
    wandb_stand_in.error = RuntimeError("No API key configured.")
    with pytest.raises(SparringError, match="wandb login"):
        sparring.train(tmp_path / "nothing", steps=1, out=tmp_path / "run", mirrors=("wandb",))
    assert not (tmp_path / "run").exists()


def test_trackio_is_sent_rows_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stand-in for the few functions that are used, with the arguments of trackio 0.43."""
    inits: list[dict[str, Any]] = []
    rows: list[tuple[int | None, dict[str, Any]]] = []

    class Run:
        def log(self, metrics: dict[str, Any], step: int | None = None) -> None:
            rows.append((step, metrics))

        def finish(self) -> None:
            print("* Run finished.")

    def init(project: str, *, name: str, config: dict[str, Any], resume: str, embed: bool) -> Run:
        print("* Trackio project initialized")
        inits.append({"project": project, "name": name, "resume": resume})
        return Run()

    package: Any = ModuleType("trackio")
    package.__spec__ = SimpleNamespace(origin="here")
    package.init = init
    package.Image = lambda value, caption=None: ("image", value.size, caption)
    package.Markdown = lambda text="": ("markdown", text)
    monkeypatch.setitem(sys.modules, "trackio", package)
    monkeypatch.delenv("TRACKIO_PROJECT", raising=False)
    train(tmp_path / "run", mirrors=("trackio",))
    train(tmp_path / "run", 30, mirrors=("trackio",))
    assert inits[0] == inits[1]
    assert inits[0]["name"].startswith("run-")
    assert (inits[0]["project"], inits[0]["resume"]) == ("sparring", "allow")
    assert [step for step, row in rows if "loss/g_loss" in row] == [1, 2, 5, 10, 20, 30]
    assert [row["samples"][2] for _, row in rows if "samples" in row][1] == "step 10"
    assert capsys.readouterr().out == "", "standard output is for results"
