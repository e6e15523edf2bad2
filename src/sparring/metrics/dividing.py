"""Which reals serve for what where obedience is measured.

Probes are learnt from the pictures that the generator was not trained on, and from them alone. Were they learnt from
its training pictures, copies of these would be recognised better than any new picture: of emoji with their names as
conditions whoever draws the training picture with the most similar name had 0.67, and held-out reals 0.35. So it is
0.19 and 0.21.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..conditions import Shape
from ..errors import SparringError
from ..seeds import seed_for
from .sides import Side

FOLDS = 5  # a probe is learnt from all but one of them, and judges that one
FEWEST = 20  # pictures to learn from in all
FEWEST_NEW = 10  # conditions that are new
WHOLE = 50  # conditions: with so many, folds are of whole conditions, else of pictures
MOST = 5_000  # pictures to learn from

_NAMED = 5  # classes that a note names


@dataclass(frozen=True)
class Division:
    """The reals' places by what they serve for, each part in random order, and the number of each one's condition.

    Attributes:
        held: pictures that the generator was not trained on; half of all where there are none  # int64 [H]
        folds: of each of them, in 0 .. FOLDS-1  # int64 [H]
        others: pictures that it was trained on  # int64 [O]
        judged: numbers of the conditions in `held` that obedience is of, ascending  # int64 [C]
        training: numbers of the other conditions in `others`, ascending; none of classes  # int64 [T]
        fold_of: the fold of each condition, -1 where its pictures are in several  # int64 [conditions]
        numbers: of every real's condition: the class, or its place among the different ones  # int64 [N]
        known: digest of a condition -> its number; of classes nothing.
        notes: sentences on what was decided.
    """

    held: Tensor
    folds: Tensor
    others: Tensor
    judged: Tensor
    training: Tensor
    fold_of: Tensor
    numbers: Tensor
    known: dict[bytes, int] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()

    def numbers_of(self, conditions: Tensor) -> Tensor:
        """Returns the numbers of conditions, -1 for one that no real has.  # int64 [N]"""
        if conditions.ndim == 1:
            return conditions.where((conditions >= 0) & (conditions < len(self.fold_of)), -1)
        return torch.tensor([self.known.get(row, -1) for row in _rows(conditions)], dtype=torch.int64)


def divided(real: Side) -> Division:
    """Divides the reals; a function of their conditions and of what was held out alone, worked out once.

    Raises:
        SparringError: where conditions are not known, or there are too few pictures or conditions.
    """
    if "division" not in real.kept:
        real.kept["division"] = divide(real.shape, real.part("conditions"), real.part("held_out"), real.new)
    return real.kept["division"]


def divide(shape: Shape | None, conditions: Tensor, held_out: Tensor, new: Tensor | None = None) -> Division:
    """Divides reals by their conditions. Raises SparringError as `divided`.

    Args:
        shape: what the conditions are.
        conditions: int64 [N] of classes, else float32 [N, size].
        held_out: whether each was kept from the generator's training, bool  # [N]
        new: whether no training picture has its condition, bool; None: the training pictures are all here  # [N]
    """
    if shape is None:
        raise SparringError("It is not known what the conditions of the reals are.", "class, text or vector")
    order = _order(len(held_out))
    held, others, notes = order[held_out[order]][:MOST], order[~held_out[order]], []
    if len(held) == 0:
        held, others = others[: len(others) // 2], others[len(others) // 2 :]
        notes.append(
            "No picture was held out: obedience is judged by half of the training pictures, so copies of them score "
            "better than they should."
        )
    if len(held) < FEWEST:
        raise SparringError(
            f"Obedience cannot be learnt from {len(held)} held-out pictures with conditions.",
            f"{FEWEST} or more",
            "hold more pictures out (--held-out), or use more pictures.",
        )
    if shape.kind == "class":
        return _by_class(shape, conditions, held, others, notes)
    return _by_condition(conditions, held, others, new, notes)


def _by_class(shape: Shape, labels: Tensor, held: Tensor, others: Tensor, notes: list[str]) -> Division:
    counts = torch.bincount(labels[held], minlength=shape.size)
    judged = (counts >= FOLDS).nonzero().flatten()
    if len(judged) < 2:
        raise SparringError(
            f"{len(judged)} of {shape.size} classes have {FOLDS} held-out pictures.",
            "2 classes or more, to tell apart",
            "hold more pictures out (--held-out), or use more pictures of each class.",
        )
    if len(judged) < shape.size:
        few = [shape.names[i] if shape.names else str(i) for i in (counts < FOLDS).nonzero().flatten().tolist()]
        notes.append(f"Left out, with fewer than {FOLDS} held-out pictures: {_listed(few)}.")
    held = held[torch.isin(labels[held], judged)]
    folds = torch.empty_like(held)
    for label in judged:  # every class in every fold
        of_class = labels[held] == label
        folds[of_class] = torch.arange(int(of_class.sum())) % FOLDS
    nothing = torch.zeros(0, dtype=torch.int64)
    return Division(
        held, folds, others, judged, nothing, torch.full((shape.size,), -1), labels, notes=tuple(notes)
    )  # fmt: skip


def _by_condition(conditions: Tensor, held: Tensor, others: Tensor, new: Tensor | None, notes: list[str]) -> Division:
    known: dict[bytes, int] = {}
    numbers = torch.tensor([known.setdefault(row, len(known)) for row in _rows(conditions)], dtype=torch.int64)
    of_held, of_others = numbers[held].unique(), numbers[others].unique()
    if len(of_held) < 2:
        raise SparringError(
            "All of these pictures have one and the same condition.", "two conditions or more", "measure without it."
        )
    judged = of_held[~torch.isin(of_held, of_others)] if new is None else numbers[held[new[held]]].unique()
    if len(judged) < FEWEST_NEW:
        notes.append(
            f"Of the conditions of held-out pictures {len(judged)} are new: obedience is to all of them, and most the "
            "generator was trained on."
        )
        judged = of_held
    fold_of = torch.full((len(known),), -1)
    if len(of_held) >= WHOLE:  # else a picture of the same condition would give the answer
        fold_of[of_held[_order(len(of_held))]] = torch.arange(len(of_held)) % FOLDS
        folds = fold_of[numbers[held]]
    else:
        folds = torch.arange(len(held)) % FOLDS
    training = of_others[~torch.isin(of_others, of_held)]
    return Division(held, folds, others, judged, training, fold_of, numbers, known, tuple(notes))


def asked_for(division: Division, conditions: Tensor, n: int, each: int, seed: int) -> Tensor:
    """Chooses what to ask n fakes for, so that obedience and diversity can be told: conditions of held-out pictures.

    Of classes that of one held-out picture after the other, in their own shares, again and again. Of texts and vectors
    as many different ones as can be had `each` times, one after the other, again and again.

    Args:
        division: of the reals.
        conditions: of all reals, int64 [N] or float32 [N, size].
        n: fakes.
        each: fakes of a condition, 2 or more; of texts and vectors.
        seed: of the choice and the order.

    Returns int64 [n] or float32 [n, size].
    """
    if conditions.ndim == 1:
        places = division.held[_order(len(division.held), seed)]
    else:
        places = _first_places(division, division.judged, division.held)
        places = places[_order(len(places), seed)][: max(2, n // each)]
    return conditions[places[torch.arange(n) % len(places)]]


def asked_in_training(division: Division, conditions: Tensor, n: int, seed: int) -> Tensor:
    """Chooses at most n conditions that the generator was trained on, each once; of classes none.

    # float32 [at most n, size] or int64 [0]
    """
    places = _first_places(division, division.training, division.others)
    return conditions[places[_order(len(places), seed)][:n]]


def _first_places(division: Division, wanted: Tensor, among: Tensor) -> Tensor:
    """One place for each of some conditions.  # int64 [wanted], places [among] -> int64 [wanted]"""
    numbers, first = np.unique(division.numbers[among].numpy(), return_index=True)
    return among[torch.from_numpy(first[np.isin(numbers, wanted.numpy())])]


def not_among(conditions: Tensor, training: Tensor) -> Tensor:
    """Returns which conditions no training picture has; of classes too.  # [N, ...], [M, ...] -> bool [N]"""
    if conditions.ndim == 1:
        return ~torch.isin(conditions, training)
    known = set(_rows(training))
    return torch.tensor([row not in known for row in _rows(conditions)], dtype=torch.bool)


def _rows(conditions: Tensor) -> list[bytes]:
    """Equal bytes for equal conditions: -0 is made 0."""
    rows = (conditions.to("cpu", torch.float32) + 0.0).numpy()
    return [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]


def _order(n: int, seed: int = 0) -> Tensor:
    rng = np.random.Generator(np.random.Philox(seed_for(seed, "obedience")))
    return torch.from_numpy(rng.permutation(n))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
