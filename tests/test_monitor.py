"""The monitor in real loops: silent on healthy ones, loud on planted faults, and never felt by the training."""

from __future__ import annotations

import copy
import gc
import io
import json
import math
import resource
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import sparring
from sparring.doctor.observing.numbers_of import Logits, Pictures
from sparring.doctor.observing.steps import Steps
from sparring.doctor.observing.weights import _thin
from sparring.doctor.readers import read_log
from sparring.events import read as read_events
from sparring.findings import Finding

SIDE, LATENT, BATCH = 8, 8, 16


def pair(seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """A small DCGAN: transposed convolutions with batch norm, and strided ones."""
    torch.manual_seed(seed)
    generator = nn.Sequential(
        nn.Linear(LATENT, 16 * 4), nn.Unflatten(1, (16, 2, 2)), nn.BatchNorm2d(16), nn.ReLU(),
        nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(1, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(),
        nn.Linear(16 * 4, 1),
    )  # fmt: skip
    return generator, discriminator


def plain_pair(seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """Two layers each: as small as a pair can be, for faults that any network has."""
    torch.manual_seed(seed)
    generator = nn.Sequential(nn.Linear(LATENT, 16), nn.ReLU(), nn.Linear(16, SIDE * SIDE), nn.Tanh())
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    return generator.append(nn.Unflatten(1, (1, SIDE, SIDE))), discriminator


def pictures(n: int = BATCH) -> Tensor:
    """Blobs with some noise, hard enough for a small D  # [n, 1, SIDE, SIDE] in [-1, 1]"""
    coarse = torch.rand(n, 1, 2, 2) * 1.6 - 0.8
    return (F.interpolate(coarse, SIDE, mode="bilinear") + 0.2 * torch.randn(n, 1, SIDE, SIDE)).clamp(-1, 1)


def bce(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(fake).mean()


LOSSES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "bce": (bce, lambda fake: F.softplus(-fake).mean()),
    "hinge": (lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(), lambda fake: -fake.mean()),
    "lsgan": (lambda real, fake: (real - 1).square().mean() + fake.square().mean(), lambda f: (f - 1).square().mean()),
    "wasserstein": (lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean()),
}


class Loop:
    """A plain loop as people write it: D on reals and fakes, then G through D, and two lines of ours."""

    def __init__(
        self, loss: str = "bce", seed: int = 0, d_lr: float = 5e-4, g_lr: float = 5e-4, plain: bool = True
    ) -> None:
        self.generator, self.discriminator = (plain_pair if plain else pair)(seed)
        self.d_loss, self.g_loss = LOSSES[loss]
        self.d_optimizer: Any = torch.optim.Adam(self.discriminator.parameters(), d_lr, (0.5, 0.999))
        self.g_optimizer: Any = torch.optim.Adam(self.generator.parameters(), g_lr, (0.5, 0.999))
        some = pictures()
        self.real = (lambda: some) if plain else pictures
        self.after: Callable[[int], object] = lambda i: None
        self.everything = not plain

    def networks(self) -> dict[str, Any]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def run_to_the_end(self, steps: int, monitor: sparring.Monitor, every: int = 1) -> list[Finding]:
        """With the last look: on a slow machine the clock allows no other."""
        return self.run(steps, monitor, every) + monitor.close()

    def run(self, steps: int, monitor: sparring.Monitor | None = None, every: int = 1) -> list[Finding]:
        found: list[Finding] = []
        for i in range(1, steps + 1):
            real = self.real()
            fake = self.generator(torch.randn(BATCH, LATENT))
            self.discriminator.zero_grad()
            real_logits, fake_logits = self.discriminator(real), self.discriminator(fake.detach())
            d_loss = self.d_loss(real_logits, fake_logits)
            d_loss.backward()
            self.d_optimizer.step()
            self.generator.zero_grad()
            g_loss = self.g_loss(self.discriminator(fake))
            g_loss.backward()
            self.g_optimizer.step()
            self.after(i)
            if monitor is not None:
                more = {"real_logits": real_logits, "fake_logits": fake_logits, "real": real, "fake": fake}
                told = monitor.observe(every * i, d_loss=d_loss, g_loss=g_loss, **(more if self.everything else {}))
                found += told
        return found


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    """No test leaves a hook behind that listens to every optimiser."""
    from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

    yield
    gc.collect()
    assert not _global_optimizer_pre_hooks
    assert not _global_optimizer_post_hooks


def loud(found: list[Finding]) -> set[str]:
    return {finding.code for finding in found if finding.severity != "info"}


def series(monitor: sparring.Monitor, name: str) -> np.ndarray:
    found = monitor._live.recorder.history().named(name)
    assert found is not None, name
    return found.values


def played(n: int, seed: int = 0, d: float = 0.9, g: float = 1.2) -> Iterator[tuple[float, float]]:
    """Losses of a calm training."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        yield float(d + 0.05 * rng.normal()), float(g + 0.1 * rng.normal())


# -- silent on healthy loops --


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("told", [True, False])
def test_a_healthy_loop_is_left_in_peace(loss: str, told: bool, said: list[str]) -> None:
    """Steps are told by tens, so that 130 of them pass the warm-up."""
    loop = Loop(loss, d_lr=2e-3 if loss == "hinge" else 5e-4, plain=False)
    if loss == "wasserstein":
        loop.d_optimizer, loop.g_optimizer = (
            torch.optim.RMSprop(n.parameters(), 5e-4) for n in (loop.discriminator, loop.generator)
        )
        loop.after = lambda i: [p.data.clamp_(-0.2, 0.2) for p in loop.discriminator.parameters()]
    monitor = sparring.Monitor(loss if told else None, say=said.append, **loop.networks())
    found = loop.run_to_the_end(130, monitor, every=10)
    assert not loud(found), said
    assert said == []
    assert {"SP405", "SP406", "SP407", "SP501"} <= set(monitor.report().judged)
    if loss != "wasserstein":
        assert "SP401" in monitor.report().judged
    assert "nothing here calls for a change" in str(monitor).lower()


def test_two_lines_are_enough(capsys: pytest.CaptureFixture[str]) -> None:
    monitor = sparring.Monitor()
    for step, (d_loss, g_loss) in enumerate(played(700)):
        assert monitor.observe(step, d_loss=d_loss, g_loss=g_loss) == []
    assert capsys.readouterr().out == ""
    assert monitor.report().ok
    monitor.close()


# -- planted faults --


@pytest.mark.parametrize("given", ["networks", "optimizers", "both", "later"])
def test_a_rate_of_zero(given: str, said: list[str]) -> None:
    loop = Loop(d_lr=0.0)
    steppers = {"d_optimizer": loop.d_optimizer, "g_optimizer": loop.g_optimizer}
    now = {"networks": loop.networks(), "optimizers": steppers, "both": loop.networks() | steppers, "later": {}}[given]
    with sparring.Monitor(say=said.append, **now) as monitor:
        if given == "later":
            monitor.observe(0, **loop.networks())
        found = loop.run_to_the_end(110, monitor)
    assert loud(found) == {"SP405"}
    assert len(said) == 1
    assert "SP405" in said[0]
    assert "sparring explain SP405" in said[0]
    assert series(monitor, "d_moved_in_d_step").max() == 0
    assert series(monitor, "g_moved_in_g_step").min() > 0


def test_an_optimizer_without_ds_weights(said: list[str]) -> None:
    loop = Loop()
    loop.d_optimizer = torch.optim.Adam(copy.deepcopy(loop.discriminator).parameters(), 1e-3)
    with sparring.Monitor(say=said.append, **loop.networks()) as monitor:
        found = loop.run_to_the_end(270, monitor)
    assert "SP405" in loud(found)
    assert "SP406" not in loud(found)


def test_a_g_that_is_never_stepped(said: list[str]) -> None:
    loop = Loop()
    given = {"d_optimizer": loop.d_optimizer, "g_optimizer": loop.g_optimizer}
    loop.g_optimizer = type("Nobody", (), {"step": lambda self: None})()
    with sparring.Monitor(say=said.append, **loop.networks(), **given) as monitor:
        found = loop.run_to_the_end(270, monitor)
    assert "SP406" in loud(found)


@pytest.mark.parametrize("known", [True, False])
def test_d_is_trained_by_gs_optimizer_too(known: bool, said: list[str]) -> None:
    loop = Loop()
    both = [*loop.generator.parameters(), *loop.discriminator.parameters()]
    loop.g_optimizer = torch.optim.Adam(both, 5e-4, (0.5, 0.999))
    given = {"d_optimizer": loop.d_optimizer, "g_optimizer": loop.g_optimizer} if known else loop.networks()
    with sparring.Monitor(say=said.append, **given) as monitor:
        found = loop.run_to_the_end(110, monitor)
    assert "SP407" in loud(found)
    assert series(monitor, "d_moved_in_g_step").min() > 0
    assert series(monitor, "g_moved_in_d_step").max() == 0


def test_one_optimizer_for_both_in_one_step_is_no_fault(said: list[str]) -> None:
    loop = Loop()
    loop.g_optimizer = torch.optim.SGD([*loop.generator.parameters(), *loop.discriminator.parameters()], 1e-2)
    loop.d_optimizer = type("Nobody", (), {"step": lambda self: None})()
    with sparring.Monitor(say=said.append, **loop.networks()) as monitor:
        found = loop.run_to_the_end(60, monitor)
    assert not loud(found) & {"SP405", "SP406", "SP407"}


def test_many_updates_of_d_for_one_of_g_are_no_fault(said: list[str]) -> None:
    """WGAN: a hundred of D at first, observed one by one."""
    loop = Loop("wasserstein")
    with sparring.Monitor("wasserstein", say=said.append, **loop.networks()) as monitor:
        for i in range(260):
            loop.discriminator.zero_grad()
            with torch.no_grad():
                fake = loop.generator(torch.randn(BATCH, LATENT))
            d_loss = loop.d_loss(loop.discriminator(pictures()), loop.discriminator(fake))
            d_loss.backward()
            loop.d_optimizer.step()
            monitor.observe(i, d_loss=d_loss)
            if i % 100 == 99:
                g_loss = loop.g_loss(loop.discriminator(loop.generator(torch.randn(BATCH, LATENT))))
                g_loss.backward()
                loop.g_optimizer.step()
                monitor.observe(i, g_loss=g_loss)
    assert not {"SP405", "SP406", "SP407"} & set(monitor.report().codes)
    assert len(series(monitor, "g_moved_in_g_step")) >= 1


def test_a_sigmoid_under_bce_at_its_ceiling(said: list[str]) -> None:
    loop = Loop()
    with torch.no_grad():
        loop.discriminator[-1].bias.fill_(-200.0)  # type: ignore[index,operator,union-attr]
    probability = torch.sigmoid
    loop.d_loss = lambda real, fake: (
        F.binary_cross_entropy(probability(real), torch.ones_like(real))
        + F.binary_cross_entropy(probability(fake), torch.zeros_like(fake))
    )
    loop.g_loss = lambda fake: F.binary_cross_entropy(probability(fake), torch.ones_like(fake))
    with sparring.Monitor(say=said.append) as monitor:
        found = loop.run_to_the_end(60, monitor)
    assert "SP505" in loud(found)


def test_nan_is_told_at_once_with_its_step(said: list[str]) -> None:
    loop = Loop()
    d_loss = loop.d_loss
    count = iter(range(1, 1000))
    loop.d_loss = lambda real, fake: d_loss(real, fake) * (math.nan if next(count) == 37 else 1.0)
    monitor = sparring.Monitor(say=said.append)
    assert not loop.run(36, monitor)
    loop.after = lambda i: None
    found = []
    for i in range(37, 39):
        found += monitor.observe(i, d_loss=torch.tensor(math.nan), g_loss=torch.tensor(1.0))
        if i == 37:
            assert [f.code for f in found] == ["SP501"]
    assert found[0].evidence["first_step"] == 37
    assert len(said) == 1  # once
    monitor.close()


def test_a_nan_that_ends_the_loop_by_an_error_is_found_in_the_weights(said: list[str]) -> None:
    loop = Loop()
    loop.d_loss = lambda real, fake: (
        F.binary_cross_entropy(real.sigmoid(), torch.ones_like(real))
        + F.binary_cross_entropy(fake.sigmoid(), torch.zeros_like(fake))
    )
    loop.g_loss = lambda fake: F.binary_cross_entropy(fake.sigmoid(), torch.ones_like(fake))
    monitor = sparring.Monitor(say=said.append, **loop.networks())
    loop.run(20, monitor)
    with torch.no_grad():
        next(loop.discriminator.parameters())[0] = math.nan
    with pytest.raises(RuntimeError, match="between 0 and 1"), monitor:
        loop.run(1)
    assert loud(list(monitor.report().findings)) == {"SP501"}
    assert "nan in the weights of the discriminator" in " ".join(said[-1].split())


def test_pictures_that_are_not_finite(said: list[str]) -> None:
    fake = torch.rand(4, 1, 8, 8)
    fake[2, 0, 3, 3] = math.inf
    with sparring.Monitor(say=said.append) as monitor:
        monitor.observe(0, d_loss=1.0, g_loss=1.0, fake=fake, real=torch.rand(4, 1, 8, 8))
    assert "SP501" in monitor.report().codes


def test_a_leap_is_told_as_soon_as_it_is_more_than_a_single_batch(said: list[str]) -> None:
    monitor = sparring.Monitor("bce", say=said.append)
    for step, (d_loss, g_loss) in enumerate(played(700)):
        assert not loud(monitor.observe(step, d_loss=d_loss, g_loss=g_loss))
    found = [monitor.observe(step, d_loss=9.0, g_loss=30.0) for step in (700, 701, 702)]
    assert [each.code for each in found[0]] == ["SP502"], "as information, which is returned and not printed"
    assert "SP502" in loud(found[2])
    assert "700" in said[0]
    monitor.close()


def test_a_single_batch_that_leaps_is_never_told_aloud(said: list[str]) -> None:
    monitor = sparring.Monitor("bce", say=said.append)
    for step, (d_loss, g_loss) in enumerate(played(900)):
        leap = 20.0 if step in (700, 760) else 1.0
        assert not loud(monitor.observe(step, d_loss=d_loss, g_loss=leap * g_loss))
    assert not loud(monitor.close())
    assert not said


def test_a_d_that_wins(said: list[str]) -> None:
    loop = Loop(d_lr=2e-3, g_lr=1e-6)
    loop.everything = True
    loop.real = lambda: torch.ones(BATCH, 1, SIDE, SIDE)
    with sparring.Monitor("bce", say=said.append) as monitor:
        found = loop.run_to_the_end(250, monitor, every=10)
    assert loud(found) & {"SP401"}
    assert series(monitor, "d_accuracy_real")[-1] == 1


def test_a_checkpoint_loaded_in_every_iteration(said: list[str], tmp_path: Path) -> None:
    loop = Loop()
    state = {name: copy.deepcopy(network.state_dict()) for name, network in loop.networks().items()}
    loop.after = lambda i: [network.load_state_dict(state[name]) for name, network in loop.networks().items()]
    with sparring.Monitor(say=said.append, out=tmp_path / "m.jsonl", **loop.networks()) as monitor:
        found = loop.run_to_the_end(60, monitor)
    assert "SP508" in loud(found)
    assert "SP508" in sparring.diagnose(tmp_path / "m.jsonl").codes


def test_weights_put_away_and_put_back_are_no_reload(said: list[str]) -> None:
    """An average of G, to paint with: its weights are loaded into G, then G's own again."""
    loop = Loop()
    average = copy.deepcopy(loop.generator)

    def paint(i: int) -> None:
        own = copy.deepcopy(loop.generator.state_dict())
        loop.generator.load_state_dict(average.state_dict())
        loop.generator.load_state_dict(own)
        average.load_state_dict(own)  # the average's own loads are nobody's business

    with sparring.Monitor(say=said.append, **loop.networks()) as monitor:
        average = copy.deepcopy(loop.generator)  # with the hooks that it has now
        loop.after = paint
        loop.run(60, monitor)
    assert "SP508" not in monitor.report().codes


def test_a_g_with_the_wrong_target(said: list[str]) -> None:
    loop = Loop(d_lr=2e-3, g_lr=2e-3)
    loop.g_loss = lambda fake: F.softplus(fake).mean()  # D's own target
    with sparring.Monitor("bce", say=said.append) as monitor:
        found = loop.run_to_the_end(250, monitor, every=10)
    assert "SP408" in loud(found)


def test_weights_that_all_stand_at_the_clip(said: list[str]) -> None:
    loop = Loop("wasserstein", d_lr=0.5)
    loop.after = lambda i: [p.data.clamp_(-0.01, 0.01) for p in loop.discriminator.parameters()]
    with sparring.Monitor("wasserstein", say=said.append, **loop.networks()) as monitor:
        loop.run(150, monitor, every=10)
    assert "SP509" in monitor.report().codes


@pytest.mark.parametrize("how", ["norm", "value"])
def test_a_gradient_that_is_always_clipped(how: str, said: list[str]) -> None:
    loop = Loop()
    step = loop.d_optimizer.step

    def clipped() -> None:
        if how == "norm":
            nn.utils.clip_grad_norm_(loop.discriminator.parameters(), 1e-3)
        else:
            nn.utils.clip_grad_value_(loop.discriminator.parameters(), 1e-4)
        step()

    loop.d_optimizer = type("Clipping", (), {"step": lambda self: clipped()})()
    with sparring.Monitor(say=said.append, **loop.networks()) as monitor:
        loop.run(150, monitor)
    assert series(monitor, "d_gradient_clipped")[-5:].min() == 1
    assert series(monitor, "g_gradient_clipped").max() == 0


# -- what it takes --


class LikeTensorFlow:
    """A tensor as TensorFlow's eager ones are."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def numpy(self) -> Any:
        return self._value


NUMBERS: list[Any] = [
    0.5, np.float32(0.5), np.float16(0.5), np.array(0.5), np.array([0.5]), np.array([[0.5]]), torch.tensor(0.5),
    torch.tensor([0.5], dtype=torch.bfloat16), torch.tensor(0.5, dtype=torch.float64),
    (torch.ones(1) / 2).requires_grad_(),
    LikeTensorFlow(np.float32(0.5)), LikeTensorFlow(np.array([0.5])), [0.5], (0.5,), [0.5, 0.98], np.array([0.5, 0.98]),
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: type(n).__name__)
def test_numbers_of_all_kinds(number: Any, said: list[str]) -> None:
    with sparring.Monitor(say=said.append) as monitor:
        monitor.observe(1, d_loss=number, g_loss=number)
        monitor.observe(2, logs={"d_loss": number, "g_loss": None})
    assert list(series(monitor, "d_loss")) == [0.5, 0.5]
    assert len(said) == (2 if np.size(number.numpy() if isinstance(number, LikeTensorFlow) else number.detach()
                                       if isinstance(number, Tensor) else number) == 2 else 0)  # fmt: skip


def test_what_is_no_number_is_told_once(said: list[str]) -> None:
    with sparring.Monitor(say=said.append) as monitor:
        for step in range(5):
            monitor.observe(step, d_loss="0.5", g_loss={"a": 1}, other=object(), whole=10**400, penalty=[], third=None)
    assert sorted(line.split(": ")[1].split()[5] for line in said if "understand" in line) == [
        "d_loss:", "g_loss:", "other:", "penalty:",
    ] or len(said) >= 4  # fmt: skip
    assert len(said) == len(set(said)) == 4
    assert series(monitor, "whole")[0] == math.inf


def test_terms_apart_and_names_of_others(said: list[str]) -> None:
    rng = np.random.default_rng(0)
    monitor = sparring.Monitor(say=said.append)
    for step in range(30):
        real, fake, g = rng.random(3)
        monitor.observe(step, d_loss_real=real, d_loss_fake=fake, errG=g, penalty=0.1, time=3.0, event=1)
    history = monitor._live.recorder.history()
    assert {(s.network, s.term) for s in history.series} >= {
        ("d", "real"),
        ("d", "fake"),
        ("g", "loss"),
        ("d", "penalty"),
    }
    assert "30 rows of both losses" in monitor.story()
    monitor.close()


def test_logits_and_probabilities(said: list[str]) -> None:
    values: dict[str, float] = {}
    logits = Logits()
    for side, x in (("real", torch.tensor([[2.0], [-1.0], [3.0], [0.5]])), ("fake", np.array([-2.0, -1.0, 1.0, -0.5]))):
        values |= logits.seen(side, x)  # type: ignore[operator]
    logits.settle(values)
    assert values == {
        "d_real_logit": 1.125, "d_accuracy_real": 0.75, "d_fake_logit": -0.625, "d_accuracy_fake": 0.75,
    }  # fmt: skip
    assert not logits.probabilities
    chances, values = Logits(), {}
    values |= chances.seen("real", LikeTensorFlow(np.array([0.9, 0.4], np.float32)))  # type: ignore[operator]
    chances.settle(values)
    assert values == {"d_real_prob": pytest.approx(0.65), "d_accuracy_real": 0.5}
    paired, values = Logits(None), {}
    real, fake = torch.tensor([5.0, -9.0]), torch.tensor([4.0, -8.0])
    values |= paired.seen("real", real) | paired.seen("fake", fake) | paired.pair(real, fake)  # type: ignore[operator]
    paired.settle(values)
    assert values == {"d_accuracy_pair": 0.5, "d_real_logit": -2.0, "d_fake_logit": -2.0}


def test_the_spread_of_pictures() -> None:
    reals = torch.randn(32, 3, 8, 8)
    same = reals[:1].expand(32, 3, 8, 8)

    def spread(fake: Any, real: Any = reals) -> float:
        found: dict[str, float] = {}
        for each in Pictures().seen(fake, real):
            found |= each  # type: ignore[arg-type]
        return found["g_spread"]

    assert spread(same) == 0
    assert spread(reals.flip(0)) == pytest.approx(1, abs=0.05)
    assert spread((reals / 2).permute(0, 2, 3, 1).numpy()) == pytest.approx(0.5, abs=0.01)
    bytes_ = ((reals.clamp(-1, 1) + 1) * 127.5).to(torch.uint8)
    assert spread(reals.clamp(-1, 1), bytes_) == pytest.approx(1, abs=0.02)


def test_steps_of_all_kinds() -> None:
    def told(*steps: Any, names: set[str] | None = None) -> list[int]:
        count = Steps()
        return [count.of(step, names or {"a"})[0] for step in steps]

    assert told(None, None, None) == [0, 1, 2]
    assert told(5, 6, 9) == [5, 6, 9]
    assert told(0, 1, 2, 0, 1, 2, 0) == [0, 1, 2, 3, 4, 5, 6]  # the place in an epoch
    assert told(10, 20, 30, 20) == [10, 20, 30, 20]  # a rewind
    assert told(torch.tensor(3), np.int64(4), "five", math.nan) == [3, 4, 5, 6]
    assert told(*[7] * 300)[-1] == 7 + 100  # the epoch: counted after a while
    count = Steps()
    assert [count.of(None, {n})[0] for n in ("d", "g", "d", "g", "d", "d", "g")] == [0, 0, 1, 1, 2, 3, 3]


@pytest.mark.parametrize("shape", [(), (5,), (4000,), (100, 512, 4, 4), (512, 256, 4, 4), (1, 512, 4, 4), (3, 10**6)])
def test_a_sample_of_a_tensor_is_small_and_spread(shape: tuple[int, ...]) -> None:
    sample = torch.empty(shape, device="meta")[_thin(shape)]
    assert sample.numel() <= 1100
    assert sample.numel() >= min(256, math.prod(shape))
    assert all(now > 1 or before == 1 for now, before in zip(sample.shape, shape, strict=True))


ODD = st.one_of(
    st.floats(), st.integers(), st.text(), st.none(), st.booleans(), st.complex_numbers(), st.binary(),
    st.lists(st.floats() | st.text(), max_size=3), st.dictionaries(st.text(max_size=3), st.floats(), max_size=2),
    st.builds(object), st.just(torch.empty(0)), st.just(torch.tensor([1, 2])), st.just(torch.ones(2, 3, 4, 4)),
    st.just(np.array(["a"])), st.just(np.zeros((0, 3))), st.just(torch.tensor(1j)),
    st.just(torch.empty(1, device="meta")),
    st.just(LikeTensorFlow("x")), st.just(nn.Linear(1, 1)), st.just(float), st.builds(LikeTensorFlow, st.floats()),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ODD, ODD, ODD, ODD, ODD, ODD, ODD, ODD), max_size=6), st.booleans())
def test_observe_never_raises(rows: list[tuple[Any, ...]], broken: bool) -> None:
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        if broken:
            raise OSError("no terminal")

    monitor = sparring.Monitor(say=say)
    for step, d_loss, g_loss, logs, logits, fake, real, network in rows:
        found = monitor.observe(
            step, d_loss=d_loss, g_loss=g_loss, other=real, logs=logs, real_logits=logits, fake_logits=real, fake=fake,
            real=real, generator=network, d_optimizer=logits,
        )  # fmt: skip
        assert isinstance(found, list)
    monitor.report()
    monitor.close()
    assert monitor.observe(1, d_loss=1.0) == []
    assert len(told) == len(set(told)) or broken


def test_a_broken_part_is_told_once_and_the_rest_goes_on(said: list[str], tmp_path: Path) -> None:
    monitor = sparring.Monitor(say=said.append, out=tmp_path / "m.jsonl")
    monitor._ticks._log.close()  # type: ignore[union-attr]
    for step in range(3):
        monitor.observe(step, d_loss=1.0, g_loss=1.0, fake=torch.ones(3), real=7)
    assert len(said) == 2
    assert all("stopped measuring" in line for line in said)
    assert len(series(monitor, "d_loss")) == 3
    monitor.close()


def test_a_rule_that_fails_does_not_stop_the_loop(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = sparring.Monitor(say=said.append)
    monkeypatch.setattr(monitor._live, "look", lambda last=False: 1 / 0)
    for step, (d_loss, g_loss) in enumerate(played(60)):
        assert monitor.observe(step, d_loss=d_loss, g_loss=g_loss) == []
    assert len(said) == 1
    assert "ZeroDivisionError" in said[0]
    monitor.close()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"loss": "hinges"}, "hinge"),
        ({"say": 3}, "print"),
        ({"read_every": 0}, "1 or more"),
        ({"generator": 3}, "torch module"),
        ({"d_optimizer": "adam"}, "optimiser of torch"),
        ({"out": "/dev/null/m.jsonl"}, "cannot be written"),
    ],
)
def test_what_is_wrong_from_the_start_is_said(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(sparring.SparringError) as caught:
        sparring.Monitor(**wrong)
    assert words in str(caught.value)


def test_one_optimizer_named_twice() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    with pytest.raises(sparring.SparringError, match="the same"):
        sparring.Monitor(d_optimizer=optimizer, g_optimizer=optimizer)


def test_one_optimizer_for_both_moves_the_wrong_network() -> None:
    loop = Loop(plain=False)
    both = torch.optim.Adam([*loop.discriminator.parameters(), *loop.generator.parameters()], 5e-4, (0.5, 0.999))
    with sparring.Monitor("bce", say=str, d_optimizer=both, g_optimizer=both, **loop.networks()) as monitor:
        for step in range(1, 161):
            told: dict[str, Tensor] = {}
            for is_d in (True, False):
                fake = loop.generator(torch.randn(BATCH, LATENT))  # anew: the step has moved G as well
                real_logits, fake_logits = loop.discriminator(loop.real()), loop.discriminator(fake)
                both.zero_grad()
                loss = loop.d_loss(real_logits, fake_logits) if is_d else loop.g_loss(fake_logits)
                loss.backward()
                both.step()
                told["d_loss" if is_d else "g_loss"] = loss
            monitor.observe(step, **told)
    assert "SP407" in monitor.report().codes


# -- what it must not touch --


def test_the_training_is_the_same_bit_for_bit(said: list[str]) -> None:
    ends = []
    for watched in (False, True):
        loop = Loop(seed=3, plain=False)
        given = loop.networks() | {"d_optimizer": loop.d_optimizer, "g_optimizer": loop.g_optimizer}
        torch.manual_seed(4)
        monitor = sparring.Monitor(say=said.append, **given) if watched else None
        loop.run(45, monitor)
        grads = [p.grad for network in loop.networks().values() for p in network.parameters()]
        flags = [p.requires_grad for network in loop.networks().values() for p in network.parameters()]
        modes = [m.training for network in loop.networks().values() for m in network.modules()]
        states = [n.state_dict() for n in loop.networks().values()], loop.d_optimizer.state_dict()["state"]
        ends.append((grads, flags, modes, states, torch.get_rng_state()))
        if monitor is not None:
            assert len(series(monitor, "d_grad_norm")) >= 4
            monitor.close()
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=0)


class Through(torch.autograd.Function):
    """A place in a graph that tells when the graph is gone."""

    held: list[weakref.ref[Any]] = []  # noqa: RUF012

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        ctx.held = nn.Identity()
        Through.held.append(weakref.ref(ctx.held))
        return x * 2

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return grad * 2


def test_nothing_is_kept_alive(said: list[str]) -> None:
    loop = Loop()
    monitor = sparring.Monitor(say=said.append, **loop.networks())
    loop.run(25, monitor)
    fake = Through.apply(loop.generator(torch.randn(BATCH, LATENT)))
    loss = Through.apply(loop.discriminator(fake).mean())
    monitor.observe(26, d_loss=loss, g_loss=loss, fake_logits=fake, fake=fake)
    things = [weakref.ref(each) for each in (loss, fake, *loop.networks().values())]
    del loss, fake, loop
    gc.collect()
    assert [held() for held in Through.held] == [None, None]
    assert [thing() for thing in things] == [None] * 4
    assert monitor.observe(27, d_loss=1.0, g_loss=1.0) == []
    gone = weakref.ref(monitor)
    monitor.close()
    del monitor
    gc.collect()
    assert gone() is None


def test_close_takes_every_hook_away(said: list[str]) -> None:
    loop = Loop()
    steppers = {"d_optimizer": loop.d_optimizer, "g_optimizer": loop.g_optimizer}
    for watched in (loop.networks(), loop.networks() | steppers):
        with sparring.Monitor(say=said.append, **watched) as monitor:
            loop.run(2, monitor)
        for network in loop.networks().values():
            assert not network._load_state_dict_post_hooks
            assert not network._load_state_dict_pre_hooks
        for optimizer in steppers.values():
            assert not optimizer._optimizer_step_pre_hooks
            assert not optimizer._optimizer_step_post_hooks
    assert monitor.close() == []


def test_a_watched_network_is_copied_and_saved_whole(said: list[str]) -> None:
    """What is pickled names nothing of ours, so it loads where sparring is not installed."""
    loop = Loop()
    with sparring.Monitor(say=said.append, **loop.networks()):
        again = copy.deepcopy(loop.generator)
        file = io.BytesIO()
        torch.save(loop.generator, file)
    assert b"sparring" not in file.getvalue()
    file.seek(0)
    for other in (again, torch.load(file, weights_only=False)):
        other.load_state_dict(loop.generator.state_dict())
    copy.deepcopy(loop.d_optimizer)


# -- accelerators, as far as a CPU can play one --


def test_numbers_that_stay_on_a_device_are_read_in_one_transfer(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sparring.doctor import monitor as of_monitor
    from sparring.doctor.observing import numbers_of

    transfers = []
    own = numbers_of.read
    monkeypatch.setattr(numbers_of, "is_far", lambda tensor: True)
    monkeypatch.setattr(of_monitor, "is_far", lambda tensor: True)
    monkeypatch.setattr(of_monitor, "read", lambda kept: transfers.append(len(kept)) or own(kept))
    loop = Loop(plain=False)
    monitor = sparring.Monitor(say=said.append, read_every=20, **loop.networks())
    loop.run(45, monitor)
    assert len(transfers) == 2
    assert len(monitor.report().judged) > 3
    assert len(transfers) == 3
    assert len(series(monitor, "d_loss")) == len(series(monitor, "d_accuracy_fake")) == 45
    monitor.observe(46, d_loss=torch.tensor(1.0), g_loss=torch.tensor(math.inf))
    assert "SP501" in {f.code for f in monitor.close()}


# -- its file --


def test_its_file_is_a_log_like_any(tmp_path: Path, said: list[str]) -> None:
    out = tmp_path / "deep" / "m.jsonl"
    loop = Loop(d_lr=0.0)
    with sparring.Monitor("bce", say=said.append, out=out, **loop.networks()) as monitor:
        loop.run(110, monitor)
        monitor.observe(111, d_loss=math.nan, g_loss=1.0)
    assert {"SP405", "SP501"} <= set(sparring.diagnose(out).codes)
    (history,) = read_log(out)
    assert len(history.of("d", "loss")) == 111  # type: ignore[arg-type]
    assert history.facts["loss"] == "bce"
    events = read_events(out)
    findings = [Finding.from_dict(event.values) for event in events if event.kind == "finding"]
    assert {f.code for f in findings} >= {"SP405", "SP501"}
    assert {event.kind for event in events} == {"started", "tick", "finding"}
    for line in out.read_text().splitlines():
        json.loads(line)


def test_a_training_that_goes_on_takes_back_what_came_later(tmp_path: Path) -> None:
    out = tmp_path / "m.jsonl"
    for start in (0, 20):
        with sparring.Monitor(out=out) as monitor:
            for step in range(start, start + 30):
                monitor.observe(step, d_loss=1.0 + start, g_loss=1.0)
    (history,) = read_log(out)
    losses = history.of("d", "loss")
    assert losses is not None
    assert losses.steps.max() == 49
    assert [event.step for event in read_events(out) if event.kind == "tick"] == list(range(50))


def test_memory_and_file_are_bounded(tmp_path: Path) -> None:
    monitor = sparring.Monitor(out=tmp_path / "m.jsonl")
    rng = np.random.default_rng(0)
    numbers = (1 + 0.1 * rng.random(1000)).tolist()
    for step in range(50_000):
        monitor.observe(step, d_loss=numbers[step % 1000], g_loss=numbers[-step % 1000])
        if step == 20_000:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8_000  # kB
    assert len(series(monitor, "d_loss")) < 3_500
    assert (tmp_path / "m.jsonl").stat().st_size < 4e6
    assert monitor._live.recorder.rows == 50_000
    monitor.close()


def test_looking_is_limited_by_the_clock() -> None:
    monitor = sparring.Monitor()
    began = time.perf_counter()
    for step in range(3_000):
        monitor.observe(step, d_loss=math.nan, g_loss=1.0, real_logits=np.zeros(4))
    passed = time.perf_counter() - began
    spent = monitor._looking.spent + monitor._leaping.spent
    assert spent < 0.7 + 0.02 * passed
    monitor.close()


# -- frameworks --


def test_a_keras_gan_in_fit(said: list[str]) -> None:
    from sparring.doctor.callbacks import KerasMonitor
    from sparring.networks.keras import import_keras

    keras = import_keras()

    class GAN(keras.Model):  # type: ignore[name-defined,misc]
        def __init__(self, trains_d: bool) -> None:
            super().__init__()
            self.generator = keras.Sequential(
                [keras.layers.Input((LATENT,)), keras.layers.Dense(16), keras.layers.BatchNormalization(),
                 keras.layers.Dense(SIDE * SIDE, "tanh")]
            )  # fmt: skip
            self.discriminator = keras.Sequential(
                [keras.layers.Input((SIDE * SIDE,)), keras.layers.Dense(16, "leaky_relu"), keras.layers.Dense(1)]
            )
            self.d_adam, self.g_adam = keras.optimizers.Adam(1e-3, 0.5), keras.optimizers.Adam(1e-3, 0.5)
            self.means = {name: keras.metrics.Mean(name) for name in ("d_loss", "g_loss")}
            self.trains_d = trains_d

        def call(self, z: Any) -> Any:
            return self.discriminator(z)

        @property
        def metrics(self) -> list[Any]:
            return list(self.means.values())

        def train_step(self, real: Any) -> dict[str, Any]:
            fake = self.generator(torch.randn(len(real), LATENT), training=True)
            self.zero_grad()
            d_loss = bce(self.discriminator(real), self.discriminator(fake.detach()))
            d_loss.backward()
            if self.trains_d:
                self._update(self.discriminator, self.d_adam)
            self.zero_grad()
            g_loss = F.softplus(-self.discriminator(fake)).mean()
            g_loss.backward()
            self._update(self.generator, self.g_adam)
            self.means["d_loss"].update_state(d_loss.detach())
            self.means["g_loss"].update_state(g_loss.detach())
            return {name: mean.result() for name, mean in self.means.items()}

        def _update(self, network: Any, optimizer: Any) -> None:
            weights = list(network.trainable_weights)
            with torch.no_grad():
                optimizer.apply([w.value.grad for w in weights], weights)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for trains_d in (True, False):
            gan = GAN(trains_d)
            gan.compile()
            watch = KerasMonitor(say=said.append)
            real = pictures(320).reshape(320, -1).numpy()
            gan.fit(real, batch_size=8, epochs=3 if trains_d else 7, verbose=0, callbacks=[watch])
            report = watch.monitor.report()
            assert ("SP405" in report.codes) is not trains_d, report
            assert "SP406" not in report.codes
            assert len(series(watch.monitor, "d_loss")) == (120 if trains_d else 280)
            assert len(series(watch.monitor, "g_grad_norm")) > 5


def test_a_lightning_module() -> None:
    lightning = pytest.importorskip("pytorch_lightning")
    from sparring.doctor.callbacks import LightningMonitor

    class GAN(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self, d_lr: float) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.generator, self.discriminator = pair()
            self.d_lr = d_lr

        def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
            d_optimizer, g_optimizer = self.optimizers()  # type: ignore[misc]
            fake = self.generator(torch.randn(BATCH, LATENT))
            d_loss = bce(self.discriminator(batch[0]), self.discriminator(fake.detach()))
            d_optimizer.zero_grad()
            self.manual_backward(d_loss)
            d_optimizer.step()
            g_loss = F.softplus(-self.discriminator(fake)).mean()
            g_optimizer.zero_grad()
            self.manual_backward(g_loss)
            g_optimizer.step()
            self.log("d_loss", d_loss)
            self.log("g_loss", g_loss, on_step=True, on_epoch=True)

        def configure_optimizers(self) -> list[torch.optim.Optimizer]:
            return [
                torch.optim.Adam(self.discriminator.parameters(), self.d_lr),
                torch.optim.Adam(self.generator.parameters(), 5e-4),
            ]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for d_lr in (5e-4, 0.0):
            said: list[str] = []
            watch = LightningMonitor(say=said.append)
            data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(pictures(BATCH * 40)), BATCH)
            trainer = lightning.Trainer(
                accelerator="cpu", max_epochs=3, callbacks=[watch], logger=False, enable_checkpointing=False,
                enable_progress_bar=False, enable_model_summary=False,
            )  # fmt: skip
            trainer.fit(GAN(d_lr), data)
            assert ["SP405" in line for line in said] == [True] * (d_lr == 0)
            assert len(series(watch.monitor, "d_loss")) == 120
            assert len(series(watch.monitor, "d_grad_norm")) > 5
