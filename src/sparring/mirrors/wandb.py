"""Weights & Biases, by its own package: where and as whom is its own business (`wandb login`, WANDB_MODE, ...)."""

from __future__ import annotations

import html
import os
import secrets
from typing import Any

from ..errors import SparringError
from ..events import Event
from ..folder import RunFolder
from ..reporting.naming import names_only
from .logged import PROJECT, Logged


def ready() -> None:
    """Asks for the account before anything is read. Raises SparringError where there is none and nobody to ask."""
    import wandb

    if os.environ.get("WANDB_MODE", "online") != "online" or wandb.setup().settings.mode != "online":
        return
    try:
        wandb.login()
    except Exception as error:
        raise SparringError(
            f"W&B does not know who you are: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            "an account",
            "wandb login; or WANDB_MODE=offline, and wandb sync later.",
        ) from None


class _Run(Logged):
    """A channel into a run of W&B."""

    def text(self, event: Event, tag: str, markdown: str) -> None:
        """As a small page, since there is no plain text; and as a line of the summary."""
        page = self._package.Html(f"<pre>{html.escape(markdown)}</pre>", inject=False)
        self._run.log({tag: page}, step=event.step)

    def close(self) -> None:
        """Waits until everything has been sent."""
        self._run.finish()


def opened(
    folder: RunFolder, project: str | None, config: dict[str, Any], remembered: dict[str, Any], known: int
) -> _Run:
    """Opens a run, or goes on with the one that is remembered; see `mirroring.Open`."""
    import wandb

    remembered.setdefault("id", secrets.token_hex(6))
    remembered.setdefault("project", project or os.environ.get("WANDB_PROJECT") or PROJECT)
    # Of this machine only figures: no paths, no command line, no source, and not what the terminal shows.
    settings = wandb.Settings(
        x_disable_meta=True, disable_git=True, disable_code=True, save_code=False, console="off",
        x_save_requirements=False, program="sparring", program_relpath="sparring",
    )  # fmt: skip
    run = wandb.init(
        id=remembered["id"], project=remembered["project"], name=names_only(folder.path.resolve().name),
        dir=str(folder.path), config=config, resume="allow", allow_val_change=True, reinit="create_new",
        settings=settings,
    )  # fmt: skip
    return _Run(wandb, run)
