"""Every recipe and every option, in whole runs: they train, resume bit for bit, and contradict each other in words."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import sparring
from sparring import schedules
from sparring.clashes import CLASHES, check_pairs
from sparring.errors import SparringError
from sparring.events import read
from sparring.game import Game
from sparring.methods import PRESETS, RECIPES, Recipe
from sparring.networks.calling import randomness
from sparring.players import Players, read_state
from sparring.step import train_step

CPU = torch.device("cpu")
SMALL = {"batch": 8, "threads": 1, "precision": "fp32"}


def small(recipe: Recipe) -> Recipe:
    return recipe.but(width=8 if recipe.network == "r3gan" else 4, latent=16, **SMALL)


def train(source: Path, recipe: Recipe, out: Path, **options: Any) -> Any:
    words = {"size": 32, "out": out, "say": lambda _: None, "checkpoint_every": 3, "sample_every": 100}
    return sparring.train(source, recipe, **(words | options))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains(name: str, discs: Path, tmp_path: Path) -> None:
    run = train(discs, small(RECIPES[name]), tmp_path / "run", steps=3)
    tick = [event for event in read(run.path / "events.jsonl") if event.kind == "tick"][-1]
    assert not tick.values["nonfinite"]
    assert math.isfinite(tick.values["d_loss"])
    assert run.sample(2).shape == (2, 3, 32, 32)


@pytest.mark.parametrize("name", RECIPES)
def test_every_number_has_a_source(name: str) -> None:
    for field in dataclasses.fields(Recipe):
        if field.name != "name":
            assert RECIPES[name].source_of(field.name), field.name
    assert PRESETS[name].title.endswith(".")


def test_a_changed_number_has_no_source() -> None:
    assert RECIPES["r3gan"].but(r1=3.0).source_of("r1") == ""
    assert "R3GAN" in RECIPES["r3gan"].source_of("r2")


EVERYTHING: dict[str, dict[str, Any]] = {
    "penalties that wait": {"r1": 1.0, "r1_every": 4, "lecam": 0.3, "lecam_every": 3, "bcr": 1.0, "bcr_every": 2},
    "labels": {"label_smoothing": 0.1, "label_flip": 0.1},
    "clipping by means": {"d_clip_mean": 1.5, "g_clip_mean": 1.2, "d_clip_value": 0.1},
    "spectral norm in both": {"d_spectral_norm": True, "g_spectral_norm": True, "init": "orthogonal"},
    "ADA and noise": {"augment": "bgc", "ada_target": 0.6, "ada_images": 200, "instance_noise": 0.1,
                      "instance_noise_images": 80},
    "DiffAugment": {"augment": "color,translation,cutout"},
    "schedules": {"schedule_images": 80, "lr_final": 0.1, "beta2_final": 0.9, "ema_final_images": 10.0, "r1": 1.0,
                  "penalty_final": 0.1, "augment": "blit", "augment_p": 0.1, "augment_final": 0.9},
    "accumulation": {"accumulate": 2, "loss": "relativistic", "r2": 0.1},
    "many updates of D": {"d_steps": 3, "gp": 10.0, "loss": "wasserstein", "gp_every": 2},
    "clipped weights": {"d_clip_weights": 0.05, "loss": "wasserstein", "optimizer": "rmsprop"},
    "other losses": {"loss": "relativistic-average", "dragan": 1.0, "reuse_fakes": False},
}  # fmt: skip


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_option_resumes_bit_for_bit(name: str, discs: Path, tmp_path: Path) -> None:
    recipe = small(RECIPES["dcgan"]).but(**EVERYTHING[name])
    whole = train(discs, recipe, tmp_path / "whole", steps=11)
    for steps in (4, 11):
        parts = train(discs, recipe, tmp_path / "parts", steps=steps)
    for run in (whole, parts):
        assert run.step == 11
    files = [run.path / "checkpoints" / "step-00000011.pt" for run in (whole, parts)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert (sparring.load(whole.path).sample(3) == whole.sample(3)).all()


def test_options_do_something(discs: Path, tmp_path: Path) -> None:
    """Each group of options changes what is learnt: none is parsed and then forgotten."""
    plain = train(discs, small(RECIPES["dcgan"]), tmp_path / "plain", steps=11)
    weights = [flat(plain.path)]
    for i, changes in enumerate(EVERYTHING.values()):
        run = train(discs, small(RECIPES["dcgan"]).but(**changes), tmp_path / str(i), steps=11)
        weights.append(flat(run.path))
    for i, one in enumerate(weights):
        assert not any(one.shape == other.shape and torch.equal(one, other) for other in weights[:i])


def flat(run: Path) -> Tensor:
    state = read_state(run / "checkpoints" / "step-00000011.pt")["players"]["discriminator"]
    return torch.cat(
        [value.flatten().float() for name, value in state.items() if name.endswith(("weight", "original"))]
    )


def points(**changes: Any) -> tuple[Players, Recipe]:
    """Players of points in the plane, without norms, so that a batch is the sum of its pictures."""
    recipe = Recipe(latent=4, batch=8, threads=1, precision="fp32", reuse_fakes=False).but(**changes)
    with randomness(5, CPU):
        G = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
        D = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    return Players(G, D, recipe, (4,), "cpu"), recipe


def test_accumulated_batches_are_one_large_batch() -> None:
    real = torch.randn(16, 2, generator=torch.Generator().manual_seed(1))
    z = torch.randn(64, 4, generator=torch.Generator().manual_seed(2))
    found = []
    for accumulate in (1, 2, 4):
        players, recipe = points(accumulate=accumulate, batch=16 // accumulate, r1=1.0)
        places = {"real": 0, "z": 0}

        def draw(n: int = recipe.batch, places: dict[str, int] = places) -> tuple[Tensor, None]:
            places["real"] += n
            return real[places["real"] - n : places["real"]], None

        def latents(n: int, places: dict[str, int] = places) -> Tensor:
            places["z"] += n
            return z[places["z"] - n : places["z"]]

        players.latents = latents  # type: ignore[method-assign]
        train_step(players, Game.of(recipe), draw)
        found.append(torch.cat([p.detach().flatten() for p in (*players.d_params, *players.g_params)]))
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0], found[2])


def test_a_penalty_is_its_weight_times_its_value_and_logged_apart() -> None:
    for weight in (1.0, 3.0):
        players, recipe = points(r1=weight, lecam=2.0)
        with randomness(0, CPU):
            seen = train_step(players, Game.of(recipe), lambda: (torch.ones(8, 2), None))
        if weight == 1.0:
            once = seen["d_loss_r1"]
    torch.testing.assert_close(seen["d_loss_r1"], 3 * once)
    parts = [value for name, value in seen.items() if name.startswith("d_loss_")]
    assert {name for name in seen if name.startswith("d_loss_")} == {
        "d_loss_real", "d_loss_fake", "d_loss_r1", "d_loss_lecam",
    }  # fmt: skip
    torch.testing.assert_close(seen["d_loss"], sum(parts))


def test_a_lazy_penalty_is_due_once_in_so_many_updates() -> None:
    players, recipe = points(r1=1.0, r1_every=3, d_steps=2)
    game = Game.of(recipe)
    due = ["d_loss_r1" in train_step(players, game, lambda: (torch.ones(8, 2), None)) for _ in range(6)]
    assert players.d_updates == 12
    # Due at D's updates 0, 3, 6, 9: in the steps of updates (0, 1), (2, 3), (6, 7), (8, 9).
    assert due == [True, True, False, True, True, False]


def test_clipped_weights_stay_within_the_bound() -> None:
    players, recipe = points(loss="wasserstein", d_clip_weights=0.01, optimizer="rmsprop")
    train_step(players, Game.of(recipe), lambda: (torch.ones(8, 2), None))
    assert max(float(p.detach().abs().max()) for p in players.d_params) <= 0.01
    assert max(float(p.detach().abs().max()) for p in players.g_params) > 0.01


def test_the_norm_that_is_logged_is_that_before_clipping() -> None:
    seen = []
    for clip in (0.0, 1e-3):
        players, recipe = points(d_clip_norm=clip)
        with randomness(0, CPU):
            seen.append(train_step(players, Game.of(recipe), lambda: (torch.ones(8, 2), None))["d_grad_norm"])
    torch.testing.assert_close(seen[0], seen[1])
    assert float(seen[0]) > 1e-3


def test_relativistic_losses_log_who_was_preferred() -> None:
    players, recipe = points(loss="relativistic", r1=0.1, r2=0.1)
    seen = train_step(players, Game.of(recipe), lambda: (torch.ones(8, 2), None))
    assert 0 <= float(seen["d_accuracy_pair"]) <= 1
    assert "d_accuracy_real" not in seen


CONTRADICTIONS: list[dict[str, Any]] = [
    {"loss": "wasserstein"},
    {"loss": "wasserstein", "d_clip_weights": 0.01, "gp": 10.0},
    {"gp": 1.0, "dragan": 1.0},
    {"loss": "hinge", "label_smoothing": 0.1},
    {"loss": "relativistic", "ada_target": 0.6, "augment": "bgc"},
    {"ada_target": 0.6, "augment": "bgc", "augment_final": 0.5, "schedule_images": 10.0},
    {"optimizer": "rmsprop", "beta2_final": 0.9, "schedule_images": 10.0},
    {"augment_final": 0.5, "schedule_images": 10.0},
    {"penalty_final": 0.5, "schedule_images": 10.0},
]


def test_every_clash_has_a_case() -> None:
    assert len(CONTRADICTIONS) == len(CLASHES)
    for changes, clash in zip(CONTRADICTIONS, CLASHES, strict=True):
        assert clash.when(Recipe().but(**changes)), clash.what
        with pytest.raises(SparringError):
            check_pairs(Recipe().but(**changes))


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_clashes(name: str) -> None:
    check_pairs(RECIPES[name])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss": "hinges"}, "did you mean 'hinge'"),
        ({"optimizer": "adamw"}, "adam"),
        ({"init": "xaviar"}, "did you mean 'xavier'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"lr_final": 0.1}, "schedule_images"),
        ({"augment": "colour"}, "did you mean 'color'"),
        ({"label_flip": 0.1, "loss": "hinge"}, "labels"),
    ],
)
def test_a_wrong_word_is_told_before_anything_is_read(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(SparringError) as error:
        train(tmp_path / "nothing", small(RECIPES["dcgan"]).but(**changes), tmp_path / "run", steps=1)
    assert words.lower() in str(error.value).lower()


@given(st.floats(0, 3), st.sampled_from(list(schedules.SHAPES)))
def test_schedules_go_from_start_to_end_and_stay(part: float, shape: str) -> None:
    recipe = Recipe().but(schedule=shape, schedule_images=1000, lr_final=0.1, beta2_final=0.99, ema_final_images=0.0)
    images = int(part * 1000)
    factor = schedules.lr_factor(recipe, images)
    assert 0.1 - 1e-12 <= factor <= 1
    if part == 0:
        assert factor == 1
    if images >= 1000:
        assert factor == pytest.approx(0.1)
        assert schedules.beta2(recipe, images) == pytest.approx(0.99)
        assert schedules.ema_half_life_images(recipe, images) == pytest.approx(0)
    assert schedules.lr_factor(recipe, images + 1) <= factor + 1e-12


def test_half_of_a_cosine_is_half_way() -> None:
    recipe = Recipe().but(schedule_images=1000, lr_final=0.0)
    assert schedules.lr_factor(recipe, 500) == pytest.approx(0.5)
    assert schedules.lr_factor(recipe, 250) == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))


def test_the_rates_of_a_schedule_reach_the_optimisers() -> None:
    players, recipe = points(schedule_images=1000.0, lr_final=0.5, beta2_final=0.9)
    players.at(1000)
    for optimizer, lr in ((players.d_optimizer, recipe.d_lr), (players.g_optimizer, recipe.g_lr)):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(lr / 2)
        assert optimizer.param_groups[0]["betas"] == (recipe.beta1, pytest.approx(0.9))


def test_own_networks_take_spectral_norm_and_go_on(tmp_path: Path) -> None:
    """The recipe normalises the user's networks in place; the same objects must be the same networks next time."""
    with randomness(1, CPU):
        G = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))
        D = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 1))
    recipe = Recipe().but(latent=8, d_spectral_norm=True, g_spectral_norm=True, **SMALL)
    pictures = torch.rand(20, 1, 8, 8)
    words = {"generator": G, "discriminator": D, "out": tmp_path / "run", "say": lambda _: None}
    sparring.train(pictures, recipe, steps=2, **words)
    run = sparring.train(pictures, recipe, steps=4, **words)
    assert run.step == 4
    plain = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))
    assert (sparring.load(run.path, generator=plain).sample(3) == run.sample(3)).all()


def test_every_penalty_is_logged_whichever_update_it_was_due_at() -> None:
    players, recipe = points(r1=1.0, r1_every=16, d_steps=2)
    game = Game.of(recipe)
    steps = [train_step(players, game, lambda: (torch.ones(8, 2), None)) for _ in range(16)]
    assert sum("d_loss_r1" in seen for seen in steps) == 2


def test_ada_goes_by_the_losses_own_boundary(monkeypatch: pytest.MonkeyPatch) -> None:
    """A least-squares D that cannot tell says .5 of everything: nothing for ADA to raise its p for."""
    for loss, logit in (("least-squares", 0.45), ("non-saturating", -0.05)):
        players, recipe = points(loss=loss)
        game = Game.of(recipe.but(augment="blit", ada_target=0.6, ada_images=100))
        game.augment.__dict__["names"] = ()  # points cannot be turned; what is looked at is D's answer
        with torch.no_grad():
            for p in players.d_params:
                p.zero_()
            players.d_params[-1].fill_(logit)
        for _ in range(8):
            game.augment.observe(torch.full((8,), logit) - (game.objective.boundary or 0.0))
            game.augment.adapt(8)
        assert game.augment.p == 0.0
        before = game.augment._logits
        train_step(players, game, lambda: (torch.ones(8, 2), None))
        assert game.augment._logits == before + 8
        assert float(game.augment._signs) == -8  # below the boundary, all of them


def test_a_run_that_starts_from_another_keeps_its_average() -> None:
    players, _ = points()
    players.average_g(8)
    with torch.no_grad():
        for p in players.average.parameters():
            p.add_(5.0)
    players._averaged_images = 100_000
    fresh, _ = points()
    fresh.load_networks(players.state_dict())
    fresh.average_g(8)
    for theirs, ours in zip(players.average.parameters(), fresh.average.parameters(), strict=True):
        assert float((theirs - ours).detach().abs().max()) < 0.1


def test_without_a_ramp_the_half_life_holds_from_the_start() -> None:
    players, _ = points(ema_ramp=0.0, ema_half_life_images=8.0)
    start = [p.clone() for p in players.average.parameters()]
    with torch.no_grad():
        for p in players.generator.parameters():
            p.add_(1.0)
    players.average_g(8)  # one half-life
    for was, now in zip(start, players.average.parameters(), strict=True):
        torch.testing.assert_close(now - was, torch.full_like(was, 0.5))


def test_numbers_may_be_written_with_an_exponent() -> None:
    assert Recipe().but(ada_images="5e5").ada_images == 500_000
