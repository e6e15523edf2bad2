"""What pictures show by their pixels alone: how far apart they are, a checkerboard, an augmentation's marks.

Each is compared with the same of the reals, which may be alike, striped or framed themselves.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

STRIDES = (2, 4)  # a transposed convolution of stride s, or two of stride 2, repeats every 2 or 4 px
_NEAR = (2, 3, 4)  # bins beside a frequency that it is compared with; a window smears it into the next bin
_GRAY, _FLAT = 12.0, 4.0  # of 255: how far from the middle gray a hole may be, and its deviation
_LIVELY = 24.0  # of 255: deviation of a picture in which a hole is one, and not the whole of it


def spread(pictures: Tensor) -> float:
    """The mean distance of each picture to the next one, per pixel in [0, 255].  # uint8 [N, C, H, W], N > 1"""
    x = pictures.flatten(1).float()
    return float((x - x.roll(1, 0)).square().mean(1).sqrt().mean())


def spread_within(pictures: Tensor, classes: Tensor, least: int = 2) -> dict[int, float]:
    """The same within each class of which there are `least` pictures.  # uint8 [N, C, H, W], int64 [N]"""
    found = {}
    for label in classes.unique().tolist():
        own = pictures[classes == label]
        if len(own) >= least:
            found[int(label)] = spread(own)
    return found


def checkerboard(pictures: Tensor) -> float:
    """How far the spectrum stands out where strides repeat: the highest ratio of such a frequency to its neighbours.

    The power spectrum of the gray picture, in a Hann window, is averaged over pictures; the frequencies are those of 2
    and 4 px, across, down and both; each is compared with the median of six on its way. About 1 where nothing repeats.

    Args:
        pictures: uint8  # [N, C, H, W]
    """
    gray = pictures.float().mean(1)
    height, width = gray.shape[1:]
    window = torch.outer(torch.hann_window(height), torch.hann_window(width))
    power = torch.fft.fft2((gray - gray.mean((1, 2), keepdim=True)) * window).abs().square().mean(0).numpy()
    highest = 0.0
    for stride in STRIDES:
        if height % stride or width % stride or min(height, width) // stride <= _NEAR[-1]:
            continue
        down, across = height // stride, width // stride
        for place, way in (((0, across), (0, 1)), ((down, 0), (1, 0)), ((down, across), (1, 1))):
            beside = [
                power[(place[0] + sign * step * way[0]) % height, (place[1] + sign * step * way[1]) % width]
                for step in _NEAR
                for sign in (-1, 1)
            ]
            # A deviation of a hundredth of a gray level is rounding, and no pattern.
            least = 1e-4 * float(window.square().sum())
            highest = max(highest, float(power[place]) / max(float(np.median(beside)), least))
    return highest


def holes(pictures: Tensor) -> float:
    """The share of pictures with a flat middle-gray box of a quarter of the side, or such a strip along an edge.

    What cutout and translation leave: they fill with 0 of [-1, 1], in alpha too. Pictures that are flat as a whole do
    not count.

    Args:
        pictures: uint8  # [N, C, H, W]
    """
    x = pictures.float()
    height, width = x.shape[2:]
    lively = x.flatten(1).std(1) > _LIVELY
    box, strip = (max(4, height // 4), max(4, width // 4)), max(2, min(height, width) // 16)
    boxed = _flat_gray(x, box).flatten(1).any(1)
    lines = _flat_gray(x, (strip, width)), _flat_gray(x, (height, strip))
    edged = lines[0][:, [0, -1]].flatten(1).any(1) | lines[1][:, :, [0, -1]].flatten(1).any(1)
    return float(((boxed | edged) & lively).double().mean())


def _flat_gray(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Where all channels of a window are flat and middle gray.  # [N, C, H, W] -> bool [N, h, w]"""
    mean = F.avg_pool2d(x, size, 1)
    variance = F.avg_pool2d(x.square(), size, 1) - mean.square()
    return (((mean - 127.5).abs() < _GRAY) & (variance < _FLAT**2)).all(1)
