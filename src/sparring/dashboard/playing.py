"""What is wished of a generator, checked; and the one thread in which generators are loaded and asked."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checkpoints import Store
from ..errors import SparringError
from ..folder import RunFolder

if TYPE_CHECKING:
    from .generating import Generating

DIRECTIONS = 6  # sliders
FURTHEST = 6.0  # of a slider; z itself is hardly ever beyond 4
_HELD = 2  # generators in memory
_MOST_WAITING = 32
_LONGEST_WORD = 2_000  # letters of a condition


@dataclass(frozen=True)
class Wish:
    """One picture that is wished for.

    Attributes:
        which: "best" or "newest" of the checkpoints.
        seed: of its z.
        to: seed of the z at the other end; None for none.
        mix: how far towards that.
        sliders: how far along each main direction.
        condition: a word; "" for that of a training picture.
    """

    which: str = "best"
    seed: int = 0
    to: int | None = None
    mix: float = 0.0
    sliders: tuple[float, ...] = ()
    condition: str = ""


def wish_of(told: dict[str, Any]) -> Wish:
    """What was sent, as a wish. Raises SparringError for what cannot be one."""
    sliders = told.get("sliders", [])
    which, to, condition = told.get("which", "best"), told.get("to"), told.get("condition", "")
    if which not in ("best", "newest"):
        raise SparringError("No checkpoint is called so.", "best or newest")
    if not isinstance(sliders, list) or len(sliders) > DIRECTIONS:
        raise SparringError("The sliders are no list of numbers.", f"{DIRECTIONS} numbers at most")
    if not isinstance(condition, str) or len(condition) > _LONGEST_WORD:
        raise SparringError("The condition is no word.", f"{_LONGEST_WORD:,} letters at most")
    return Wish(
        which,
        _seed(told.get("seed", 0)),
        None if to is None else _seed(to),
        _between(told.get("mix", 0.0), 0.0, 1.0),
        tuple(_between(each, -FURTHEST, FURTHEST) for each in sliders),
        condition.encode("utf-8", "ignore").decode().strip(),
    )


def _seed(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise SparringError("The seed is none.", "a whole number from 0 to 2,147,483,647")
    return value


def _between(value: Any, low: float, high: float) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
        raise SparringError("A slider stands where it cannot.", f"a number from {low:g} to {high:g}")
    return float(value)


class Playing:
    """Generators, loaded when they are asked for.

    Args:
        trust: whether a run's own networks may be imported from the files that it was trained with.
    """

    def __init__(self, trust: bool = False) -> None:
        self._trust = trust
        self._held: OrderedDict[tuple[Path, str], tuple[tuple[int, ...], Generating]] = OrderedDict()
        self._worker = ThreadPoolExecutor(1, "play")
        self._waiting = 0

    async def ask(self, folder: RunFolder, what: str, wish: Wish) -> Any:
        """What is wished of a run: "about" it, a "picture" (a PNG), or what is "nearest" to it among training pictures.

        Raises SparringError where it cannot be had.
        """
        if self._waiting >= _MOST_WAITING:
            raise SparringError("Too much is wished for at once.", "some patience", "try again in a moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, self._answer, folder, what, wish)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Takes no more wishes."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _answer(self, folder: RunFolder, what: str, wish: Wish) -> Any:
        generating = self._generating(folder, wish.which, anew=what == "about")
        asked: dict[str, Callable[[], Any]] = {
            "about": generating.about,
            "picture": lambda: generating.picture(wish),
            "nearest": lambda: generating.nearest(wish),
        }
        return asked[what]()

    def _generating(self, folder: RunFolder, which: str, anew: bool) -> Generating:
        """The generator of a run; a newer checkpoint is taken when it is asked for, and not under somebody's hands."""
        key = folder.path, which
        stores = [Store(place).steps() for place in (folder.best, folder.checkpoints) if place.is_dir()]
        newest = tuple(max(steps, default=-1) for steps in stores)
        if key not in self._held or (anew and self._held[key][0] != newest):
            from .generating import Generating

            self._held.pop(key, None)
            self._held[key] = newest, Generating(folder, which, self._trust)
        self._held.move_to_end(key)
        while len(self._held) > _HELD:
            self._held.popitem(last=False)
        return self._held[key][1]
