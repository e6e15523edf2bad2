"""The doctor in a run: it speaks at the right step, never of a sound run, and the same after a kill."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from rich.console import Console
from torch import Tensor, nn

import sparring
import sparring.session
from sparring import events
from sparring.doctor.attending import Attending, told_at_start
from sparring.doctor.diagnosing import diagnose
from sparring.errors import SparringError
from sparring.events import Event
from sparring.findings import Action, Finding
from sparring.game import Game
from sparring.methods import Recipe
from sparring.networks import build
from sparring.signals import Movement
from sparring.step import train_step
from sparring.terminal import Progress, finding_line, findings_line
from sparring.trainer import Trainer


def coarse(pictures: Tensor) -> Tensor:
    """A cheap extractor: 7 x 7 mean colours."""
    return F.adaptive_avg_pool2d(pictures.float() / 255, 7).flatten(1)


@pytest.fixture(scope="module")
def shades() -> np.ndarray:
    """160 smooth gray pictures of 16 px."""
    maps = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (160, 1, 3, 3)))
    smooth = F.interpolate(maps, size=16, mode="bilinear").clamp(0, 255)
    return smooth.to(torch.uint8).permute(0, 2, 3, 1).numpy()


@pytest.fixture(autouse=True)
def _ticks_come_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second step: the doctor counts ticks, and ten times as many steps would only take time."""
    monkeypatch.setattr(sparring.session, "TICK_EVERY", 2)


def train(source: Any, out: Path, recipe: Recipe, **options: Any) -> sparring.session.Run:
    words = {"steps": 150, "held_out": 60, "evaluate_every": 480, "features": coarse, "checkpoint_every": 40}
    return sparring.train(source, recipe, out=out, **(words | {"say": lambda _: None} | options))


def frozen_from(step: int) -> Any:
    """D stops learning in mid-run, on purpose."""

    def watch(event: Event) -> Action | None:
        return Action("set", {"d_lr": 0.0}, "on purpose") if event.kind == "tick" and event.step == step else None

    return watch


def found(run: Path) -> list[tuple[int, dict[str, Any]]]:
    return [(e.step, e.values) for e in events.read(run / "events.jsonl") if e.kind == "finding" and e.step]


def loud(run: Path) -> list[tuple[int, str]]:
    return [(step, values["code"]) for step, values in found(run) if values["severity"] != "info"]


def test_a_fault_is_told_while_it_goes_on(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    seen: list[Event] = []
    run = train(
        shades, tmp_path / "run", tiny, observers={"frozen": frozen_from(20), "all": lambda e: seen.append(e) or None}
    )
    told = [(step, values) for step, values in found(run.path) if values["code"] == "SP405"]
    assert len(told) == 1
    step, values = told[0]
    assert values["evidence"]["first_step"] == 22
    assert 40 <= step < 150
    assert values["severity"] == "error"
    assert [e.step for e in seen if e.kind == "finding" and e.values["code"] == "SP405"] == [step]
    assert "SP405" in [finding.code for finding in run.findings]
    assert "SP405" in diagnose(run.path).codes


def test_a_sound_run_is_left_in_peace(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    run = train(shades, tmp_path / "run", tiny)
    assert loud(run.path) == []
    assert [finding for finding in run.findings if finding.severity != "info"] == []


def test_without_a_doctor_nothing_is_watched(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    run = train(shades, tmp_path / "run", tiny, doctor=False, steps=60)
    assert not any("moved" in name for e in events.read(run.path / "events.jsonl") for name in e.values)
    again = train(shades, tmp_path / "run", tiny, steps=70)  # no part of the run's identity
    assert again.step == 70
    both = [sparring.load(path, step=60).sample(4) for path in (run.path, _with_doctor(shades, tmp_path, tiny))]
    assert (both[0] == both[1]).all()


def _with_doctor(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> Path:
    return train(shades, tmp_path / "other", tiny, steps=60).path


class Exploding(nn.Module):
    """A discriminator whose logits double at every call of its training."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16 * 16, 1)
        self.scale = nn.Buffer(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            self.scale = self.scale * 2.0
        return self.layer(images.flatten(1)) * self.scale


def test_numbers_that_are_none_are_told_before_the_end(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    G = nn.Sequential(nn.Linear(16, 16 * 16), nn.Tanh(), nn.Unflatten(1, (1, 16, 16)))
    with pytest.raises(SparringError, match="not finite"):
        train(shades, tmp_path / "run", tiny, generator=G, discriminator=Exploding(), evaluate_every=0)
    kinds = [(e.kind, e.values.get("code")) for e in events.read(tmp_path / "run" / "events.jsonl")]
    assert kinds.index(("finding", "SP501")) < kinds.index(("ended", None))


def test_after_a_kill_the_findings_are_the_same(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    """Killed for good at step 110, between what was told and what will be; a child, since a kill takes all of it."""

    def killer(event: Event) -> None:
        if event.kind == "tick" and event.step == 110:
            os.kill(os.getpid(), signal.SIGKILL)

    def work(out: str, **observers: Any) -> None:
        train(shades, tmp_path / out, tiny, observers={"frozen": frozen_from(20), **observers})

    work("whole")
    pid = os.fork()
    if pid == 0:
        try:
            torch.set_num_threads(1)
            work("killed", killer=killer)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    before = found(tmp_path / "killed")
    work("killed")
    assert found(tmp_path / "killed") == found(tmp_path / "whole")
    assert "SP405" in [code for _, code in loud(tmp_path / "whole")]
    assert len(before) <= len(found(tmp_path / "whole"))
    resumed = [e.step for e in events.read(tmp_path / "killed" / "events.jsonl") if e.kind == "resumed"]
    assert resumed == [80]


def test_a_doctor_that_fails_does_not_end_the_run(
    shades: np.ndarray, tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Attending, event: Event) -> list[Finding]:
        raise ValueError("nothing to see")

    monkeypatch.setattr(Attending, "__call__", broken)
    said: list[str] = []
    run = train(shades, tmp_path / "run", tiny, steps=30, say=said.append)
    assert run.step == 30
    assert sum("nothing to see" in line for line in said) == 1


def test_an_evaluation_says_what_rules_ask_for(shades: np.ndarray, tmp_path: Path, tiny: Recipe) -> None:
    run = train(shades, tmp_path / "run", tiny, steps=20, evaluate_every=80, metric="fd")
    first, second = (e.values for e in events.read(run.path / "events.jsonl") if e.kind == "evaluation")
    for name in ("spread", "apart", "nearest_train", "checkerboard", "leak", "d_train", "d_held", "d_fake"):
        assert isinstance(first[name], float)
        assert first[name] != second[name] or name == "leak"
    for name in ("nearest_held", "apart_reals", "recall_reals", "coverage_reals", "precision_reals", "leak_reals"):
        assert first[name] == second[name]
    assert first["value_raw"] != first["value_average"]
    assert -1 <= first["d_sign_train"] <= 1


# -- what the trainer offers --


def state_of(trainer: Trainer) -> list[Tensor]:
    players = trainer.players
    networks = (players.generator, players.discriminator, players.average)
    return [tensor.clone() for network in networks for tensor in network.state_dict().values()]


@pytest.mark.parametrize("changes", [{}, {"d_spectral_norm": True, "loss": "hinge"}, {"augment": "translation,cutout"}])
def test_asking_d_changes_nothing(shades: np.ndarray, tiny: Recipe, changes: dict[str, Any]) -> None:
    recipe = tiny.but(g_lr=0.01, **changes)
    pair = build("dcgan", 16, 1, recipe.width, recipe.latent, None)
    trainer = Trainer(*pair, shades, recipe)
    list(trainer.run(steps=9))
    before, random = state_of(trainer), torch.random.get_rng_state()
    pictures = torch.from_numpy(shades[:21]).permute(0, 3, 1, 2)
    logits = trainer.criticise(pictures)
    assert logits.shape == (21,)
    assert torch.equal(logits, trainer.criticise(pictures))
    assert all(map(torch.equal, before, state_of(trainer)))
    assert torch.equal(random, torch.random.get_rng_state())
    assert not torch.equal(trainer.sample(4, 0), trainer.sample(4, 0, raw=True))


def test_how_far_a_step_moves_the_weights(tiny: Recipe) -> None:
    """The estimate from some numbers of each parameter against all of them."""
    torch.manual_seed(0)
    recipe = tiny.but(width=16)
    pair = build("dcgan", 16, 1, recipe.width, recipe.latent, None)
    trainer = Trainer(*pair, torch.rand(64, 1, 16, 16) * 2 - 1, recipe)
    players, game = trainer.players, Game.of(recipe)
    draw = trainer._draw
    for _ in range(12):
        train_step(players, game, draw)
    before = [p.detach().clone() for p in players.d_params]
    movement = Movement(players)
    train_step(players, game, draw)
    seen = {name: float(value) for name, value in movement.signals().items()}
    whole = sum(float((p.detach() - b).square().sum()) for p, b in zip(players.d_params, before, strict=True)) ** 0.5
    size = sum(float(b.square().sum()) for b in before) ** 0.5
    assert seen["d_moved_in_d_step"] == pytest.approx(whole / size, rel=0.25)
    assert seen["g_moved_in_g_step"] > 0
    assert seen["d_moved_in_g_step"] == seen["g_moved_in_d_step"] == 0
    assert 0.1 < seen["d_shock"] < 10
    assert players.watch is None


def test_what_is_clipped_is_told(tiny: Recipe) -> None:
    recipe = tiny.but(d_clip_weights=0.01, g_clip_norm=1e-9, d_clip_norm=1e9, optimizer="rmsprop")
    pair = build("dcgan", 16, 1, recipe.width, recipe.latent, None)
    ticks = list(Trainer(*pair, torch.rand(64, 1, 16, 16) * 2 - 1, recipe).run(steps=20))
    last = [event.values for event in ticks if event.kind == "tick"][-1]
    assert 0 < last["d_weights_at_clip"] <= 1
    assert last["g_gradient_clipped"] == 1
    assert last["d_gradient_clipped"] == 0
    assert "d_shock" not in last


# -- told --


def test_equal_events_give_equal_findings() -> None:
    recipe = Recipe(loss="least-squares", label_smoothing=0.1)
    assert told_at_start(recipe) == {"loss": "least-squares", "label_smoothing": 0.1}
    values = {"d_loss": 0.005, "g_loss": 0.5}
    log = [Event("tick", step, 0, values | {"images_per_second": step}) for step in range(10, 9000, 10)]
    first, second = Attending(recipe), Attending(recipe)
    told = [(event.step, finding) for event in log for finding in first(event)]
    assert [finding.code for _, finding in told] == ["SP401"]
    second.replay(log, 4500)
    assert [(e.step, f) for e in log if e.step > 4500 for f in second(e)] == [each for each in told if each[0] > 4500]


def test_the_terminal_says_it_once() -> None:
    finding = Finding("SP401", "discriminator-won", "warning", "likely", "D has won.")
    info = Finding("SP503", "loss-drift", "info", "likely", "It drifts.")
    console = Console(record=True, width=200, force_terminal=False)
    progress = Progress(console)
    progress(Event("finding", 0, 0, finding.to_dict()))
    progress(Event("finding", 120, 0, finding.to_dict()))
    progress(Event("finding", 130, 0, info.to_dict()))
    text = console.export_text()
    assert text.splitlines() == ["step 120: warning SP401 discriminator-won: D has won."]
    assert finding_line(Event("finding", 120, 0, finding.to_dict())) == text.strip()
    assert findings_line([info]) == ""
    line = findings_line([finding, info])
    assert line == "The doctor found SP401 discriminator-won: `sparring explain SP401` says what to do."
