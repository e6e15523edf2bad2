"""Your own PyTorch pair, trained by sparring on tensors you already have; then new pictures."""

from pathlib import Path

import torch
from torch import nn

import sparring


def discs(n: int, size_px: int = 28) -> torch.Tensor:
    """Gray pictures of a disc each, at a random place.  # [n, 1, size, size] in [-1, 1]"""
    draw = torch.Generator().manual_seed(0)
    x, y, radius = torch.rand(3, n, 1, 1, generator=draw) * torch.tensor([0.4, 0.4, 0.2]).view(3, 1, 1, 1) + 0.3
    grid = torch.linspace(0, 1, size_px)
    inside = (grid.view(1, 1, -1) - x) ** 2 + (grid.view(1, -1, 1) - y) ** 2 < (radius / 2) ** 2
    return inside.float().mul(2).sub(1).unsqueeze(1)


G = nn.Sequential(
    nn.Linear(16, 128), nn.ReLU(), nn.Linear(128, 28 * 28), nn.Tanh(), nn.Unflatten(1, (1, 28, 28))
)  # z -> picture
D = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1))  # picture -> logit

run = sparring.train(
    discs(500),
    sparring.recipes["dcgan"].but(latent=16, batch=32),
    generator=G,
    discriminator=D,
    steps=100,
    held_out=0,  # no evaluations: with the networks that judge, they take longer than so short a training
    out="runs/discs",
)
pictures = sparring.load(run.path, generator=G).sample(16, seed=0)
print(f"{len(pictures)} pictures of {pictures.shape[-1]} px; all samples of the training: {Path(run.grid).parent}")
