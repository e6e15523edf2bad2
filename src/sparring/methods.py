"""A recipe is every number of a training method, as plain data, with its source beside it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from .errors import SparringError, did_you_mean


def _number(default: Any, source: str, low: float | None = None, high: float | None = None) -> Any:
    """A field with the source of its value and, for a number, the range that makes sense on its own."""
    return field(default=default, metadata={"source": source, "low": low, "high": high})


@dataclass(frozen=True)
class Recipe:
    """Every number of a training method. Frozen: `.but(d_lr=1e-4)` gives a changed copy.

    Rates are per update, lengths in images; a `d_` or `g_` prefix says whose number it is.
    """

    name: str = "own"
    network: str = _number("dcgan", "DCGAN, arXiv 1511.06434")
    width: int = _number(64, "feature maps next to the picture; 64 in DCGAN's published code", 1, 4096)
    latent: int = _number(100, "numbers in z; DCGAN, arXiv 1511.06434, section 4", 1, 65536)
    loss: str = _number("non-saturating", "arXiv 1406.2661, section 3")
    batch: int = _number(64, "the published DCGAN code (its paper: 128)", 2, 65536)
    d_steps: int = _number(1, "updates of D for each of G; DCGAN", 1, 100)
    d_lr: float = _number(2e-4, "DCGAN, arXiv 1511.06434, section 4", 0.0, 10.0)
    g_lr: float = _number(2e-4, "DCGAN, arXiv 1511.06434, section 4", 0.0, 10.0)
    beta1: float = _number(0.5, "Adam; DCGAN, arXiv 1511.06434, section 4", 0.0, 0.9999)
    beta2: float = _number(0.999, "Adam's default, arXiv 1412.6980", 0.0, 0.999999)
    reuse_fakes: bool = _number(
        True, "G is judged on D's fakes, as in the official PyTorch example; saves 9 % of a step"
    )
    ema_half_life_images: float = _number(
        10_000.0, "average of G, arXiv 1806.04498; 10,000 images at batch 64 is a decay of .9956 a step", 0.0, 1e9
    )
    ema_ramp: float = _number(
        0.05, "early on the half-life is this part of the images seen; StyleGAN2's code, arXiv 2006.06676", 0.0, 1.0
    )
    flip: bool = _number(False, "mirror pictures at random; off, since cards and flags carry text")
    precision: str = _number("auto", "fp32, bf16, or auto: what a few steps at the first start measure as faster")
    threads: int = _number(0, "CPU threads; 0: by rule, one for each core this process may use", 0, 1024)
    channels_last: bool = _number(True, "memory layout: 5 % faster at 64 px, 12 % at 32 px on a CPU, see benchmarks/")

    def but(self, **changes: Any) -> Recipe:
        """Returns a copy with changes; a value may be text as typed, or `*k` or `/k` of the present number.

        Raises:
            SparringError: a name that is no field, or a value that is not of its kind or out of its range.
        """
        known = {f.name: f for f in dataclasses.fields(self)}
        for name in changes:
            if name not in known:
                raise SparringError(
                    f"The recipe has no {name!r}.",
                    did_you_mean(name, known),
                    "change the name; see `sparring train --help`.",
                )
        parsed = {name: _parse(known[name], getattr(self, name), value) for name, value in changes.items()}
        return dataclasses.replace(self, **parsed)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-able data, in order."""
        return dataclasses.asdict(self)

    def source_of(self, name: str) -> str:
        """Where the number of a field comes from."""
        return str(next(f for f in dataclasses.fields(self) if f.name == name).metadata.get("source", ""))


def _parse(spec: dataclasses.Field[Any], present: Any, value: Any) -> Any:
    """Turns what was typed (or passed) into the field's kind, and looks whether it makes sense."""
    kind = type(present)
    try:
        if isinstance(value, str) and value[:1] in "*/" and value[1:] and kind in (int, float):
            factor = float(value[1:])
            value = kind(present * factor if value[0] == "*" else present / factor)
        elif kind is bool:
            value = _parse_bool(value)
        elif kind is int:
            value = int(value) if float(value) == int(float(value)) else _refuse()
        else:
            value = kind(value)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        raise SparringError(f"{spec.name} is {value!r}.", f"{_KINDS[kind]}, such as {present}") from None
    low, high = spec.metadata.get("low"), spec.metadata.get("high")
    if low is not None and not low <= value <= high:  # also catches NaN
        raise SparringError(f"{spec.name} is {value}.", f"a number from {low:g} to {high:g}; the recipe has {present}")
    return value


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def _refuse() -> int:
    raise ValueError


def _parse_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if str(value).lower() not in words:
        raise ValueError
    return words[str(value).lower()]


RECIPES: dict[str, Recipe] = {
    "dcgan": Recipe(name="dcgan"),
}


def recipe_named(recipe: str | Recipe) -> Recipe:
    """Returns a recipe by name; a Recipe passes through. Raises SparringError with the near name."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in RECIPES:
        raise SparringError(f"There is no recipe {recipe!r}.", did_you_mean(recipe, RECIPES))
    return RECIPES[recipe]
