"""Where people already look: a run's events sent on to TensorBoard, Weights & Biases or trackio while it trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from ..errors import SparringError, did_you_mean
from ..folder import RunFolder
from . import tensorboard, trackio, wandb
from .mirroring import Mirroring, Open


@dataclass(frozen=True)
class Kind:
    """One row of the table of mirrors.

    Attributes:
        open: opens the channel to it.
        goes_back: whether steps can be sent again, in place of those that were sent.
        ready: says before anything is read what would keep it from opening; raises SparringError.
    """

    open: Open
    goes_back: bool = False
    ready: Callable[[], None] = lambda: None


# The name of the word, of the package, and of the extra that installs it.
MIRRORS = {
    "tensorboard": Kind(tensorboard.opened, goes_back=True),
    "wandb": Kind(wandb.opened, ready=wandb.ready),
    "trackio": Kind(trackio.opened),
}


def check_mirrors(names: Sequence[str]) -> None:
    """Raises SparringError for a mirror that there is not, or whose package is not installed."""
    if isinstance(names, str):
        raise SparringError(f"The mirrors are {names!r}.", "several names", f"mirrors=({names!r},)")
    for name in names:
        if name not in MIRRORS:
            raise SparringError(f"There is no mirror {name!r}.", did_you_mean(name, MIRRORS))
        spec = find_spec(name)
        # A folder of that name, which W&B likes to leave behind, is taken for a package without an origin.
        if spec is None or spec.origin is None:
            raise SparringError(
                f"--{name} needs {name}, which is not installed.", name, f"pip install 'sparring[{name}]'"
            )
        MIRRORS[name].ready()


@contextmanager
def mirrored(
    names: Sequence[str], folder: RunFolder, project: str | None, say: Callable[[str], None]
) -> Iterator[dict[str, Mirroring]]:
    """Gives an observer for each mirror, by a name of its own, and ends them well however the training ends.

    Args:
        names: of `MIRRORS`.
        folder: of the run.
        project: where W&B and trackio put the run; None: $WANDB_PROJECT for W&B, else "sparring".
        say: is told what goes wrong, once.
    """
    mirrors = {
        f"mirror: {name}": Mirroring(name, MIRRORS[name].open, folder, project, say, MIRRORS[name].goes_back)
        for name in dict.fromkeys(names)
    }
    try:
        yield mirrors
    finally:
        for mirror in mirrors.values():
            mirror.close()
