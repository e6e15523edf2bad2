"""The trace of the root of a product of covariances: the hard part of a Fréchet distance."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor

SURE = 1e-8  # the relative error that square roots of eigenvalues may carry before singular values are asked

_EPS = torch.finfo(torch.float64).eps
_PIVOT = 1e-11  # a Cholesky pivot below this share of its variance is mostly rounding: K eps = 5e-13 at K = 2048


def trace_of_root(s1: Tensor, s2: Tensor) -> float:
    """tr (S1 S2)^(1/2) of two covariances, without a matrix square root.

    With S1 = F1 F1' and S2 = F2 F2' it is the sum of the singular values of F1' F2. The quick way takes them as the
    roots of the eigenvalues of F1' S2 F1, F1 being a Cholesky factor. A root halves the digits of an eigenvalue near
    zero, so the error this may have made is bounded (each eigenvalue is off by about eps * the largest) and, where it
    could reach 1e-8 of the sum, the singular values themselves are computed. A matrix with no sound Cholesky factor
    is factored by its eigenvectors, less those that are rounding: the scale of the negative eigenvalues, which a
    covariance does not have, tells how large rounding is.

    Args:
        s1: symmetric and positive semidefinite, float64.  # [K, K]
        s2: likewise.  # [K, K]
    """
    lives = (s1.diagonal() > 0) & (s2.diagonal() > 0)  # a feature that never moves on one side adds exactly nothing
    if not bool(lives.any()):
        return 0.0
    if not bool(lives.all()):
        s1, s2 = s1[lives][:, lives], s2[lives][:, lives]
    f1 = cholesky(s1)
    if f1 is not None:
        total, error = sum_of_roots(_congruence(f1, s2))
        if error <= SURE * total:
            return total
    f1, f2 = (f1 if f1 is not None else _eigen_factor(s1)), cholesky(s2)
    return float(torch.linalg.svdvals(f1.T @ (f2 if f2 is not None else _eigen_factor(s2))).sum())


def cholesky(s: Tensor) -> Tensor | None:
    """The lower Cholesky factor, or None where its pivots are rounding. It is unharmed by features of other scales."""
    factor, info = torch.linalg.cholesky_ex(s)
    if int(info) or not bool((factor.diagonal() ** 2 > _PIVOT * s.diagonal()).all()):
        return None
    return factor


def _eigen_factor(s: Tensor) -> Tensor:
    """F [K, rank] with F F' = S, from the eigenvectors of the correlations."""
    scale = s.diagonal().sqrt()
    values, vectors = torch.linalg.eigh(s / torch.outer(scale, scale))
    rounding = max(-4 * float(values[0]), 16 * _EPS * float(values[-1]))
    kept = values > rounding
    return scale[:, None] * vectors[:, kept] * values[kept].sqrt()


def _congruence(lower: Tensor, s: Tensor) -> Tensor:
    """The lower triangle of L' S L, blockwise past the zeros: under half the work of two products."""
    k = len(s)
    edges = np.linspace(0, k, 5).astype(int).tolist() if k >= 256 else [0, k]
    out = torch.zeros_like(s)
    blocks = list(itertools.pairwise(edges))
    for a, b in blocks:
        right = s[:, a:] @ lower[a:, a:b]
        for c, d in blocks:
            if c >= a:
                out[c:d, a:b] = lower[c:, c:d].T @ right[c:]
    return out


def sum_of_roots(p: Tensor) -> tuple[float, float]:
    """(sum of the roots of the eigenvalues, a bound on its error) of a symmetric matrix's lower triangle."""
    values = np.linalg.eigvalsh(p.numpy(), UPLO="L").clip(min=0)  # a quarter quicker than torch's
    off = 8 * _EPS * values[-1]
    roots = np.sqrt(values)
    return float(roots.sum()), float(np.minimum(np.sqrt(off), off / (2 * roots + 1e-300)).sum())
