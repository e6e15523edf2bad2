"""A run from start to end, and everything that can come between."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import sparring
from conftest import NARROW, paint
from sparring.errors import SparringError
from sparring.events import Event, read
from sparring.findings import Action
from sparring.methods import Recipe
from sparring.players import read_state

TESTS = Path(__file__).parent
quiet = {"say": lambda _: None}


def train(source: Any, recipe: Recipe, out: Path, **options: Any) -> sparring.run.Run:  # type: ignore[name-defined]
    defaults = {"size": 28, "channels": 1, "sample_every": 4, "checkpoint_every": 4} | quiet
    return sparring.train(source, recipe, out=out, **(defaults | options))


def newest(out: Path) -> dict[str, Any]:
    return read_state(sorted((out / "checkpoints").glob("*.pt"))[-1])


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def test_a_run_is_a_folder(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    run = train(discs, tiny, tmp_path / "run", steps=10)
    assert (run.step, run.images, run.ended) == (10, 80, "budget")
    names = [".lock", "checkpoints", "events.jsonl", "recipe.json", "report.html", "samples"]
    assert sorted(os.listdir(run.path)) == names
    assert sorted(os.listdir(run.path / "samples")) == [f"step-{n:08d}.png" for n in (0, 4, 8, 10)]
    with Image.open(run.grid) as sheet:
        assert (sheet.mode, sheet.size) == ("L", (8 * 30 + 2, 8 * 30 + 2))
    events = read(run.path / "events.jsonl")
    assert events[0].kind == "started"
    assert events[-1].kind == "ended"
    tick = next(e for e in reversed(events) if e.kind == "tick")
    assert {
        "d_loss_real",
        "d_loss_fake",
        "d_accuracy_real",
        "d_accuracy_fake",
        "g_grad_norm",
        "epoch",
    } <= tick.values.keys()
    assert tick.values["epoch"] == 2.0
    assert run.sample(3).shape == (3, 1, 28, 28)


def test_ten_kills_and_a_whole_run_are_bit_for_bit_the_same(discs: Path, tmp_path: Path) -> None:
    """kill -9 at ten random moments, five of them inside a write; then the same command ends as if nothing had been."""
    ran = subprocess.run(
        [sys.executable, TESTS / "killed_runs.py", discs, tmp_path], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert int(ran.stdout.split("kills ")[1]) >= 8, ran.stdout  # the last may come after the end
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for part in ("checkpoints", "best", "samples"):
        names = sorted(os.listdir(whole / part))
        assert sorted(os.listdir(killed / part)) == names
        for name in names:
            assert (whole / part / name).read_bytes() == (killed / part / name).read_bytes(), f"{part}/{name} differs"
    for name in ("recipe.json", "held_out.csv"):
        assert (whole / name).read_bytes() == (killed / name).read_bytes()
    curves = [
        {e.step: e.values["d_loss"] for e in read(out / "events.jsonl") if e.kind == "tick"} for out in (whole, killed)
    ]
    assert set(curves[0]) <= set(curves[1])


def test_a_sheet_that_a_kill_prevented_is_made_on_the_way_on(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    """The best checkpoint of a step is saved before its sheet: a kill between them left the step without one."""
    train(discs, tiny, tmp_path / "run", steps=10, sample_every=5, checkpoint_every=5)
    sheet = tmp_path / "run" / "samples" / "step-00000010.png"
    painted = sheet.read_bytes()
    sheet.unlink()
    train(discs, tiny, tmp_path / "run", steps=12, sample_every=5, checkpoint_every=5)
    assert sheet.read_bytes() == painted


def test_a_larger_budget_goes_on(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    train(discs, tiny, tmp_path / "once", steps=9)
    train(discs, tiny, tmp_path / "twice", steps=5)
    train(discs, tiny, tmp_path / "twice", images=72)
    assert same(newest(tmp_path / "once"), newest(tmp_path / "twice"))
    kinds = [e.kind for e in read(tmp_path / "twice" / "events.jsonl")]
    assert kinds.count("started") == kinds.count("resumed") == 1


def test_a_spent_budget_does_nothing(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    train(discs, tiny, tmp_path / "run", steps=5)
    before = newest(tmp_path / "run")
    assert train(discs, tiny, tmp_path / "run", steps=5).step == 5
    assert same(before, newest(tmp_path / "run"))


@pytest.mark.parametrize(("word", "value", "steps"), [("steps", 3, 3), ("images", 20, 3), ("epochs", 0.5, 3)])
def test_budgets(discs: Path, tiny: Recipe, tmp_path: Path, word: str, value: float, steps: int) -> None:
    assert train(discs, tiny, tmp_path / "run", **{word: value}).step == steps


def test_minutes_end_a_run(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    run = train(discs, tiny, tmp_path / "run", minutes=0.02, steps=10**6)
    assert 1 <= run.step < 10**6


def test_other_settings_are_named_and_stop(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    train(discs, tiny, tmp_path / "run", steps=2)
    before = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    for options, words in (
        ({"recipe": tiny.but(d_lr=1e-3)}, r"recipe\.d_lr: 0\.0002 there, 0\.001 asked"),
        ({"seed": 1}, "seed: 0 there, 1 asked"),
        ({"channels": 3}, r"data\.channels: 1 there, 3 asked"),
        ({"batch": 16}, r"recipe\.batch: 8 there, 16 asked"),
    ):
        recipe = options.pop("recipe", tiny)
        with pytest.raises(SparringError, match=words):
            train(discs, recipe, tmp_path / "run", steps=4, **options)
    assert before == {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}


def test_pictures_added_later_are_a_difference(tiny: Recipe, tmp_path: Path) -> None:
    folder = paint(tmp_path / "pictures", n=12)
    train(folder, tiny, tmp_path / "run", steps=2)
    paint(folder, n=13)
    with pytest.raises(SparringError, match=r"data\.n: 12 there, 13 asked"):
        train(folder, tiny, tmp_path / "run", steps=4)


def test_the_default_folder_is_made_of_what_was_typed(
    discs: Path, tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {"size": 28, "steps": 1} | quiet
    first = sparring.train(discs, tiny, **options).path
    assert first.parent == Path("runs")
    assert first.name.startswith("discs-dcgan-28px-")
    assert sparring.train(discs, tiny, **options).path == first
    assert sparring.train(discs, tiny, **options | {"seed": 1}).path != first
    assert sparring.train(discs, tiny.but(d_lr=1e-3), **options).path != first
    assert sparring.train(discs, tiny, **options | {"background": "black"}).path != first


def test_a_damaged_checkpoint_gives_way_to_the_one_before(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    train(discs, tiny, tmp_path / "whole", steps=10)
    out = tmp_path / "run"
    train(discs, tiny, out, steps=8)
    os.truncate(out / "checkpoints" / "step-00000008.pt", 1000)
    said: list[str] = []
    train(discs, tiny, out, steps=10, say=said.append)
    assert any("step 8 is damaged" in line for line in said)
    assert "Going on from step 4." in said
    assert same(newest(tmp_path / "whole"), newest(out))
    assert (out / "checkpoints" / "step-00000008.pt.damaged").exists()


def test_nothing_whole_is_an_error_and_no_new_start(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(discs, tiny, out, steps=4)
    for path in (out / "checkpoints").glob("*.pt"):
        os.truncate(path, 10)
    for _ in range(2):  # the second time as well
        with pytest.raises(SparringError, match="is damaged, so the run cannot go on"):
            train(discs, tiny, out, steps=6)


def test_a_checkpoint_runs_nothing(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    """A pickle that would make a file is refused, not obeyed, even with a right checksum."""
    out, trap = tmp_path / "run", tmp_path / "trap"
    train(discs, tiny, out, steps=4)

    class Payload:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
            return os.system, (f"touch {trap}",)  # type: ignore[return-value]

    store = sparring.folder.RunFolder(out).store()  # type: ignore[attr-defined]
    store.path(4).unlink()
    store.save(4, lambda file: torch.save({"players": Payload()}, file))
    with pytest.raises(SparringError, match="cannot be read"):
        sparring.load(out)
    assert not trap.exists()


def test_starting_from_another_run(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    first = train(discs, tiny, tmp_path / "first", steps=4)
    second = train(discs, tiny, tmp_path / "second", steps=1, start_from=first.path, seed=5, checkpoint_every=1)
    fresh = train(discs, tiny, tmp_path / "fresh", steps=1, seed=5)
    a, b, c = (newest(p)["players"]["generator"]["first.weight"] for p in (first.path, second.path, fresh.path))
    assert (a - b).abs().max() < 1e-3  # one step of Adam away
    assert (a - c).abs().max() > 1e-2
    # Twice the same command: the origin is looked at only at the first start.
    train(discs, tiny, tmp_path / "first", steps=6)
    train(discs, tiny, tmp_path / "second", steps=2, start_from=first.path, seed=5)
    with pytest.raises(SparringError, match="There is no run in"):
        train(discs, tiny, tmp_path / "third", steps=1, start_from=tmp_path / "nowhere")
    with pytest.raises(SparringError, match="does not fit"):
        train(discs, tiny.but(width=6), tmp_path / "third", steps=1, start_from=first.path)
    assert train(discs, tiny, tmp_path / "third", steps=1, start_from=first.path).step == 1  # nothing was left behind


class Exploding(nn.Module):
    """A discriminator whose logits double at every call of its training."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(28 * 28, 1)
        self.scale = nn.Buffer(torch.ones(()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.scale = self.scale * 2.0
        return self.layer(images.flatten(1)) * self.scale


def test_a_loss_that_is_no_number_stops_and_keeps_the_good(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    out = tmp_path / "run"
    torch.manual_seed(0)
    G = nn.Sequential(nn.Linear(16, 28 * 28), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    with pytest.raises(SparringError, match="not finite at step"):
        train(discs, tiny, out, steps=100, checkpoint_every=3, keep=100, generator=G, discriminator=Exploding())
    saved = sorted((out / "checkpoints").glob("*.pt"))
    assert len(saved) > 5
    for path in saved:
        state = read_state(path)["players"]
        assert all(t.isfinite().all() for t in state["generator"].values()), path
    assert read(out / "events.jsonl")[-1].values["reason"] == "non-finite"


@pytest.mark.parametrize("every", [5, 7])
def test_no_checkpoint_holds_what_is_no_number(discs: Path, tiny: Recipe, tmp_path: Path, every: int) -> None:
    """Not even the one due at the very step, nor the last one when the budget ends there; good ones stay."""
    out = tmp_path / "run"
    G = nn.Sequential(nn.Linear(16, 28 * 28), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    with pytest.raises(SparringError, match="not finite"):
        train(discs, tiny, out, steps=70, checkpoint_every=every, keep=1, generator=G, discriminator=Exploding())
    (left,) = (out / "checkpoints").glob("*.pt")
    assert all(t.isfinite().all() for t in read_state(left)["players"]["generator"].values())


def test_lazy_networks(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    G = nn.Sequential(nn.LazyLinear(28 * 28), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    D = nn.Sequential(nn.Flatten(), nn.LazyLinear(1))
    assert train(discs, tiny, tmp_path / "run", steps=2, generator=G, discriminator=D).step == 2


def test_a_folder_of_other_things_is_left_alone(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    (tmp_path / "movie.part").write_text("precious")
    with pytest.raises(SparringError, match=r"holds other things \(movie\.part\)"):
        train(discs, tiny, tmp_path, steps=1)
    assert os.listdir(tmp_path) == ["movie.part"]


def test_kept_for_ever_is_remembered(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(discs, tiny, out, steps=10, checkpoint_every=1, keep=1, keep_every=4)
    train(discs, tiny, out, steps=14, checkpoint_every=1, keep=1)
    assert [int(p.stem[5:]) for p in sorted((out / "checkpoints").glob("*.pt"))] == [0, 4, 8, 12, 14]


def test_a_run_among_the_pictures_is_no_picture(tiny: Recipe, tmp_path: Path) -> None:
    folder = paint(tmp_path / "pictures", n=12)
    train(folder, tiny, folder / "run", steps=2)
    assert train(folder, tiny, folder / "run", steps=4).step == 4


def test_recipe_json_that_is_gone(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    train(discs, tiny, tmp_path / "run", steps=2)
    (tmp_path / "run" / "recipe.json").unlink()
    with pytest.raises(SparringError, match=r"recipe\.json is gone"):
        train(discs, tiny, tmp_path / "run", steps=4)


def test_the_origin_may_go_once_the_run_has_begun(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    train(discs, tiny, tmp_path / "first", steps=2)
    train(discs, tiny, tmp_path / "second", steps=2, start_from=tmp_path / "first")
    shutil.rmtree(tmp_path / "first")
    assert train(discs, tiny, tmp_path / "second", steps=3, start_from=tmp_path / "first").step == 3


def test_a_run_of_another_device(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    """As when a run is copied from a machine that has the device to one that has not."""
    run = train(discs, tiny, tmp_path / "run", steps=2)
    settings = json.loads((run.path / "recipe.json").read_text())
    settings["decided"]["device"] = "cuda:99"
    (run.path / "recipe.json").write_text(json.dumps(settings))
    with pytest.raises(SparringError, match=r"was started on cuda:99[\s\S]*--from"):
        train(discs, tiny, tmp_path / "run", steps=4)


def test_own_networks(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    def pair() -> tuple[nn.Module, nn.Module]:
        torch.manual_seed(0)
        G = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 28 * 28), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
        D = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 32), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(32, 1))
        return G, D

    def own(out: Path, steps: int) -> sparring.run.Run:  # type: ignore[name-defined]
        G, D = pair()
        return train(discs, tiny, out, steps=steps, generator=G, discriminator=D)

    own(tmp_path / "once", 9)
    own(tmp_path / "twice", 5)
    own(tmp_path / "twice", 9)  # dropout too draws what it would have drawn
    assert same(newest(tmp_path / "once"), newest(tmp_path / "twice"))
    with pytest.raises(SparringError, match="your own networks"):
        sparring.load(tmp_path / "once")
    assert sparring.load(tmp_path / "once", generator=pair()[0]).sample(2).shape == (2, 1, 28, 28)
    assert own(tmp_path / "once", 9).sample(2).shape == (2, 1, 28, 28)
    G, D = pair()
    with pytest.raises(SparringError, match=r"networks\.generator"):
        train(
            discs,
            tiny,
            tmp_path / "once",
            steps=10,
            generator=nn.Sequential(*G, nn.Identity(), nn.Conv2d(1, 1, 1)),
            discriminator=D,
        )
    with pytest.raises(SparringError, match="One network"):
        train(discs, tiny, tmp_path / "x", steps=1, generator=G)


def test_tensors_from_python(tiny: Recipe, tmp_path: Path) -> None:
    pictures = torch.rand(30, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(pictures, torch.arange(30)), batch_size=7, shuffle=True
    )
    options = {"size": None, "channels": "auto"}
    train(loader, tiny, tmp_path / "once", steps=9, **options)
    train(loader, tiny, tmp_path / "twice", steps=5, **options)
    train(loader, tiny, tmp_path / "twice", steps=9, **options)
    assert same(newest(tmp_path / "once"), newest(tmp_path / "twice"))


def test_trainer_is_an_iterator_of_events(discs: Path, tiny: Recipe) -> None:
    G, D = sparring.networks.build("dcgan", 32, 3, 4, 16)  # type: ignore[attr-defined]
    trainer = sparring.Trainer(G, D, discs, tiny, size=32)
    torch.manual_seed(1)
    mine = torch.get_rng_state()
    events = []
    for event in trainer.run(steps=20):
        events.append(event)
        assert torch.equal(mine, torch.get_rng_state()), "the user's random state moved"
        if event.kind == "tick" and event.step == 10:
            trainer.apply(Action("set", {"g_lr": "/2"}, why="a test"))
    assert [(e.kind, e.step) for e in events] == [
        ("tick", 1), ("tick", 2), ("tick", 5), ("tick", 10), ("applied", 10), ("tick", 20), ("ended", 20),
    ]  # fmt: skip
    assert trainer.recipe.g_lr == 1e-4
    assert trainer.players.g_optimizer.param_groups[0]["lr"] == 1e-4
    with pytest.raises(SparringError, match="cannot change while"):
        trainer.apply(Action("set", {"batch": 3}))
    with pytest.raises(SparringError, match="no action 'stopp'"):
        trainer.apply(Action("stopp"))


def test_an_observer_may_stop_a_run_and_keeps_its_state(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    class Patience:
        seen = 0

        def __call__(self, event: Event) -> Action | None:
            self.seen += event.kind == "tick"
            return Action("stop", why="enough") if event.kind == "tick" and self.seen == 4 else None

        def state_dict(self) -> dict[str, int]:
            return {"seen": self.seen}

        def load_state_dict(self, state: dict[str, int]) -> None:
            self.seen = state["seen"]

    run = train(discs, tiny, tmp_path / "run", steps=100, observers={"mine": Patience()})
    assert (run.ended, run.step) == ("enough", 5)  # ticks at 1, 2, 4 (before the checkpoint) and 5
    again = Patience()
    train(discs, tiny, tmp_path / "run", steps=12, observers={"mine": again})
    assert again.seen > 4
    kinds = [(e.kind, e.values.get("action")) for e in read(tmp_path / "run" / "events.jsonl")]
    assert ("applied", "stop") in kinds


@pytest.fixture
def read_only(tmp_path: Path) -> Path:
    """A folder nobody may write to, root included: a mount of its own would need more rights than tests have."""
    folder = tmp_path / "locked"
    folder.write_text("a file where the folder should be")
    return folder


def test_a_place_that_cannot_be_written(discs: Path, tiny: Recipe, read_only: Path) -> None:
    with pytest.raises(SparringError, match="cannot be written"):
        train(discs, tiny, read_only / "run", steps=1)


def test_a_full_disk_says_so_and_loses_nothing(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    """The operating system refuses files beyond a size once the run is on its way; then room is made and it goes on."""
    code = f"""
import resource, sys
import sparring
from sparring.methods import RECIPES
from sparring.findings import Action
tiny = RECIPES["dcgan"].but(width=4, batch=8, latent=16, precision="fp32", threads=1)
def limit(event):
    if event.kind == "checkpoint" and event.step == 8:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    sparring.train({str(discs)!r}, tiny, out={str(tmp_path / "run")!r}, size=28, channels=1, steps=20,
                   sample_every=4, checkpoint_every=4, observers={{"limit": limit}})
except sparring.SparringError as error:
    print("SAID", error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "SAID There is no room left to write" in ran.stdout, ran.stdout + ran.stderr
    train(discs, tiny, tmp_path / "run", steps=20)
    train(discs, tiny, tmp_path / "whole", steps=20)
    assert same(newest(tmp_path / "run"), newest(tmp_path / "whole"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_finish_the_step_and_save(discs: Path, tmp_path: Path, number: signal.Signals, code: int) -> None:
    out = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "sparring", "train", discs, *NARROW, "--steps", "1000000", "--out", out],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (
        (out / "events.jsonl").exists() and '"tick"' in (out / "events.jsonl").read_text()
    ):
        time.sleep(0.05)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == code, said
    assert "same command again goes on" in said
    last = read(out / "events.jsonl")[-1]
    assert last.values["reason"] == number.name
    assert newest(out)["counts"]["step"] == last.step > 0
    assert "Traceback" not in said


def test_left_out_files_are_listed_in_the_run(tiny: Recipe, tmp_path: Path) -> None:
    folder = paint(tmp_path / "pictures", n=12)
    (folder / "broken.png").write_bytes(b"")
    (folder / "text.jpg").write_text("no picture")
    before = {p: p.read_bytes() for p in folder.iterdir()}
    said: list[str] = []
    train(folder, tiny, tmp_path / "run", steps=1, say=said.append)
    listed = (tmp_path / "run" / "left_out.csv").read_text()
    assert "broken.png" in listed
    assert "text.jpg" in listed
    assert any("2 " in line and "left out" in line for line in said), said
    assert before == {p: p.read_bytes() for p in folder.iterdir()}


def test_unknown_options_are_errors(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    with pytest.raises(SparringError, match="did you mean 'sample_every'"):
        train(discs, tiny, tmp_path / "run", steps=1, samples_every=3)
    with pytest.raises(SparringError, match="no end"):
        train(discs, tiny, tmp_path / "run")
    with pytest.raises(SparringError, match="--steps is 0"):
        train(discs, tiny, tmp_path / "run", steps=0)
    with pytest.raises(SparringError, match="--sample-every is 0"):
        train(discs, tiny, tmp_path / "run", steps=1, sample_every=0)
    with pytest.raises(SparringError, match="--keep is 0"):
        train(discs, tiny, tmp_path / "run", steps=1, keep=0)
    with pytest.raises(SparringError, match="--epochs is inf"):
        train(discs, tiny, tmp_path / "run", epochs=float("inf"))
    with pytest.raises(SparringError, match="pictures of 0 px"):
        train(discs, tiny, tmp_path / "run", steps=1, size=0)
    for words, changes in (("no loss", {"loss": "hing"}), ("precision is", {"precision": "fp8"})):
        with pytest.raises(SparringError, match=words):
            train(discs, tiny.but(**changes), tmp_path / "run", steps=1)
    assert not (tmp_path / "run").exists()


def test_samples_do_not_depend_on_the_process(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    run = train(discs, tiny, tmp_path / "run", steps=4)
    code = (
        f"import sparring, sys; sys.stdout.buffer.write(sparring.load({str(run.path)!r}).sample(5, seed=3).tobytes())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env=os.environ | {"PYTHONHASHSEED": "7"}
    )
    assert ran.stdout == run.sample(5, seed=3).tobytes()


def test_a_run_may_move(discs: Path, tiny: Recipe, tmp_path: Path) -> None:
    before = train(discs, tiny, tmp_path / "here", steps=4).sample(2)
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert np.array_equal(before, sparring.load(tmp_path / "there").sample(2))
