"""trackio, by its own package: into its folder on this machine, or to where its own variables say."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from typing import Any

from PIL import Image

from ..events import Event
from ..folder import RunFolder


class _Run:
    """A channel into a run of trackio."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def scalars(self, event: Event, values: dict[str, float]) -> None:
        """Numbers by their tags."""
        self._run.log(values, step=event.step)

    def picture(self, event: Event, tag: str, image: Image.Image) -> None:
        """A sheet of samples."""
        import trackio

        self._run.log({tag: trackio.Image(image, caption=f"step {event.step:,}")}, step=event.step)

    def text(self, event: Event, tag: str, markdown: str) -> None:
        """As Markdown."""
        import trackio

        self._run.log({tag: trackio.Markdown(markdown)}, step=event.step)

    def flush(self) -> None:
        """Its own thread does that, within a second or so."""

    def close(self) -> None:
        """Waits until everything has been written."""
        with contextlib.redirect_stdout(sys.stderr):
            self._run.finish()


def opened(
    folder: RunFolder, project: str | None, config: dict[str, Any], remembered: dict[str, Any], known: int
) -> _Run:
    """Opens a run, or goes on with the one that is remembered; see `mirroring.Open`."""
    # Its greeting belongs on standard error: standard output is for results.
    with contextlib.redirect_stdout(sys.stderr):
        import trackio

        remembered.setdefault("project", project or os.environ.get("TRACKIO_PROJECT") or "sparring")
        # Runs are told apart by their names alone.
        remembered.setdefault("name", f"{folder.path.resolve().name}-{secrets.token_hex(3)}")
        run = trackio.init(remembered["project"], name=remembered["name"], config=config, resume="allow", embed=False)
    return _Run(run)
