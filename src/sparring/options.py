"""Options of the command line that belong together; each group is a help text and the words of a call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True)
class Pictures:
    """How pictures are read.

    Attributes:
        size: Side in px: 16, 28, 32, 64, 128 or 256. Default: 64; 28 for fashion-mnist.
        channels: auto reads the files and says what it decided; 1 gray, 3 RGB, 4 RGBA.
        fit: What to do with a picture that is not square.
        background: Colour that transparent pictures are laid on where there is no alpha channel.
        path: Folder of a built-in data set, where it is not in its usual place.
    """

    size: int | None = None
    channels: Literal["auto", "1", "3", "4"] = "auto"
    fit: Literal["crop", "pad", "squeeze"] = "crop"
    background: str = "white"
    path: Path | None = None


@Parameter(name="*")
@dataclass(frozen=True)
class Until:
    """When to stop; counted from the run's beginning, so a larger number goes on.

    Attributes:
        steps: Updates of the generator.
        images: Real pictures seen.
        epochs: Passes over the data.
        minutes: Of this call.
    """

    steps: int | None = None
    images: int | None = None
    epochs: float | None = None
    minutes: float | None = None


@Parameter(name="*")
@dataclass(frozen=True)
class Keeping:
    """What is written while it trains.

    Attributes:
        sample_every: Steps between sheets of samples.
        checkpoint_every: Steps between checkpoints.
        keep: How many of the newest checkpoints are kept.
        keep_every: Checkpoints at multiples of this are kept for ever; 0: none.
    """

    sample_every: int = 250
    checkpoint_every: int = 500
    keep: int = 3
    keep_every: int = 0


@Parameter(name="*")
@dataclass(frozen=True)
class Judging:
    """How quality is measured meanwhile; the best checkpoint is kept apart.

    Attributes:
        held_out: Pictures not trained on but judged by. Default: a tenth, or up to 500 a fifth; none of fewer than 500.
        evaluate_every: Real pictures between evaluations. Default: so that they cost about 5 %; 0: never.
        metric: What decides which is best. Default: kid.
        features: Extractor of that metric: lite0, inception, dinov2 or clip.
        patience: Evaluations without improvement beyond noise after which it ends; 0: never.
    """

    held_out: int | None = None
    evaluate_every: int | None = None
    metric: str | None = None
    features: str = "lite0"
    patience: int = 10
