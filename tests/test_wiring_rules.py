"""SP1: every planted fault is found, its healthy neighbours are left in peace, and no network is changed by it."""

from __future__ import annotations

import contextlib
import io
import os
import random
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sparring.doctor.catalogue import HEADINGS, judge, rules
from sparring.doctor.examining import examine
from sparring.doctor.facts import Compiled, Input, Layer, Network, Output, Pair, Step, Told, Update, Wiring
from sparring.doctor.faults import Case, _wired, bad, good
from sparring.errors import SparringError
from sparring.findings import Report

EXAMPLES = Path(__file__).parent.parent / "examples" / "keras"
CODES = [f"SP{number}" for number in range(101, 113)]
pytestmark = [
    # Keras' Variable.__array__ takes no `copy`, and NumPy 2 says so.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]


def cases(of: Any) -> list[Any]:
    return [pytest.param(code, case, id=f"{code}-{case.name}") for code in CODES for case in of(code)]


def looked(case: Case, folder: Path) -> Report:
    torch.manual_seed(0)
    return examined(case.build(folder))


def examined(built: dict[str, Any]) -> Report:
    return examine(built.pop("generator", None), built.pop("discriminator", None), **built).report


def loud(report: Report) -> set[str]:
    return {finding.code for finding in report.findings if finding.severity != "info"}


@pytest.mark.parametrize(("code", "case"), cases(bad))
def test_faults_are_found(code: str, case: Case, tmp_path: Path) -> None:
    report = looked(case, tmp_path)
    assert code in report.codes, (report.findings, report.skipped, report.notes)
    assert loud(report) <= {code, *case.also}, report.findings


@pytest.mark.parametrize(("code", "case"), cases(good))
def test_healthy_neighbours_are_left_in_peace(code: str, case: Case, tmp_path: Path) -> None:
    report = looked(case, tmp_path)
    assert not loud(report), report.findings
    assert not any("could not be" in note for note in report.notes), report.notes


@pytest.mark.parametrize("code", CODES)
def test_a_rule_has_its_page(code: str) -> None:
    rule = rules()[code]
    assert [line[3:] for line in rule.page.splitlines() if line.startswith("## ")] == list(HEADINGS)
    assert rule.remedies
    assert len(bad(code)) >= 3
    assert good(code)


# What is looked at is as it was.


def state(network: Any) -> dict[str, Any]:
    if hasattr(network, "_flatten_layers"):
        return {
            "weights": [variable.value.detach().clone() for variable in network.variables],
            "flags": [layer.trainable for layer in network._flatten_layers()],
            "learn": [variable.value.requires_grad for variable in network.variables],
            "grads": [variable.value.grad for variable in network.variables],
            "optimizer": optimizer_state(getattr(network, "optimizer", None)),
        }
    return {
        "weights": [p.detach().clone() for p in (*network.parameters(), *network.buffers())],
        "learn": [p.requires_grad for p in network.parameters()],
        "grads": [None if p.grad is None else p.grad.clone() for p in network.parameters()],
        "modes": [module.training for module in network.modules()],
        "hooks": [
            (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in network.modules()
        ],
    }


def optimizer_state(optimizer: Any) -> Any:
    if optimizer is None:
        return None
    if isinstance(optimizer, torch.optim.Optimizer):
        groups = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
        held = [[optimizer.state.get(p, {}) for p in group["params"]] for group in optimizer.param_groups]
        flat = [{k: v.clone() if isinstance(v, Tensor) else v for k, v in s.items()} for each in held for s in each]
        return [groups, flat, len(optimizer.state)]
    return [optimizer.built, len(optimizer.variables), [v.value.detach().clone() for v in optimizer.variables]]


def same(one: Any, two: Any) -> bool:
    if isinstance(one, Tensor):
        return isinstance(two, Tensor) and torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[k], two[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(same(a, b) for a, b in zip(one, two, strict=True))
    return bool(one == two)


def randomness() -> list[Any]:
    return [torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()]


TOUCHING = [
    ("SP102", 0), ("SP102", 3), ("SP104", 2), ("SP104", 3), ("SP105", 1), ("SP105", 3), ("SP105", 4), ("SP106", 3),
    ("SP107", 0), ("SP107", 3), ("SP108", 0), ("SP108", 2), ("SP110", 0), ("SP111", 0), ("SP111", 1), ("SP112", 1),
]  # fmt: skip


@pytest.mark.parametrize(("code", "place"), TOUCHING)
def test_networks_are_untouched(code: str, place: int, tmp_path: Path) -> None:
    built = bad(code)[place].build(tmp_path)
    assert_untouched(built)


@pytest.mark.parametrize(("code", "place"), [("SP105", 0), ("SP105", 1), ("SP105", 3), ("SP107", 4)])
def test_healthy_networks_are_untouched(code: str, place: int, tmp_path: Path) -> None:
    assert_untouched(good(code)[place].build(tmp_path))


def assert_untouched(built: dict[str, Any]) -> None:
    networks = [built[name] for name in ("generator", "discriminator", "combined") if name in built]
    for network in networks[:2]:
        if isinstance(network, nn.Module) and not hasattr(network, "_flatten_layers"):
            for p in network.parameters():
                p.grad = torch.full_like(p, 0.5) if p.requires_grad else None
    cells = getattr(built.get("step"), "__closure__", None) or ()
    optimizers = [c.cell_contents for c in cells if isinstance(c.cell_contents, torch.optim.Optimizer)]
    before = [state(network) for network in networks], [optimizer_state(each) for each in optimizers], randomness()
    entrances = torch.autograd.backward, torch.optim.Optimizer.step
    examined(built)
    after = [state(network) for network in networks], [optimizer_state(each) for each in optimizers], randomness()
    for name, one, two in zip(("networks", "optimisers", "random states"), before, after, strict=True):
        assert same(one, two), name
    assert entrances == (torch.autograd.backward, torch.optim.Optimizer.step)


# Steps of all kinds.


def pair() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return _wired.generator(), _wired.discriminator()


def step_of(step: Any, G: nn.Module, D: nn.Module, **known: Any) -> tuple[Step, Report]:
    found = examine(G, D, step=step, **{**_wired.OPTIONS, **known})
    return found.facts["step"], found.report


def test_an_ordinary_step() -> None:
    step, report = step_of(_wired.step, *pair())
    assert [update.optimizer for update in step.updates] == ["d", "g"]
    d, g = step.updates
    assert d.changed["discriminator"] > 0 == d.changed["generator"]
    assert g.changed["generator"] > 0 == g.changed["discriminator"]
    assert d.computed == ("discriminator",)
    assert g.computed == ("generator", "discriminator")
    assert not any(update.carried_over for update in step.updates)
    assert step.same_z is False
    assert step.z_std is not None
    assert 0.5 < step.z_std < 1.5
    assert step.inference == step.left_frozen == ()
    assert not step.mixed
    assert "The step was called as step(G, D, real, g_opt, d_opt)." in report.notes


def test_an_object_with_optimisers_of_its_own() -> None:
    class Trainer:
        def __init__(self, G: nn.Module, D: nn.Module) -> None:
            self.G, self.D, self.opts = G, D, {"g": _wired.adam(G), "d": _wired.adam(D)}

        def train_step(self, images: Tensor) -> None:
            _wired.step(self.G, self.D, images, self.opts["g"], self.opts["d"])

    G, D = pair()
    before = state(G), state(D)
    trainer = Trainer(G, D)
    step, report = step_of(trainer.train_step, G, D)
    assert step.of_user
    assert step.holds["g"]["generator"][0] == len(list(G.parameters()))
    assert not loud(report)
    assert same(before, (state(G), state(D)))
    assert not trainer.opts["g"].state


def test_names_of_arguments_are_understood() -> None:
    def step(discriminator: Any, gen: Any, x_real: Tensor, opt_D: Any, optimizer_gen: Any) -> None:
        _wired.step(gen, discriminator, x_real, optimizer_gen, opt_D)

    found, _ = step_of(step, *pair())
    assert [update.optimizer for update in found.updates] == ["d", "g"]


def test_g_may_come_every_third_time() -> None:
    calls: list[int] = []

    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        calls.append(1)
        d_opt.zero_grad()
        _wired.d_loss(D(real), D(G(torch.randn(len(real), 16)).detach())).backward()
        d_opt.step()
        if len(calls) % 3 == 0:
            g_opt.zero_grad()
            _wired.g_loss(D(G(torch.randn(len(real), 16)))).backward()
            g_opt.step()

    found, report = step_of(step, *pair())
    assert found.of("g")
    assert not loud(report)


def test_two_optimisers_of_one_network() -> None:
    G, D = pair()
    g_opt, body, head = _wired.adam(G), _wired.adam(D[:-1]), _wired.adam(D[-1])

    def step(real: Tensor) -> None:
        fake = G(torch.randn(len(real), 16))
        D.zero_grad()
        _wired.d_loss(D(real), D(fake.detach())).backward()
        body.step()
        head.step()
        g_opt.zero_grad()
        _wired.g_loss(D(fake)).backward()
        g_opt.step()

    found, report = step_of(step, G, D)
    assert found.optimizers == 3
    assert found.holds["d"]["discriminator"] == (6, 6)
    assert not loud(report)


def test_a_step_that_fails_is_told() -> None:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        raise ValueError("my own mistake")

    with pytest.raises(SparringError, match="ValueError: my own mistake"):
        step_of(step, *pair())


def test_a_step_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\nfrom torch import nn\n"
        "netG = nn.Sequential(nn.Linear(16, 768), nn.Tanh(), nn.Unflatten(1, (3, 16, 16)))\n"
        "netD = nn.Sequential(nn.Flatten(), nn.Linear(768, 1))\n"
        "optimizerD = torch.optim.SGD(netD.parameters(), 0.01)\n"
        "optimizerG = torch.optim.SGD(netG.parameters(), 0.01)\n"
        "def train_step(real):\n"
        "    fake = netG(torch.randn(len(real), 16))\n"
        "    (netD(fake.detach()).mean() - netD(real).mean()).backward()\n"
        "    optimizerD.step()\n"
        "    netG.zero_grad()\n"
        "    (-netD(fake)).mean().backward()\n"
        "    optimizerG.step()\n"
    )
    known = {"latent": 16, "size": 16, "loss": "wasserstein", "step": f"{file}:train_step"}
    report = examine(f"{file}:netG", f"{file}:netD", **known).report
    assert "SP107" in report.codes
    with pytest.raises(SparringError, match="train"):
        examine(f"{file}:netG", f"{file}:netD", **(known | {"step": f"{file}:trainstep"}))


def test_reals_and_fakes_in_one_batch_are_seen() -> None:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        fake = G(torch.randn(len(real), 16))
        d_opt.zero_grad()
        logits = D(torch.cat([real, fake.detach()]))
        _wired.d_loss(*logits.chunk(2)).backward()
        d_opt.step()
        g_opt.zero_grad()
        _wired.g_loss(D(fake)).backward()
        g_opt.step()

    G, D = pair()
    found, _ = step_of(step, G, D)
    assert found.mixed
    assert found.mixed_change is None
    D = nn.Sequential(*D[:3], nn.BatchNorm2d(32), *D[3:])
    found, _ = step_of(step, G, D)
    assert found.mixed_change is not None
    assert found.mixed_change > 0.05


# The programs that people asked about.


def test_a_condition_that_never_arrives_and_layers_that_hang_in_the_air(tmp_path: Path) -> None:
    file = EXAMPLES / "sentence_condition.py"
    with contextlib.redirect_stdout(io.StringIO()):
        given = f"{file}:generator(16)", f"{file}:discriminator_as_printed(16)"
        found = examine(*given, condition="vector:384", loss="bce")
    assert {"SP101", "SP102"} <= loud(found.report)
    dead = next(finding for finding in found.report.findings if finding.code == "SP102")
    assert "7 of 8 Conv2D" in dead.message
    assert dead.evidence["largest"] == 16 * 16 * 64 * 768 + 768
    assert "SP101" not in {finding.code for finding in found.report.findings if "generator" in finding.where}
    hanging = found.discriminator.hanging if found.discriminator else ()
    assert sum(layer.type == "Conv2D" for layer in hanging) == 7


def test_the_repaired_one_is_wired() -> None:
    file = EXAMPLES / "sentence_condition.py"
    given = f"{file}:generator(16)", f"{file}:discriminator_repaired(16)"
    report = examine(*given, condition="vector:384", loss="least-squares").report
    assert not [code for code in loud(report) if code.startswith("SP1")]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_classic_keras_program_trains_nothing_of_d() -> None:
    gan = f"{EXAMPLES / 'mnist_gan.py'}:GAN()"
    report = examine(f"{gan}.generator", f"{gan}.discriminator", combined=f"{gan}.combined", loss="bce").report
    assert [code for code in report.codes if code.startswith("SP1")] == ["SP108"]


# Rules alone, on facts made by hand.


def network(*layers: Layer, role: str = "generator", **known: Any) -> Network:
    given = (Input("z" if role == "generator" else "images", (4, 16), 1.0),)
    return Network(role, "torch", "Net", layers, given, Output((4, 1), -1, 1, 1, 1), **known)


def codes(**facts: Any) -> dict[str, str]:
    return {finding.code: finding.severity for finding in judge(facts, ("SP1",)).findings}


def test_hidden_structure_is_not_judged() -> None:
    hidden = network(Layer("a", "Linear", "linear", 10, 10, calls=1), traced=False)
    report = judge({"networks": (hidden,)}, ("SP102",))
    assert "SP102" in report.skipped
    assert not report.findings


def test_what_waits_for_its_turn_is_an_info() -> None:
    dead = Layer("late", "Conv2d", "conv", 10, 10, calls=0, leads_on=False)
    alive = Layer("a", "Linear", "linear", 10, 10, calls=1, leads_on=True)
    assert codes(networks=(network(alive, dead),)) == {"SP102": "error"}
    assert codes(networks=(network(alive, dead, options=("depth",)),)) == {"SP102": "info"}
    assert codes(networks=(network(alive, dead, elsewhere=("late",)),)) == {"SP102": "info"}
    frozen = Layer("average", "Conv2d", "conv", 10, 0, calls=0)
    assert codes(networks=(network(alive, frozen),)) == {}


def test_one_optimiser_in_one_update_is_an_info() -> None:
    once = Update("?", {"generator": 1.0, "discriminator": 1.0}, (), ("generator", "discriminator"), 1)
    both = {"?": {"generator": (2, 2), "discriminator": (2, 2)}}
    reversed_ = Step((once,), both, optimizers=1, of_user=True)
    assert codes(wiring=Wiring((), step=reversed_)) == {"SP105": "info"}
    twice = Step((once, once), both, optimizers=1, of_user=True)
    assert codes(wiring=Wiring((), step=twice)) == {"SP105": "error"}


def test_the_stack_that_changes_nothing_of_g() -> None:
    assert codes(compiled=Compiled(1e-3, 0.0, 0.0), wiring=Wiring((), compiled=Compiled(1e-3, 0.0, 0.0))) == {
        "SP106": "error"
    }
    assert codes(compiled=Compiled(0.0, None, None, "torch", True)) == {"SP108": "error"}


def test_without_both_networks_nothing_is_said_of_the_pair() -> None:
    report = judge({"wiring": Wiring((network(Layer("a", "Linear", "linear", 10, 10, calls=1)),))}, ("SP1",))
    assert {"SP105", "SP106"} <= set(report.skipped)
    assert codes(pair=Pair(mismatch="G makes [3, 8, 8]")) == {"SP103": "error"}


@pytest.mark.parametrize(
    ("told", "fires"),
    [
        (Told("class", 1.4, "g", 0.14), False),
        (Told("class", 0.01, "g", 0.14), True),
        (Told("class", 0.0, "d", 0.5, True), True),
        (Told("vector", 1.4, "g", 0.001), True),
        (Told("class", 1.0, "g"), False),
    ],
)
def test_how_near_conditions_may_be(told: Told, fires: bool) -> None:
    assert ("SP110" in codes(told=told)) == fires
