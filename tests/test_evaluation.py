"""A run that judges itself: what is held out, evaluated, kept as the best, and when it stops."""

from __future__ import annotations

import csv
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import sparring
from sparring import events
from sparring.checkpoints import sha256_of
from sparring.data.order import IndexOrder
from sparring.errors import SparringError
from sparring.findings import Action
from sparring.methods import Recipe
from sparring.metrics.judging import Judge
from sparring.players import read_state


def coarse(pictures: Tensor) -> Tensor:
    """A cheap extractor: 7 x 7 mean colours."""
    return F.adaptive_avg_pool2d(pictures.float() / 255, 7).flatten(1)


@pytest.fixture(scope="module")
def shades() -> np.ndarray:
    """160 smooth gray pictures of 28 px."""
    rng = np.random.default_rng(0)
    coarse_maps = torch.from_numpy(rng.uniform(0, 255, (160, 1, 3, 3)))
    smooth = F.interpolate(coarse_maps, size=28, mode="bilinear").clamp(0, 255)
    return smooth.to(torch.uint8).permute(0, 2, 3, 1).numpy()


def train(source: Any, out: Path, recipe: Recipe, **options: Any) -> sparring.session.Run:
    words = {"steps": 40, "held_out": 60, "evaluate_every": 80, "features": coarse, "checkpoint_every": 15}
    return sparring.train(source, recipe, out=out, **(words | {"say": lambda _: None} | options))


def of_kind(run: Path, kind: str) -> list[events.Event]:
    return [event for event in events.read(run / "events.jsonl") if event.kind == kind]


def test_a_run_evaluates_itself_and_keeps_the_best(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    run = train(shades, tmp_path / "run", tiny)
    found = of_kind(run.path, "evaluation")
    assert [event.step for event in found] == [10, 20, 30, 40]
    assert all(event.values["metric"] == "kid" for event in found)  # 1,000 fakes, 60 reals, 49 dimensions: 60 < 98
    assert all(event.values["noise"] > 0 for event in found)
    least = min(found, key=lambda event: event.values["value"])
    assert run.best is not None
    assert (run.best["step"], run.best["value"]) == (least.step, least.values["value"])
    assert [p.name for p in (run.path / "best").glob("*.pt")] == [f"step-{least.step:08d}.pt"]


def test_what_is_held_out_is_written_down(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    run = train(shades, tmp_path / "run", tiny, steps=2)
    settings = json.loads((run.path / "recipe.json").read_text())
    with (run.path / "held_out.csv").open() as file:
        listed = [int(row["place"]) for row in csv.DictReader(file)]
    split = sparring.data.hold_out(sparring.data.open_data(shades, size_px=None), 60, settings["held_out"]["seed"])
    assert listed == split.held_out.tolist()
    assert settings["held_out"]["n"] == len(listed) == 60
    assert settings["decided"]["evaluation"] == {"metric": "kid", "n_fake": 1000, "every_images": 80}


def test_sample_takes_the_best(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    run = train(shades, tmp_path / "run", tiny, observers={"worse": worse_from(12)}, steps=60)
    assert run.best is not None
    assert run.best["step"] < run.step
    best, newest = sparring.load(run.path), sparring.load(run.path, step="newest")
    assert (best.step, newest.step) == (run.best["step"], run.step)
    assert (run.sample(4) == best.sample(4)).all()
    assert (newest.sample(4) != best.sample(4)).any()
    kept = read_state(run.path / "best" / f"step-{best.step:08d}.pt")
    assert kept["counts"]["step"] == best.step


def worse_from(step: int) -> Any:
    """Makes a run get worse on purpose: both rates are raised far beyond what trains."""

    def watch(event: events.Event) -> Action | None:
        if event.kind == "evaluate" or event.kind != "tick" or event.step != step - step % 10:
            return None
        return Action("set", {"d_lr": "*200", "g_lr": "*200"}, "on purpose")

    return watch


def test_a_run_that_gets_worse_stops_early(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    words = {"observers": {"worse": worse_from(20)}, "patience": 3, "steps": 400}
    run = train(shades, tmp_path / "run", tiny, **words)
    assert run.step < 400
    assert run.ended == "no improvement beyond noise in 3 evaluations"
    assert run.best is not None
    assert run.best["step"] < run.step
    assert of_kind(run.path, "ended")[-1].values["reason"] == run.ended

    again = train(shades, tmp_path / "run", tiny, **words)
    assert (again.step, again.ended, again.best) == (run.step, run.ended, run.best)
    more = train(shades, tmp_path / "run", tiny, **(words | {"patience": 0, "steps": run.step + 5}))
    assert (more.step, more.ended) == (run.step + 5, "budget")


def test_going_on_is_the_same_as_never_having_stopped(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    whole = train(shades, tmp_path / "whole", tiny, steps=60)
    for steps in (17, 41, 60):
        parts = train(shades, tmp_path / "parts", tiny, steps=steps)
    assert parts.best == whole.best
    for run in (whole, parts):
        assert len(of_kind(run.path, "evaluation")) == 6
    files = [sorted((run.path / "best").glob("*.pt"))[0] for run in (whole, parts)]
    assert files[0].name == files[1].name
    assert files[0].read_bytes() == files[1].read_bytes()


def test_few_pictures_are_not_held_out(discs: Path, tmp_path: Path, tiny: Recipe) -> None:
    said: list[str] = []
    run = sparring.train(discs, tiny, size=28, channels=1, out=tmp_path / "run", steps=2, say=said.append)
    assert run.best is None
    assert any("--held-out" in line for line in said)
    assert json.loads((run.path / "recipe.json").read_text())["held_out"] is None
    assert not (run.path / "best").exists()


@pytest.mark.parametrize(
    ("changed", "named"), [({"held_out": 50}, "held_out.n"), ({"evaluate_every": 160}, "evaluation.every_images")]
)
def test_another_way_of_judging_is_another_run(
    shades: np.ndarray, tmp_path: Path, tiny: Recipe, changed: dict[str, int], named: str
) -> None:
    train(shades, tmp_path / "run", tiny, steps=2)
    with pytest.raises(SparringError, match=named):
        train(shades, tmp_path / "run", tiny, steps=4, **changed)


def test_the_period_is_measured_once(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    run = train(shades, tmp_path / "run", tiny, steps=2, evaluate_every=None)
    every = json.loads((run.path / "recipe.json").read_text())["decided"]["evaluation"]["every_images"]
    assert every >= 1
    before = sha256_of(run.path / "recipe.json")
    train(shades, tmp_path / "run", tiny, steps=4, evaluate_every=None)
    assert sha256_of(run.path / "recipe.json") == before


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"metric": "swd"}, "needs pixels"),
        ({"metric": "kidd"}, "did you mean 'kid'"),
        ({"features": "lite1"}, "did you mean 'lite0'"),
        ({"features": "own"}, "classes"),
        ({"patience": -1}, "--patience"),
        ({"evaluate_every": -1}, "--evaluate-every"),
    ],
)
def test_senseless_options_are_refused(
    shades: np.ndarray, tmp_path: Path, tiny: Recipe, option: dict[str, Any], words: str
) -> None:
    with pytest.raises(SparringError, match=words):
        train(shades, tmp_path / "run", tiny, **option)
    assert not (tmp_path / "run").exists()


def test_training_draws_none_that_is_held_out(
    shades: np.ndarray, tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[np.ndarray] = []
    indices = IndexOrder.indices

    def spy(self: IndexOrder, position: int, count: int, seed: int) -> np.ndarray:
        drawn.append(indices(self, position, count, seed))
        return drawn[-1]

    monkeypatch.setattr(IndexOrder, "indices", spy)
    run = train(shades, tmp_path / "run", tiny, steps=30)
    with (run.path / "held_out.csv").open() as file:
        listed = {int(row["place"]) for row in csv.DictReader(file)}
    seen = set(np.concatenate(drawn).tolist())
    assert len(seen) == 100  # two epochs and more
    assert not seen & listed


def test_copies_do_not_stop_a_run(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    run = train(np.concatenate([shades, shades]), tmp_path / "run", tiny, steps=10)
    values = of_kind(run.path, "evaluation")[0].values
    assert values["nearest"] is None  # there is no distance among copies
    assert values["coverage"] is not None


@pytest.mark.parametrize("held_out", [2, 3])
def test_too_few_to_judge_by_is_said_at_the_start(
    shades: np.ndarray, tmp_path: Path, tiny: Recipe, held_out: int
) -> None:
    with pytest.raises(SparringError, match="KID cannot be computed"):
        train(shades, tmp_path / "run", tiny, held_out=held_out)
    assert not (tmp_path / "run" / "events.jsonl").exists()


def test_few_are_enough_for_the_metric_that_decides(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    run = train(shades, tmp_path / "run", tiny, held_out=4, steps=10)
    assert of_kind(run.path, "evaluation")[0].values["density"] is None
    assert run.best is not None


def test_a_kill_between_checkpoint_and_best_is_mended(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    whole = train(shades, tmp_path / "whole", tiny, steps=10, checkpoint_every=1000)
    assert whole.best is not None
    assert whole.best["step"] == 10
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    for file in (tmp_path / "killed" / "best").iterdir():
        file.unlink()  # as if it had been killed before the copy
    again = train(shades, tmp_path / "killed", tiny, steps=10, checkpoint_every=1000)
    assert again.best == whole.best
    assert (again.sample(4) == whole.sample(4)).all()
    files = [tmp_path / name / "best" / "step-00000010.pt" for name in ("whole", "killed")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_every_best_is_a_checkpoint_first(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    """However soon a smaller budget ends a run that was killed, what its state calls the best is there."""
    run = train(shades, tmp_path / "run", tiny, steps=20, checkpoint_every=1000, keep=50)
    bests = [event.step for event in of_kind(run.path, "best")]
    order = [(event.kind, event.step) for event in events.read(run.path / "events.jsonl")]
    assert bests
    for step in bests:
        assert order.index(("checkpoint", step)) < order.index(("best", step))
        saved = read_state(run.path / "checkpoints" / f"step-{step:08d}.pt")
        assert saved["observers"]["best"]["step"] == step


def test_the_rate_does_not_count_evaluations(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    def slow(pictures: Tensor) -> Tensor:
        time.sleep(0.03)
        return coarse(pictures)

    run = train(shades, tmp_path / "run", tiny, steps=40, features=slow)
    ticks = of_kind(run.path, "tick")
    seconds = [event.values["seconds"] for event in of_kind(run.path, "evaluation")]
    assert min(seconds) > 0.4
    slowest = min(event.values["images_per_second"] for event in ticks[1:])
    assert slowest > 80 / min(seconds)  # ten steps of 8 would take as long as an evaluation at this rate


def improving(monkeypatch: pytest.MonkeyPatch, values: dict[int, float]) -> None:
    """Makes evaluations give these values by the number of their call, so that a test decides which is the best."""
    calls = iter(values.values())
    judge = Judge.__call__

    def decided(self: Judge, sample: Any, trainer: Any = None) -> dict[str, Any]:
        return judge(self, sample, trainer) | {"value": next(calls)}

    monkeypatch.setattr(Judge, "__call__", decided)


@pytest.mark.parametrize(("last", "best"), [(0.5, 25), (2.0, 20)])
def test_a_run_that_ends_between_evaluations_is_evaluated_once_more(
    shades: np.ndarray, tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch, last: float, best: int
) -> None:
    improving(monkeypatch, {10: 3.0, 20: 1.0, 25: last})
    run = train(shades, tmp_path / "run", tiny, steps=25)
    assert [event.step for event in of_kind(run.path, "last evaluation")] == [25]
    assert run.best is not None
    assert (run.best["step"], run.best["value"]) == (best, min(1.0, last))
    loaded = sparring.load(run.path)
    assert loaded.step == best
    assert (loaded.sample(4) == run.sample(4)).all()
    again = train(shades, tmp_path / "run", tiny, steps=25)  # nothing to do, nothing evaluated again
    assert again.best == run.best
    assert len(of_kind(run.path, "last evaluation")) == 1


def test_an_evaluation_at_the_end_changes_nothing_that_goes_on(
    shades: np.ndarray, tmp_path: Path, tiny: Recipe
) -> None:
    whole = train(shades, tmp_path / "whole", tiny, steps=40)
    for steps in (5, 13, 27, 40):
        parts = train(shades, tmp_path / "parts", tiny, steps=steps)
    assert parts.best == whole.best
    for kind in ("best", "checkpoints"):
        newest = [sorted((run.path / kind).glob("*.pt"))[-1] for run in (whole, parts)]
        assert newest[0].name == newest[1].name
        assert newest[0].read_bytes() == newest[1].read_bytes()
    assert len(of_kind(parts.path, "last evaluation")) == 3
    assert sparring.load(parts.path).step == sparring.load(whole.path).step
