"""The words of the command line that tell about recipes and about this machine: recipes, bench."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from .answering import answer
from .methods import PRESETS, recipe_named


def recipes(
    name: str | None = None,
    /,
    *,
    size: int = 64,
    pictures: int | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """List the recipes, or print every number of one with its source, and what to try for your pictures.

    Args:
        name: The recipe to print. Default: a line for each.
        size: Side of your pictures in px, for the suggestions.
        pictures: How many you have, for the suggestions.
        json_: Print it as JSON.
    """
    from .suggesting import suggestions

    if name is None:
        found: dict[str, Any] = {"recipes": {word: preset.title for word, preset in PRESETS.items()}}
        answer(json_, found, "\n".join(f"{word:<10} {title}" for word, title in found["recipes"].items()))
        return
    recipe = recipe_named(name)
    tried = suggestions(recipe, size, pictures)
    numbers = {word: {"value": v, "source": recipe.source_of(word)} for word, v in recipe.to_dict().items()}
    del numbers["name"]
    lines = [f"{name}: {PRESETS[name].title}"]
    lines += [f"  {word:<22} {_shown(found['value']):<16} {found['source']}" for word, found in numbers.items()]
    lines += [f"For pictures of {size} px, try first:", *(f"  {suggestion}" for suggestion in tried)]
    found = {"recipe": name, "numbers": numbers, "suggestions": [vars(suggestion) for suggestion in tried]}
    answer(json_, found, "\n".join(lines))


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value or '""'
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def bench(
    what: Literal["step", "keras", "options", "data", "metrics"],
    /,
    *,
    size: int = 64,
    channels: int = 3,
    batch: int = 64,
    width: int = 64,
    rounds: int = 12,
    monitor: Annotated[bool, Parameter(negative="")] = False,
    save: Path | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Measure this machine: the step, the reading of pictures, or the metrics, against what everyone does.

    Args:
        what: step: our training step against the official PyTorch example's loop on the same networks, in turn.
            keras: the same step for a Keras pair against the classic train_on_batch loop.
            options: what each option of a recipe costs a step, against none.
            data: our batches against Pillow and a DataLoader.
            metrics: features and distances against the packages' own and torchmetrics.
        size: Side in px.
        channels: 1, 3 or 4.
        batch: Pictures a step.
        width: Feature maps next to the picture.
        rounds: How often each is measured, in turn.
        monitor: Of step, what a Monitor with everything on costs the official loop, ten iterations a turn.
        save: File for the figures with machine and date.
        json_: Print them as JSON.
    """
    from .benchmark import as_text
    from .benchmark import bench as do

    found = do(what, size=size, channels=channels, batch=batch, width=width, rounds=rounds, monitor=monitor)
    if save is not None:
        from .checkpoints import write_whole

        text = json.dumps(found, indent=2) + "\n"
        write_whole(save, lambda file: file.write(text.encode()))
    answer(json_, found, as_text(found))
