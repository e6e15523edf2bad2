"""Metrics from the pixels themselves: sliced Wasserstein distance of patches, and likeness of fakes to one another."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import SparringError
from ..seeds import seed_for
from .sides import Estimate, Side, check_resample, enough, jackknife_std

# arXiv 1710.10196, section 5: Laplacian pyramids down to 16 px, 128 patches of 7 px a level, 4 x 128 directions.
SMALLEST_PX, PATCH_PX, PATCHES, DIRECTIONS = 16, 7, 128, 512
MOST_PICTURES = 512  # a side: 65,536 patches a level; the paper's 16,384 pictures would take 32 times as long

# Wang, Simoncelli & Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW_PX, WINDOW_SIGMA_PX = 11, 1.5
MOST_PAIRS = 1000

_BINOMIAL = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
_BATCH = 64  # pictures taken through a pyramid at a time
_DIRECTIONS_AT_ONCE = 16
_DIRECTIONS_OF_EFFECTS = 32  # of 512: enough for an interval, at a sixteenth of the time


def pyramid(pictures: Tensor) -> list[Tensor]:
    """Laplacian pyramid: what each halving takes away, finest first, and last what remains.

    Blurred by (1 4 6 4 1)/16 with mirrored borders (Burt & Adelson 1983). Added up again, each level enlarged, it
    gives the pictures back. A level is halved while its shorter side stays at 16 px or more.

    Args:
        pictures: any range.  # float [N, C, H, W]
    """
    levels = []
    while min(pictures.shape[2:]) >= 2 * SMALLEST_PX:
        smaller = _blur(pictures)[:, :, ::2, ::2]
        levels.append(pictures - enlarged(smaller, pictures.shape[2], pictures.shape[3]))
        pictures = smaller
    return [*levels, pictures]


def enlarged(pictures: Tensor, height: int, width: int) -> Tensor:
    """Twice as large, to [N, C, height, width]: zeros between the pixels, then the blur, times 4."""
    spread = pictures.new_zeros(*pictures.shape[:2], height, width)
    spread[:, :, ::2, ::2] = pictures
    return _blur(spread) * 4


def _blur(pictures: Tensor) -> Tensor:
    channels = pictures.shape[1]
    down = _BINOMIAL.to(pictures).view(1, 1, 5, 1).expand(channels, 1, 5, 1)
    padded = F.pad(pictures, (2, 2, 2, 2), mode="reflect")
    return F.conv2d(F.conv2d(padded, down, groups=channels), down.transpose(2, 3), groups=channels)


def _patches(pictures: Tensor, rng: np.random.Generator) -> list[Tensor]:
    """For each level 128 random patches a picture, each channel scaled to mean 0 and variance 1 over all of them.

    # uint8 [N, C, H, W] -> float32 [N * 128, C * 49] a level
    """
    levels: list[list[Tensor]] = []
    offset = torch.arange(PATCH_PX)
    for batch in pictures.split(_BATCH):
        for depth, level in enumerate(pyramid(batch.float())):
            n, _, height, width = level.shape
            top = torch.from_numpy(rng.integers(0, height - PATCH_PX + 1, n * PATCHES))
            left = torch.from_numpy(rng.integers(0, width - PATCH_PX + 1, n * PATCHES))
            which = torch.arange(n).repeat_interleave(PATCHES)
            rows, columns = (top[:, None] + offset)[:, :, None], (left[:, None] + offset)[:, None, :]
            if depth == len(levels):
                levels.append([])
            levels[depth].append(level.permute(0, 2, 3, 1)[which[:, None, None], rows, columns])  # [P, 7, 7, C]
    return [_scaled(torch.cat(level)) for level in levels]


def _scaled(patches: Tensor) -> Tensor:
    mean = patches.mean((0, 1, 2))
    centred = patches - mean
    std = centred.square().mean((0, 1, 2)).sqrt()
    centred /= torch.where(std > 1e-3, std, torch.inf)  # a channel that never changes (opaque alpha) adds nothing
    return centred.flatten(1)


def wasserstein_1d(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Wasserstein-1 distance of numbers, in many directions at once: the area between their distribution functions.

    Args:
        a: [directions, N].
        b: [directions, M].

    Returns:
        (distance [directions], first-order effect of each number of a [directions, N], of b [directions, M]); the
        effects are of mean 0 and come from the Kantorovich potential.
    """
    n, m = a.shape[1], b.shape[1]
    values, order = torch.cat([a, b], dim=1).sort(dim=1)
    step = torch.cat([a.new_full((n,), 1 / n), b.new_full((m,), -1 / m)])
    between = step.double()[order].cumsum(1)[:, :-1]  # F_a - F_b between neighbours
    between[between.abs() < 0.25 / (n * m)] = 0  # the smallest true difference is 1 / (n m)
    gaps = values.diff(dim=1).double()
    slope = torch.zeros_like(values, dtype=torch.float64)
    slope[:, 1:] = (between.sign() * gaps).cumsum(1)
    potential = torch.empty_like(slope).scatter_(1, order, slope)
    of_a, of_b = potential[:, :n], potential[:, n:]
    distance = (between.abs() * gaps).sum(1)
    return distance, of_a.mean(1, keepdim=True) - of_a, of_b - of_b.mean(1, keepdim=True)


def _sliced(a: Tensor, b: Tensor, rng: np.random.Generator, effects: bool) -> tuple[float, Tensor, Tensor]:
    """(distance, effect of each picture of a [n], of b [n]) over random directions.  # [n * 128, D] both"""
    directions = torch.from_numpy(rng.standard_normal((a.shape[1], DIRECTIONS))).float()
    directions /= directions.norm(dim=0)
    total = 0.0
    for some in directions.split(_DIRECTIONS_AT_ONCE, dim=1):
        # As many on both sides, so that the distance is that of the sorted: NumPy sorts floats 20 times as fast as
        # torch, which keeps the order as well.
        sides = [np.sort((part @ some).T.contiguous().numpy(), axis=1) for part in (a, b)]
        total += float(np.abs(sides[0] - sides[1]).mean(axis=1, dtype=np.float64).sum())
    of_a, of_b = torch.zeros(len(a), dtype=torch.float64), torch.zeros(len(b), dtype=torch.float64)
    if effects:
        for some in directions[:, :_DIRECTIONS_OF_EFFECTS].split(_DIRECTIONS_AT_ONCE, dim=1):
            _, effect_a, effect_b = wasserstein_1d((a @ some).T.contiguous(), (b @ some).T.contiguous())
            of_a += effect_a.sum(0)
            of_b += effect_b.sum(0)
    each = [found.view(-1, PATCHES).mean(1) / _DIRECTIONS_OF_EFFECTS for found in (of_a, of_b)]
    return total / DIRECTIONS, each[0], each[1]


def measure_swd(fake: Side, real: Side, *, seed: int = 0, resample: str = "both") -> Estimate:
    """Sliced Wasserstein distance of patches, the mean over the levels of a pyramid, times 1000 (arXiv 1710.10196).

    As many pictures on both sides are used, at most 512, chosen by `seed`, which also places patches and directions.
    The interval is ± 1.96 std of the infinitesimal jackknife over pictures, from 32 of the 512 directions; the scaling
    of each channel is taken as fixed.

    Details: `px_32` and so on, the distance of the level whose shorter side is 32 px.

    Raises:
        SparringError: pixels are missing, not uint8, of other channels or sizes on the two sides, under 16 px on a
            side of the picture, or fewer than 2 pictures.
    """
    check_resample(resample)
    both, notes = [], []
    checked = [
        (_checked(side, of, SMALLEST_PX, "The sliced Wasserstein distance"), of)
        for side, of in ((fake, "fakes"), (real, "reals"))
    ]
    n = min(MOST_PICTURES, *(len(pixels) for pixels, _ in checked))
    for pixels, of in checked:
        if len(pixels) > n:
            some = np.random.default_rng(seed_for(seed, f"swd {of}")).permutation(len(pixels))[:n]
            notes.append(f"{n} of {len(pixels)} {of} were used.")
            pixels = pixels[torch.from_numpy(some)]
        both.append(pixels)
    if both[0].shape[1:] != both[1].shape[1:]:
        raise SparringError(
            f"The fakes are {list(both[0].shape[1:])}, the reals {list(both[1].shape[1:])}.",
            "the same channels, height and width",
        )
    rng = np.random.default_rng(seed_for(seed, "swd"))
    found = [
        _sliced(a, b, rng, resample != "none")
        for a, b in zip(_patches(both[0], rng), _patches(both[1], rng), strict=True)
    ]  # each level: (distance, effects of fakes, of reals)
    shorter = min(both[0].shape[2:])
    details = {f"px_{-(-shorter // 2**depth)}": 1e3 * level[0] for depth, level in enumerate(found)}
    effects = [torch.stack([level[i] for level in found]).mean(0) for i in (1, 2)]  # type: ignore[misc]
    std = 1e3 * jackknife_std(effects[0], effects[1], resample)
    return Estimate.around(sum(details.values()) / len(found), std, details, notes, (0.0, float("inf")))


def _checked(side: Side, of: str, least_px: int, metric: str) -> Tensor:
    pixels = side.part("pixels").detach().cpu()
    if pixels.dtype != torch.uint8:
        raise SparringError(f"The pixels of the {of} are {pixels.dtype}.", "uint8 in [0, 255]")
    enough(len(pixels), 2, of, metric)
    height, width = pixels.shape[2:]
    if min(height, width) < least_px:
        raise SparringError(
            f"{metric} cannot be computed from pictures of {height} x {width} px.",
            f"{least_px} px or more on both sides",
            "leave this metric out.",
        )
    return pixels


def ms_ssim(a: Tensor, b: Tensor, scales: int = 5) -> Tensor:
    """Multi-scale structural similarity of pairs (Wang et al. 2003), in [0, 1]; 1 = the same picture.

    The first `scales` of the five weights, made to sum to 1; a negative mean contrast-structure counts as 0.

    Args:
        a: float in [0, 255].  # [N, C, H, W]
        b: likewise.
        scales: 1 to 5; the shorter side must be 11 * 2^(scales-1) px or more.

    Returns:
        float64 [N].
    """
    offset = torch.arange(WINDOW_PX, dtype=torch.float64) - WINDOW_PX // 2
    window = torch.exp(-(offset**2) / (2 * WINDOW_SIGMA_PX**2))
    window /= window.sum()
    a, b = a.double(), b.double()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    result = torch.ones(len(a), dtype=torch.float64)
    for scale in range(scales):
        if scale:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        maps = _windowed(torch.cat([a, b, a * a, b * b, a * b]), window).chunk(5)
        mean_a, mean_b = maps[0], maps[1]
        var_a, var_b, cov = maps[2] - mean_a**2, maps[3] - mean_b**2, maps[4] - mean_a * mean_b
        similarity = (2 * cov + c2) / (var_a + var_b + c2)
        if scale == scales - 1:
            similarity = similarity * (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
        weight = SCALE_WEIGHTS[scale] / sum(SCALE_WEIGHTS[:scales])
        result = result * similarity.mean((1, 2, 3)).clamp(min=0) ** weight
    return result


def _windowed(pictures: Tensor, window: Tensor) -> Tensor:
    channels = pictures.shape[1]
    down = window.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    return F.conv2d(F.conv2d(pictures, down, groups=channels), down.transpose(2, 3), groups=channels)


def measure_msssim(fake: Side, real: Side, *, seed: int = 0, resample: str = "both") -> Estimate:
    """Likeness of fakes to one another: mean MS-SSIM of random pairs, in [0, 1]; lower = more diverse.

    As used in arXiv 1610.09585, section 4.2; compare it with the value of the reals. Up to 1,000 pairs with no
    picture in two of them, drawn by `seed`, so the interval is that of a mean. The reals are not used.

    Details: `scales`, `window_px`, `pairs`.

    Raises:
        SparringError: pixels are missing, not uint8, under 11 px on a side, or fewer than 2 pictures.
    """
    check_resample(resample)
    pixels = _checked(fake, "fakes", WINDOW_PX, "MS-SSIM")
    shorter = min(pixels.shape[2:])
    scales = max(s for s in range(1, len(SCALE_WEIGHTS) + 1) if shorter >= WINDOW_PX * 2 ** (s - 1))
    notes = []
    if scales < len(SCALE_WEIGHTS):
        notes.append(
            f"Pictures of {shorter} px leave room for {scales} of 5 scales of a window of {WINDOW_PX} px: compare "
            f"this MS-SSIM only with values at the same size."
        )
    if pixels.shape[1] == 4:
        notes.append("Transparent pictures were laid on white for MS-SSIM.")
    order = torch.from_numpy(np.random.default_rng(seed_for(seed, "msssim")).permutation(len(pixels)))
    pairs = min(MOST_PAIRS, len(pixels) // 2)
    first, second = order[:pairs], order[pairs : 2 * pairs]
    batch = max(1, (1 << 21) // pixels[0].numel())  # 5 maps of 16 MB in float64
    values = torch.cat(
        [
            ms_ssim(_on_white(pixels[i]), _on_white(pixels[j]), scales)
            for i, j in zip(first.split(batch), second.split(batch), strict=True)
        ]
    )
    std = jackknife_std(values, None, resample)
    details = {"scales": scales, "window_px": WINDOW_PX, "pairs": pairs}
    return Estimate.around(float(values.mean()), std, details, notes, (0.0, 1.0))


def _on_white(pixels: Tensor) -> Tensor:
    """uint8 [N, 4, H, W] -> float64 [N, 3, H, W]; without alpha only the type changes."""
    if pixels.shape[1] != 4:
        return pixels.double()
    alpha = pixels[:, 3:].double() / 255
    return pixels[:, :3] * alpha + 255 * (1 - alpha)
