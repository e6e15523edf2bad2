"""What the monitor sees of the networks in their own steps: planted faults of wiring and setup, and sound programs."""

from __future__ import annotations

import contextlib
import copy
import gc
import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import sparring
import sparring.doctor.monitor
from sparring.doctor.diagnosing import OF_NETWORKS
from sparring.doctor.observing.allowance import Allowance
from sparring.doctor.observing.slopes import slope_of
from sparring.findings import Finding

LATENT, SIDE = 8, 8
STEPS = 75  # of which modes need 60 calls
LONG = {  # what is compared over 100 steps of an optimiser
    "G's last layer alone is held": 150, "G's optimiser holds a copy": 150, "a third optimiser": 150,
    "a rate that a schedule brings to nothing": 110,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

    yield
    gc.collect()
    assert not _global_optimizer_pre_hooks
    assert not _global_optimizer_post_hooks


def generator(*last: nn.Module) -> nn.Sequential:
    body = [nn.Linear(LATENT, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, SIDE**2)]
    return nn.Sequential(*body, *(last or (nn.Tanh(),)), nn.Unflatten(1, (1, SIDE, SIDE)))


def discriminator(*last: nn.Module, norm: nn.Module | None = None) -> nn.Sequential:
    first = [nn.Flatten(), nn.Linear(SIDE**2, 32), *([norm] if norm is not None else []), nn.LeakyReLU(0.2)]
    return nn.Sequential(*first, nn.Linear(32, 1), *last)


def pictures(n: int) -> Tensor:
    coarse = torch.rand(n, 1, 2, 2) * 1.8 - 0.9
    return (F.interpolate(coarse, SIDE, mode="bilinear") + 0.2 * torch.randn(n, 1, SIDE, SIDE)).clamp(-1, 1)


def bce(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def on_probabilities(real: Tensor, fake: Tensor) -> Tensor:
    return F.binary_cross_entropy(real, torch.ones_like(real)) + F.binary_cross_entropy(fake, torch.zeros_like(fake))


@dataclass
class Program:
    """A plain loop of which each part can be another."""

    G: Any = field(default_factory=generator)
    D: nn.Module = field(default_factory=discriminator)
    d_loss: Callable[[Tensor, Tensor], Tensor] = bce
    g_loss: Callable[[Tensor], Tensor] = lambda fake: F.softplus(-fake).mean()
    z: Callable[[int], Tensor] = lambda n: torch.randn(n, LATENT)
    real: Callable[[int], Tensor] = pictures
    batch: int = 16
    clear_d: bool = True
    clear_g: bool = True
    to_d: Callable[[Tensor], Tensor] = lambda x: x
    penalty: Callable[[nn.Module, Tensor, Tensor], Tensor] | None = None
    g_params: Callable[[Any], Any] = lambda G: G.parameters()
    before: Callable[[Program], object] = lambda p: None
    more: Callable[[Program], object] = lambda p: None
    clip: float = 0.0
    d_opt: Any = None
    g_opt: Any = None
    after: Callable[[sparring.Monitor], object] = lambda monitor: None

    def run(self, steps: int = STEPS, watched: bool = True) -> list[Finding]:
        torch.manual_seed(1)
        d_opt, g_opt = torch.optim.Adam(self.D.parameters(), 1e-3), torch.optim.Adam(self.g_params(self.G), 1e-3)
        self.d_opt, self.g_opt = d_opt, g_opt
        found: list[Finding] = []
        with contextlib.ExitStack() as stack:
            networks: dict[str, Any] = {
                "generator": self.G,
                "discriminator": self.D,
                "d_optimizer": d_opt,
                "g_optimizer": g_opt,
            }
            monitor = stack.enter_context(sparring.Monitor(say=lambda _: None, **networks)) if watched else None
            for step in range(steps):
                self.before(self)
                real, fake = self.real(self.batch), self.G(self.z(self.batch))
                if self.clear_d:
                    d_opt.zero_grad()
                d_loss = self.d_loss(self.D(self.to_d(real)), self.D(self.to_d(fake.detach())))
                if self.penalty is not None:
                    d_loss = d_loss + self.penalty(self.D, real, fake.detach())
                d_loss.backward()
                self._clip(self.D)
                d_opt.step()
                if self.clear_g:
                    g_opt.zero_grad()
                g_loss = self.g_loss(self.D(self.to_d(fake)))
                g_loss.backward()
                self._clip(self.G)
                g_opt.step()
                self.more(self)
                if monitor is not None:
                    found += monitor.observe(step, d_loss=d_loss, g_loss=g_loss)
            if monitor is not None:
                found += monitor.close()
                self.after(monitor)
        return found

    def _clip(self, network: nn.Module) -> None:
        if self.clip:
            nn.utils.clip_grad_norm_(network.parameters(), self.clip)


def gradient_penalty(D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    mixed = (0.5 * real + 0.5 * fake).requires_grad_(True)
    (slope,) = torch.autograd.grad(D(mixed).sum(), mixed, create_graph=True)
    return 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()


def r1(D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    real = real.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(D(real).sum(), real, create_graph=True)
    return slope.flatten(1).square().sum(1).mean()


def samples_in_eval(p: Program) -> None:
    p.G.eval()
    with torch.no_grad():
        p.G(torch.zeros(4, LATENT))
    p.G.train()


def wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    return fake.mean() - real.mean()


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def squares(real: Tensor, fake: Tensor) -> Tensor:
    return (real - 1).square().mean() + fake.square().mean()


def minus_mean(fake: Tensor) -> Tensor:
    return -fake.mean()


def asleep(network: nn.Module) -> nn.Module:
    return network.eval()


def fixed_z() -> Callable[[int], Tensor]:
    torch.manual_seed(5)
    z = torch.randn(64, LATENT)
    return lambda n: z[:n]


def set_rate(optimizer: Any, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def scale_rates(p: Program, factor: float) -> None:
    for optimizer in (p.d_opt, p.g_opt):
        set_rate(optimizer, factor * optimizer.param_groups[0]["lr"])


def to_nothing_at_the_end() -> Program:
    """A cosine to 0 over the steps of the test."""
    done = [0]

    def cosine(p: Program) -> None:
        done[0] += 1
        for optimizer in (p.d_opt, p.g_opt):
            set_rate(optimizer, 5e-4 * (1 + math.cos(math.pi * done[0] / STEPS)))

    return Program(more=cosine)


FAULTS: dict[str, tuple[str, Callable[[], Program]]] = {
    "D's batch norm in eval": ("SP111", lambda: Program(D=asleep(discriminator(norm=nn.BatchNorm1d(32))))),
    "D's dropout in eval": ("SP111", lambda: Program(D=asleep(discriminator(norm=nn.Dropout(0.3))))),
    "G left in eval": ("SP111", lambda: Program(more=lambda p: p.G.eval())),
    "z reused": ("SP112", lambda: Program(z=fixed_z())),
    "z zero": ("SP112", lambda: Program(z=lambda n: torch.zeros(n, LATENT))),
    "D's gradient stays": ("SP107", lambda: Program(clear_d=False)),
    "G's gradient stays": ("SP107", lambda: Program(clear_g=False)),
    "G's last layer alone is held": ("SP104", lambda: Program(g_params=lambda G: G[5].parameters())),
    "G's optimiser holds a copy": ("SP105", lambda: Program(g_params=lambda G: copy.deepcopy(G).parameters())),
    "data in [0, 1] under a tanh": ("SP201", lambda: Program(real=lambda n: pictures(n) / 2 + 0.5)),
    "data in [0, 255]": ("SP201", lambda: Program(real=lambda n: 127.5 * (pictures(n) + 1))),
    "data in [0, 255], nothing bounds G": (
        "SP201", lambda: Program(G=generator(nn.Identity()), real=lambda n: 127.5 * (pictures(n) + 1))
    ),
    "two sigmoids": ("SP202", lambda: Program(D=discriminator(nn.Sigmoid()))),
    "a sigmoid under Wasserstein": (
        "SP205", lambda: Program(D=discriminator(nn.Sigmoid()), d_loss=wasserstein, g_loss=minus_mean)
    ),
    "a tanh under hinge": ("SP205", lambda: Program(D=discriminator(nn.Tanh()), d_loss=hinge, g_loss=minus_mean)),
    "batch norm under a penalty": (
        "SP207",
        lambda: Program(
            D=discriminator(norm=nn.BatchNorm1d(32)), d_loss=wasserstein, g_loss=minus_mean, penalty=gradient_penalty
        ),
    ),
    "G's rate of .05": ("SP216", lambda: Program(before=lambda p: set_rate(p.g_opt, 0.05))),
    "a rate that a schedule brings to nothing": (
        "SP216", lambda: Program(more=lambda p: scale_rates(p, 0.8))
    ),
    "batches of 2": ("SP208", lambda: Program(batch=2)),
    "G saturates": ("SP217", lambda: Program(g_loss=lambda fake: -F.softplus(fake).mean())),
    "G saturates on probabilities": (
        "SP217",
        lambda: Program(
            D=discriminator(nn.Sigmoid()), d_loss=on_probabilities, g_loss=lambda fake: (1 - fake).log().mean()
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named(name: str) -> None:
    code, program = FAULTS[name]
    found = program().run(LONG.get(name, STEPS))
    assert code in {finding.code for finding in found}
    others = {finding.code for finding in found} & set(OF_NETWORKS) - {code}
    assert not others, [finding.message for finding in found if finding.code in others]


def _frozen_norm() -> Program:
    features = nn.Sequential(nn.Flatten(), nn.Linear(SIDE**2, 48), nn.BatchNorm1d(48)).requires_grad_(False).eval()
    D = nn.Sequential(features, nn.ReLU(), nn.Linear(48, 1))
    return Program(D=D)


def _frozen_dropout() -> Program:
    features = nn.Sequential(nn.Flatten(), nn.Linear(SIDE**2, 48), nn.ReLU(), nn.Dropout(0.5)).requires_grad_(False)
    return Program(D=nn.Sequential(features.eval(), nn.Linear(48, 1)))


def _noise_in_d_step(fading: bool = False) -> Program:
    """Noise on what D is given in its own step only, which may fade."""
    program, size = Program(), [0.3]

    def d_loss_on(x: Tensor) -> Tensor:
        return x + size[0] * torch.randn_like(x) if x.grad_fn is None else x

    def fade(p: Program) -> None:
        size[0] *= 0.95 if fading else 1.0

    program.to_d, program.more = d_loss_on, fade
    return program


def _third_optimiser() -> Program:
    """One of its own for G's first layer, as style-based generators have for the mapping."""
    program = Program(g_params=lambda G: [p for layer in G[1:] for p in layer.parameters()])
    mapping = torch.optim.Adam(program.G[0].parameters(), 1e-4)

    def more(p: Program) -> None:
        mapping.step()
        mapping.zero_grad()

    program.more = more
    return program


def _accumulates() -> Program:
    """D's loss in two backward passes, as the official example has it."""

    def d_loss(real: Tensor, fake: Tensor) -> Tensor:
        F.softplus(-real).mean().backward(retain_graph=True)
        return F.softplus(fake).mean()

    return Program(d_loss=d_loss)


SOUND: dict[str, Callable[[], Program]] = {
    "bce on logits": Program,
    "BCELoss": lambda: Program(
        D=discriminator(nn.Sigmoid()), d_loss=on_probabilities, g_loss=lambda fake: -fake.log().mean()
    ),
    "smoothed labels": lambda: Program(
        d_loss=lambda real, fake: F.binary_cross_entropy_with_logits(real, torch.full_like(real, 0.9))
        + F.softplus(fake).mean()
    ),
    "hinge": lambda: Program(d_loss=hinge, g_loss=minus_mean),
    "least squares": lambda: Program(d_loss=squares, g_loss=lambda fake: (fake - 1).square().mean()),
    "least squares on a sigmoid": lambda: Program(
        D=discriminator(nn.Sigmoid()), d_loss=squares, g_loss=lambda fake: (fake - 1).square().mean()
    ),
    "Wasserstein with a penalty": lambda: Program(d_loss=wasserstein, g_loss=minus_mean, penalty=gradient_penalty),
    "relativistic": lambda: Program(d_loss=lambda real, fake: F.softplus(fake - real).mean(), g_loss=minus_mean),
    "R1": lambda: Program(penalty=r1),
    "samples are drawn in eval": lambda: Program(more=samples_in_eval),
    "two backward passes": _accumulates,
    "clipped gradients": lambda: Program(clip=0.5),
    "noise on what D is given": lambda: Program(to_d=lambda x: x + 0.3 * torch.randn_like(x)),
    "noise in D's step only": _noise_in_d_step,
    "noise in D's step that fades": lambda: _noise_in_d_step(fading=True),
    "a frozen part in eval": _frozen_norm,
    "a frozen part with dropout, in eval": _frozen_dropout,
    "a cosine to 0": to_nothing_at_the_end,
    "a third optimiser": _third_optimiser,
    "batches of 8": lambda: Program(batch=8),
    "batches of 2 without batch norm": lambda: Program(
        G=nn.Sequential(nn.Linear(LATENT, SIDE**2), nn.Tanh(), nn.Unflatten(1, (1, SIDE, SIDE))), batch=2
    ),
    "a sigmoid and data in [0, 1]": lambda: Program(
        G=generator(nn.Sigmoid()), real=lambda n: pictures(n) / 2 + 0.5
    ),
    "nothing bounds G": lambda: Program(G=generator(nn.Identity())),
    "nothing bounds G, data in [0, 1]": lambda: Program(
        G=generator(nn.Identity()), real=lambda n: pictures(n) / 2 + 0.5
    ),
    "batch norm in D": lambda: Program(D=discriminator(norm=nn.BatchNorm1d(32))),
    "the same z for the sheet": lambda: Program(more=lambda p: p.G(torch.ones(4, LATENT)).detach()),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_program_is_not_accused(name: str) -> None:
    found = [finding for finding in SOUND[name]().run(LONG.get(name, STEPS)) if finding.code in OF_NETWORKS]
    assert not found, [finding.message for finding in found]


LOSSES: dict[str, tuple[Callable[[Tensor, float], Tensor], bool]] = {
    "bce-logits": (lambda x, t: F.binary_cross_entropy_with_logits(x, torch.full_like(x, t)), False),
    "bce": (lambda x, t: F.binary_cross_entropy(x, torch.full_like(x, t)), True),
    "least-squares": (lambda x, t: (x - t).square().mean(), False),
}


@given(
    family=st.sampled_from(sorted(LOSSES)), target=st.sampled_from([0.0, 0.1, 0.9, 1.0]), n=st.integers(16, 128),
    scale=st.floats(1e-3, 1e4), width=st.floats(0.05, 3.0), middle=st.floats(-2.0, 2.0), seed=st.integers(0, 999),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_a_loss_is_known_by_its_derivative(
    family: str, target: float, n: int, scale: float, width: float, middle: float, seed: int
) -> None:
    loss, probabilities = LOSSES[family]
    torch.manual_seed(seed)
    x = middle + width * torch.randn(n, dtype=torch.float64)
    x = (torch.sigmoid(x) if probabilities else x).requires_grad_(True)
    (scale * loss(x, target)).backward()
    assert x.grad is not None
    found = slope_of(x.detach().numpy(), x.grad.numpy())
    assert found is not None
    assert (found.family, found.saturating) == (family, False)
    assert found.target == pytest.approx(target, abs=1e-3)


@pytest.mark.parametrize(
    ("loss", "family"),
    [
        (minus_mean, "wasserstein"),
        (lambda x: F.relu(1 - x).mean(), "hinge"),
        (lambda x: F.relu(1 + x).mean(), "hinge"),
        (lambda x: F.softplus(x.roll(1) - x).mean(), None),
        (lambda x: F.softplus(-x).mean() + x.square().mean(), None),
        (lambda x: 0 * x.mean(), None),
    ],
)
def test_other_losses(loss: Callable[[Tensor], Tensor], family: str | None) -> None:
    torch.manual_seed(0)
    x = (1.5 * torch.randn(64)).requires_grad_(True)
    loss(x).backward()
    assert x.grad is not None
    found = slope_of(x.detach().double().numpy(), x.grad.double().numpy())
    assert (found.family if found is not None else None) == family


def test_saturated_logits_are_not_taken_for_a_critic() -> None:
    x = torch.linspace(-40, -20, 32, requires_grad=True)
    F.softplus(-x).mean().backward()
    assert x.grad is not None
    assert slope_of(x.detach().double().numpy(), x.grad.double().numpy()) is None


def test_numbers_that_are_not_finite_tell_nothing() -> None:
    assert slope_of(np.full(32, np.nan), np.ones(32)) is None
    assert slope_of(np.arange(32.0), np.full(32, np.inf)) is None


def test_the_training_is_the_same_bit_for_bit() -> None:
    def weights(watched: bool) -> list[Tensor]:
        torch.manual_seed(0)
        program = Program(penalty=r1)
        program.run(60, watched)
        return [p.detach() for network in (program.G, program.D) for p in network.parameters()]

    assert all(torch.equal(a, b) for a, b in zip(weights(True), weights(False), strict=True))


def test_a_watched_network_is_copied_pickled_and_compiled() -> None:
    G, D = generator(), discriminator()
    monitor = sparring.Monitor(say=print, generator=G, discriminator=D)
    monitor.observe(0, d_loss=1.0, g_loss=1.0)
    for made in (copy.deepcopy(G), pickle.loads(pickle.dumps(G))):  # noqa: S301
        assert made(torch.randn(4, LATENT)).shape == (4, 1, SIDE, SIDE)
    compiled = torch.compile(D, backend="eager", fullgraph=True)
    assert compiled(pictures(4)).shape == (4, 1)
    monitor.close()
    assert not G._forward_hooks
    assert not D._forward_hooks


@pytest.mark.parametrize("name", ["least squares", "hinge", "bce on logits", "BCELoss"])
def test_nobody_has_to_name_the_loss(name: str) -> None:
    found: list[str] = []
    program = SOUND[name]()
    program.after = lambda monitor: found.extend(monitor.report().notes)
    program.run()
    assert found
    assert not any("guess" in note for note in found)


class Told(nn.Module):
    """A network that is given a class beside its first input."""

    def __init__(self, network: nn.Module, wide: int) -> None:
        super().__init__()
        self.network, self.table = network, nn.Embedding(4, wide)

    def forward(self, x: Tensor, classes: Tensor) -> Tensor:
        made: Tensor = self.network(x + self.table(classes).view(x.shape))
        return made


@pytest.mark.parametrize("deaf", ["", "generator", "discriminator"])
def test_one_condition_for_all_is_seen(deaf: str) -> None:
    torch.manual_seed(0)
    networks: dict[str, Any] = {"generator": Told(generator(), LATENT), "discriminator": Told(discriminator(), SIDE**2)}
    G, D = networks.values()
    d_opt, g_opt = torch.optim.Adam(D.parameters(), 1e-3), torch.optim.Adam(G.parameters(), 1e-3)
    given = {name: (lambda c: 0 * c) if name == deaf else (lambda c: c) for name in networks}
    with sparring.Monitor(say=lambda _: None, **networks) as monitor:
        monitor._showing = Allowance(free=1e9)
        for step in range(120):
            real, classes = pictures(16), torch.arange(16) % 4
            fake = G(torch.randn(16, LATENT), given["generator"](classes))
            told = given["discriminator"](classes)
            d_opt.zero_grad()
            bce(D(real, told), D(fake.detach(), told)).backward()
            d_opt.step()
            g_opt.zero_grad()
            F.softplus(-D(fake, told)).mean().backward()
            g_opt.step()
            monitor.observe(step, d_loss=1.0, g_loss=1.0, fake=fake, real=real, condition=classes)
        found = [f for f in monitor.report().findings if f.code == "SP110"]
    assert [f.where.partition(",")[0] for f in found] == ([deaf] if deaf else [])


def test_a_rate_that_fell_to_zero_is_seen_where_there_is_no_time_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparring.doctor.monitor, "Allowance", lambda: Allowance(share=0.0, free=-1.0))
    program = Program()

    def no_rate(p: Program) -> None:
        for group in p.d_opt.param_groups:
            group["lr"] = 0.0

    program.more = no_rate
    found = program.run(120)
    assert "SP405" in {finding.code for finding in found}


def test_crossed_optimisers_are_not_said_to_hold_nothing() -> None:
    program = Program()
    d_opt, g_opt = (torch.optim.Adam(network.parameters(), 1e-3) for network in (program.G, program.D))
    with sparring.Monitor(say=lambda _: None, generator=program.G, discriminator=program.D,
                          d_optimizer=d_opt, g_optimizer=g_opt) as monitor:  # fmt: skip
        for step in range(150):
            real, fake = program.real(16), program.G(program.z(16))
            d_opt.zero_grad()
            bce(program.D(real), program.D(fake.detach())).backward()
            d_opt.step()
            g_opt.zero_grad()
            program.g_loss(program.D(fake)).backward()
            g_opt.step()
            monitor.observe(step, d_loss=1.0, g_loss=1.0)
        assert {"SP405", "SP407"} <= set(monitor.report().codes)
        assert "SP105" not in monitor.report().codes


def test_what_fails_inside_is_said_once_and_all_else_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from sparring.doctor.observing import calls

    def fails(*_: Any) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(calls, "_bounds", fails)
    said: list[str] = []
    program = Program(clear_d=False)
    d_opt = torch.optim.Adam(program.D.parameters(), 1e-3)
    with sparring.Monitor(say=said.append, generator=program.G, discriminator=program.D, d_optimizer=d_opt) as monitor:
        for step in range(30):
            monitor.observe(step, d_loss=1.0, g_loss=1.0)
            d_opt.zero_grad()
            bce(program.D(pictures(8)), program.D(program.G(torch.randn(8, LATENT)).detach())).backward()
            d_opt.step()
        assert monitor._live.recorder.history().named("d_moved_in_d_step") is not None
    assert len([text for text in said if "planted" in text]) == 1
