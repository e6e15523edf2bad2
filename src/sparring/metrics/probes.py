"""Linear probes: what features tell of conditions. Logistic and ridge regression on scaled features, deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_ITERATIONS = 200  # of L-BFGS at most
_CONSTANT = 1e-6  # a feature that varies by less than this part of its size is rounding, and would be blown up


@dataclass(frozen=True)
class Scaler:
    """Brings features to mean 0 and standard deviation 1; those that do not vary to 0.

    Attributes:
        mean: float64  # [K]
        std: infinite where a feature does not vary, float64  # [K]
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, features: Tensor) -> Scaler:
        """Returns the scaler of features, at least 2 rows.  # [N, K]"""
        x = features.detach().to("cpu", torch.float64)
        std = x.std(0, correction=0)
        varies = std > _CONSTANT * x.abs().max(0).values
        return cls(x.mean(0), std.where(varies, torch.inf))

    def __call__(self, features: Tensor) -> Tensor:
        """Returns them scaled, float64  # [N, K]."""
        return (features.detach().to("cpu", torch.float64) - self.mean) / self.std


@dataclass(frozen=True)
class Linear:
    """A fitted probe.

    Attributes:
        scaler: of the features.
        weight: float64  # [outputs, K]
        bias: float64  # [outputs]
        strength: of the penalty.
    """

    scaler: Scaler
    weight: Tensor
    bias: Tensor
    strength: float

    def __call__(self, features: Tensor) -> Tensor:
        """Returns logits or predicted targets, float64  # [N, K] -> [N, outputs]."""
        return self.scaler(features) @ self.weight.T + self.bias


def fit_classifier(x: Tensor, labels: Tensor, classes: int, strength: float, start: Linear | None = None) -> Linear:
    """Multinomial logistic regression: (1/n) sum_i w_i CE(x_i, y_i) + strength / 2 |W|^2 by L-BFGS.

    Each class weighs the same however many pictures it has: w_i = n / (classes n_of_its_class). scikit-learn's C is
    1 / (n strength). In float32, in which 1,600 pictures of 1,280 features and 10 classes take 0.3 s.

    Args:
        x: features  # [N, K]
        labels: in [0, classes), each at least once, int64  # [N]
        classes: how many.
        strength: of the penalty.
        start: a fit to begin with, of a larger strength or of nearly the same pictures.
    """
    with torch.inference_mode(False), torch.enable_grad():
        scaler = Scaler.of(x)
        scaled, weights = scaler(x).float(), balanced(labels, classes).float()
        W = torch.zeros(classes, x.shape[1]) if start is None else start.weight.float().clone()
        b = torch.zeros(classes) if start is None else start.bias.float().clone()
        parameters = [W.requires_grad_(), b.requires_grad_()]
        optimizer = torch.optim.LBFGS(
            parameters,
            max_iter=_ITERATIONS,
            tolerance_grad=1e-4,  # a hundredth of that takes a third longer, and changes the weights by 1 in 2,000
            tolerance_change=1e-7,
            history_size=10,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = (weights * F.cross_entropy(scaled @ W.T + b, labels, reduction="none")).mean()
            loss = loss + strength / 2 * W.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)
    return Linear(scaler, W.detach().double(), b.detach().double(), strength)


def balanced(labels: Tensor, classes: int) -> Tensor:
    """Returns a weight for each picture that makes classes equal, n / (classes n_of_its_class).  # float64 [N]"""
    counts = torch.bincount(labels, minlength=classes).double()
    return (len(labels) / (classes * counts))[labels]


def fit_regressors(x: Tensor, targets: Tensor, strengths: Sequence[float]) -> list[Linear]:
    """Ridge regression with an intercept: |X W + b - Y|^2 + n strength |W|^2, for each strength. Float64 throughout.

    One eigendecomposition, of X'X or XX', whichever is smaller, serves them all. scikit-learn's alpha is n strength.

    Args:
        x: features  # [N, K]
        targets: float64  # [N, size]
        strengths: above 0.
    """
    scaler, bias = Scaler.of(x), targets.mean(0)
    x, y = scaler(x), targets - bias
    wide = x.shape[1] > len(x)
    values, vectors = torch.linalg.eigh(x @ x.T if wide else x.T @ x)
    values = values.clamp(min=0)[:, None]  # rounding takes those of 0 below it
    left, right = (x.T @ vectors, vectors.T @ y) if wide else (vectors, vectors.T @ (x.T @ y))
    return [Linear(scaler, (left @ (right / (values + len(x) * s))).T, bias, s) for s in strengths]
