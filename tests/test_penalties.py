"""Penalties against values worked out by hand, per-sample gradients by torch.func, and finite differences."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from sparring.errors import SparringError
from sparring.objectives import OBJECTIVES, Verdict
from sparring.penalties import PENALTIES, Active, LeCam, Seen, flipped_and_shifted, penalties_of, prepared

GRADIENT = ("r1", "r2", "gp", "dragan")
D = Callable[[Tensor], Tensor]
NON_SATURATING = OBJECTIVES["non-saturating"]


def pictures(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def seen_without(d: D, real: Tensor, fake: Tensor) -> Seen:
    """One pass of D on each side. A D that is told something adds it to its logits."""
    condition = torch.arange(len(real), dtype=real.dtype) / 8

    def judge(x: Tensor, told: Tensor | None = None) -> Verdict:
        logits = d(x)
        return Verdict(logits if told is None else logits + told.repeat_interleave(len(logits) // len(x)))

    return Seen(judge, real, fake, judge(real), judge(fake), condition, NON_SATURATING)


def seen_by(d: D, real: Tensor, fake: Tensor, *names: str) -> Seen:
    """What a step does: prepare the pictures for the due penalties, one pass of D on each side."""
    due = penalties_of(dict.fromkeys(names, 1.0))
    real, fake = prepared(real, "real", due), prepared(fake, "fake", due)
    return seen_without(d, real, fake)


def value(name: str, d: D, real: Tensor, fake: Tensor) -> Tensor:
    (active,) = penalties_of({name: 1.0})
    return active(seen_by(d, real, fake, name))


def linear(w: Tensor) -> D:
    return lambda x: x.flatten(1) @ w


def conv_net(out: int = 1) -> nn.Sequential:
    """Smooth, so that finite differences meet no kink. [N, 2, 4, 4] -> [N, out, h, w], flattened."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        last = nn.Conv2d(3, 1, 4 if out == 1 else 3)
        return nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.Softplus(), last, nn.Flatten(0)).double()


class Passes:
    """D that remembers what went through it."""

    def __init__(self, d: D) -> None:
        self.d, self.seen = d, []

    def __call__(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        return self.d(x)


# By hand.


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=2, max_size=6), st.integers(1, 5))
def test_linear_d_by_hand(weights: list[float], n: int) -> None:
    """D(x) = w.x has the gradient w everywhere: R1 = R2 = |w|^2 / 2, and both slope penalties are (|w| - 1)^2."""
    w = torch.tensor(weights, dtype=torch.float64)
    real, fake = pictures(0, n, len(w)), pictures(1, n, len(w))
    norm = math.sqrt(sum(x * x for x in weights))
    for name in ("r1", "r2"):
        assert value(name, linear(w), real, fake).item() == pytest.approx(norm**2 / 2, abs=1e-12)
    for name in ("gp", "dragan"):
        assert value(name, linear(w), real, fake).item() == pytest.approx((norm - 1) ** 2, abs=1e-12)


def test_quadratic_d_by_hand() -> None:
    """D(x) = |x|^2 / 2 has the gradient x."""

    def d(x: Tensor) -> Tensor:
        return x.flatten(1).square().sum(1) / 2

    real = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    fake = torch.tensor([[1.0, 1.0], [2.0, 0.0]])
    assert value("r1", d, real, fake).item() == pytest.approx((25 + 1) / 2 / 2)
    assert value("r2", d, real, fake).item() == pytest.approx((2 + 4) / 2 / 2)
    assert value("gp", d, real, real).item() == pytest.approx((16 + 0) / 2)  # between x and x there is only x
    constant = torch.full((3, 2), 2.0)  # a batch without spread: no noise
    assert value("dragan", d, constant, fake).item() == pytest.approx((math.sqrt(8) - 1) ** 2, rel=1e-6)


def test_bcr_by_hand() -> None:
    """D reads the top left pixel of a 2 x 2 picture with equal rows: mirrored (by 1/2) it reads the right one."""
    torch.manual_seed(0)
    n = 4000
    real = torch.tensor([[1.0, 4.0], [1.0, 4.0]]).expand(n, 1, 2, 2)
    fake = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).expand(n, 1, 2, 2)
    found = value("bcr", lambda x: x[:, 0, 0, 0], real, fake).item()
    assert found == pytest.approx(9 / 2, abs=5 * 9 * math.sqrt(0.25 / n))
    found = value("bcr", lambda x: x[:, 0, 0, 0], fake, real).item()
    assert found == pytest.approx(9 / 2, abs=5 * 9 * math.sqrt(0.25 / n))


@pytest.mark.parametrize("shape", [(3, 2, 16, 16), (3, 1, 9, 24)])
def test_bcr_is_zero_for_a_d_that_does_not_care(shape: tuple[int, ...]) -> None:
    """D sees only the channel's greatest value; a picture that is one value everywhere has it after any move."""
    flat = pictures(0, shape[0], shape[1], 1, 1).expand(shape)
    assert value("bcr", lambda x: x.amax((1, 2, 3)), flat, flat).item() == 0


def test_lecam_by_hand() -> None:
    """The first batch sets the averages (2, -1); the second moves them by a hundredth of the way."""
    lecam = LeCam()

    def seen(real: list[float], fake: list[float]) -> Seen:
        r, f = torch.tensor(real), torch.tensor(fake)
        return seen_without(lambda x: x, r, f)

    # E relu(D(x) + 1)^2 = (4 + 16) / 2, E relu(2 - D(G))^2 = (16 + 4) / 2
    assert lecam(seen([1.0, 3.0], [-2.0, 0.0])).item() == pytest.approx(10 + 10)
    # a_R = .99 * 2 + .01 * 12 = 2.1, a_F = .99 * -1 + .01 * 9 = -.9: relu(12 + .9)^2 + relu(2.1 - 9)^2
    assert lecam(seen([12.0], [9.0])).item() == pytest.approx(12.9**2 + 0, rel=1e-5)
    assert lecam.averages is not None
    assert lecam.averages.tolist() == pytest.approx([2.1, -0.9])


# Against independent implementations.


def slopes(d: D, x: Tensor) -> Tensor:
    """The norm of each picture's own gradient, one picture at a time.  # [N]"""
    one = grad(lambda picture: d(picture[None]).mean())
    return vmap(one)(x).flatten(1).square().sum(1).sqrt()


@pytest.mark.parametrize("out", [1, 4])
def test_against_per_sample_gradients(out: int) -> None:
    """Also where D gives a map: its mean is the picture's score."""
    d, real, fake = conv_net(out), pictures(0, 5, 2, 4, 4), pictures(1, 5, 2, 4, 4)
    assert d(real).shape == (5 * out,)
    torch.testing.assert_close(value("r1", d, real, fake), slopes(d, real).square().mean() / 2)
    torch.testing.assert_close(value("r2", d, real, fake), slopes(d, fake).square().mean() / 2)
    for name in ("gp", "dragan"):
        passes = Passes(d)
        found = value(name, passes, real, fake)
        torch.testing.assert_close(found, (slopes(d, passes.seen[-1]) - 1).square().mean())


@pytest.mark.parametrize("out", [1, 4])
def test_consistency_against_its_formula(out: int) -> None:
    d, real, fake = conv_net(out), pictures(0, 5, 2, 4, 4), pictures(1, 5, 2, 4, 4)
    passes = Passes(d)
    found = value("bcr", passes, real, fake)
    x, g, changed_x, changed_g = (d(batch).reshape(5, out).mean(1) for batch in passes.seen)
    torch.testing.assert_close(found, ((x - changed_x) ** 2).mean() + ((g - changed_g) ** 2).mean())


def test_gp_looks_between_each_pair() -> None:
    torch.manual_seed(0)
    real, fake = pictures(0, 400, 2, 3, 3), pictures(1, 400, 2, 3, 3)
    passes = Passes(linear(pictures(2, 18)))
    value("gp", passes, real, fake)
    a = (passes.seen[-1] - fake) / (real - fake)  # one number a pair
    one = a.flatten(1).mean(1)
    torch.testing.assert_close(a, one[:, None, None, None].expand_as(a), atol=1e-6, rtol=1e-6)
    assert one.min() >= 0
    assert one.max() < 1
    assert one.mean().item() == pytest.approx(0.5, abs=5 / math.sqrt(12 * 400))
    assert one.std().item() == pytest.approx(1 / math.sqrt(12), rel=0.15)


def test_dragan_looks_near_the_data() -> None:
    torch.manual_seed(0)
    real = pictures(0, 400, 2, 3, 3) * 3
    passes = Passes(linear(pictures(2, 18)))
    value("dragan", passes, real, real)
    u = (passes.seen[-1] - real) / (0.5 * real.numpy().std())
    assert u.min() >= 0
    assert u.max() < 1
    assert u.mean().item() == pytest.approx(0.5, abs=5 / math.sqrt(12 * u.numel()))
    assert u.std().item() == pytest.approx(1 / math.sqrt(12), rel=0.05)
    assert u[0].std() > 0.1  # of each value its own


# Gradients with respect to D's parameters.


@pytest.mark.parametrize("out", [1, 4])
@pytest.mark.parametrize("name", PENALTIES)
def test_parameter_gradients_by_finite_differences(name: str, out: int) -> None:
    """For r1 to dragan that is a double backward; the same random draws at each evaluation."""
    net, real, fake = conv_net(out), pictures(0, 3, 2, 4, 4), pictures(1, 3, 2, 4, 4)
    names = [key for key, _ in net.named_parameters()]

    def of_parameters(*values: Tensor) -> Tensor:
        torch.manual_seed(4)
        parameters = dict(zip(names, values, strict=True))
        return value(name, lambda x: functional_call(net, parameters, x), real, fake)

    parameters = [p.detach().clone().requires_grad_() for p in net.parameters()]
    if name != "lecam":  # its averages are constants to the gradient, but move with the parameters
        assert torch.autograd.gradcheck(of_parameters, parameters, fast_mode=False)
    assert any(g is not None and g.abs().max() > 1e-6 for g in grads_of(of_parameters(*parameters), parameters))


def grads_of(scalar: Tensor, parameters: list[Tensor]) -> tuple[Tensor | None, ...]:
    return torch.autograd.grad(scalar, parameters, allow_unused=True)


def test_lecam_gradient_by_finite_differences_against_fixed_averages() -> None:
    averages = {"averages": torch.tensor([0.8, -0.6], dtype=torch.float64)}

    def of_logits(real: Tensor, fake: Tensor) -> Tensor:
        lecam = LeCam()
        lecam.decay = 1.0  # the averages stay
        lecam.load_state_dict(averages)
        return lecam(seen_without(lambda x: x, real, fake))

    assert torch.autograd.gradcheck(of_logits, [pictures(s, 6).requires_grad_() for s in (0, 1)])


@pytest.mark.parametrize("name", GRADIENT)
def test_a_flat_d_has_a_finite_gradient(name: str) -> None:
    """The norm has no derivative at 0, where a D that ignores the picture stands; NaN would end the training."""
    w = torch.zeros(8, requires_grad=True)
    found = value(name, linear(w), torch.randn(3, 2, 2, 2), torch.randn(3, 2, 2, 2))
    (gradient,) = torch.autograd.grad(found, w)
    assert found.item() == (0 if name in ("r1", "r2") else 1)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", PENALTIES)
def test_g_gets_no_gradient(name: str) -> None:
    torch.manual_seed(0)
    g = torch.ones((), requires_grad=True)
    net = conv_net().float()
    fake = g * torch.randn(3, 2, 4, 4)
    value(name, net, torch.randn(3, 2, 4, 4), fake).backward()
    assert g.grad is None
    assert any(p.grad is not None for p in net.parameters())


# What is computed, and when.


@pytest.mark.parametrize(
    ("name", "passes", "with_gradient"),
    [
        ("r1", 0, "real"),
        ("r2", 0, "fake"),
        ("gp", 1, ""),
        ("dragan", 1, ""),
        ("mismatch", 1, ""),
        ("bcr", 2, ""),
        ("lecam", 0, ""),
    ],
)
def test_nothing_more_than_needed_is_computed(name: str, passes: int, with_gradient: str) -> None:
    d = Passes(conv_net())
    seen = seen_by(d, pictures(0, 3, 2, 4, 4), pictures(1, 3, 2, 4, 4), name)
    assert (seen.real.requires_grad, seen.fake.requires_grad) == (with_gradient == "real", with_gradient == "fake")
    d.seen.clear()
    penalties_of({name: 1.0})[0](seen)
    assert len(d.seen) == passes


@pytest.mark.parametrize("name", PENALTIES)
def test_reads_logits_says_what_is_read(name: str) -> None:
    row, read = PENALTIES[name], set()

    class Watched(Seen):
        def __getattribute__(self, attribute: str) -> Any:
            if attribute.endswith("_logits"):
                read.add(attribute.removesuffix("_logits"))
            return super().__getattribute__(attribute)

    seen = seen_by(conv_net(), pictures(0, 3, 2, 4, 4), pictures(1, 3, 2, 4, 4), name)
    row.fresh()(Watched(seen.judge, seen.real, seen.fake, seen.on_real, seen.on_fake, seen.condition, seen.objective))
    assert read == set(row.reads_logits)


def test_prepared_cuts_the_graph_and_copies_nothing() -> None:
    made = torch.ones(2, 2, requires_grad=True) * 2
    plain = prepared(made, "fake", penalties_of({"r1": 1, "gp": 1}))
    assert not plain.requires_grad
    assert plain.data_ptr() == made.data_ptr()
    assert prepared(made, "fake", penalties_of({"r2": 1})).is_leaf
    assert made.requires_grad


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("every", [1, 4, 16])
def test_lazy_is_as_strong_as_eager(name: str, every: int) -> None:
    """Over `every` updates of a standing D, from any first update, the weighted sums agree."""
    (eager,), (lazy,) = penalties_of({name: 2.5}), penalties_of({name: 2.5}, {name: every})
    w = torch.linspace(-1, 1, 16, dtype=torch.float64)
    seen = seen_by(linear(w), pictures(0, 3, 1, 4, 4), pictures(1, 3, 1, 4, 4), name)

    def total(penalty: Active, first: int) -> float:
        found = 0.0
        for update in range(first, first + every):
            torch.manual_seed(0)  # the same draws each time
            found += penalty(seen).item() if penalty.due(update) else 0.0
        return found

    for first in (0, 1, every - 1, 7):
        assert total(lazy, first) == pytest.approx(total(eager, first), rel=1e-9)
        assert total(eager, first) > 0
    assert [lazy.due(update) for update in range(2 * every)] == ([True] + [False] * (every - 1)) * 2


def test_the_weight_is_gamma() -> None:
    """gamma / 2 E |grad|^2 with gamma = 10 and |w| = 5."""
    (active,) = penalties_of({"r1": 10.0})
    w = torch.tensor([3.0, 4.0])
    seen = seen_by(linear(w), torch.zeros(4, 2), torch.zeros(4, 2), "r1")
    assert active(seen).item() == pytest.approx(125)
    active.weight = 1.0
    assert active(seen).item() == pytest.approx(12.5)


def test_the_step_can_run_backward_through_loss_and_penalties_at_once() -> None:
    net = conv_net().float()
    due = penalties_of(dict.fromkeys(PENALTIES, 1.0))
    real, fake = prepared(torch.randn(3, 2, 4, 4), "real", due), prepared(torch.randn(3, 2, 4, 4), "fake", due)
    seen = seen_without(net, real, fake)
    loss = nn.functional.softplus(seen.fake_logits - seen.real_logits).mean() + sum(p(seen) for p in due)
    loss.backward(inputs=list(net.parameters()))
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    assert real.grad is None


# Shapes.


@pytest.mark.parametrize("name", [name for name in PENALTIES if name != "bcr"])
def test_points_in_the_plane(name: str) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
    found = value(name, net, torch.randn(6, 2), torch.randn(6, 2))
    assert found.shape == ()
    found.backward()
    assert net[0].weight.grad is not None


def test_bcr_refuses_what_is_no_picture() -> None:
    with pytest.raises(SparringError, match=r"of shape \[6, 2\]"):
        value("bcr", linear(torch.ones(2)), torch.randn(6, 2), torch.randn(6, 2))


def test_a_map_counts_as_its_mean() -> None:
    """k equal answers a picture are one answer."""
    net = conv_net()
    real, fake = pictures(0, 3, 2, 4, 4), pictures(1, 3, 2, 4, 4)
    for name in PENALTIES:
        torch.manual_seed(1)
        once = value(name, net, real, fake)
        torch.manual_seed(1)
        torch.testing.assert_close(value(name, lambda x: net(x).repeat_interleave(5), real, fake), once)


@pytest.mark.parametrize("name", ["r1", "gp"])
def test_a_d_that_cuts_the_gradient_is_told(name: str) -> None:
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(SparringError, match="no gradient by the picture"):
        value(name, lambda x: x.detach() @ w, torch.randn(6, 2), torch.randn(6, 2))


# The change of a picture.


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 10_000))
def test_every_change_is_a_mirrored_and_moved_crop(height: int, width: int, seed: int) -> None:
    """Against torch's reflect padding: each result is one of the pictures that the change may give."""
    torch.manual_seed(seed)
    picture = torch.arange(2.0 * height * width).reshape(1, 2, height, width)
    found = flipped_and_shifted(picture).contiguous()
    dy, dx = height // 8, width // 8
    padded = nn.functional.pad(picture, (dx, dx, dy, dy), mode="reflect") if dy or dx else picture
    possible = [
        crop.flip(3) if mirrored else crop
        for top in range(2 * dy + 1)
        for left in range(2 * dx + 1)
        for crop in [padded[:, :, top : top + height, left : left + width]]
        for mirrored in (False, True)
    ]
    assert any(torch.equal(found, one) for one in possible)


def test_changes_are_drawn_apart_and_evenly() -> None:
    torch.manual_seed(0)
    n = 6000
    row = torch.arange(16.0).expand(n, 1, 16, 16)
    found = flipped_and_shifted(row + 100 * row.transpose(2, 3))[:, 0, 8]  # [n, 16] of 100 * row + column
    down = (found[:, 8] // 100 - 8).tolist()
    steps = (found[:, 9] - found[:, 8]).tolist()
    for value_, share in [(d, 1 / 5) for d in (-2, -1, 0, 1, 2)]:
        assert down.count(value_) / n == pytest.approx(share, abs=5 * math.sqrt(share / n))
    assert set(steps) == {-1.0, 1.0}
    assert steps.count(1.0) / n == pytest.approx(0.5, abs=5 * math.sqrt(0.25 / n))
    right = found[:, 8] % 100
    assert len(right.unique()) == 6  # 8 +- 2 and, mirrored, 7 +- 2


# State.


def test_lecam_state_survives_a_file() -> None:
    (kept,), (resumed,) = penalties_of({"lecam": 0.3}), penalties_of({"lecam": 0.3})
    assert kept.state_dict() == {}
    resumed.load_state_dict(kept.state_dict())
    batches = [seen_by(linear(torch.ones(2)), torch.randn(4, 2) + 1, torch.randn(4, 2)) for _ in range(6)]
    for seen in batches[:3]:
        kept(seen)
    file = io.BytesIO()
    torch.save(kept.state_dict(), file)
    file.seek(0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert [kept(seen).item() for seen in batches[3:]] == [resumed(seen).item() for seen in batches[3:]]


def test_two_trainings_share_no_averages() -> None:
    (one,), (other,) = penalties_of({"lecam": 1.0}), penalties_of({"lecam": 1.0})
    one(seen_by(linear(torch.ones(2)), torch.ones(4, 2), torch.ones(4, 2)))
    assert other.state_dict() == {}


def test_a_saved_state_is_not_changed_by_going_on() -> None:
    (lecam,) = penalties_of({"lecam": 1.0})
    lecam(seen_by(linear(torch.ones(2)), torch.ones(4, 2), torch.ones(4, 2)))
    state = lecam.state_dict()
    lecam(seen_by(linear(torch.ones(2)), torch.zeros(4, 2), torch.zeros(4, 2)))
    assert state["averages"].tolist() == [2.0, 2.0]


@pytest.mark.parametrize("state", [{"averages": torch.zeros(3)}, {"averages": 1.0}, {"moment": torch.zeros(2)}])
@pytest.mark.parametrize("name", ["lecam", "r1"])
def test_another_state_refuses(name: str, state: dict[str, Any]) -> None:
    with pytest.raises(SparringError, match="penalty"):
        penalties_of({name: 1.0})[0].load_state_dict(state)


# The choice.


def test_penalties_of_leaves_out_what_weighs_nothing() -> None:
    found = penalties_of({"lecam": 0.3, "r1": 2, "gp": 0.0}, {"r1": 16, "gp": 4})
    assert [(p.name, p.weight, p.every) for p in found] == [("r1", 2.0, 16), ("lecam", 0.3, 1)]
    assert penalties_of({}) == []


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf, -math.inf])
def test_senseless_weights_refuse(weight: float) -> None:
    with pytest.raises(SparringError, match="The weight of the penalty r1 is"):
        penalties_of({"r1": weight})


@pytest.mark.parametrize("every", [0, -3, 1.5])
def test_senseless_periods_refuse(every: Any) -> None:
    with pytest.raises(SparringError, match="to be added every"):
        penalties_of({"r1": 1.0}, {"r1": every})


@pytest.mark.parametrize("arguments", [({"lecamm": 1.0},), ({}, {"lecamm": 2})])
def test_an_unknown_penalty_offers_the_near_name(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(SparringError, match="did you mean 'lecam'"):
        penalties_of(*arguments)


def test_every_row_has_its_source_and_weight() -> None:
    for name, row in PENALTIES.items():
        assert row.name == name
        assert "arXiv" in row.source
        assert row.weight > 0
