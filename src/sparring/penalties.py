"""What may be added to D's loss: one function a penalty, one row each in `PENALTIES`.

Every penalty takes what D's update has `Seen` and returns a scalar, averaged over the batch and unweighted; `Active`
applies the weight and says when it is due. Nothing is computed for a penalty that is not due, and none runs D again on
pictures whose logits are there already.

Where D gives a map of logits, a picture's score D(x) is the mean of its map, as a loss averages over the map too.
In a D with batch norm a picture's gradient contains what it does to the scores of its batch; the papers leave batch
norm out of D.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import SparringError, did_you_mean
from .objectives import Objective, Verdict


@dataclass(frozen=True)
class Seen:
    """What D's update has at hand.

    Attributes:
        judge: pictures [N, ...], and a condition other than theirs if any -> D's verdict, whose logits are [N], or
            [N * k] of maps, one picture after the other; whatever D does to pictures (augmentation) is inside, so
            gradients are taken at the picture before it.
        real: real pictures, in [-1, 1]; from `prepared`, before `real_logits` were computed.  # [N, ...]
        fake: fakes, without G's graph; likewise from `prepared`.  # [N, ...]
        on_real: judge(real).
        on_fake: judge(fake).
        condition: of both, the i-th of the i-th real and the i-th fake; None where there is none.  # [N, ...]
        objective: what D minimises.
    """

    judge: Callable[..., Verdict]
    real: Tensor
    fake: Tensor
    on_real: Verdict
    on_fake: Verdict
    condition: Tensor | None
    objective: Objective

    @property
    def real_logits(self) -> Tensor:
        """D's logits of the reals.  # [N] or [N * k]"""
        return self.on_real.logits

    @property
    def fake_logits(self) -> Tensor:
        """D's logits of the fakes.  # [N] or [N * k]"""
        return self.on_fake.logits

    def discriminate(self, pictures: Tensor) -> Tensor:
        """D's logits of other pictures, with the same conditions.  # [N, ...] -> [N] or [N * k]"""
        return self.judge(pictures).logits


Compute = Callable[[Seen], Tensor]


@dataclass(frozen=True)
class Penalty:
    """A row of the table.

    Attributes:
        name: the word for `--set`.
        fresh: makes what computes the penalty, with a state of its own if it has one.
        weight: as published.
        source: paper and equation.
        gradient_at: "real", "fake": where it needs D's gradient by the picture, so `prepared` must come before D.
        reads_logits: "real", "fake": whose logits it uses.
    """

    name: str
    fresh: Callable[[], Compute]
    weight: float
    source: str
    gradient_at: tuple[str, ...] = ()
    reads_logits: tuple[str, ...] = ()


@dataclass
class Active:
    """A penalty of a running training.

    Lazy regularisation (StyleGAN2, arXiv 1912.04958, section 3.1): it is due in one of `every` updates of D and
    then counts `every` times, so that its mean pull stays the same.

    Attributes:
        name: a row of `PENALTIES`.
        weight: > 0; may change while training goes on.
        every: >= 1, in updates of D.
        row: the row itself.
        compute: its function, unweighted.
    """

    name: str
    weight: float
    every: int = 1
    row: Penalty = field(init=False, repr=False)
    compute: Compute = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.row = penalty_named(self.name)
        self.compute = self.row.fresh()

    def due(self, update: int) -> bool:
        """Whether D's update number `update` (from 0) adds it."""
        return update % self.every == 0

    def __call__(self, seen: Seen) -> Tensor:
        """What is added to D's loss when due: weight * every * penalty, a scalar with a graph to D's parameters."""
        return self.weight * self.every * self.compute(seen)

    def state_dict(self) -> dict[str, Tensor]:
        """What the penalty remembers between updates; empty for those that remember nothing."""
        return self.compute.state_dict() if isinstance(self.compute, LeCam) else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`. Raises SparringError for the state of another penalty."""
        if isinstance(self.compute, LeCam):
            self.compute.load_state_dict(state)
        elif state:
            raise SparringError(
                f"The penalty {self.name} remembers nothing, but a saved state has {', '.join(sorted(state))}.",
                "the state of the same penalty",
                "resume with the penalties of that run.",
            )


def prepared(pictures: Tensor, side: str, due: Sequence[Active]) -> Tensor:
    """Returns a side's pictures as D's update needs them: cut from G's graph, with a gradient only if one is needed.

    Args:
        pictures: real or fake.  # [N, ...]
        side: "real" or "fake".
        due: the penalties of this update.
    """
    return pictures.detach().requires_grad_(any(side in penalty.row.gradient_at for penalty in due))


def r1(seen: Seen) -> Tensor:
    """1/2 E |grad D(x)|^2 at reals, summed over all values of a picture: how steep D is on the data."""
    return _half_squared_gradient(seen.real_logits, seen.real)


def r2(seen: Seen) -> Tensor:
    """1/2 E |grad D(G(z))|^2 at fakes."""
    return _half_squared_gradient(seen.fake_logits, seen.fake)


def gp(seen: Seen) -> Tensor:
    """E (|grad D(x^)| - 1)^2 at x^ = a x + (1 - a) G(z), a ~ U[0, 1) for each pair: D's slope shall be 1 between both.

    Two-sided, as published; one more pass of D.
    """
    a = torch.rand(_one_each(seen.real), dtype=seen.real.dtype, device=seen.real.device)
    return _slope_off_one(seen.discriminate, torch.lerp(seen.fake.detach(), seen.real.detach(), a))


def dragan(seen: Seen) -> Tensor:
    """E (|grad D(x + n)| - 1)^2, n = .5 s u: D's slope shall be 1 around the data. One more pass of D.

    s is the standard deviation of all values of the batch (one number, population formula), u ~ U[0, 1) for each value.
    The perturbed picture itself is taken, as the paper writes it; code in use often takes a random point on the line
    between x and x + n instead.
    """
    real = seen.real.detach()
    return _slope_off_one(seen.discriminate, real + 0.5 * real.std(correction=0) * torch.rand_like(real))


def bcr(seen: Seen) -> Tensor:
    """E (D(x) - D(T(x)))^2 on reals + the same on fakes, T = `flipped_and_shifted`: D shall not care. Two more passes.

    Real and fake go through D apart, as in the update itself, so that a batch norm sees no mixture.
    """
    return _inconsistency(seen.discriminate, seen.real, seen.real_logits) + _inconsistency(
        seen.discriminate, seen.fake, seen.fake_logits
    )


def mismatch(seen: Seen) -> Tensor:
    """D's loss on real pictures with another picture's condition, as if they were fakes: the third kind of fake.

    The matching-aware discriminator of GAN-CLS (arXiv 1605.05396, algorithm 1): without it D need not look whether a
    picture is what its caption says. The wrong condition is the one of the picture before it in the batch; pictures
    for which that is the same one are left out. One more pass of D. In a relativistic loss the real picture stands
    against itself with the wrong condition.

    Raises SparringError where there is no condition.
    """
    if seen.condition is None:
        raise SparringError(
            "The penalty mismatch shows D real pictures with wrong conditions, and there is no condition.",
            "a conditional training",
            "--condition text, or leave mismatch out.",
        )
    wrong = seen.condition.roll(1, 0)
    n = len(wrong)
    differs = (wrong != seen.condition).reshape(n, -1).any(1)
    logits = seen.judge(seen.real.detach(), wrong).logits.reshape(n, -1)[differs].flatten()
    if not len(logits):
        return logits.sum()  # 0, with a graph
    terms = seen.objective.d_terms(seen.real_logits.reshape(n, -1)[differs].flatten(), logits)
    return torch.stack([term for name, term in terms.items() if name != "real" or seen.objective.pairs_real]).sum()


class LeCam:
    """E max(0, D(x) - a_F)^2 + E max(0, a_R - D(G(z)))^2: D's answers shall not leave their own past.

    a_R and a_F are moving averages of D(x) and D(G(z)) (decay .99). They begin as the means of the first batch, so the
    penalty acts from the first update (the published BigGAN code waits for 1,000); each time the batch at hand is
    taken in first. If lazy, they move only when due. In a map each logit counts for itself.
    """

    decay = 0.99  # of the published code

    def __init__(self) -> None:
        self.averages: Tensor | None = None  # [2]: a_R, a_F, on the device of the logits

    def __call__(self, seen: Seen) -> Tensor:
        """Moves the averages and returns the penalty against them, a scalar."""
        means = torch.stack([seen.real_logits.detach().mean(), seen.fake_logits.detach().mean()])
        self.averages = means if self.averages is None else torch.lerp(means, self.averages.to(means), self.decay)
        real_average, fake_average = self.averages
        above = F.relu(seen.real_logits - fake_average).square().mean()
        return above + F.relu(real_average - seen.fake_logits).square().mean()

    def state_dict(self) -> dict[str, Tensor]:
        """Both averages in one tensor [2] (real, fake); empty before the first call."""
        return {} if self.averages is None else {"averages": self.averages.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`; the next call moves them to the device of the logits."""
        averages = state.get("averages")
        if state.keys() - {"averages"} or (state and not (isinstance(averages, Tensor) and averages.shape == (2,))):
            raise SparringError(
                "The saved state of the penalty lecam does not fit.",
                "two averages, of D's answers to reals and to fakes",
                "resume with the penalties of that run.",
            )
        self.averages = None if averages is None else averages.clone()


def flipped_and_shifted(pictures: Tensor) -> Tensor:
    """Mirrors each picture with probability 1/2 and moves it by up to 1/8 of its height and width, in whole pixels.

    What is moved in from outside is the picture mirrored at its edge (reflect padding, the edge itself not repeated):
    zeros would be a grey bar that tells D which picture was moved.

    Args:
        pictures: any values.  # [N, C, H, W]

    Returns the changed pictures.  # [N, C, H, W]. Raises SparringError for other shapes.
    """
    if pictures.dim() != 4:
        raise SparringError(
            f"The penalty bcr mirrors and moves pictures, and these are of shape {list(pictures.shape)}.",
            "pictures [N, channels, height, width]",
            "leave bcr out (weight 0).",
        )
    n, _, height, width = pictures.shape
    device = pictures.device
    rows = torch.arange(height, device=device) + _shifts(n, height, device)  # [N, H]
    columns = torch.arange(width, device=device) + _shifts(n, width, device)  # [N, W]
    mirror = torch.rand(n, 1, device=device) < 0.5
    columns = torch.where(mirror, width - 1 - columns, columns)
    rows, columns = _reflected(rows, height), _reflected(columns, width)
    which = torch.arange(n, device=device)[:, None, None]
    # Channels last, so that one look-up fetches a whole pixel.
    return pictures.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _inconsistency(discriminate: Callable[[Tensor], Tensor], pictures: Tensor, logits: Tensor) -> Tensor:
    n = len(pictures)
    changed = discriminate(flipped_and_shifted(pictures.detach()))
    return (_scores(logits, n) - _scores(changed, n)).square().mean()


def _shifts(n: int, size: int, device: torch.device) -> Tensor:
    return torch.randint(-(size // 8), size // 8 + 1, (n, 1), device=device)


def _reflected(positions: Tensor, size: int) -> Tensor:
    """Positions beyond an edge, mirrored at it: -1 -> 1, size -> size - 2."""
    return (size - 1) - ((size - 1) - positions.abs()).abs()


def _one_each(pictures: Tensor) -> tuple[int, ...]:
    """The shape of one number a picture that broadcasts over it: [N, 1, ...]."""
    return (len(pictures),) + (1,) * (pictures.dim() - 1)


def _scores(logits: Tensor, n: int) -> Tensor:
    """One score a picture: the mean of its map.  # [N * k] -> [N]"""
    return logits.reshape(n, -1).mean(1)


def _gradient(logits: Tensor, pictures: Tensor) -> Tensor:
    """The gradient of each picture's score by the picture, which D's parameters can learn from.  # [N, ...]"""
    per_picture = logits.numel() // len(pictures)
    (gradient,) = torch.autograd.grad(logits.sum() / per_picture, pictures, create_graph=True, allow_unused=True)
    if gradient is None:
        raise SparringError(
            "D's answer has no gradient by the picture, and this penalty needs it.",
            "a discriminator that is differentiable by its input, and logits of the very pictures that were prepared",
            "look for detach() or no_grad() in the discriminator, or set the weight of the penalty to 0.",
        )
    return gradient


def _half_squared_gradient(logits: Tensor, pictures: Tensor) -> Tensor:
    return _gradient(logits, pictures).square().sum() / (2 * len(pictures))


def _slope_off_one(discriminate: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    points.requires_grad_(True)
    slopes = torch.linalg.vector_norm(_gradient(discriminate(points), points).flatten(1), dim=1)  # [N]
    return (slopes - 1).square().mean()


PENALTIES: dict[str, Penalty] = {
    penalty.name: penalty
    for penalty in (
        Penalty("r1", lambda: r1, 10.0, "arXiv 1801.04406, section 4.1 (gamma)", ("real",), ("real",)),
        Penalty("r2", lambda: r2, 10.0, "arXiv 1801.04406, section 4.1 (gamma)", ("fake",), ("fake",)),
        Penalty("gp", lambda: gp, 10.0, "arXiv 1704.00028, equation 3"),
        Penalty("dragan", lambda: dragan, 10.0, "arXiv 1705.07215"),
        Penalty("mismatch", lambda: mismatch, 0.5, "arXiv 1605.05396, algorithm 1", reads_logits=("real",)),
        Penalty("bcr", lambda: bcr, 10.0, "arXiv 2002.04724, algorithm 1", reads_logits=("real", "fake")),
        Penalty(
            "lecam",
            LeCam,
            0.3,  # of the published code for BigGAN on CIFAR; for StyleGAN2 it has 3e-7: it depends on D's scale
            "arXiv 2104.03310",
            reads_logits=("real", "fake"),
        ),
    )
}


def penalty_named(name: str) -> Penalty:
    """Returns a row of the table. Raises SparringError with the near name."""
    if name not in PENALTIES:
        raise SparringError(f"There is no penalty {name!r}.", did_you_mean(name, PENALTIES))
    return PENALTIES[name]


def penalties_of(weights: Mapping[str, float], every: Mapping[str, int] | None = None) -> list[Active]:
    """Returns the penalties of a recipe, in the order of the table; those of weight 0 are left out.

    Args:
        weights: name -> weight, >= 0.
        every: name -> in one of how many updates of D it is due, >= 1; 1 where nothing is said.

    Raises:
        SparringError: an unknown name, a weight that is negative or not finite, a period below 1 or not whole.
    """
    every = every or {}
    for name in (*weights, *every):
        penalty_named(name)
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise SparringError(
                f"The weight of the penalty {name} is {weight!r}.",
                f"0 (off) or a positive number, such as {PENALTIES[name].weight:g} as published",
            )
    for name, period in every.items():
        if not isinstance(period, int) or period < 1:
            raise SparringError(
                f"The penalty {name} is to be added every {period!r} updates.", "a whole number from 1", "1 is always."
            )
    return [Active(name, float(weights[name]), every.get(name, 1)) for name in PENALTIES if weights.get(name)]
