"""trackio, by its own package: into its folder on this machine, or to where its own variables say."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from typing import Any

from ..events import Event
from ..folder import RunFolder
from .logged import PROJECT, Logged


class _Run(Logged):
    """A channel into a run of trackio."""

    def text(self, event: Event, tag: str, markdown: str) -> None:
        """As Markdown."""
        self._run.log({tag: self._package.Markdown(markdown)}, step=event.step)

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

        remembered.setdefault("project", project or os.environ.get("TRACKIO_PROJECT") or PROJECT)
        # Runs are told apart by their names alone.
        remembered.setdefault("name", f"{folder.path.resolve().name}-{secrets.token_hex(3)}")
        run = trackio.init(remembered["project"], name=remembered["name"], config=config, resume="allow", embed=False)
    return _Run(trackio, run)
