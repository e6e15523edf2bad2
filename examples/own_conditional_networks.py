"""Your own conditional pair as textbooks have it: labels first, one-hot, both ending in a sigmoid; nothing rewritten.

How each is called, and what it gives, is found out and said; D learns from the logits before its sigmoid.
"""

import torch
import torch.nn.functional as F
from torch import nn

import sparring


class Generator(nn.Module):  # (labels as one-hot, z) -> pictures in [0, 1]
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(16 + 2, 128), nn.ReLU(), nn.Linear(128, 28 * 28), nn.Sigmoid())

    def forward(self, labels, z):
        return self.net(torch.cat([labels, z], 1)).view(-1, 1, 28, 28)


class Discriminator(nn.Module):  # (pictures, labels as numbers) -> probability that they are real
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(2, 16)
        self.net = nn.Sequential(nn.Linear(28 * 28 + 16, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1), nn.Sigmoid())

    def forward(self, images, labels):
        return self.net(torch.cat([images.flatten(1), self.embed(labels)], 1))


def shapes(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Gray pictures of a disc (class 0) or a square (class 1) at a random place, and their classes."""
    draw = torch.Generator().manual_seed(0)
    x, y = torch.rand(2, n, 1, 1, generator=draw) * 0.4 + 0.3
    grid = torch.linspace(0, 1, 28)
    across, down = (grid.view(1, 1, -1) - x).abs(), (grid.view(1, -1, 1) - y).abs()
    labels = torch.arange(n) % 2
    distance = torch.where(labels.view(-1, 1, 1) == 0, (across**2 + down**2).sqrt(), torch.maximum(across, down))
    return (distance < 0.2).float().mul(2).sub(1)[:, None], labels  # [n, 1, 28, 28] in [-1, 1], int64 [n]


pictures, labels = shapes(500)
G, D = Generator(), Discriminator()
run = sparring.train(
    pictures,
    sparring.recipes["dcgan"].but(latent=16, batch=32),
    condition="class",
    condition_from=labels,
    generator=G,
    discriminator=D,
    steps=100,
    held_out=0,  # no evaluations: with the networks that judge, they take longer than so short a training
    out="runs/shapes",
)

# G is yours, and trained: it is called as you wrote it. The run keeps its average over the training, which is better.
squares = G(F.one_hot(torch.ones(4, dtype=torch.long), 2).float(), torch.randn(4, 16))
better = sparring.load(run.path, generator=G).sample(16, seed=0, condition="1")
print(f"{len(squares)} squares of G's own, {len(better)} of its average")
