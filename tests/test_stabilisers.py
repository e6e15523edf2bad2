"""Clipping, spectral norm and initialisation: what they do to which parameters, and that they cost nothing unasked."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sparring import networks
from sparring.errors import SparringError
from sparring.stabilisers import WARM_UP, Clipper, clip_weights, initialise, normalise_spectrally


def with_gradients(*norms: float) -> list[Tensor]:
    """Parameters of 3 numbers whose gradients have these norms."""
    params = []
    for i, norm in enumerate(norms):
        param = nn.Parameter(torch.zeros(3))
        direction = torch.nn.functional.normalize(torch.tensor([1.0, i + 1.0, -2.0]), dim=0)
        param.grad = direction * norm
        params.append(param)
    return params


def norm_of(params: list[Tensor]) -> float:
    return math.sqrt(sum(float(p.grad.square().sum()) for p in params))


def test_clipping_by_norm_bounds_all_together_and_keeps_the_direction() -> None:
    params = with_gradients(3.0, 4.0)
    before = [p.grad.clone() for p in params]
    assert float(Clipper(norm=1.0)(params)) == pytest.approx(5.0)  # what it was
    assert norm_of(params) == pytest.approx(1.0)
    for p, was in zip(params, before, strict=True):
        torch.testing.assert_close(p.grad, was / 5)


@given(st.floats(0.1, 100), st.floats(0.1, 100))
def test_clipping_equals_torchs_own(norm: float, bound: float) -> None:
    ours, theirs = with_gradients(norm, 2 * norm), with_gradients(norm, 2 * norm)
    Clipper(norm=bound)(ours)
    torch.nn.utils.clip_grad_norm_(theirs, bound)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-5, atol=1e-6)


def test_within_the_bound_nothing_changes_bit_for_bit() -> None:
    params = with_gradients(0.3, 0.4)
    before = [p.grad.clone() for p in params]
    Clipper(norm=1.0, value=1.0)(params)
    assert all(torch.equal(p.grad, was) for p, was in zip(params, before, strict=True))


def test_no_bound_only_measures() -> None:
    params = with_gradients(3.0, 4.0)
    before = [p.grad.clone() for p in params]
    assert float(Clipper()(params)) == pytest.approx(5.0)
    assert all(torch.equal(p.grad, was) for p, was in zip(params, before, strict=True))


def test_clipping_by_value() -> None:
    params = with_gradients(3.0)
    was = params[0].grad.clone()
    Clipper(value=0.5)(params)
    torch.testing.assert_close(params[0].grad, was.clamp(-0.5, 0.5))


def test_the_running_mean_lets_usual_norms_through_and_cuts_a_spike() -> None:
    clipper = Clipper(mean=2.0)
    for _ in range(WARM_UP):
        params = with_gradients(1.0)
        clipper(params)
        assert norm_of(params) == pytest.approx(1.0)
    spike = with_gradients(1000.0)
    clipper(spike)
    assert norm_of(spike) == pytest.approx(2.0, rel=1e-4)
    assert float(clipper.state_dict()["mean"]) < 1.04  # the spike did not raise its own bound
    again = Clipper(mean=2.0)
    again.load_state_dict(clipper.state_dict())
    one, other = with_gradients(7.0), with_gradients(7.0)
    clipper(one), again(other)
    assert torch.equal(one[0].grad, other[0].grad)


def test_the_running_mean_follows_a_slow_change() -> None:
    clipper = Clipper(mean=2.0)
    for i in range(2000):
        params = with_gradients(1.0 + i / 200)
        clipper(params)
    assert norm_of(params) == pytest.approx(1.0 + 1999 / 200)


def test_a_first_gradient_of_nothing_does_not_stop_all() -> None:
    clipper = Clipper(mean=1.5)
    for norm in (0.0, 0.01, *[1.0] * 200):
        params = with_gradients(norm)
        clipper(params)
    assert norm_of(params) == pytest.approx(1.0)


@pytest.mark.parametrize("mean", [0.5, 1.0])
def test_a_bound_that_would_sink_to_nothing_is_refused(mean: float) -> None:
    with pytest.raises(SparringError, match="more than 1"):
        Clipper(mean=mean)


def test_an_infinite_gradient_is_not_clipped_into_a_number() -> None:
    params = with_gradients(1.0)
    params[0].grad[0] = float("inf")
    assert not Clipper(value=1.0)(params).isfinite()
    assert not params[0].grad.isfinite().any()


def test_frozen_and_other_parametrised_layers() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)))
    network[0].weight.requires_grad_(False)
    before = network[0].weight.clone()
    normalise_spectrally(network)
    network(torch.randn(2, 4))
    assert torch.equal(network[0].weight, before)


def test_parameters_without_gradient_are_passed_over() -> None:
    params = [*with_gradients(2.0), nn.Parameter(torch.zeros(2))]
    assert float(Clipper(norm=1.0)(params)) == pytest.approx(2.0)
    assert params[1].grad is None
    assert float(Clipper(norm=1.0)([nn.Parameter(torch.zeros(2))])) == 0


def test_weight_clipping() -> None:
    layer = nn.Linear(40, 40)
    clip_weights(list(layer.parameters()), 0.01)
    assert layer.weight.abs().max() <= 0.01
    assert layer.weight.abs().min() < 0.01
    assert layer.bias.abs().max() <= 0.01


@pytest.mark.parametrize(
    ("how", "std"),
    [
        ("normal", 0.02),
        ("xavier", math.sqrt(2 / (9 * 64 + 9 * 128))),
        ("kaiming", math.sqrt(2 / (1 + 0.04) / (9 * 64))),
        ("orthogonal", 1 / math.sqrt(9 * 64)),  # 128 orthonormal rows of 576 numbers
    ],
)
def test_initialisations(how: str, std: float) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 128, 3), nn.BatchNorm2d(128), nn.Linear(128, 10))
    initialise(network, how)
    assert float(network[0].weight.detach().std()) == pytest.approx(std, rel=0.03)
    assert network[0].bias.abs().max() == 0
    if how == "orthogonal":
        flat = network[0].weight.flatten(1)
        torch.testing.assert_close(flat @ flat.T, torch.eye(128), rtol=0, atol=1e-5)
    assert bool(network[1].weight.detach().std() > 0) == (how == "normal")


def test_no_initialisation_leaves_all_and_frozen_weights_stay() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[0].weight.requires_grad_(False)
    before = copy.deepcopy(network.state_dict())
    initialise(network, "")
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    initialise(network, "xavier")
    assert torch.equal(before["0.weight"], network[0].weight)
    assert not torch.equal(before["1.weight"], network[1].weight)


def test_an_unknown_initialisation_is_told() -> None:
    with pytest.raises(SparringError, match="xavier"):
        initialise(nn.Linear(2, 2), "xaviar")


def test_an_initialisation_that_finds_nothing_to_draw_is_told() -> None:
    with pytest.raises(SparringError, match="init=xavier finds no layer in Bilinear"):
        initialise(nn.Bilinear(2, 2, 2), "xavier")


def test_spectral_norm_bounds_every_layer() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 6 * 6, 4))
    with torch.no_grad():
        network[0].weight.mul_(50)
    normalise_spectrally(network)
    for _ in range(40):
        network(torch.randn(2, 3, 8, 8))
    for layer in (network[0], network[3]):
        assert float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) == pytest.approx(1.0, rel=1e-3)


def test_spectral_norm_twice_is_once() -> None:
    network = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)), nn.Linear(4, 1))
    normalise_spectrally(network)
    normalise_spectrally(network)
    assert sorted(name for name, _ in network.named_parameters()) == [
        "0.bias", "0.parametrizations.weight.original", "1.bias", "1.parametrizations.weight.original",
    ]  # fmt: skip


def test_spectral_norm_needs_a_layer() -> None:
    with pytest.raises(SparringError, match="no layer"):
        normalise_spectrally(nn.Sequential(nn.Flatten()))


@settings(max_examples=4, deadline=None)
@given(st.sampled_from(["normal", "xavier", "kaiming", "orthogonal"]))
def test_every_family_takes_every_initialisation(how: str) -> None:
    for network in networks.build("dcgan", 32, 3, 4, 16):
        initialise(network, how)
        assert all(p.isfinite().all() for p in network.parameters())
