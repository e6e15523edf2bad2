"""Metrics from nearest neighbours: precision and recall, density and coverage, nearness to the training pictures.

Distances are Euclidean between features. They are taken in float32 on centred features as |a|^2 + |b|^2 - 2 a.b, a
block of rows at a time. Where that cannot tell (neighbours in tight clumps, a pair within its rounding of a radius) it
is done over in float64, and what is compared at last comes from subtracting two rows: copies are at 0.

Intervals: a picture's own part (in the manifold or not) varies as a mean does; the part of the side that spans the
manifold is the delete-one jackknife of it with the radii kept, which is never too small on average (Efron & Stein
1981). That the radii themselves move is left out. Measured over repeated draws (150 pictures, K = 4) the std said is
at 0.8 .. 2.1 of the truth, the most for a recall near 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import SparringError
from ..seeds import seed_for
from .sides import Estimate, Side, check_resample, jackknife_std, pair_of_features

PRECISION_K = 3  # arXiv 1904.06991, section 3
DENSITY_K = 5  # arXiv 2002.09797, section 3.4

_CELLS = 1 << 24  # distances held at a time: 64 MB in float32
_SPARE = 4  # neighbours looked at beyond k, for float32 may have them in another order
_PAIRS = 8192  # pairs subtracted in float64 at a time
_DRAWS = 200  # resamples of `nearest`


class _Points:
    """The features of one side as given, and centred on the reals' mean for the products.

    Centring rounds, so what must be exact (a tie) comes from `exact`.
    """

    def __init__(self, x: Tensor, centre: Tensor) -> None:
        self.exact, self._centre = x.detach().to("cpu", torch.float64), centre
        centred = self.centred
        self.quick, self.squares = centred.float(), centred.square().sum(1)

    @property
    def centred(self) -> Tensor:
        """In float64; not kept, for it is seldom asked for.  # [N, K]"""
        return self.exact - self._centre

    def __len__(self) -> int:
        return len(self.exact)


def _points(x: Tensor, y: Tensor) -> tuple[_Points, _Points]:
    centre = y.detach().to("cpu", torch.float64).mean(0)
    return _Points(x, centre), _Points(y, centre)


def _squared(a: _Points, rows: slice | Tensor, b: _Points, quick: bool) -> tuple[Tensor, Tensor]:
    """(squared distances of some rows of a to all of b [rows, M], how far each row may be off [rows, 1]).

    Off by: K roundings in a random walk, times 4; float32 when `quick`, else float64.
    """
    x, y = (a.quick[rows], b.quick) if quick else (a.centred[rows], b.centred)
    of_x, of_y = a.squares[rows, None].to(x.dtype), b.squares.to(x.dtype)
    slack = (of_x + of_y.max()) * (4 * torch.finfo(x.dtype).eps * max(4.0, x.shape[1] ** 0.5))
    return torch.addmm(of_y, x, y.T, alpha=-2).add_(of_x), slack


def _blocks(n: int, m: int) -> Iterator[slice]:
    rows = max(1, _CELLS // m)
    for start in range(0, n, rows):
        yield slice(start, min(n, start + rows))


def _exact(a: _Points, rows: Tensor, b: _Points, columns: Tensor) -> Tensor:
    """Squared distances of pairs by subtraction.  # int64 [P], [P] -> float64 [P]"""
    return torch.cat(
        [
            (a.exact[i] - b.exact[j]).square().sum(1)
            for i, j in zip(rows.split(_PAIRS), columns.split(_PAIRS), strict=True)
        ]
    )


def _nearest(a: _Points, b: _Points, k: int) -> Tensor:
    """The squared distances of each row of a to its k nearest in b; a is b: itself left out.  # float64 [N, k]"""
    found = torch.empty(len(a), k, dtype=torch.float64)
    for block in _blocks(len(a), len(b)):
        rows = torch.arange(block.start, block.stop)
        found[block], unsure = _nearest_of(a, rows, b, k, quick=True)
        if bool(unsure.any()):
            found[rows[unsure]] = _nearest_of(a, rows[unsure], b, k, quick=False)[0]
    return found


def _nearest_of(a: _Points, rows: Tensor, b: _Points, k: int, quick: bool) -> tuple[Tensor, Tensor]:
    """(the same of some rows [rows, k], whether a nearer one may have been passed over [rows])."""
    squared, slack = _squared(a, rows, b, quick)
    wanted = min(len(b), k + _SPARE + (a is b))
    beyond, near = squared.topk(wanted, dim=1, largest=False)
    own = rows[:, None].expand_as(near)
    exact = _exact(a, own.reshape(-1), b, near.reshape(-1)).reshape(near.shape)
    if a is b:
        exact[own == near] = torch.inf  # a row that did not find itself found k copies of itself: 0 all the same
    nearest = exact.sort(dim=1).values[:, :k]
    return nearest, (beyond.max(1).values - slack[:, 0] < nearest[:, -1]) & (wanted < len(b))


def _radii(side: Side, points: _Points, k: int) -> Tensor:
    """The squared distance of each picture to its k-th nearest other of its side, worked out once.  # float64 [N]"""
    if "nearest" not in side.kept:
        side.kept["nearest"] = _nearest(points, points, min(DENSITY_K, len(points) - 1))
    return side.kept["nearest"][:, k - 1]


@dataclass(frozen=True)
class _Inside:
    """Which visitors lie in which balls, summed up.

    Attributes:
        balls: in how many balls each visitor lies, int64  # [visitors]
        visitors: how many visitors each ball holds, int64  # [balls]
        alone: to how many visitors each ball is the only one, int64  # [balls]
        caught_alone: of how many balls each visitor is the only one, int64  # [visitors]
    """

    balls: Tensor
    visitors: Tensor
    alone: Tensor
    caught_alone: Tensor


def _fakes_inside(fake: Side, real: Side, k: int, metric: str) -> _Inside:
    """Which fakes lie in which reals' balls to the k-th nearest; once for the metrics that ask for the same."""
    kept = fake.kept.get(("inside", k))
    if kept is None or kept[0] is not real:
        x, y = _points(*pair_of_features(fake, real, k + 1, metric))
        kept = fake.kept["inside", k] = real, _inside(x, y, _radii(real, y, k))
    return kept[1]


def _inside(visitors: _Points, centres: _Points, radii: Tensor) -> _Inside:
    """Who lies within (not beyond) which radius.  # squared radii float64 [centres]"""
    balls, held = torch.zeros(len(visitors), dtype=torch.int64), torch.zeros(len(centres), dtype=torch.int64)
    alone, last = torch.zeros_like(held), torch.zeros_like(held)
    for block in _blocks(len(visitors), len(centres)):
        within = _within(visitors, block, centres, radii)
        count, here = within.count_nonzero(1), within.count_nonzero(0)
        balls[block] = count
        held += here
        alone += torch.bincount(within[count == 1].nonzero(as_tuple=True)[1], minlength=len(centres))
        if bool((here == 1).any()):  # of a ball that holds one visitor in all, this is the one
            last[here == 1] = within[:, here == 1].to(torch.uint8).argmax(0) + block.start
    caught = torch.bincount(last[held == 1], minlength=len(visitors))
    return _Inside(balls, held, alone, caught)


def _within(visitors: _Points, block: slice, centres: _Points, radii: Tensor) -> Tensor:
    """bool [rows of the block, centres]"""
    for quick in (True, False):
        over, slack = _squared(visitors, block, centres, quick)
        bound = radii.to(over.dtype)
        within = over.sub_(bound) <= 0
        unsure = over.abs_() <= slack + bound * (4 * torch.finfo(over.dtype).eps)
        if int(unsure.count_nonzero()) <= unsure.numel() // 64:  # else one more product is less work than so many pairs
            break
    rows, columns = unsure.nonzero(as_tuple=True)
    if len(rows):
        within[rows, columns] = _exact(visitors, rows + block.start, centres, columns) <= radii[columns]
    return within


def _share(hits: Tensor, swing: Tensor, parts: tuple[bool, bool], names: dict[str, float]) -> Estimate:
    """The share of hits, with Wilson's interval (1927) at the n that has the variance found.

    Args:
        hits: per judged picture, bool.  # [N]
        swing: how many hits fall away with each picture of the other side.  # [M]
        parts: whether (the judged side, the other side) varies.
        names: the details so far.
    """
    p, (n, m) = float(hits.double().mean()), (len(hits), len(swing))
    variance = p * (1 - p) / n if parts[0] else 0.0
    if parts[1]:
        variance += (m - 1) * float((swing.double() / n).var(correction=0))
    if not any(parts):
        return Estimate(p, p, p, {**names, "std": 0.0})
    return Estimate.share(p, variance, n if parts[0] else m, names)


def _varies(judged: str, resample: str) -> tuple[bool, bool]:
    check_resample(resample)
    fakes, reals = resample != "none", resample == "both"
    return (fakes, reals) if judged == "fakes" else (reals, fakes)


def measure_precision(fake: Side, real: Side, *, seed: int = 0, resample: str = "both") -> Estimate:
    """Share of fakes in a ball around a real that reaches to its 3rd nearest other real (arXiv 1904.06991), in [0, 1].

    `seed` is not used.

    Raises:
        SparringError: features are missing, not finite, of different widths, or 3 or fewer on a side.
    """
    found = _fakes_inside(fake, real, PRECISION_K, "Precision")
    return _share(found.balls > 0, found.alone, _varies("fakes", resample), {"k": PRECISION_K})


def measure_recall(fake: Side, real: Side, *, seed: int = 0, resample: str = "both") -> Estimate:
    """Share of reals in a ball around a fake that reaches to its 3rd nearest other fake (arXiv 1904.06991), in [0, 1].

    `seed` is not used.

    Raises:
        SparringError: as for `measure_precision`.
    """
    x, y = _points(*pair_of_features(fake, real, PRECISION_K + 1, "Recall"))
    found = _inside(y, x, _radii(fake, x, PRECISION_K))
    return _share(found.balls > 0, found.alone, _varies("reals", resample), {"k": PRECISION_K})


def measure_density(fake: Side, real: Side, *, seed: int = 0, resample: str = "both") -> Estimate:
    """In how many of the reals' 5-neighbour balls a fake lies, over 5: about 1 for reals, may exceed 1 (2002.09797).

    `seed` is not used.

    Raises:
        SparringError: features are missing, not finite, of different widths, or 5 or fewer on a side.
    """
    found = _fakes_inside(fake, real, DENSITY_K, "Density")
    of_fakes = found.balls.double() / DENSITY_K
    of_reals = found.visitors.double() * (real.n / (DENSITY_K * fake.n))  # summed over reals, as the value is
    std = jackknife_std(of_fakes, of_reals, resample)
    return Estimate.around(float(of_fakes.mean()), std, {"k": DENSITY_K}, bounds=(0.0, float("inf")))


def measure_coverage(fake: Side, real: Side, *, seed: int = 0, resample: str = "both") -> Estimate:
    """Share of reals with a fake nearer than their 5th nearest other real (arXiv 2002.09797, equation 3), in [0, 1].

    Expected of an honest generator at equal N: 1 - 2^-5 = 0.97. `seed` is not used.

    Raises:
        SparringError: as for `measure_density`.
    """
    found = _fakes_inside(fake, real, DENSITY_K, "Coverage")
    return _share(found.visitors > 0, found.caught_alone, _varies("reals", resample), {"k": DENSITY_K})


def measure_nearest(fake: Side, real: Side, *, seed: int = 0, resample: str = "both") -> Estimate:
    """How near fakes are to reals: 1 = as far as reals are from one another, near 0 = copies of training pictures.

    The median over fakes of the distance to the nearest real, over the median over reals of the distance to the
    nearest other real. The interval is ± 1.96 std over 200 bootstraps of these distances.

    Details: `distance` and `reals_distance` are the two medians, in units of a feature; `share_nearer_than_reals` is
    the share of fakes nearer to a real than the 1 % quantile of the reals' distances, 0.01 of an honest generator.

    Raises:
        SparringError: features are missing, not finite, of different widths, no fake, fewer than 2 reals, or more
            than half of the reals equal to another real.
    """
    check_resample(resample)
    x, y = pair_of_features(fake, real, 1, "The nearest-real distance")
    pair_of_features(real, real, 2, "The nearest-real distance")
    fakes, reals = _points(x, y)
    near, own = _nearest(fakes, reals, 1)[:, 0].sqrt().numpy(), _radii(real, reals, 1).sqrt().numpy()
    distance, reals_distance = float(np.median(near)), float(np.median(own))
    if reals_distance == 0:
        raise SparringError(
            "Half of the reals have the same features as another real: there is no distance to compare with.",
            "reals that differ",
            "look for copies among your pictures.",
        )
    rng = np.random.default_rng(seed_for(seed, "nearest"))
    value, std = distance / reals_distance, 0.0
    if resample != "none":
        above = _medians(near, rng)
        below = _medians(own, rng) if resample == "both" else np.full(_DRAWS, reals_distance)
        std = float(np.std(above / np.where(below > 0, below, reals_distance), ddof=1))
    details = {
        "distance": distance,
        "reals_distance": reals_distance,
        "share_nearer_than_reals": float((near < np.quantile(own, 0.01)).mean()),
    }
    return Estimate.around(value, std, details, bounds=(0.0, float("inf")))


def _medians(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.array([np.median(values[rng.integers(0, len(values), len(values))]) for _ in range(_DRAWS)])
