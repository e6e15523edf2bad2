"""A trained generator as a file for other programs: one function a format, one row each in `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from .checkpoints import write_whole
from .conditions import Embed
from .errors import SparringError
from .networks.keras import KerasNetwork
from .networks.keras.files import save_keras
from .players import write_state
from .sampler import Sampler, load


def _keras(sampler: Sampler, out: Path) -> None:
    network = _user_s(sampler.generator)
    if not isinstance(network, KerasNetwork):
        raise SparringError(
            f"The generator is a {type(network).__name__} of PyTorch, which no .keras file can hold.",
            "a run with a Keras generator",
            "export it as .pt.",
        )
    save_keras(network, out)


def _pt(sampler: Sampler, out: Path) -> None:
    network = _user_s(sampler.generator)
    write_whole(out, write_state({name: value.cpu() for name, value in network.state_dict().items()}))


FORMATS: dict[str, Callable[[Sampler, Path], None]] = {
    ".keras": _keras,  # the model, which Keras itself loads
    ".pt": _pt,  # the weights by name, for load_state_dict(torch.load(path, weights_only=True))
}


def export(
    run: str | Path,
    out: str | Path,
    *,
    generator: nn.Module | str | Any = None,
    step: int | str = "best",
    embed: Embed | None = None,
    trust: bool = False,
) -> Path:
    """Writes a run's averaged generator into a file; what it is called with and gives is as in the user's own code.

    Args:
        run: the run's folder.
        out: ends in .keras (a Keras model) or .pt (weights alone).
        generator: as for `load`.
        step: as for `load`.
        embed: as for `load`.
        trust: as for `load`.

    Returns the path. Raises SparringError for an unknown ending, or a generator that the format cannot hold.
    """
    out = Path(out)
    if out.suffix.lower() not in FORMATS:
        raise SparringError(f"{out} ends in {out.suffix or 'nothing'}.", " or ".join(FORMATS), "change the ending.")
    sampler = load(run, generator=generator, step=step, embed=embed, trust=trust)
    FORMATS[out.suffix.lower()](sampler, out)
    return out


def _user_s(network: nn.Module) -> nn.Module:
    """The network as the user wrote it, without what brings it behind our call."""
    return getattr(network, "network", network)
