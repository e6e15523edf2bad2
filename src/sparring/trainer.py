"""The loop: draws, steps, and says what happened as events. It writes no file and knows no observer."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .data import ImageSource, open_data
from .errors import SparringError, did_you_mean
from .events import Event
from .findings import Action
from .game import Game
from .methods import USUAL_OF_OWN, Recipe, recipe_named
from .networks.calling import randomness, understand
from .networks.calling.probing import Probe
from .players import Players, paint
from .seeds import seed_for
from .signals import Movement, Window
from .stabilisers import prepare
from .step import train_step

# First signs of life come at these steps whatever the period; later ticks come at its multiples.
EARLY_TICKS, TICK_EVERY = (1, 2, 5), 10
# Actions that ask something of whoever keeps the run: they come back as events of the same kind.
_PASSED_ON = ("sample", "checkpoint", "keep")


@dataclass(frozen=True)
class Budget:
    """When to stop: whichever is reached first. `images` counts real ones, `epochs` passes over the data."""

    steps: int | None = None
    images: int | None = None
    epochs: float | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not 0 < value < math.inf:
                raise SparringError(f"--{name} is {value}.", "a number above 0")

    def __bool__(self) -> bool:
        return any(value is not None for value in vars(self).values())

    def last_step(self, images_a_step: int, pictures: int | None) -> int | None:
        """The step to stop after, or None where only the clock decides.

        Raises SparringError for epochs of data whose length nobody knows.
        """
        if self.epochs is not None and pictures is None:
            raise SparringError(
                f"--epochs is {self.epochs:g}, but the data do not say how many they are.",
                "--steps, --images or --minutes",
            )
        epochs_images = None if self.epochs is None or pictures is None else self.epochs * pictures
        counts = [-(-n // images_a_step) for n in (self.images, epochs_images) if n is not None]
        return min((int(n) for n in [self.steps, *counts] if n is not None), default=None)


class Trainer:
    """Trains a pair of networks; `for event in Trainer(G, D, data, recipe).run(steps=20_000): ...`.

    The networks are trained in place; `init` and the spectral norms of a recipe are applied to them in place as well.

    Args:
        generator: z, and a condition if the data have one -> pictures; how it is called is found out.
        discriminator: pictures, and a condition -> logits; likewise.
        data: anything that `sparring.data.open_data` takes, or what it gave.
        recipe: every number of the method, or its name; `precision` "auto" counts as fp32 here.
        size: side in px that files are resized to; None: as they are.
        seed: all that is random is a function of (seed, step, purpose).
        device: "auto", "cpu", "cuda", "mps".
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        data: ImageSource | Any,
        recipe: Recipe | str = USUAL_OF_OWN,
        *,
        size: int | None = None,
        seed: int = 0,
        device: Any = "auto",
    ) -> None:
        recipe = recipe_named(recipe)
        data = data if isinstance(data, ImageSource) else open_data(data, size_px=size)
        recipe = recipe.but(precision="fp32") if recipe.precision == "auto" else recipe
        shape = (data.channels, data.size_px, data.size_px)
        seen = understand(generator, discriminator, shape, recipe.latent, data.condition)
        generator, discriminator, z_shape = seen.generator, seen.discriminator, seen.z_shape
        self.game = Game.of(recipe)
        with randomness(seed_for(seed, "initialise"), torch.device("cpu")):
            prepare(generator, discriminator, recipe)
        self.players = Players(generator, discriminator, recipe, z_shape, device)
        self.data, self.seed = data, seed
        self.step = self.images = 0
        self._drawn = 0  # real pictures drawn so far: the place in the data's order
        self._window = Window()
        self.watches = True  # whether ticks tell how far steps move the weights
        self._tick_every = TICK_EVERY
        self._stop_reason = ""
        self._applied: list[Event] = []
        self._ticked = (time.monotonic(), 0)  # when the last tick was, and the images seen by then

    @property
    def recipe(self) -> Recipe:
        """The recipe as it now stands."""
        return self.players.recipe

    def run(
        self,
        budget: Budget | None = None,
        *,
        steps: int | None = None,
        images: int | None = None,
        epochs: float | None = None,
        minutes: float | None = None,
        periods: dict[str, int] | None = None,
    ) -> Iterator[Event]:
        """Trains on from where it stands and yields events; between two events the state is whole and may be saved.

        Args:
            budget: when to stop, counted from the run's beginning; or give one of the four words.
            steps: G updates.
            images: real images.
            epochs: passes over the data.
            minutes: of this call.
            periods: event kind -> steps; "tick" carries the signals, others only say that it is time. Default: a tick
                every 10 steps.
        """
        budget = budget or Budget(steps, images, epochs, minutes)
        if not budget:
            raise SparringError("The training has no end.", "one of steps, images, epochs or minutes")
        last = budget.last_step(self.recipe.images_a_step, self.data.n)
        deadline = time.monotonic() + 60 * budget.minutes if budget.minutes else None
        self._ticked = (time.monotonic(), self.images)
        periods = periods or {"tick": TICK_EVERY}
        self._tick_every = periods.get("tick", TICK_EVERY)
        while not self._is_over(last, deadline):
            self._one_step()
            yield from self._due(periods)
        if len(self._window):
            yield self._tick()
        yield from self._taken_up()
        reason, self._stop_reason = self._stop_reason, ""
        yield self._event("ended", reason=reason)

    def _is_over(self, last: int | None, deadline: float | None) -> bool:
        spent = (last is not None and self.step >= last) or (deadline is not None and time.monotonic() >= deadline)
        if spent and not self._stop_reason:
            self._stop_reason = "budget"
        return bool(self._stop_reason)

    def _due(self, periods: dict[str, int]) -> Iterator[Event]:
        """The events of this step; the tick first, so that what is saved after it has no signals left half gathered."""
        due = [kind for kind, every in periods.items() if self.step % every == 0]
        if due or self.step in EARLY_TICKS:
            yield self._tick()
        for kind in due:
            if kind != "tick":
                yield self._event(kind)
            # At once: the best is to be kept before the next thing of this step is done.
            yield from self._taken_up()
        yield from self._taken_up()
        if due:
            self._ticked = (time.monotonic(), self.images)  # what others did meanwhile is no part of the rate

    def _tick(self) -> Event:
        values, nonfinite = self._window.read()
        (then, seen), self._ticked = self._ticked, (time.monotonic(), self.images)
        rate = (self._ticked[1] - seen) / max(self._ticked[0] - then, 1e-9)
        return self._event("tick", **values, images_per_second=round(rate, 2), nonfinite=nonfinite, **self._epoch())

    def _taken_up(self) -> Iterator[Event]:
        taken_up, self._applied = self._applied, []  # what is asked for in answer to these waits for the next step
        yield from taken_up

    def _one_step(self) -> None:
        self.players.at(self.images)
        self.game.at(self.recipe, self.images)
        # Steps at which a tick is due are watched: one in ten is enough to see whether and how far weights move.
        watched = self.watches and (self.step + 1 in EARLY_TICKS or (self.step + 1) % self._tick_every == 0)
        movement = Movement(self.players) if watched else None
        with randomness(seed_for(self.seed, "step", self.step), self.players.device):
            seen = train_step(self.players, self.game, self._draw)
        self._window.add(seen if movement is None else seen | movement.signals())
        self.step += 1
        self.images += self.recipe.images_a_step
        self.game.augment.adapt(self.recipe.images_a_step)

    def _draw(self) -> tuple[Tensor, Tensor | None]:
        batch, condition = self.data.draw(self._drawn, self.recipe.batch, seed=self.seed, flip=self.recipe.flip)
        self._drawn += len(batch)
        device = self.players.device
        if condition is not None:
            condition = condition.to(device, non_blocking=True)
        return batch.to(device, non_blocking=True), condition

    def _epoch(self) -> dict[str, float]:
        return {"epoch": round(self.images / self.data.n, 3)} if self.data.n else {}

    def _event(self, kind: str, **values: Any) -> Event:
        return Event(kind, self.step, self.images, values)

    def apply(self, action: Action) -> None:
        """Takes up an action after the present step; that it was applied is an event of its own.

        Raises SparringError for an action that a running trainer cannot take.
        """
        if action.kind == "stop":
            if self._stop_reason:
                return  # it is stopping already, for the first reason given
            self._stop_reason = action.why or "asked"
        elif action.kind == "set":
            self._set(action.changes)
        elif action.kind not in _PASSED_ON:
            raise SparringError(
                f"There is no action {action.kind!r}.", did_you_mean(action.kind, ("stop", "set", *_PASSED_ON))
            )
        self._applied.append(self._event("applied", action=action.kind, changes=dict(action.changes), why=action.why))
        if action.kind in _PASSED_ON:
            self._applied.append(self._event(action.kind))

    def _set(self, changes: dict[str, float | str]) -> None:
        optimizers = {"d_lr": self.players.d_optimizer, "g_lr": self.players.g_optimizer}
        for name in changes:
            if name not in optimizers:
                raise SparringError(f"{name!r} cannot change while a run goes on.", did_you_mean(name, optimizers))
        self.players.recipe = self.recipe.but(**changes)
        for name in changes:
            for group in optimizers[name].param_groups:
                group["lr"] = getattr(self.recipe, name)

    def sample(self, n: int, seed: int, condition: Tensor | None = None, *, raw: bool = False) -> Tensor:
        """Pictures of the averaged generator; the i-th depends on (seed, i) and its condition alone.

        condition [n, ...] for a conditional pair; None for those of n real pictures. `raw`: of the generator itself.
        Returns uint8.  # [n, C, H, W]
        """
        players = self.players
        if condition is None:
            condition = self.data.draw(0, n, seed=seed, flip=False)[1] if self.data.condition is not None else None
        generator = players.generator if raw else players.average
        return paint(generator, n, seed, players.z_shape, players.device, condition=condition)

    def criticise(self, pictures: Tensor, condition: Tensor | None = None) -> Tensor:
        """What D says of pictures, as in a step: in batches of the recipe's, augmented; and nothing of D changes.

        Args:
            pictures: uint8  # [n, C, H, W]
            condition: of each, for a conditional pair  # [n, ...]

        Returns the logit of each (of a map of them the mean), float32 on the CPU  # [n]
        """
        batch, n, device = self.recipe.batch, len(pictures), self.players.device
        # The last batch is filled up with the first pictures: batch norms are to see as many as in training.
        order = torch.arange(-(-n // batch) * batch) % n

        def ask(_: nn.Module) -> Tensor:
            said = []
            for rows in order.split(batch):
                images = pictures[rows].to(device).float().div(127.5).sub(1)
                told = None if condition is None else condition[rows].to(device)
                logits = self.players.discriminate(self.game.augment(images), told).logits
                said.append(logits.view(len(rows), -1).mean(1).cpu())
            return torch.cat(said)[:n]

        return Probe(self.players.discriminator)(ask, training=True)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on: tensors and plain data, loadable with weights_only=True."""
        counts = {"step": self.step, "images": self.images, "drawn": self._drawn}
        rates = {"d_lr": self.recipe.d_lr, "g_lr": self.recipe.g_lr}
        return {
            "counts": counts,
            "rates": rates,
            "players": self.players.state_dict(),
            "game": self.game.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back (or on) to a saved state. Raises SparringError when it is of other networks."""
        self.players.load_state_dict(state["players"])
        self.game.load_state_dict(state["game"])
        self.players.recipe = self.recipe.but(**state["rates"])
        self.step, self.images, self._drawn = (int(state["counts"][name]) for name in ("step", "images", "drawn"))
        self._window = Window()
