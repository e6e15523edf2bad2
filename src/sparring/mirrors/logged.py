"""What W&B and trackio have in common: a run that logs dictionaries by step, with classes for pictures."""

from __future__ import annotations

from typing import Any

from PIL import Image

from ..events import Event

PROJECT = "sparring"  # where nobody names another


class Logged:
    """The part of a channel that is the same in both.

    Args:
        package: the module, with an `Image` class of its own.
        run: of it.
    """

    def __init__(self, package: Any, run: Any) -> None:
        self._package, self._run = package, run

    def scalars(self, event: Event, values: dict[str, float]) -> None:
        """Numbers by their tags; what comes of one step is one row."""
        self._run.log(values, step=event.step)

    def picture(self, event: Event, tag: str, image: Image.Image) -> None:
        """A sheet of samples."""
        self._run.log({tag: self._package.Image(image, caption=f"step {event.step:,}")}, step=event.step)

    def flush(self) -> None:
        """The package does that by itself, within a second or so."""
