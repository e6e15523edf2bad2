"""What was seen of the networks while they trained, as the facts that rules on wiring and setup judge by.

The same rules judge these facts as judge what `sparring check` finds, though fewer: those that need no more.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..facts import Data, Layer, Loss, Network, Output, Step, Told, Update, Wiring
from ..looking.bounds import Bounds
from .calls import Call, Calls
from .carried import Carried
from .slopes import Slope, slope_of

TIMES = 3  # measured iterations in a row that must show the same
_DEAF, _LEAST_ROWS = 6, 8  # measured iterations with one and the same condition, and rows of a batch
_RATES, _PART, _MOST_RATES = 5, 5, 4096  # rates that must be known; the last fifth counts
_SLOPES = 6  # calls of D, of the last twelve, whose loss must be known; all must agree
_INSIDE = 0.02  # of the width of G's range: so far may fakes leave it on their way to D
_ROLES = {"d": "discriminator", "g": "generator"}


class Seen:
    """Gathers measured iterations.

    Args:
        calls: that collects them.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.iterations = 0
        self._z: list[Tensor] | None = None
        self._same_z, self._z_std = 0, list[float]()
        # Iterations in a row in which all that was given but one tensor was constant, and what that was.
        self._same_row, self._rows = {"d": 0, "g": 0}, dict[str, list[Tensor]]()
        self._carried: dict[str, list[bool]] = {"d": [], "g": []}
        self._batch: list[int] = []
        self._slopes: dict[str, list[Slope | None]] = {"d": [], "g": []}
        self._penalised = 0
        self._data, self._fakes = _Range(), _Range()
        self._disturbed = False  # all that D is given in its own step leaves G's range: noise, or an augmentation
        self._made = _Range()  # by G in the first iterations
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.rates: dict[str, list[float]] = {"d": [], "g": []}  # from time to time
        self.held: dict[str, tuple[int, int]] = {}  # role -> parameters that somebody updates, of how many

    def take(self, calls: list[Call], distances: list[tuple[str, Tensor]]) -> None:
        """Takes an iteration: its calls, and what `Carried` measured in it. Waits for an accelerator."""
        for role, distance in distances:
            self._carried[role] = [*self._carried[role], Carried.means(float(distance))][-TIMES:]
        own = [call for call in calls if call.role == call.phase]
        if not own:
            return
        self.iterations += 1
        for role in _ROLES:
            mine = [call for call in own if call.role == role]
            if mine:
                self._shapes[role] = mine[-1].shape
                self._take_rows(role, mine)
                self._batch = [*self._batch, max(call.batch for call in mine)][-2 * TIMES :]
        self._disturbed |= self._all_outside([call for call in own if call.role == "d"])
        for call in calls:
            self._take_ends(call)
            self._penalised += call.penalised
            if call.role == "d" and call.phase and call.said is not None:
                self._take_slopes(call)
        self._take_latents([call for call in own if call.role == "g"])

    def _take_rows(self, role: str, calls: list[Call]) -> None:
        """One tensor of those given differs from row to row, z or the pictures: do all others stay alike?"""
        constant = []
        for call in calls:
            alike = [bool(each) for each in call.alike]
            one = len(alike) > 1 and call.batch >= _LEAST_ROWS and sum(alike) == len(alike) - 1
            constant.append([row.cpu() for row, same in zip(call.first, alike, strict=True) if same] if one else None)
        before = self._rows.get(role)
        same = all(rows is not None and _equal(rows, before or constant[0] or []) for rows in constant)
        self._same_row[role] = self._same_row[role] + 1 if same else 0
        self._rows[role] = constant[0] or []

    def _take_ends(self, call: Call) -> None:
        if call.ends is None:
            return
        low, high = (float(end) for end in call.ends.cpu())
        if call.role == "g":
            if self.iterations <= TIMES:
                self._made.add(low, high)
        elif call.is_fake:
            self._fakes.add(low, high)
        elif call.phase == "d":
            self._data.add(low, high)

    def _all_outside(self, calls: list[Call]) -> bool:
        ends = [(float(call.ends[0]), float(call.ends[1])) for call in calls if call.ends is not None]
        return bool(ends) and not any(self._reachable(*each) for each in ends)

    def _reachable(self, low: float, high: float) -> bool:
        """Whether G can make such numbers, or hardly others."""
        bounds = self._calls.bounds.get("g") or Bounds("", -math.inf, math.inf)
        width = bounds.most - bounds.least
        slack = _INSIDE * width if math.isfinite(width) else _INSIDE
        return low >= bounds.least - slack and high <= bounds.most + slack

    def _take_slopes(self, call: Call) -> None:
        assert call.said is not None
        said = call.said.double().cpu().numpy()
        gradient = np.sum([slope.double().cpu().numpy() for slope in call.slopes], 0) if call.slopes else None
        if gradient is None or gradient.shape != said.shape:
            return
        known = self._slopes[call.phase]
        known.append(slope_of(said, gradient))
        del known[: -2 * _SLOPES]

    def _take_latents(self, calls: list[Call]) -> None:
        given = next((call.given for call in reversed(calls) if call.given), None)
        if given is None:
            return
        given = [each.cpu() for each in given]
        if len(given[0]) > 1:
            self._z_std = [*self._z_std, max(float(z.float().std(0, correction=0).mean()) for z in given)][-TIMES:]
        before, self._z = self._z, given
        self._same_z = self._same_z + 1 if before is not None and _equal(before, given) else 0

    def take_rate(self, role: str, rate: float) -> None:
        """Takes a network's rate of Adam's or its kin, at times as far apart as those before."""
        rates = self.rates[role]
        rates.append(rate)
        if len(rates) >= _MOST_RATES:
            del rates[::2]

    # -- as facts --

    def facts(self, conditions: bool = False) -> dict[str, Any]:
        """What is known by now, by the names of `sparring.doctor.facts`; empty before enough was seen.

        Args:
            conditions: the user told that pictures are asked for by several conditions.
        """
        # Of rates the last part of the training: a schedule may begin or end with little.
        late = {f"{role}_lr": rates[-max(_RATES, len(rates) // _PART) :] for role, rates in self.rates.items()}
        rates = {name: max(each) for name, each in late.items() if len(each) >= _RATES}
        found: dict[str, Any] = {"rates": rates} if rates else {}
        if self.iterations < TIMES:
            return found
        networks = {role: self._network(role) for role in _ROLES if role in self._shapes}
        found |= {_ROLES[role]: network for role, network in networks.items()}
        found["networks"] = tuple(networks.values())
        found["step"] = step = self._step()
        found["wiring"] = Wiring(tuple(networks.values()), step=step)
        found["data"] = self._data_fact()
        found["loss"] = self._loss()
        deaf = [role for role in networks if self._same_row[role] >= _DEAF]
        if conditions and deaf:
            found["told"] = Told("class", 0.0, f"{_ROLES[deaf[-1]]}, what it is given")
        return {name: fact for name, fact in found.items() if fact is not None}

    def _network(self, role: str) -> Network:
        asleep = self._calls.asleep(role)
        layers = tuple(
            Layer(name, "", kind, calls=1, training=name not in asleep)
            for name, kind in self._calls.modes[role].items()
        )
        bounds = self._calls.bounds.get(role) or Bounds("", -math.inf, math.inf)
        low, high = (self._made.low, self._made.high) if role == "g" else (0.0, 0.0)
        output = Output(self._shapes[role], low, high, 0.0, 0.0, bounds.squash, bounds.least, bounds.most)
        return Network(_ROLES[role], "torch", "", layers, (), output)

    def _step(self) -> Step:
        updates = [
            Update(role, {}, (_ROLES[role],) if late else ())
            for role, carried in self._carried.items()
            for late in (carried if len(carried) == TIMES and all(carried) else [])
        ]
        return Step(
            updates=tuple(updates),
            holds={role: {_ROLES[role]: held, _ROLES["g" if role == "d" else "d"]: (0, 0)}
                   for role, held in self.held.items()},
            inference=tuple((_ROLES[role], name) for role in self._shapes for name in self._calls.asleep(role)),
            same_z=self._same_z >= TIMES - 1 if self._z is not None else None,
            z_std=max(self._z_std) if len(self._z_std) == TIMES else None,
            optimizers=2,
            of_user=len(self.held) == 2,
        )  # fmt: skip

    def _data_fact(self) -> Data | None:
        """What D was given that is not G's. Nothing where fakes leave G's range on their way: D is given more than
        the pictures then (noise, an augmentation).
        """
        low, high = self._data.low, self._data.high
        batch = max(self._batch) if self._batch and max(self._batch) > 1 else 0
        known = self._data.times >= 2 * TIMES and self._fakes.times >= TIMES and math.isfinite(high - low)
        known = known and not self._disturbed and self._reachable(self._fakes.low, self._fakes.high)
        low, high = (low, high) if known else (0.0, 0.0)
        return Data(self._shapes.get("d", ()), low, high, batch=batch, range_known=known)

    def _loss(self) -> Loss | None:
        families = Counter(slope.family for slope in self._slopes["d"] if slope is not None)
        known = sum(families.values())
        of_g = [slope for slope in self._slopes["g"] if slope is not None]
        saturating = len(of_g) >= TIMES and all(slope.saturating for slope in of_g)
        family, of = families.most_common(1)[0] if families else ("", 0)
        if families.keys() == {"hinge", "wasserstein"}:
            family, of = "hinge", known  # hinge is a straight line where all lies within its margin
        sure = of == known >= _SLOPES
        if not sure and not self._penalised and not saturating:
            return None
        return Loss(family if sure else "", saturating, self._penalised >= TIMES, guessed=not sure)


def _equal(some: list[Tensor], others: list[Tensor]) -> bool:
    """Whether they are the same numbers, and any at all."""
    return len(some) == len(others) > 0 and all(
        a.shape == b.shape and torch.equal(a, b) for a, b in zip(some, others, strict=True)
    )


class _Range:
    """Between what numbers lie, by now."""

    def __init__(self) -> None:
        self.low, self.high, self.times = math.inf, -math.inf, 0

    def add(self, low: float, high: float) -> None:
        if math.isfinite(low) and math.isfinite(high):
            self.low, self.high, self.times = min(self.low, low), max(self.high, high), self.times + 1
