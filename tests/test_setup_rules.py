"""The rules on setup: each speaks on its faults and keeps silent on their neighbours; its numbers are torch's own."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import math
import os
import sys
import types
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.doctor import faults
from sparring.doctor.catalogue import HEADINGS, judge, rule_named
from sparring.doctor.examining import Examined, examine
from sparring.doctor.facts import Layer, Loss, Network, Output
from sparring.doctor.following import listed
from sparring.findings import Finding
from sparring.methods import RECIPES
from sparring.networks import build

# Keras' Variable.__array__ takes no `copy`, and NumPy 2 says so.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

CODES = [f"SP{number}" for number in range(201, 220)]
ERRORS = {"SP202", "SP203", "SP205", "SP206"}
INFOS = {"SP209", "SP210", "SP211", "SP212", "SP213", "SP215", "SP218"}
BAD = [pytest.param(code, case, id=f"{code}: {case.name}") for code in CODES for case in faults.bad(code)]
GOOD = [pytest.param(code, case, id=f"{code}: {case.name}") for code in CODES for case in faults.good(code)]


def examined(case: faults.Case, folder: Path) -> Examined:
    torch.manual_seed(0)
    return examine(**case.build(folder))


def loud(report: Any) -> set[str]:
    return {finding.code for finding in report.findings if finding.severity != "info"}


def the(code: str, found: Examined) -> Finding:
    return next(finding for finding in found.report.findings if finding.code == code)


@pytest.mark.parametrize(("code", "case"), BAD)
def test_a_fault_is_found(code: str, case: faults.Case, tmp_path: Path) -> None:
    report = examined(case, tmp_path).report
    assert code in report.codes
    assert loud(report) <= {code, *case.also}
    for finding in report.findings:
        if finding.code == code:
            assert finding.message.count(". ") <= 1  # two sentences
            assert finding.remedies
            assert all(math.isfinite(number) or number in (math.inf, -math.inf) for number in finding.evidence.values())


@pytest.mark.parametrize(("code", "case"), GOOD)
def test_its_neighbours_are_left_in_peace(code: str, case: faults.Case, tmp_path: Path) -> None:
    report = examined(case, tmp_path).report
    assert not loud(report)
    assert code not in report.codes


@pytest.mark.parametrize("code", CODES)
def test_the_rule_explains_itself(code: str) -> None:
    rule = rule_named(code)
    assert rule.severity == ("error" if code in ERRORS else "info" if code in INFOS else "warning")
    assert [line[3:] for line in rule.page.splitlines() if line.startswith("## ")] == list(HEADINGS)
    assert len(faults.bad(code)) >= 2
    assert len(faults.good(code)) >= 2
    assert all(f"`{name}`" in rule.page for name in rule.thresholds if name not in ("families",))
    for remedy in rule.remedies:
        RECIPES["dcgan"].but(**remedy.change)


def test_structure_that_was_not_seen_is_not_judged() -> None:
    hidden = Network("discriminator", "torch", "D", (), (), Output((4, 1), 0, 1, 1, 1), traced=False)
    facts = {"networks": (hidden,), "discriminator": hidden, "loss": Loss("wasserstein", penalty=True)}
    report = judge(facts, ["SP2"])
    assert {"SP207", "SP209", "SP210", "SP212", "SP213", "SP214"} <= set(report.skipped)
    assert not report.findings


def test_what_is_found_in_one_network_is_said_though_the_other_is_hidden() -> None:
    shapes = {"in_shape": (4, 8, 8, 8), "out_shape": (4, 8, 8, 8)}
    a, b = layer("a", ("layer:b",), **shapes), layer("b", ("relu", "layer:c"), **shapes)
    stacked = network(a, b, layer("c", ("output",)))
    hidden = Network("discriminator", "torch", "D", (), (), Output((4, 1), 0, 1, 1, 1), traced=False)
    assert "SP213" in codes(stacked, hidden)
    skipped = judge({"networks": (stacked, hidden)}, ["SP2"]).skipped
    assert skipped["SP211"] == ["the discriminator's structure"]
    assert "SP213" not in skipped


@pytest.mark.parametrize(
    ("shape", "wrong"), [((4, 2, 1, 1), False), ((4, 1, 4, 4), True), ((4,), True), ((4, 2), False)]
)
def test_units_of_a_softmax_are_counted_in_channels(shape: tuple[int, ...], wrong: bool) -> None:
    D = Network("discriminator", "torch", "D", (), (), Output(shape, -1, 1, 1, 1))
    assert ("SP206" in judge({"discriminator": D, "loss": Loss("softmax")}, ["SP2"]).codes) == wrong


def test_large_numbers_that_are_no_pixels_are_for_information(tmp_path: Path) -> None:
    G = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    D = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    found = examine(G, D, latent=8, data=torch.rand(16, 4) * 90 - 20)
    assert the("SP201", found).severity == "info"


# The numbers that the messages give.


def test_the_bounds_of_a_sigmoid_of_a_sigmoid() -> None:
    p = torch.linspace(0, 1, 1001)
    ones, zeros = torch.ones_like(p), torch.zeros_like(p)
    real = F.binary_cross_entropy_with_logits(p, ones, reduction="none")
    fake = F.binary_cross_entropy_with_logits(p, zeros, reduction="none")
    assert float(real.min() + fake.min()) == pytest.approx(rule_named("SP202").thresholds["d_floor"], abs=5e-5)
    assert float(real.min()) == pytest.approx(rule_named("SP202").thresholds["g_floor"], abs=5e-5)
    assert float(real.max()) == pytest.approx(rule_named("SP202").thresholds["g_ceiling"], abs=5e-5)
    relativistic = F.softplus(p[:, None] - p[None])
    assert float(relativistic.min()) == pytest.approx(rule_named("SP202").thresholds["g_floor"], abs=5e-5)


def bce_of_sigmoid(logit: float, target: float) -> tuple[float, float]:
    """torch's loss, and its gradient at the logit."""
    x = torch.tensor([logit], requires_grad=True)
    loss = F.binary_cross_entropy(torch.sigmoid(x), torch.tensor([target]))
    (gradient,) = torch.autograd.grad(loss, x)
    return float(loss.detach()), float(gradient)


def test_where_sigmoid_and_bce_are_stuck_in_torch() -> None:
    stuck = rule_named("SP204").thresholds["torch_stuck"]
    assert bce_of_sigmoid(stuck, 0.0) == (100.0, 0.0)
    assert bce_of_sigmoid(stuck - 0.5, 0.0)[1] > 0.5
    fades = rule_named("SP204").thresholds["torch_fades"]
    assert bce_of_sigmoid(-fades + 1, 1.0)[1] == pytest.approx(-1, abs=0.01)
    for loss in (30.0, 35.0, 40.0):
        assert bce_of_sigmoid(-loss, 1.0)[0] == pytest.approx(loss, rel=1e-3)
        assert bce_of_sigmoid(-loss, 1.0)[1] == pytest.approx(-math.exp(27.63 - loss), rel=0.02)
    assert float(F.binary_cross_entropy_with_logits(torch.tensor([60.0]), torch.zeros(1))) == 60.0


def test_where_keras_is_stuck_on_torch() -> None:
    import keras

    for logit, target in ((16.7, 0.0), (-16.7, 1.0)):
        x = torch.tensor([[logit]], requires_grad=True)
        loss = keras.losses.binary_crossentropy(torch.tensor([[target]]), torch.sigmoid(x)).sum()
        (gradient,) = torch.autograd.grad(loss, x)
        assert float(gradient) == 0
        assert 15.9 < float(loss.detach()) < rule_named("SP204").thresholds["keras_stuck"]


def test_a_softmax_over_one_unit_learns_nothing(tmp_path: Path) -> None:
    logits = torch.randn(8, 1, requires_grad=True)
    loss = F.cross_entropy(logits, torch.zeros(8).long())
    (gradient,) = torch.autograd.grad(loss, logits)
    assert float(loss.detach()) == 0
    assert float(gradient.abs().max()) == 0
    assert the("SP206", examined(faults.bad("SP206")[0], tmp_path)).evidence["d_loss"] == 0


# Networks that were asked about in public.


def keras_program() -> types.ModuleType:
    """The trading cards' program as it was printed, with Keras 3 where it asks for TensorFlow's."""
    import keras

    path = Path(__file__).parents[1] / "examples" / "keras" / "trading_cards.py"
    stand_in = types.ModuleType("tensorflow")
    stand_in.keras = keras  # type: ignore[attr-defined]
    names = {"tensorflow": stand_in, "tensorflow.keras": keras, "tensorflow.keras.layers": keras.layers}
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(names)
    try:
        spec = importlib.util.spec_from_file_location("trading_cards", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        for name, was in before.items():
            sys.modules.pop(name) if was is None else sys.modules.update({name: was})
    return module


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`:UserWarning")
def test_the_trading_cards() -> None:
    program = keras_program()
    pair = {"generator": program.generator_model(), "discriminator": program.discriminator_model()}
    found = examine(**pair, loss="bce", range=(0, 1), batch=256, d_lr=2e-4, g_lr=2e-4)
    assert loud(found.report) == {"SP201", "SP204"}
    assert found.report.ok
    assert "TensorFlow" in the("SP204", found).message
    bare, uneven = the("SP210", found), the("SP211", found)
    assert bare.evidence["layers"] == 4
    assert uneven.evidence == {"layers": 3, "kernel": 5, "stride": 2}
    scaled = dataclasses.replace(found.facts["data"], low=-1.0)
    assert loud(judge(found.facts | {"data": scaled}, ["SP2"])) == {"SP204"}


class RGBAGenerator(nn.Module):
    """As it was printed: a DCGAN at 64 px with four channels."""

    feature_maps, kernel_size, stride, padding, bias = 512, 4, 2, 1, False

    def __init__(self, input_vector: int) -> None:
        super().__init__()
        maps, sizes = self.feature_maps, (self.kernel_size, self.stride, self.padding)
        self.main = nn.Sequential(
            nn.ConvTranspose2d(input_vector, maps, self.kernel_size, 1, 0, bias=self.bias),
            nn.BatchNorm2d(maps),
            nn.ReLU(True),
            nn.ConvTranspose2d(maps, int(maps // 2), *sizes, bias=self.bias),
            nn.BatchNorm2d(int(maps // 2)),
            nn.ReLU(True),
            nn.ConvTranspose2d(int(maps // 2), int((maps // 2) // 2), *sizes, bias=self.bias),
            nn.BatchNorm2d(int((maps // 2) // 2)),
            nn.ReLU(True),
            nn.ConvTranspose2d(int((maps // 2) // 2), int(((maps // 2) // 2) // 2), *sizes, bias=self.bias),
            nn.BatchNorm2d(int((maps // 2) // 2) // 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(int(((maps // 2) // 2) // 2), 4, *sizes, bias=self.bias),
            nn.Tanh(),
        )

    def forward(self, input: Tensor) -> Tensor:
        output: Tensor = self.main(input)
        return output


class RGBADiscriminator(nn.Module):
    feature_maps, kernel_size, stride, padding, bias, inplace = 64, 4, 2, 1, False, True

    def __init__(self) -> None:
        super().__init__()
        maps, sizes = self.feature_maps, (self.kernel_size, self.stride, self.padding)
        self.main = nn.Sequential(
            nn.Conv2d(4, maps, *sizes, bias=self.bias),
            nn.LeakyReLU(0.2, inplace=self.inplace),
            nn.Conv2d(maps, maps * 2, *sizes, bias=self.bias),
            nn.BatchNorm2d(maps * 2),
            nn.LeakyReLU(0.2, inplace=self.inplace),
            nn.Conv2d(maps * 2, maps * (2 * 2), *sizes, bias=self.bias),
            nn.BatchNorm2d(maps * (2 * 2)),
            nn.LeakyReLU(0.2, inplace=self.inplace),
            nn.Conv2d(maps * (2 * 2), maps * (2 * 2 * 2), *sizes, bias=self.bias),
            nn.BatchNorm2d(maps * (2 * 2 * 2)),
            nn.LeakyReLU(0.2, inplace=self.inplace),
            nn.Conv2d(maps * (2 * 2 * 2), 1, self.kernel_size, 1, 0, bias=self.bias),
            nn.Sigmoid(),
        )

    def forward(self, input: Tensor) -> Tensor:
        output = self.main(input)
        return output.view(-1)


def test_the_rgba_pictures() -> None:
    torch.manual_seed(0)
    G, D = RGBAGenerator(100), RGBADiscriminator()
    for network in (G, D):
        for module in network.modules():
            if "Conv" in type(module).__name__:
                module.weight.data.normal_(0.0, 0.02)  # type: ignore[union-attr, operator]
            elif "BatchNorm" in type(module).__name__:
                module.weight.data.normal_(1.0, 0.02)  # type: ignore[union-attr, operator]
                module.bias.data.fill_(0)  # type: ignore[union-attr, operator]
    found = examine(G, D, loss="bce", channels=4, size=64, range=(-1, 1), batch=64, d_lr=2e-4, g_lr=2e-4)
    assert loud(found.report) == {"SP204"}
    assert "SP210" not in found.report.codes


@pytest.mark.parametrize(
    ("family", "recipe"),
    [
        *[("dcgan", name) for name in ("dcgan", "lsgan", "hinge", "ragan", "wgan")],
        *[("dcgan-free", name) for name in ("dcgan", "dragan", "wgan-gp")],
        *[("resnet", name) for name in ("wgan-gp", "sngan", "dragan")],
        ("r3gan", "r3gan"),
    ],
)
def test_our_own_networks_under_their_recipes(family: str, recipe: str) -> None:
    torch.manual_seed(0)
    method = RECIPES[recipe]
    G, D = build(family, 32, 3, 8, method.latent)
    report = examine(G, D, recipe=method, latent=method.latent, size=32, range=(-1, 1)).report
    assert not loud(report), report.findings
    assert "SP214" not in report.codes


# What the rules are built of.


def layer(name: str, *ways: tuple[str, ...], **facts: Any) -> Layer:
    return Layer(name, "Conv2d", "conv", **{"parameters": 9, "calls": 1, "bias": False, "then": ways, **facts})


def network(*layers: Layer) -> Network:
    return Network("generator", "torch", "G", layers, (), Output((4, 3, 8, 8), -1, 1, 1, 1))


def codes(*networks: Network, **facts: Any) -> list[str]:
    return judge({"networks": networks, **facts}, ["SP2"]).codes


def test_only_rows_of_hidden_layers_without_shift_are_reported() -> None:
    first, last = layer("first", ("relu", "layer:a")), layer("last", ("output",))
    a, b = layer("a", ("relu", "layer:b")), layer("b", ("relu", "layer:last"))
    assert codes(network(first, a, b, last)) == ["SP210"]
    for word in ("batch-norm", "add-parameter", "add", "other:Sin", "cat"):
        assert not codes(network(first, a, layer("b", ("relu", word, "layer:last")), last))
    assert not codes(network(first, a, layer("b", ("relu", "layer:last"), bias=True), last))
    assert not codes(network(first, a, layer("b", ("relu", "layer:last"), bias=None), last))
    assert not codes(network(first, a, layer("b"), last))  # not followed
    assert not codes(network(first, a, last))


def test_fixed_filters_are_no_layers_that_learn() -> None:
    blur = layer("blur", ("layer:end",), parameters=0, kernel=(3, 3), stride=(2, 2), groups=8)
    transposed = Layer("up", "Resample", "conv-transposed", calls=1, kernel=(3, 3), stride=(2, 2), then=(("output",),))
    assert not codes(network(layer("a", ("layer:blur",), bias=True), blur, transposed))


def test_names_in_words() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(list("abcdefg"), 4) == "a, b, c and 4 more"


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, functools.partial(nn.GroupNorm, 2), nn.InstanceNorm2d])
def test_the_receptive_field_looks_through_norms(norm: Any) -> None:
    D = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), norm(8), nn.ReLU(), nn.Conv2d(8, 1, 3, 1, 1))
    before = {name: tensor.clone() for name, tensor in D.state_dict().items()}
    found = examine(None, D, size=32)
    assert found.discriminator is not None
    assert found.discriminator.field == pytest.approx(5 / 32)
    assert D.training
    assert all(torch.equal(before[name], tensor) for name, tensor in D.state_dict().items())


def test_units_stand_last_in_dense_layers_over_places() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.last = nn.Linear(12, 40), nn.Linear(40, 1)
            with torch.no_grad():
                self.embed.bias.fill_(50.0)[:36] = -50.0

        def forward(self, x: Tensor) -> Tensor:  # [N, 6, 12]
            return self.last(self.embed(x).relu()).mean((1, 2))

    found = examine(None, Tokens(), data=torch.rand(8, 6, 12))
    assert the("SP214", found).evidence["zero_share"] == pytest.approx(0.9)
