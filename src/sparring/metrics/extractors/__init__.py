"""What can look at pictures: one extractor a file, one name each, and any function of the user's."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import SparringError, did_you_mean
from ..features import Extractor, Features

CALLABLE_BATCH = 64  # pictures that a user's own function gets at once

# Name -> the module of its `load`, imported when it is asked for. "own" is not among them: it is made of the user's
# labelled pictures, by `own.fit`.
_MODULES = {"lite0": "lite0", "inception": "inception", "dinov2": "transformer", "clip": "transformer"}

EXTRACTORS = tuple(_MODULES)


def check_features(features: str | Callable[[Tensor], Any]) -> None:
    """Raises SparringError for a name that no extractor has, before anything is read for it."""
    if callable(features) or features in EXTRACTORS:
        return
    if features == "own":
        raise SparringError(
            "The features own are learnt from pictures with classes, and here none are known.",
            "lite0, inception, dinov2 or clip",
            "--features lite0",
        )
    known = [*EXTRACTORS, "own"]
    raise SparringError(
        f"There are no features called {features!r}.", ", ".join(known), did_you_mean(str(features), known)
    )


def extractor_named(
    features: str | Callable[[Tensor], Any],
    *,
    weights: Path | None = None,
    device: str | torch.device = "cpu",
    shape: tuple[int, int, int] | None = None,
) -> Extractor:
    """Finds an extractor by its name, or makes one of a function.

    Args:
        features: a name in `EXTRACTORS`, or a function uint8 [N, C, H, W] in [0, 255] -> numbers [N, K], as a tensor
            or an array. It gets the pictures' own channels.
        weights: file (of transformers: folder) of weights in place of the published ones; for names only.
        device: where it computes.
        shape: (C, H, W) of the pictures; a function is then tried on two of them at once. Without it, its first
            call tells what it gives.

    Raises SparringError for unknown names, weights that are missing, and functions that give something else.
    """
    if callable(features):
        if weights is not None:
            raise SparringError(
                "weights= was given with a function.", "the name of an extractor", "let the function load its weights."
            )
        return _of_function(features, torch.device(device), shape)
    check_features(features)
    module = import_module(f".{_MODULES[features]}", __name__)
    return module.load(*([features] if _MODULES[features] == "transformer" else []), weights, device)


def _of_function(
    function: Callable[[Tensor], Any], device: torch.device, shape: tuple[int, int, int] | None
) -> Extractor:
    name = getattr(function, "__name__", type(function).__name__)
    widths: set[int] = set()

    def embed(pictures: Tensor) -> Features:
        found = _called(function, name, pictures.to(device))
        widths.add(found.shape[1])
        if len(widths) > 1:
            raise SparringError(
                f"{name} gave {' and '.join(map(str, sorted(widths)))} numbers a picture in two calls.",
                "as many for every picture",
            )
        return found, None

    dims = 0
    if shape is not None:
        probe = torch.randint(0, 256, (2, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            found, _ = embed(probe)
        dims = found.shape[1]
        if not bool(torch.isfinite(found).all()):
            raise SparringError(f"{name} gave numbers that are not finite for random pictures.", "finite numbers")
    return Extractor(
        name, dims, 0, "not resized", embed, None, "", "a function of your own", sees_rgb=False, batch=CALLABLE_BATCH
    )


def _called(function: Callable[[Tensor], Any], name: str, pictures: Tensor) -> Tensor:
    """Calls a user's function and checks what it gives. Returns float32 [N, K] on the CPU."""
    shape = list(pictures.shape)
    try:
        found = function(pictures)
    except Exception as error:  # it may fail in its own way
        raise SparringError(
            f"{name} failed on pictures uint8 {shape}: {type(error).__name__}: {error}",
            "a function uint8 [N, C, H, W] in [0, 255] -> numbers [N, K]",
        ) from error
    try:
        numbers = torch.as_tensor(found)
    except (TypeError, ValueError, RuntimeError):
        raise SparringError(f"{name} gave a {type(found).__name__}.", "a tensor or an array [N, K]") from None
    if numbers.dim() != 2 or len(numbers) != len(pictures) or numbers.shape[1] == 0 or numbers.is_complex():
        raise SparringError(
            f"{name} gave {list(numbers.shape)} ({numbers.dtype}) for {len(pictures)} pictures.",
            f"real numbers [{len(pictures)}, K]",
            "end it in .flatten(1), or in a mean over height and width." if numbers.dim() > 2 else "",
        )
    return numbers.detach().to("cpu", torch.float32)
