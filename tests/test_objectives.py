"""Losses against values worked out by hand, and their gradients by finite differences."""

from __future__ import annotations

import math

import pytest
import torch

from sparring.errors import SparringError
from sparring.objectives import OBJECTIVES, objective_named


def test_non_saturating_at_equilibrium_is_ln_2_a_term() -> None:
    objective = objective_named("non-saturating")
    terms = objective.d_terms(torch.zeros(5), torch.zeros(5))
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {"real": math.log(2), "fake": math.log(2)}
    )
    assert objective.g_loss(torch.zeros(5), None).item() == pytest.approx(math.log(2))


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


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_by_finite_differences(name: str) -> None:
    objective = OBJECTIVES[name]
    logits = torch.randn(6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: objective.g_loss(x[:3], x[3:]), logits)
    assert torch.autograd.gradcheck(lambda x: torch.stack(list(objective.d_terms(x[:3], x[3:]).values())).sum(), logits)


def test_far_logits_keep_their_gradient() -> None:
    """Behind a sigmoid the gradient of a logit of -45 is gone in fp32 (a run in which Loss_G stood at 45)."""
    logit = torch.tensor([-45.0], requires_grad=True)
    objective_named("non-saturating").g_loss(logit, None).backward()
    assert logit.grad is not None
    assert logit.grad.item() == pytest.approx(-1.0)


def test_unknown_loss_offers_the_near_name() -> None:
    with pytest.raises(SparringError, match="did you mean 'non-saturating'"):
        objective_named("nonsaturating")
