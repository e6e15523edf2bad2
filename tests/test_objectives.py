"""Losses against values worked out by hand, NumPy, and finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sparring.errors import SparringError
from sparring.objectives import OBJECTIVES, objective_named, smoothed

LABELLED = ("non-saturating", "minimax", "least-squares")
PAIRING = ("relativistic", "relativistic-average")
SETTLED = ("non-saturating", "minimax", "least-squares", "relativistic", "relativistic-average")
LN2 = math.log(2)


def d_loss(name: str, real: Tensor, fake: Tensor) -> float:
    return sum(term.item() for term in objective_named(name).d_terms(real, fake).values())


def test_non_saturating_at_equilibrium_is_ln_2_a_term() -> None:
    objective = objective_named("non-saturating")
    terms = objective.d_terms(torch.zeros(5), torch.zeros(5))
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {"real": math.log(2), "fake": math.log(2)}
    )
    assert objective.g_loss(torch.zeros(5), None).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("name", "logit", "d", "g"),
    [
        ("non-saturating", 0.0, 2 * LN2, LN2),
        ("minimax", 0.0, 2 * LN2, -LN2),
        ("least-squares", 0.5, 0.25, 0.125),
        ("hinge", 0.0, 2.0, 0.0),
        ("wasserstein", 0.0, 0.0, 0.0),
        ("wasserstein", 7.0, 0.0, -7.0),
        ("relativistic", -3.0, LN2, LN2),
        ("relativistic-average", 4.0, LN2, LN2),
    ],
)
def test_where_d_cannot_tell(name: str, logit: float, d: float, g: float) -> None:
    same = torch.full((6,), logit)
    assert d_loss(name, same, same) == pytest.approx(d, abs=1e-6)
    assert objective_named(name).g_loss(same, same).item() == pytest.approx(g, abs=1e-6)


def test_non_saturating_by_hand() -> None:
    objective = objective_named("non-saturating")
    real, fake = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])
    sigmoid = [1 / (1 + math.exp(-x)) for x in (1.0, -2.0, 0.5, 3.0)]
    terms = objective.d_terms(real, fake)
    assert terms["real"].item() == pytest.approx(-(math.log(sigmoid[0]) + math.log(sigmoid[1])) / 2, rel=1e-6)
    assert terms["fake"].item() == pytest.approx(-(math.log(1 - sigmoid[2]) + math.log(1 - sigmoid[3])) / 2, rel=1e-6)
    assert objective.g_loss(fake, None).item() == pytest.approx(
        -(math.log(sigmoid[2]) + math.log(sigmoid[3])) / 2, rel=1e-6
    )


# By hand for r = (0, ln 3), f = (ln 3, 0), where softplus is ln 2, ln 4 and ln 4/3:
@pytest.mark.parametrize(
    ("name", "terms", "g"),
    [
        ("minimax", {"real": math.log(8 / 3) / 2, "fake": math.log(8) / 2}, -math.log(8) / 2),
        (
            "least-squares",
            {"real": (1 + (math.log(3) - 1) ** 2) / 4, "fake": math.log(3) ** 2 / 4},
            (1 + (math.log(3) - 1) ** 2) / 4,
        ),
        ("hinge", {"real": 0.5, "fake": (2 + math.log(3)) / 2}, -math.log(3) / 2),
        ("wasserstein", {"real": -math.log(3) / 2, "fake": math.log(3) / 2}, -math.log(3) / 2),
        # r - f = (-ln 3, ln 3)
        ("relativistic", {"pair": math.log(16 / 3) / 2}, math.log(16 / 3) / 2),
        # every logit stands at -+ ln 3 / 2 from the other's mean: softplus(+-ln sqrt 3) = ln(1 + 3^(+-1/2))
        (
            "relativistic-average",
            dict.fromkeys(("real", "fake"), math.log((1 + 3**0.5) * (1 + 3**-0.5)) / 4),
            math.log((1 + 3**0.5) * (1 + 3**-0.5)) / 2,
        ),
    ],
)
def test_by_hand(name: str, terms: dict[str, float], g: float) -> None:
    real, fake = torch.tensor([0.0, math.log(3)]), torch.tensor([math.log(3), 0.0])
    objective = objective_named(name)
    assert {key: term.item() for key, term in objective.d_terms(real, fake).items()} == pytest.approx(terms, rel=1e-5)
    assert objective.g_loss(fake, real).item() == pytest.approx(g, rel=1e-5)


def by_numpy(name: str, r: np.ndarray, f: np.ndarray) -> tuple[dict[str, float], float]:
    """The papers' formulas on probabilities, not on softplus."""

    def log_p(x: np.ndarray) -> np.ndarray:  # log of a sigmoid
        return -np.logaddexp(0, -x)

    r_mean, f_mean = r.mean(), f.mean()
    cross_entropy = {"real": -log_p(r).mean(), "fake": -log_p(-f).mean()}
    ra_g = -(log_p(f - r_mean).mean() + log_p(-(r - f_mean)).mean()) / 2
    ra_d = {"real": -log_p(r - f_mean).mean() / 2, "fake": -log_p(-(f - r_mean)).mean() / 2}
    return {
        "non-saturating": (cross_entropy, -log_p(f).mean()),
        "minimax": (cross_entropy, log_p(-f).mean()),
        "least-squares": ({"real": np.mean((r - 1) ** 2) / 2, "fake": np.mean(f**2) / 2}, np.mean((f - 1) ** 2) / 2),
        "hinge": ({"real": np.maximum(0, 1 - r).mean(), "fake": np.maximum(0, 1 + f).mean()}, -f_mean),
        "wasserstein": ({"real": -r_mean, "fake": f_mean}, -f_mean),
        "relativistic": ({"pair": -log_p(r - f).mean()}, -log_p(f - r).mean()),
        "relativistic-average": (ra_d, ra_g),
    }[name]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-60, 60), st.floats(-60, 60)), min_size=1, max_size=9))
def test_against_numpy(pairs: list[tuple[float, float]]) -> None:
    logits = np.array(pairs)
    real, fake = torch.tensor(logits[:, 0]), torch.tensor(logits[:, 1])
    for name, objective in OBJECTIVES.items():
        terms, g = by_numpy(name, logits[:, 0], logits[:, 1])
        found = {key: term.item() for key, term in objective.d_terms(real, fake).items()}
        assert found == pytest.approx(terms, rel=1e-9, abs=1e-12)
        assert objective.g_loss(fake, real).item() == pytest.approx(g, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_by_finite_differences(name: str) -> None:
    objective = OBJECTIVES[name]
    logits = torch.randn(6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: objective.g_loss(x[:3], x[3:]), logits)
    assert torch.autograd.gradcheck(lambda x: torch.stack(list(objective.d_terms(x[:3], x[3:]).values())).sum(), logits)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_d_wants_reals_up_and_fakes_down_and_g_the_opposite(name: str) -> None:
    """Nothing is beyond the hinge's margin here, so every gradient has a sign."""
    objective = OBJECTIVES[name]
    real, fake = torch.tensor([0.2, 0.6], requires_grad=True), torch.tensor([0.4, 0.3], requires_grad=True)
    by_real, by_fake = torch.autograd.grad(sum(objective.d_terms(real, fake).values()), (real, fake))
    assert (by_real < 0).all()
    assert (by_fake > 0).all()
    (by_fake,) = torch.autograd.grad(objective.g_loss(fake, real), fake)
    assert (by_fake < 0).all()


def test_far_logits_keep_their_gradient() -> None:
    """Behind a sigmoid the gradient of a logit of -45 is gone in fp32 (a run in which Loss_G stood at 45)."""
    logit = torch.tensor([-45.0], requires_grad=True)
    objective_named("non-saturating").g_loss(logit, None).backward()
    assert logit.grad is not None
    assert logit.grad.item() == pytest.approx(-1.0)


def test_minimax_saturates_where_non_saturating_does_not() -> None:
    logit = torch.tensor([-45.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(objective_named("minimax").g_loss(logit, None), logit)
    assert abs(gradient.item()) < 1e-19


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_boundary_is_missing_exactly_where_a_constant_changes_nothing(name: str) -> None:
    """D's accuracy is defined only where the loss pins D's logits down."""
    objective = OBJECTIVES[name]
    real, fake = torch.tensor([0.2, 0.6]), torch.tensor([-0.4, 0.3])
    unchanged = d_loss(name, real, fake) == pytest.approx(d_loss(name, real + 2, fake + 2), rel=1e-5)
    assert (objective.boundary is None) == unchanged
    assert objective.pairs_real == (name in PAIRING)


@pytest.mark.parametrize("name", [name for name in SETTLED if OBJECTIVES[name].boundary is not None])
def test_the_boundary_is_what_d_says_when_it_cannot_tell(name: str) -> None:
    objective = OBJECTIVES[name]
    logit = torch.tensor(objective.boundary, requires_grad=True)
    both = logit.expand(4)
    (gradient,) = torch.autograd.grad(sum(objective.d_terms(both, both).values()), logit)
    assert gradient.item() == pytest.approx(0, abs=1e-7)


def test_pairing_takes_the_ith_with_the_ith() -> None:
    real, fake = torch.tensor([5.0, -5.0]), torch.tensor([5.0, -5.0])
    assert d_loss("relativistic", real, fake) == pytest.approx(LN2)
    assert d_loss("relativistic", real, fake.flip(0)) > 5


def test_pairing_refuses_what_would_be_broadcast() -> None:
    with pytest.raises(SparringError, match="cannot be paired"):
        objective_named("relativistic").d_terms(torch.zeros(4), torch.zeros(1))


@pytest.mark.parametrize("name", PAIRING)
def test_pairing_needs_reals_for_g(name: str) -> None:
    with pytest.raises(SparringError, match="compares fakes with real pictures"):
        objective_named(name).g_loss(torch.zeros(4), None)


@pytest.mark.parametrize("name", LABELLED)
def test_labels_1_and_0_are_the_loss_itself(name: str) -> None:
    objective = objective_named(name)
    assert objective.labelled is not None
    real, fake = torch.linspace(-9, 9, 7), torch.linspace(-30, 4, 7)
    terms = objective.d_terms(real, fake)
    torch.testing.assert_close(objective.labelled(real, torch.ones(7)).mean(), terms["real"])
    torch.testing.assert_close(objective.labelled(fake, torch.zeros(7)).mean(), terms["fake"])
    assert objective.labelled(real, torch.ones(7)).shape == (7,)


@pytest.mark.parametrize("name", LABELLED)
def test_smoothing_moves_the_target_of_reals_only(name: str) -> None:
    real, fake = torch.tensor([1.5, -0.5], dtype=torch.float64), torch.tensor([0.3, -2.0], dtype=torch.float64)
    hard, soft = objective_named(name), smoothed(objective_named(name), 0.1, 0.0)
    r = real.numpy()
    if name == "least-squares":
        expected = np.mean((r - 0.9) ** 2) / 2
    else:
        expected = np.mean(0.9 * np.logaddexp(0, -r) + 0.1 * np.logaddexp(0, r))
    assert soft.d_terms(real, fake)["real"].item() == pytest.approx(expected)
    assert soft.d_terms(real, fake)["fake"].item() == pytest.approx(hard.d_terms(real, fake)["fake"].item())
    assert soft.g_loss(fake, None) == hard.g_loss(fake, None)
    assert (soft.name, soft.source, soft.boundary) == (hard.name, hard.source, hard.boundary)


def test_smoothing_stops_d_from_growing_ever_surer() -> None:
    """With target .9 the best logit of a real is ln 9, not infinity."""
    logit = torch.tensor([math.log(9)], dtype=torch.float64, requires_grad=True)
    loss = smoothed(objective_named("non-saturating"), smoothing=0.1).d_terms(logit, logit.detach())["real"]
    (gradient,) = torch.autograd.grad(loss, logit)
    assert gradient.item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", LABELLED)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_flipping_in_expectation(name: str, smoothing: float) -> None:
    """Over many pictures of one logit each term is the mixture (1 - p) L(own label) + p L(the other's label)."""
    torch.manual_seed(5)
    n, p, r, f = 200_000, 0.15, 0.7, -0.4
    objective = smoothed(objective_named(name), smoothing, p)
    terms = objective.d_terms(torch.full((n,), r, dtype=torch.float64), torch.full((n,), f, dtype=torch.float64))

    def loss(x: float, target: float) -> float:
        if name == "least-squares":
            return (x - target) ** 2 / 2
        return target * math.log1p(math.exp(-x)) + (1 - target) * math.log1p(math.exp(x))

    soft = 1 - smoothing
    for term, x, own, other in (("real", r, soft, 0.0), ("fake", f, 0.0, soft)):
        expected = (1 - p) * loss(x, own) + p * loss(x, other)
        sigma = abs(loss(x, own) - loss(x, other)) * math.sqrt(p * (1 - p) / n)
        assert abs(terms[term].item() - expected) < 5 * sigma


def test_flipping_draws_from_the_global_state_and_only_when_asked() -> None:
    logits = torch.linspace(-3, 3, 50)
    objective = smoothed(objective_named("non-saturating"), 0.0, 0.3)
    found = []
    for _ in range(2):
        torch.manual_seed(9)
        found.append([objective.d_terms(logits, logits)["real"].item() for _ in range(2)])
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]
    before = torch.get_rng_state()
    smoothed(objective_named("non-saturating"), 0.1, 0.0).d_terms(logits, logits)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_smoothing_is_the_loss_itself(name: str) -> None:
    assert smoothed(OBJECTIVES[name], 0.0, 0.0) is OBJECTIVES[name]


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name not in LABELLED])
@pytest.mark.parametrize("change", [{"smoothing": 0.1}, {"flip": 0.1}])
def test_losses_without_labels_refuse(name: str, change: dict[str, float]) -> None:
    with pytest.raises(SparringError, match=f"{name} has no labels") as caught:
        smoothed(OBJECTIVES[name], **change)
    assert all(labelled in caught.value.expected for labelled in LABELLED)


@pytest.mark.parametrize("value", [-0.1, 0.5, 1.0, math.nan, math.inf])
@pytest.mark.parametrize("which", ["smoothing", "flip"])
def test_numbers_out_of_range_refuse(which: str, value: float) -> None:
    with pytest.raises(SparringError, match=f"{which} is"):
        smoothed(objective_named("least-squares"), **{which: value})


def test_unknown_loss_offers_the_near_name() -> None:
    with pytest.raises(SparringError, match="did you mean 'non-saturating'"):
        objective_named("nonsaturating")
