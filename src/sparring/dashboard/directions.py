"""The main directions of variation: along which a step of z changes the picture most.

They are the principal directions of E[J'J], where J is the derivative of the picture by z, averaged over many z. What
counts as the picture are its means over squares of an eighth of its side, so that a direction is one of colour, place
and shape, and not of fine noise. J itself is never built: the gradient of a random sum of the picture's numbers is a
random sum of the rows of J, and a few hundred of those span what matters. Nothing of the network is looked at, so this
serves any architecture, the user's own too.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_LATENTS, _SUMS, _AT_ONCE = 64, 6, 16
_SIDE = 8  # squares along a side


def main_directions(
    paint: Callable[[Tensor], Tensor], draw: Callable[[int], Tensor], n: int
) -> tuple[Tensor, list[float]]:
    """Returns up to n directions, and the share of all change that each has, the greatest first.

    Args:
        paint: z -> pictures, differentiable  # [N, *z_shape] -> [N, C, H, W]
        draw: gives so many z.
        n: how many.

    Returns:
        Rows of length 1, orthogonal, each turned so that it makes the picture brighter  # float32 [n, len(z)]
    """
    latents = draw(_LATENTS)
    own = torch.Generator().manual_seed(0)
    rows, brighter = [], torch.zeros(latents[0].numel())
    for some in latents.split(_AT_ONCE):
        z = some.clone().requires_grad_(True)
        small = torch.nn.functional.adaptive_avg_pool2d(paint(z).float().cpu(), _SIDE).flatten(1)
        for i in range(_SUMS + 1):
            weights = torch.randn(small.shape, generator=own) if i else torch.full_like(small, 1 / small.shape[1])
            (gradient,) = torch.autograd.grad((small * weights).sum(), z, retain_graph=i < _SUMS, allow_unused=True)
            gradient = torch.zeros_like(z) if gradient is None else gradient
            if i:
                rows.append(gradient.detach().flatten(1))
            else:
                brighter += gradient.detach().flatten(1).sum(0)
    gathered = torch.cat(rows).nan_to_num(0.0, 0.0, 0.0)
    _, strengths, directions = torch.linalg.svd(gathered, full_matrices=False)
    shares = strengths.square() / strengths.square().sum().clamp_min(1e-30)
    kept = directions[:n]
    return kept * torch.where(kept @ brighter.nan_to_num() < 0, -1.0, 1.0)[:, None], shares[:n].tolist()
