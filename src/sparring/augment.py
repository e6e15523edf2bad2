"""What D sees instead of the pictures: a differentiable T of real and fake alike, in D's step and in G's.

Three kinds, each a row or a number: DiffAugment (arXiv 2006.10738), always applied; the pipe of ADA (arXiv 2006.06676,
appendix B), each operation with probability p a picture, p given or adapted; instance noise (arXiv 1610.04490).

Everything is differentiable twice with respect to the pictures, so R1 may take its gradient at the picture before T.
Every draw comes from torch's random state of the pictures' device, and nothing is read back from there but in `adapt`.

Where the pipe is not the published one: it samples bilinearly at twice the side and averages instead of the sym6
low-pass (a picture that no geometry is drawn for stays as it is), mirrors about a pixel's edge and not about its
centre, and blits exactly, before the geometry and not within it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import SparringError, did_you_mean

ADAPT_EVERY = 4  # batches after which ADA looks at p; arXiv 2006.06676, section 3.1
SUPERSAMPLING = 2  # points along a pixel's side at which the geometry samples; their average is the pixel


def _uniform(images: Tensor, low: float, high: float) -> Tensor:
    """U[low, high), one a picture.  # [N]"""
    return low + (high - low) * torch.rand(len(images), dtype=images.dtype, device=images.device)


def _normal(images: Tensor, deviation: float) -> Tensor:
    """N(0, deviation), one a picture.  # [N]"""
    return deviation * torch.randn(len(images), dtype=images.dtype, device=images.device)


def _pick(images: Tensor, options: int) -> Tensor:
    """A whole number from 0 to options - 1, one a picture.  # [N] int64"""
    return _uniform(images, 0, options).long().clamp_(max=options - 1)  # low + (high - low) * u may round up to high


def _drawn(images: Tensor, p: float) -> Tensor:
    """Whether this operation happens, one a picture.  # [N] bool"""
    return _uniform(images, 0, 1) < p


def _take(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Output pixel (y, x) of picture n is its pixel (rows[n, y], columns[n, x]).  # [N, H], [N, W] int64

    One side after the other: the gradient then adds at most two numbers a pixel, in any order the same.
    """
    images = images.gather(2, rows[:, None, :, None].expand(images.shape))
    return images.gather(3, columns[:, None, None, :].expand(images.shape))


def _places(side: int, images: Tensor) -> Tensor:
    """0, 1, ... side - 1.  # [1, side] int64"""
    return torch.arange(side, device=images.device)[None]


class _Sample(torch.autograd.Function):
    """Bilinear sampling, mirrored at the edges. torch's own has no second derivative; this one has all of them.

    Sampling is linear in the pictures: its gradient is its adjoint, which adds what each sample is to the pixels it was
    made of, and the gradient of that is sampling again. The grid is drawn, never learned, and gets no gradient.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, grid: Tensor, shape: torch.Size, adjoint: bool) -> Tensor:
        """Pictures of `shape` [N, C, H, W] -> samples [N, C, h, w], or back; grid [N, h, w, 2] in [-1, 1]."""
        ctx.save_for_backward(grid)
        ctx.back = shape, not adjoint
        if not adjoint:
            return F.grid_sample(values, grid, "bilinear", "reflection", align_corners=False)
        any_pictures = values.new_zeros(()).expand(shape)  # only the grid's gradient, not wanted, depends on them
        bilinear, reflection = 0, 2  # as grid_sample numbers them
        backward = torch.ops.aten.grid_sampler_2d_backward
        return backward(values.contiguous(), any_pictures, grid, bilinear, reflection, False, (True, False))[0]

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The other way."""
        return _Sample.apply(grads[0], *ctx.saved_tensors, *ctx.back), None, None, None


# ---- DiffAugment: [N, C, H, W] in [-1, 1] -> the same shape, always applied ----


def _without_alpha(images: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Changes the colours of gray, RGB or RGBA and leaves alpha, the fourth channel, as it is."""
    if images.shape[1] < 4:
        return change(images)
    return torch.cat([change(images[:, :3]), images[:, 3:]], 1)


def color(images: Tensor) -> Tensor:
    """Brightness + U(-.5, .5), saturation x U(0, 2), contrast x U(.5, 1.5), in this order and not clipped."""
    brightness, saturation, contrast = (
        _uniform(images, *bounds)[:, None, None, None] for bounds in ((-0.5, 0.5), (0, 2), (0.5, 1.5))
    )

    def change(colours: Tensor) -> Tensor:
        colours = colours + brightness
        if colours.shape[1] > 1:
            grays = colours.mean(1, keepdim=True)
            colours = (colours - grays) * saturation + grays
        middle = colours.mean((1, 2, 3), keepdim=True)
        return (colours - middle) * contrast + middle

    return _without_alpha(images, change)


def translation(images: Tensor) -> Tensor:
    """Moves by whole pixels, up to 1/8 of the side each way; what comes in is 0, in alpha too."""
    takes, insides = [], []
    for side in images.shape[2:]:
        furthest = int(side / 8 + 0.5)
        places = _places(side, images) + _pick(images, 2 * furthest + 1)[:, None] - furthest  # [N, side]
        takes.append(places.clamp(0, side - 1))
        insides.append((places >= 0) & (places < side))
    inside = insides[0][:, None, :, None] & insides[1][:, None, None, :]
    return _take(images, *takes).masked_fill(~inside, 0)


def cutout(images: Tensor) -> Tensor:
    """Sets a rectangle of half the side, centred anywhere in the picture, to 0, in alpha too."""
    insides = []
    for side in images.shape[2:]:
        length = int(side / 2 + 0.5)
        # An even length has its centre between two pixels: one place more.
        first = _pick(images, side + 1 - length % 2)[:, None] - length // 2
        places = _places(side, images)
        insides.append((places >= first) & (places < first + length))
    return images.masked_fill(insides[0][:, None, :, None] & insides[1][:, None, None, :], 0)


def flip(images: Tensor) -> Tensor:
    """Mirrors left and right, half of the pictures."""
    return torch.where(_drawn(images, 0.5)[:, None, None, None], images.flip(3), images)


# ---- the pipe of ADA: [N, C, H, W] in [-1, 1], p -> the same shape; each operation with probability p a picture ----


def blit(images: Tensor, p: float) -> Tensor:
    """Mirrors, turns by quarters and moves by whole pixels: exact copies of pixels, mirrored at the edges.

    A drawn mirror mirrors half of its pictures and a drawn turn turns three quarters; moves are up to 1/8 of the side.
    A picture that is not square turns by halves only.
    """
    mirrored = _drawn(images, p) & (_pick(images, 2) == 1)
    quarters = _pick(images, 4) * _drawn(images, p)
    square = images.shape[2] == images.shape[3]
    quarters = quarters if square else quarters // 2 * 2
    # A quarter turn is a transposition, then the columns backwards; a half turn is both sides backwards.
    backwards = (quarters >= 2, ((quarters == 1) | (quarters == 2)) ^ mirrored)
    if square:
        images = torch.where((quarters % 2 == 1)[:, None, None, None], images.transpose(2, 3), images)
    moved = _drawn(images, p)
    takes = []
    for side, back in zip(images.shape[2:], backwards, strict=True):
        shift = (_uniform(images, -0.125, 0.125) * side).round().long() * moved
        places = _places(side, images) - shift[:, None]
        places = torch.where(places < 0, -1 - places, torch.where(places >= side, 2 * side - 1 - places, places))
        takes.append(torch.where(back[:, None], side - 1 - places, places))
    return _take(images, *takes)


def geometry(images: Tensor, p: float) -> Tensor:
    """Scales, turns, stretches and moves: one affine map a picture, mirrored at the edges.

    Scale 2^N(0, .2); stretch by s across and 1/s down, s = 2^N(0, .2); moves of N(0, .125) of the side. One turn comes
    before the stretch and one after, each with 1 - sqrt(1 - p), so that a picture is turned with probability p.
    """
    zero, p_turn = images.new_zeros(()), 1 - math.sqrt(1 - p)
    drawn = [_drawn(images, q)[:, None, None] for q in (p, p_turn, p, p_turn, p)]
    scale, stretch = (torch.exp2(torch.where(drawn[i], _normal(images, 0.2)[:, None, None], zero)) for i in (0, 2))
    before, after = (torch.where(drawn[i], _uniform(images, -math.pi, math.pi)[:, None, None], zero) for i in (1, 3))
    right, down = (torch.where(drawn[4], _normal(images, 0.125)[:, None, None], zero) for _ in "xy")

    # Back from each place of the result to its source, in px from the centre: the inverse of each map, the last first.
    height, width = images.shape[2:]
    y, x = ((_places(n * SUPERSAMPLING, images) + 0.5) / SUPERSAMPLING - n / 2 for n in (height, width))
    y, x = y.to(images.dtype)[..., None], x.to(images.dtype)[:, None]  # [1, 2 H, 1], [1, 1, 2 W]
    x, y = _turned_back(x - right * width, y - down * height, after)  # [N, 2 H, 2 W] each
    x, y = _turned_back(x / stretch, y * stretch, before)
    grid = torch.stack([x / (scale * width / 2), y / (scale * height / 2)], -1)
    sampled = F.avg_pool2d(_Sample.apply(images, grid, images.shape, False), SUPERSAMPLING)
    # Averaging blurs a little even where nothing moved.
    return torch.where(torch.stack(drawn).any(0)[..., None], sampled, images)


def _turned_back(x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Undoes a turn by `angle` radians."""
    return angle.cos() * x + angle.sin() * y, angle.cos() * y - angle.sin() * x


def ada_color(images: Tensor, p: float) -> Tensor:
    """Brightness + N(0, .2), contrast x 2^N(0, .5) about mid-gray, luma flip, any hue, saturation x 2^N(0, 1).

    One 3 x 3 matrix and one offset a picture, not clipped; luma is the mean of the channels, and gray has nothing else.
    """
    zero = images.new_zeros(())
    drawn = [_drawn(images, p) for _ in range(5)]
    brightness = torch.where(drawn[0], _normal(images, 0.2), zero)
    contrast = torch.exp2(torch.where(drawn[1], _normal(images, 0.5), zero))
    luma = contrast * (1 - 2 * (_pick(images, 2) * drawn[2]))  # a drawn flip flips half of its pictures
    hue = torch.where(drawn[3], _uniform(images, -math.pi, math.pi), zero)
    chroma = contrast * torch.exp2(torch.where(drawn[4], _normal(images, 1.0), zero))

    # Luma is the part along (1, 1, 1); what is across it is chroma, turned by the hue and stretched by saturation.
    eye = torch.eye(3, dtype=images.dtype, device=images.device)
    along, quarter_turn = torch.full_like(eye, 1 / 3), (eye.roll(1, 0) - eye.roll(1, 1)) / math.sqrt(3)
    luma, offset, hue, chroma = (v[:, None, None] for v in (luma, luma * brightness, hue, chroma))
    matrix = luma * along + chroma * (hue.cos() * (eye - along) + hue.sin() * quarter_turn)  # [N, 3, 3]
    changed = torch.stack(drawn).any(0)[:, None, None, None]

    def change(colours: Tensor) -> Tensor:
        flat = colours.flatten(2)  # [N, 1 or 3, H * W]
        mixed = matrix @ flat if colours.shape[1] == 3 else luma * flat
        return torch.where(changed, (mixed + offset).reshape(colours.shape), colours)

    return _without_alpha(images, change)


@dataclass(frozen=True)
class Operation:
    """One word of a policy."""

    apply: Callable[..., Tensor]  # pictures [N, C, H, W] in [-1, 1] (and p, if by_p) -> as many, not clipped
    by_p: bool  # it happens with probability p a picture; otherwise always
    source: str


# In the order in which they are applied, however the policy orders them: each paper's own order.
OPERATIONS: dict[str, Operation] = {
    "flip": Operation(flip, False, "mirror pictures at random; arXiv 2006.02595 compares it with others"),
    "blit": Operation(blit, True, "arXiv 2006.06676, appendix B, pixel blitting"),
    "geometry": Operation(geometry, True, "arXiv 2006.06676, appendix B, general geometric transformations"),
    "ada-color": Operation(ada_color, True, "arXiv 2006.06676, appendix B, color transformations"),
    "color": Operation(color, False, "arXiv 2006.10738, section 4 and its code"),
    "translation": Operation(translation, False, "arXiv 2006.10738, section 4 and its code"),
    "cutout": Operation(cutout, False, "arXiv 2006.10738, section 4 and its code"),
}

_WITH_P = "a policy with blit, geometry, ada-color or bgc, which happen with probability p"

# Words for several operations.
BUNDLES: dict[str, tuple[str, ...]] = {"bgc": ("blit", "geometry", "ada-color")}


def operations_of(policy: str) -> tuple[str, ...]:
    """The operations that a policy such as "color,cutout" names, in the table's order. Raises SparringError."""
    named: list[str] = []
    for word in filter(None, (word.strip() for word in policy.split(","))):
        if word not in OPERATIONS and word not in BUNDLES:
            raise SparringError(f"There is no augmentation {word!r}.", did_you_mean(word, [*OPERATIONS, *BUNDLES]))
        named += BUNDLES.get(word, (word,))
    twice = sorted({word for word in named if named.count(word) > 1})
    if twice:
        expected = "each operation once; 'bgc' is blit, geometry and ada-color"
        raise SparringError(f"The policy {policy!r} names {twice[0]!r} twice.", expected)
    return tuple(name for name in OPERATIONS if name in named)


class Augment:
    """What a run puts between the pictures and D.

    Args:
        policy: operations by name, with commas between: color, translation, cutout, flip (always applied); blit,
            geometry, ada-color, or bgc for these three (applied with probability p). Empty: none.
        p: the probability, 0 to 1; with `ada_target` where p ends at most (it begins at 0).
        ada_target: 0: p stays. Else the mean sign of D(real) that p is adapted to, between 0 and 1; .6 in the paper.
        ada_images: images in which p goes from 0 to 1 when D is always too right; 500,000 in the paper.
        noise: standard deviation of instance noise, in the pictures' [-1, 1].
        noise_images: real images until the noise has gone, linearly; 0: it stays.

    Raises:
        SparringError: a number out of its range, a word that is no operation, or a number that nothing uses.
    """

    def __init__(
        self,
        policy: str = "",
        p: float = 1.0,
        ada_target: float = 0.0,
        ada_images: int = 500_000,
        noise: float = 0.0,
        noise_images: int = 0,
    ) -> None:
        self.names = operations_of(policy)
        by_p = any(OPERATIONS[name].by_p for name in self.names)
        for right, what, expected in (  # what is not a number compares as false
            (0 <= p <= 1, f"The augmentation's p is {p}.", "a probability, from 0 to 1"),
            (by_p or p == 1, f"Nothing uses the augmentation's p of {p}.", _WITH_P),
            (0 <= ada_target < 1, f"ADA's target is {ada_target}.", "between 0 and 1 (.6 in the paper), or 0: p stays"),
            (by_p or ada_target == 0, f"ADA (target {ada_target}) has no p to adapt.", _WITH_P),
            (p > 0 or ada_target == 0, "ADA may not raise p above 0.", "p above 0: with a target, the most it may be"),
            (ada_images > 0, f"ADA's p would go from 0 to 1 in {ada_images} images.", "500,000 (the paper) or so"),
            (0 <= noise < math.inf, f"The instance noise is {noise}.", "a standard deviation: 0 (none) or more"),
            (noise_images >= 0, f"The instance noise ends at {noise_images} images.", "0 (it stays) or more"),
        ):
            if not right:
                raise SparringError(what, expected)
        self.adaptive = ada_target > 0
        self.p = 0.0 if self.adaptive else p  # the probability now
        self._p_most, self._target, self._ada_images = p, ada_target, ada_images
        self._noise, self._noise_images = noise, noise_images
        self._images_seen = self._batches = self._logits = 0
        self._signs: Tensor | float = 0.0  # the sum of sign(D(real)) since p was last looked at
        self._device = torch.device("cpu")

    @property
    def sigma(self) -> float:
        """The standard deviation of the instance noise now."""
        if not self._noise_images:
            return self._noise
        return self._noise * max(0.0, 1 - self._images_seen / self._noise_images)

    @property
    def is_idle(self) -> bool:
        """Nothing would be done to pictures now. Adaptive or annealed, that may change."""
        return self.sigma == 0 and not self._now()

    def _now(self) -> list[Operation]:
        return [row for name in self.names if not (row := OPERATIONS[name]).by_p or self.p > 0]

    def __call__(self, images: Tensor) -> Tensor:
        """Returns T(images), drawn anew at each call; the very same object when there is nothing to do.

        Pictures are [N, C, H, W] in [-1, 1], C = 1, 3 or 4 (else a SparringError); noise alone takes any shape. Half
        precision becomes fp32: bf16 has 8 bits, too few for a place in a picture.
        """
        self._device = images.device
        if self.names:
            _check_pictures(images, self.names)
        if self.is_idle:
            return images
        with torch.autocast(images.device.type, enabled=False):
            images = images.float() if images.dtype in (torch.float16, torch.bfloat16) else images
            for row in self._now():
                images = row.apply(images, self.p) if row.by_p else row.apply(images)
            if self.sigma:
                images = images + self.sigma * torch.randn(images.shape, dtype=images.dtype, device=images.device)
        return images

    def at(self, images_seen: int) -> None:
        """Tells how many real images training has seen; the noise follows."""
        self._images_seen = images_seen

    def observe(self, real_logits: Tensor) -> None:
        """Takes note, on the device, of D's logits on augmented real pictures.  # [N or more]"""
        if self.adaptive:
            self._signs = self._signs + real_logits.detach().float().sign().sum()
            self._logits += real_logits.numel()

    def adapt(self, batch: int) -> None:
        """Moves p after a step of `batch` real pictures; one transfer from the device in every fourth call.

        When sign(D(real)) was on average above the target, D remembers the real pictures and p rises; below, it falls
        (arXiv 2006.06676, section 3.1, r_t). A logit that is not a number leaves p where it is.
        """
        self._batches += self.adaptive
        if self._batches < ADAPT_EVERY:
            return
        mean_sign = float(self._signs) / self._logits if self._logits else self._target
        direction = (mean_sign > self._target) - (mean_sign < self._target)
        moved = self.p + direction * batch * ADAPT_EVERY / self._ada_images
        self.p = min(max(moved, 0.0), self._p_most)
        self._batches, self._logits, self._signs = 0, 0, 0.0

    def signals(self) -> dict[str, Tensor]:
        """p by its name, a scalar on the device, where it is adapted; else nothing."""
        return {"augment_p": torch.full((), self.p, device=self._device)} if self.adaptive else {}

    def state_dict(self) -> dict[str, float | int]:
        """Everything that the next step depends on, as plain numbers."""
        waiting = {"batches": self._batches, "logits": self._logits, "signs": float(self._signs)}
        return {"p": self.p, "images_seen": self._images_seen, **waiting}

    def load_state_dict(self, state: dict[str, float | int]) -> None:
        """The inverse of `state_dict`. What is not adapted is as constructed, so that a changed p counts."""
        self._images_seen = int(state["images_seen"])
        if self.adaptive:
            self.p = min(float(state["p"]), self._p_most)
            self._batches, self._logits, self._signs = int(state["batches"]), int(state["logits"]), state["signs"]


def _check_pictures(images: Tensor, names: tuple[str, ...]) -> None:
    if images.dim() != 4 or images.shape[1] not in (1, 3, 4) or not images.is_floating_point():
        raise SparringError(
            f"The augmentation {','.join(names)} was given {images.dtype} of shape {list(images.shape)}.",
            "pictures [N, C, H, W] as floating-point numbers, C = 1 (gray), 3 (RGB) or 4 (RGBA)",
            "for anything else use instance noise alone: leave the policy empty.",
        )
