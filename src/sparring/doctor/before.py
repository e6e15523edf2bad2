"""The doctor's look at a pair just before it is trained, as it will be trained."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ..data import ImageSource
from ..errors import SparringError
from ..findings import Finding
from ..methods import Recipe
from .examining import examine

_PICTURES = 8  # of the data


def checked(
    pair: tuple[nn.Module, nn.Module], data: ImageSource, recipe: Recipe, say: Callable[[str], None], force: bool
) -> tuple[Finding, ...]:
    """Looks at a pair behind the canonical call: G(z, condition) in [-1, 1], D(pictures, condition) -> logits.

    Args:
        pair: (G, D), understood: a sigmoid at D's end is already left out.
        data: what it will be trained on.
        recipe: how.
        say: is told of every error and warning.
        force: whether errors are let pass.

    Returns all findings, for the run's log.

    Raises:
        SparringError: there is an error, and nobody said `force`.
    """
    reals = data.batch(0, _PICTURES, seed=0, flip=False)
    report = examine(
        *pair, data=reals, recipe=recipe, latent=recipe.latent, condition=data.condition, batch=recipe.batch
    ).report
    grave = [finding for finding in report.findings if finding.severity != "info"]
    for finding in grave:
        say(f"{finding.severity} {finding.code} {finding.name}: {finding.message}")
    if not report.ok and not force:
        codes = [finding.code for finding in grave if finding.severity == "error"]
        raise SparringError(
            f"These networks cannot learn as they are ({', '.join(dict.fromkeys(codes))}): "
            f"{next(finding.message for finding in grave if finding.severity == 'error')}",
            "a pair without errors; `sparring check` shows all of it",
            f"sparring explain {codes[0]} says what to do; --force trains nevertheless.",
        )
    return report.findings
