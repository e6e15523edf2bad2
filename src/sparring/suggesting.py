"""Numbers that depend on the pictures: gamma, the average's half-life, the batch. Suggested with the formula beside."""

from __future__ import annotations

from dataclasses import dataclass

from .methods import Recipe

ADA_CODE = "the auto configuration of StyleGAN2-ADA's code, arXiv 2006.06676"


@dataclass(frozen=True)
class Suggestion:
    """A value for a field of the recipe, and how it comes about.

    Attributes:
        name: the field.
        value: the value.
        formula: how it was computed, with the numbers in it.
        source: where the formula comes from.
    """

    name: str
    value: float | int
    formula: str
    source: str

    def __str__(self) -> str:
        return f"--set {self.name}={self.value:g}   {self.formula}; {self.source}"


def suggestions(recipe: Recipe, size_px: int, pictures: int | None = None) -> list[Suggestion]:
    """What to try first for pictures of this side, and so many of them (None: unknown).

    The batch comes first, since the others depend on it. Gamma is suggested where the recipe has a penalty on D's
    gradient by itself (r1 or r2).
    """
    batch, formula = max(4, min(32, 4096 // size_px)), f"min(32, 4096 / {size_px} px)"
    if pictures is not None and pictures // 16 < batch:
        batch, formula = max(2, pictures // 16), f"{formula}, but at most {pictures:,} pictures / 16"
    found = [Suggestion("batch", batch, formula, f"{ADA_CODE}; the part about few pictures is a rule of ours")]
    gamma = 0.0002 * size_px**2 / batch
    for name in ("r1", "r2"):
        if getattr(recipe, name):
            formula = f".0002 x {size_px}^2 / batch of {batch}"
            found.append(Suggestion(name, float(f"{gamma:.3g}"), formula, ADA_CODE))
    half_life = batch * 10_000 / 32
    formula = f"batch of {batch} x 10,000 / 32 images"
    found.append(Suggestion("ema_half_life_images", float(f"{half_life:.3g}"), formula, ADA_CODE))
    return found
