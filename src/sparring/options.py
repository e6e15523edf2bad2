"""Options of the command line that belong together; each group is a help text and the words of a call."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.prompt import IntPrompt

from .errors import SparringError
from .methods import Recipe

# What --yes takes where no budget is named: enough for a first look at most data, some hours on a CPU at 64 px.
DEFAULT_STEPS = 5_000


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
class Networks:
    """Whose networks, and what they are told.

    Attributes:
        generator: Your own, as FILE:EXPR: gans.py:G(100), gan.py:GAN().generator. With --discriminator.
        discriminator: Likewise.
        condition: What each picture is told by; class, text (a caption) or vector. docs/conditions.md says from where.
        condition_from: A table (.csv, .jsonl, .npy; FILE:COLUMN) or a pattern of file names ("{condition}_*.png").
    """

    generator: str | None = None
    discriminator: str | None = None
    condition: Literal["none", "class", "text", "vector"] = "none"
    condition_from: str | None = None


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
        doctor: Judge the training while it goes on, and say what is wrong when it is.
        watch: Show the run on a local page for as long as this command runs; its address is printed.
    """

    sample_every: int = 250
    checkpoint_every: int = 500
    keep: int = 3
    keep_every: int = 0
    doctor: bool = True
    watch: Annotated[bool, Parameter(negative="")] = False


@Parameter(name="*")
@dataclass(frozen=True)
class Mirroring:
    """Where else the training is shown; each needs its package (docs/where-you-look.md).

    Attributes:
        tensorboard: Write event files for TensorBoard into the run's folder.
        wandb: Send curves, samples and findings to Weights & Biases.
        trackio: Send them to trackio.
        project: Where W&B and trackio put the run. Default: sparring.
    """

    tensorboard: Annotated[bool, Parameter(negative="")] = False
    wandb: Annotated[bool, Parameter(negative="")] = False
    trackio: Annotated[bool, Parameter(negative="")] = False
    project: str | None = None

    def words(self) -> dict[str, Any]:
        """As `train` takes them."""
        asked = tuple(name for name, is_asked in vars(self).items() if is_asked is True)
        return {"mirrors": asked, "project": self.project}


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


@Parameter(name="*")
@dataclass(frozen=True)
class Which:
    """Which generator of a run.

    Attributes:
        step: The checkpoint: best (of the evaluations, or the newest where there were none), newest, or its step.
        generator: For a run with your own networks: the generator again, as FILE:EXPR.
        trust: For such a run: import the file that it was trained with, if it is here, and take the generator from it.
    """

    step: int | Literal["best", "newest"] = "best"
    generator: str | None = None
    trust: Annotated[bool, Parameter(negative="")] = False


def with_changes(recipe: Recipe, changes: list[str]) -> Recipe:
    """The recipe with what --set says. Raises SparringError for what it does not have."""
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise SparringError(f"--set {change} has no value.", "--set NAME=VALUE, such as --set d_lr=1e-4")
        recipe = recipe.but(**{name.strip().replace("-", "_"): value.strip()})
    return recipe


def budget_of(until: Until, yes: bool) -> Until:
    """The budget as it was named, or asked for. Raises SparringError where there is nobody to ask."""
    if any(value is not None for value in vars(until).values()):
        return until
    if yes:
        print(f"No budget was named: {DEFAULT_STEPS:,} steps.", file=sys.stderr)
        return Until(steps=DEFAULT_STEPS)
    if not sys.stdin.isatty():
        raise SparringError(
            "No budget was named, and there is nobody to ask.",
            "--steps, --images, --epochs or --minutes",
            f"add one, or --yes for {DEFAULT_STEPS:,} steps.",
        )
    steps = IntPrompt.ask("How many steps?", default=DEFAULT_STEPS, console=Console(stderr=True))
    return Until(steps=steps)
