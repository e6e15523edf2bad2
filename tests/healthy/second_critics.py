"""The second unseen set, continued: pairs whose discriminator is the unusual one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import spectral_norm

from . import Built, Healthy, gather
from .second import photos

PAIRS: list[Healthy] = []
pair = gather(PAIRS)


@pair
def two_heads_of_acgan() -> Built:
    class G(nn.Module):
        def __init__(self):
            super().__init__()
            self.label_emb = nn.Embedding(10, 50)
            self.l1 = nn.Linear(50, 32 * 49)
            self.conv_blocks = nn.Sequential(
                nn.BatchNorm2d(32), nn.Upsample(scale_factor=2), nn.Conv2d(32, 32, 3, 1, 1, bias=False),
                nn.BatchNorm2d(32), nn.LeakyReLU(0.2, inplace=True), nn.Upsample(scale_factor=2),
                nn.Conv2d(32, 1, 3, 1, 1), nn.Tanh(),
            )  # fmt: skip

        def forward(self, noise, labels):
            return self.conv_blocks(self.l1(self.label_emb(labels) * noise).view(-1, 32, 7, 7))

    class D(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(1, 16, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25), nn.Conv2d(16, 32, 3, 2, 1),
                nn.LeakyReLU(0.2), nn.Dropout2d(0.25), nn.Flatten(),
            )  # fmt: skip
            self.adv_layer, self.aux_layer = nn.Linear(32 * 49, 1), nn.Linear(32 * 49, 10)

        def forward(self, img):
            out = self.body(img)
            return self.adv_layer(out), self.aux_layer(out)

    return G(), D(), {"latent": 50, "condition": "class:10", "data": photos(1, 28), "loss": "bce-logits"}


@pair
def critics_at_three_scales() -> Built:
    class MultiScale(nn.Module):
        def __init__(self):
            super().__init__()
            for i in range(3):
                net = [nn.Conv2d(3, 16, 4, 2, 2), nn.LeakyReLU(0.2, True), nn.Conv2d(16, 32, 4, 2, 2)]
                setattr(self, f"scale{i}", nn.Sequential(*net, nn.LeakyReLU(0.2, True), nn.Conv2d(32, 1, 3, 1, 1)))
            self.downsample = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

        def forward(self, x):
            result = []
            for i in range(3):
                result.append(getattr(self, f"scale{i}")(x))
                x = self.downsample(x)
            return result

    G = nn.Sequential(
        nn.Linear(100, 32 * 64), nn.Unflatten(1, (32, 8, 8)), nn.InstanceNorm2d(32, affine=True), nn.ReLU(),
        nn.Upsample(scale_factor=4), nn.Conv2d(32, 16, 7, 1, 3), nn.ReLU(), nn.Conv2d(16, 3, 7, 1, 3), nn.Tanh(),
    )  # fmt: skip
    return G, MultiScale(), {"data": photos(3, 32), "loss": "least-squares"}


@pair
def projected_onto_frozen_features() -> Built:
    class ProjectedD(nn.Module):
        def __init__(self):
            super().__init__()
            self.feature_network = nn.Sequential(
                nn.Conv2d(3, 24, 3, 2, 1), nn.SiLU(), nn.Conv2d(24, 48, 3, 2, 1), nn.SiLU()
            ).requires_grad_(False)
            self.head = nn.Sequential(
                spectral_norm(nn.Conv2d(48, 32, 4, 2, 1)), nn.LeakyReLU(0.2), spectral_norm(nn.Conv2d(32, 1, 4))
            )

        def forward(self, x):
            return self.head(self.feature_network(x)).flatten(1)

    class SkipLayerG(nn.Module):
        """FastGAN's: gated units, and an early map that scales a late one."""

        def __init__(self, c=24):
            super().__init__()
            self.init = nn.Sequential(nn.ConvTranspose2d(100, c * 2, 4), nn.BatchNorm2d(c * 2), nn.GLU(1))
            self.up = nn.ModuleList(self.block(c) for _ in range(3))
            self.se = nn.Sequential(nn.Conv2d(c, c, 4), nn.SiLU(), nn.Conv2d(c, c, 1), nn.Sigmoid())
            self.rgb = nn.Conv2d(c, 3, 3, 1, 1)

        @staticmethod
        def block(c):
            conv = nn.Conv2d(c, 2 * c, 3, 1, 1, bias=False)
            return nn.Sequential(nn.Upsample(scale_factor=2), conv, nn.BatchNorm2d(2 * c), nn.GLU(1))

        def forward(self, z):
            x4 = self.init(z.view(len(z), -1, 1, 1))
            x = self.up[2](self.up[1](self.up[0](x4)))
            return torch.tanh(self.rgb(x * self.se(x4)))

    return SkipLayerG(), ProjectedD(), {"data": photos(3, 32), "loss": "hinge"}


@pair
def energy_is_the_mean_of_an_autoencoders_error() -> Built:
    """A D whose score is how badly it rebuilds the picture."""

    class EnergyD(nn.Module):
        def __init__(self):
            super().__init__()
            self.encode = nn.Sequential(nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 8, 4, 2, 1))
            self.open1, self.open2 = nn.ConvTranspose2d(8, 16, 4, 2, 1), nn.ConvTranspose2d(16, 1, 4, 2, 1)

        def forward(self, x):
            y = F.leaky_relu(self.open1(F.leaky_relu(self.encode(x), 0.2)), 0.2)
            return -((self.open2(y) - x) ** 2).mean([1, 2, 3])

    G = nn.Sequential(
        nn.Linear(32, 128), nn.LayerNorm(128), nn.ReLU(), nn.Linear(128, 256), nn.Tanh(), nn.Unflatten(1, (1, 16, 16))
    )
    return G, EnergyD(), {"latent": 32, "data": photos(1, 16), "loss": "wasserstein"}
