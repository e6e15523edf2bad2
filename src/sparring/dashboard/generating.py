"""A trained generator, asked for one picture at a time: of a seed, along directions, between two, of a condition."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import SparringError
from ..folder import RunFolder
from ..networks.calling import evaluation_mode, randomness
from ..pictures import as_image
from ..players import draw_latents, to_uint8
from ..reporting.naming import names_only
from ..reporting.reading import held_out_places
from ..reporting.reals import pack_of
from ..sampler import OWN, load
from ..seeds import seed_for
from .directions import main_directions
from .nearness import Nearness
from .playing import DIRECTIONS, Wish

_THREADS = 2  # a generator's small maps gain nothing from more, and somebody may be training
_CAPTIONS = 60
NEAREST = 5
_NO_PICTURES = "The training pictures do not lie decoded in this machine's cache, so the nearest cannot be shown."


class Generating:
    """The averaged generator of a run.

    Args:
        folder: of the run.
        which: "best" or "newest".
        trust: whether the user's own networks may be imported from their file.

    Raises:
        SparringError: there is no whole checkpoint, or the networks are the user's own and not to be trusted.
    """

    def __init__(self, folder: RunFolder, which: str, trust: bool) -> None:
        torch.set_num_threads(min(_THREADS, torch.get_num_threads()))
        self._settings = folder.settings() or {}
        if (self._settings.get("networks") or {}).get("family") == OWN and not trust:
            raise SparringError(
                "This run was trained with networks of your own, and nothing of yours is run from a file unasked.",
                "your word for it",
                "sparring watch --trust imports the file that it was trained with.",
            )
        self._folder = folder
        self._sampler = load(folder.path, step=which, trust=trust)

    def about(self) -> dict[str, Any]:
        """What can be wished for: the step, the directions with what each changes, the conditions."""
        told = self._sampler.told
        conditions: list[str] = []
        if told is not None and told.shape.kind == "class":
            conditions = list(told.shape.names) or [str(number) for number in range(told.shape.size)]
        elif told is not None:
            conditions = list(dict.fromkeys(filter(None, told.captions)))[:_CAPTIONS]
        shares = self._directions[1]
        return names_only({
            "step": self._sampler.step, "size_px": self._sampler.size_px, "alpha": self._sampler.channels == 4,
            "kind": "" if told is None else told.shape.kind, "conditions": conditions,
            "numbers": 0 if told is None else told.shape.size, "shares": [round(share, 4) for share in shares],
        })  # fmt: skip

    def picture(self, wish: Wish) -> bytes:
        """One picture as a PNG."""
        out = io.BytesIO()
        as_image(self._paint(wish)).save(out, "PNG", compress_level=1)
        return out.getvalue()

    def nearest(self, wish: Wish) -> dict[str, Any]:
        """The training pictures that are nearest to one, as data URIs, with their distances; or why there are none."""
        if self._nearness is None:
            return {"ok": True, "nearest": [], "told": _NO_PICTURES}
        found = []
        for picture, distance in self._nearness.of(self._paint(wish), NEAREST):
            out = io.BytesIO()
            as_image(picture).save(out, "PNG", compress_level=1)
            uri = f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
            found.append({"uri": uri, "distance": round(distance, 4)})
        return {"ok": True, "nearest": found, "told": self._nearness.told}

    def _paint(self, wish: Wish) -> np.ndarray:
        """One picture.  # uint8 [C, H, W]"""
        sampler = self._sampler
        z = draw_latents(wish.seed, [0], sampler.z_shape)
        if wish.to is not None:
            z = between(z, draw_latents(wish.to, [0], sampler.z_shape), wish.mix)
        if any(wish.sliders):
            vectors = self._directions[0][: len(wish.sliders)]
            z = z + (torch.tensor(wish.sliders) @ vectors).view_as(z)
        painted = self._forward(z, self._condition(wish), seed_for(wish.seed, "paint", 0))
        return np.asarray(to_uint8(painted)[0].numpy())

    def _forward(self, z: Tensor, condition: Tensor | None, seed: int) -> Tensor:
        generator, device = self._sampler.generator, self._sampler.device
        told = () if condition is None else (condition.to(device),)
        with torch.no_grad(), evaluation_mode(generator), randomness(seed, device):
            return generator(z.to(device), *told)

    def _condition(self, wish: Wish) -> Tensor | None:
        """What was wished for as numbers; of a training picture where it was not said.  # [1, ...]"""
        told = self._sampler.told
        if told is None:
            return None
        if not wish.condition:
            return told.usual(1, wish.seed % max(1, len(told.values)))
        if told.shape.kind != "vector":
            return told.encode([wish.condition])
        # Not `encode`, which takes the name of a file too.
        try:
            numbers = [float(number) for number in wish.condition.replace(",", " ").split()]
        except ValueError:
            numbers = []
        if len(numbers) != told.shape.size or not np.isfinite(numbers).all():
            raise SparringError("This is no such vector.", f"{told.shape.size} numbers with commas between")
        return torch.tensor([numbers])

    @cached_property
    def _directions(self) -> tuple[Tensor, list[float]]:
        """Directions of z that change the picture most, as rows, and the share of the change that each has."""
        sampler, told = self._sampler, self._sampler.told

        def paint(z: Tensor) -> Tensor:
            condition = None if told is None else told.usual(len(z))
            args = () if condition is None else (condition.to(sampler.device),)
            with evaluation_mode(sampler.generator), randomness(0, sampler.device):
                return sampler.generator(z.to(sampler.device), *args)

        draw: Callable[[int], Tensor] = lambda n: draw_latents(0, range(n), sampler.z_shape)  # noqa: E731
        return main_directions(paint, draw, DIRECTIONS)

    @cached_property
    def _nearness(self) -> Nearness | None:
        """Training pictures, where they lie in the cache; not those that were held out."""
        found = pack_of(self._settings.get("data") or {})
        return None if found is None else Nearness(found[0], held_out_places(self._folder))


def between(one: Tensor, other: Tensor, part: float) -> Tensor:
    """A z on the way from one to another, as long as both are: straight between lie shorter ones, strange to G."""
    a, b = one.flatten().double(), other.flatten().double()
    cosine = torch.dot(a, b) / (a.norm() * b.norm()).clamp_min(1e-12)
    angle = torch.arccos(cosine.clamp(-1, 1))
    if float(angle.sin()) < 1e-6:
        return torch.lerp(one, other, part)
    mixed = (torch.sin((1 - part) * angle) * a + torch.sin(part * angle) * b) / torch.sin(angle)
    return mixed.to(one.dtype).view_as(one)
