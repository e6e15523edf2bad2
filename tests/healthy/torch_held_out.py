"""Pairs without a condition, in PyTorch, by which the doctor is measured. Tune nothing on them."""

from __future__ import annotations

import functools
import itertools
import math
import random
import warnings
from collections import OrderedDict
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import parametrizations, parametrize
from torch.utils.checkpoint import checkpoint_sequential

from . import Built, Healthy, gather

PAIRS: list[Healthy] = []
pair = gather(PAIRS)


def init_weights(net: nn.Module, gain: float = 0.02) -> nn.Module:
    def init(m: nn.Module) -> None:
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(m.weight, 0.0, gain)
            if m.bias is not None:
                nn.init.zeros_(m.bias)

    return net.apply(init)


@pair
def cyclegan_resnet() -> Built:
    """Instance norm takes the biases away; reflection padding; D is asked for patches of the target domain."""

    class ResnetBlock(nn.Module):
        def __init__(self, dim: int) -> None:
            super().__init__()
            half = [nn.ReflectionPad2d(1), nn.Conv2d(dim, dim, 3), nn.InstanceNorm2d(dim)]
            self.conv_block = nn.Sequential(
                *half, nn.ReLU(True), nn.ReflectionPad2d(1), nn.Conv2d(dim, dim, 3), nn.InstanceNorm2d(dim)
            )

        def forward(self, x: Tensor) -> Tensor:
            return x + self.conv_block(x)

    ngf = 8
    model = [nn.ReflectionPad2d(3), nn.Conv2d(3, ngf, 7), nn.InstanceNorm2d(ngf), nn.ReLU(True)]
    for i in range(2):
        mult = 2**i
        model += [nn.Conv2d(ngf * mult, ngf * mult * 2, 3, 2, 1), nn.InstanceNorm2d(ngf * mult * 2), nn.ReLU(True)]
    model += [ResnetBlock(ngf * 4) for _ in range(3)]
    for i in range(2):
        mult = 2 ** (2 - i)
        up = nn.ConvTranspose2d(ngf * mult, ngf * mult // 2, 4, 2, 1)
        model += [up, nn.InstanceNorm2d(ngf * mult // 2), nn.ReLU(True)]
    model += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7), nn.Tanh()]
    D = nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2, True), nn.Conv2d(8, 16, 4, 2, 1), nn.InstanceNorm2d(16),
        nn.LeakyReLU(0.2, True), nn.Conv2d(16, 32, 4, 1, 1), nn.InstanceNorm2d(32), nn.LeakyReLU(0.2, True),
        nn.Conv2d(32, 1, 4, 1, 1),
    )  # fmt: skip
    horses, zebras = torch.rand(2, 4, 3, 32, 32) * 2 - 1
    options = {"g_inputs": (horses,), "data": zebras, "loss": "least-squares", "size": 32}
    return init_weights(nn.Sequential(*model)), init_weights(D), options


@pair
def progressive_growing_style() -> Built:
    """Equalised learning rate as a parametrisation, pixel norm, minibatch standard deviation, no other norm."""

    class Equalized(nn.Module):
        def __init__(self, scale: float) -> None:
            super().__init__()
            self.scale = scale

        def forward(self, w: Tensor) -> Tensor:
            return w * self.scale

    def eq(m: Any, gain: float = 2**0.5) -> Any:
        nn.init.normal_(m.weight)
        nn.init.zeros_(m.bias)
        parametrize.register_parametrization(m, "weight", Equalized(gain / math.sqrt(m.weight[0].numel())))
        return m

    class PixelNorm(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x / torch.sqrt(torch.mean(x**2, dim=1, keepdim=True) + 1e-8)

    class StdDev(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            s = torch.sqrt(x.var(dim=0, unbiased=False) + 1e-8).mean()
            return torch.cat([x, s.expand(x.size(0), 1, x.size(2), x.size(3))], dim=1)

    def g_block(c: int) -> list[nn.Module]:
        act = [nn.LeakyReLU(0.2), PixelNorm()]
        return [nn.Upsample(scale_factor=2), eq(nn.Conv2d(c, c, 3, 1, 1)), *act, eq(nn.Conv2d(c, c, 3, 1, 1)), *act]

    c = 16
    G = nn.Sequential(
        PixelNorm(), eq(nn.Linear(32, c * 16), 2**0.5 / 4), nn.Unflatten(1, (c, 4, 4)), nn.LeakyReLU(0.2), PixelNorm(),
        *g_block(c), *g_block(c), *g_block(c), eq(nn.Conv2d(c, 3, 1), 1.0),
    )  # fmt: skip
    D = nn.Sequential(eq(nn.Conv2d(3, c, 1)), nn.LeakyReLU(0.2))
    for _ in range(3):
        D.extend([eq(nn.Conv2d(c, c, 3, 1, 1)), nn.LeakyReLU(0.2), nn.AvgPool2d(2)])
    D.extend([StdDev(), eq(nn.Conv2d(c + 1, c, 3, 1, 1)), nn.LeakyReLU(0.2), eq(nn.Conv2d(c, c, 4)), nn.LeakyReLU(0.2)])
    D.extend([nn.Flatten(), eq(nn.Linear(c, 1), 1.0)])
    return G, D, {"loss": "wasserstein-gp", "latent": 32, "size": 32, "g_lr": 1e-3, "d_lr": 1e-3}


@pair
def fastgan_list_outputs() -> Built:
    """G gives a large and a small picture; D takes such a list, or one picture that it shrinks itself."""
    sn = parametrizations.spectral_norm

    class Noise(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.weight * torch.randn(x.size(0), 1, x.size(2), x.size(3))

    class SLE(nn.Module):
        def __init__(self, i: int, o: int) -> None:
            super().__init__()
            self.main = nn.Sequential(
                nn.AdaptiveAvgPool2d(4),
                sn(nn.Conv2d(i, o, 4, bias=False)),
                nn.SiLU(),
                sn(nn.Conv2d(o, o, 1, bias=False)),
                nn.Sigmoid(),
            )

        def forward(self, small: Tensor, big: Tensor) -> Tensor:
            return big * self.main(small)

    def up(i: int, o: int) -> nn.Sequential:
        conv = [sn(nn.Conv2d(i, o * 2, 3, 1, 1, bias=False)), Noise(), nn.BatchNorm2d(o * 2), nn.GLU(dim=1)]
        return nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), *conv)

    class Generator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.init = nn.Sequential(sn(nn.ConvTranspose2d(64, 64, 4, bias=False)), nn.BatchNorm2d(64), nn.GLU(dim=1))
            self.feat_8, self.feat_16, self.feat_32 = up(32, 32), up(32, 16), up(16, 8)
            self.se, self.to_16, self.to_big = SLE(32, 8), nn.Conv2d(16, 3, 1), nn.Conv2d(8, 3, 3, 1, 1)

        def forward(self, z: Tensor) -> list[Tensor]:
            f4 = self.init(z.view(z.size(0), -1, 1, 1))
            f16 = self.feat_16(self.feat_8(f4))
            f32 = self.se(f4, self.feat_32(f16))
            return [torch.tanh(self.to_big(f32)), torch.tanh(self.to_16(f16))]

    class Discriminator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.big = nn.Sequential(sn(nn.Conv2d(3, 16, 4, 2, 1, bias=False)), nn.LeakyReLU(0.2),
                sn(nn.Conv2d(16, 16, 4, 2, 1, bias=False)), nn.BatchNorm2d(16), nn.LeakyReLU(0.2),
                nn.Conv2d(16, 1, 4))  # fmt: skip
            self.small = nn.Sequential(
                sn(nn.Conv2d(3, 16, 4, 2, 1, bias=False)), nn.BatchNorm2d(16), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 4)
            )

        def forward(self, images: Any) -> Tensor:
            if not isinstance(images, list):
                images = [images, F.interpolate(images, size=16)]
            return torch.cat([self.big(images[0]).flatten(1), self.small(images[1]).flatten(1)], dim=1)

    return Generator(), Discriminator(), {"loss": "hinge", "latent": 64, "size": 32}


@pair
def vit_generator_of_patches() -> Built:
    class Patches(nn.Module):
        def __init__(self, d: int = 32) -> None:
            super().__init__()
            self.positions = nn.Parameter(torch.randn(1, 16, d) * 0.02)
            self.inject = nn.Linear(64, d)
            layer = nn.TransformerEncoderLayer(
                d, 4, 64, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.to_pixels = nn.Linear(d, 8 * 8 * 3)

        def forward(self, z: Tensor) -> Tensor:
            h = self.blocks(self.positions + self.inject(z)[:, None])
            return torch.tanh(F.fold(self.to_pixels(h).transpose(1, 2), 32, 8, stride=8))

    class Judge(nn.Module):
        def __init__(self, d: int = 32) -> None:
            super().__init__()
            self.embed, self.token = nn.Conv2d(3, d, 8, 8), nn.Parameter(torch.zeros(1, 1, d))
            self.position = nn.Parameter(torch.randn(1, 17, d) * 0.02)
            self.attention = nn.MultiheadAttention(d, 4, batch_first=True)
            self.n1, self.n2, self.head = nn.LayerNorm(d), nn.LayerNorm(d), nn.Linear(d, 1)
            self.mlp = nn.Sequential(nn.Linear(d, 64), nn.GELU(), nn.Linear(64, d))

        def forward(self, x: Tensor) -> Tensor:
            t = self.embed(x).flatten(2).transpose(1, 2)
            t = torch.cat([self.token.expand(len(t), -1, -1), t], 1) + self.position
            q = self.n1(t)
            t = t + self.attention(q, q, q, need_weights=False)[0]
            t = t + self.mlp(self.n2(t))
            return self.head(t[:, 0])

    return Patches(), Judge(), {"latent": 64, "size": 32}


@pair
def rezero_gates() -> Built:
    """Every residual branch is multiplied by a number that begins at zero."""

    class Branch(nn.Module):
        def __init__(self, c: int, norm: bool) -> None:
            super().__init__()
            self.alpha = nn.Parameter(torch.tensor(0.0))
            self.f = nn.Sequential(
                nn.GroupNorm(4, c) if norm else nn.Identity(),
                nn.SiLU(),
                nn.Conv2d(c, c, 3, padding=1),
                nn.SiLU(),
                nn.Conv2d(c, c, 1),
            )

        def forward(self, x: Tensor) -> Tensor:
            return torch.add(x, self.alpha * self.f(x))

    c, up, down = 16, nn.UpsamplingBilinear2d(scale_factor=2), functools.partial(nn.AvgPool2d, 2)
    G = nn.Sequential(OrderedDict(
        fc=nn.Linear(64, c * 16), shape=nn.Unflatten(1, (c, 4, 4)), b4=Branch(c, True), up8=up, b8=Branch(c, True),
        up16=up, b16=Branch(c, True), up32=up, b32=Branch(c, True), act=nn.SiLU(), rgb=nn.Conv2d(c, 3, 3, padding=1),
        tanh=nn.Tanh(),
    ))  # fmt: skip
    D = nn.Sequential(
        nn.Conv2d(3, c, 3, padding=1), nn.SiLU(), Branch(c, False), down(), Branch(c, False), down(),
        nn.Conv2d(c, c, 3, padding=1),
        nn.SiLU(), down(), nn.Flatten(), nn.Linear(256, 1),
    )  # fmt: skip
    return G, D, {"latent": 64, "size": 32, "loss": "relativistic"}


@pair
def dcgan_logits_28_gray_unit_range() -> Built:
    """Sigmoid at the end of G, data in [0, 1]: both agree."""

    class G(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(62, 256)
            self.bn1 = nn.BatchNorm1d(256)
            self.fc2 = nn.Linear(256, 16 * 7 * 7)
            self.bn2 = nn.BatchNorm1d(16 * 7 * 7)
            self.deconv1 = nn.ConvTranspose2d(16, 8, 4, 2, 1)
            self.bn3 = nn.BatchNorm2d(8)
            self.deconv2 = nn.ConvTranspose2d(8, 1, 4, 2, 1)

        def forward(self, x):
            x = F.leaky_relu(self.bn1(self.fc1(x)), 0.2)
            x = F.leaky_relu(self.bn2(self.fc2(x)), 0.2)
            x = x.view(-1, 16, 7, 7)
            x = F.relu(self.bn3(self.deconv1(x)))
            return torch.sigmoid(self.deconv2(x))

    class D(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 16, 4, 2, 1)
            self.conv2 = nn.Conv2d(16, 32, 4, 2, 1)
            self.fc1 = nn.Linear(32 * 49, 64)
            self.drop = nn.Dropout(0.4)
            self.fc2 = nn.Linear(64, 1)

        def forward(self, x):
            x = F.leaky_relu(self.conv1(x), 0.2)
            x = F.leaky_relu(self.conv2(x), 0.2)
            x = x.reshape(x.shape[0], -1)
            x = self.drop(F.leaky_relu(self.fc1(x), 0.2))
            return self.fc2(x).squeeze(-1)

    return G(), D(), {"latent": 62, "size": 28, "channels": 1, "range": (0, 1), "data": torch.rand(64, 1, 28, 28)}


@pair
def wgan_gp_without_norm_and_its_step() -> Built:
    class Critic(nn.Module):
        def __init__(self, dims: tuple[int, ...] = (3, 8, 16, 32)) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Conv2d(i, o, 5, 2, 2) for i, o in itertools.pairwise(dims)])
            self.top = nn.Linear(dims[-1] * 16, 1)

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = F.leaky_relu(layer(x), negative_slope=0.2)
            return self.top(torch.flatten(x, start_dim=1))

    def penalty(D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        eps = torch.rand(real.size(0), 1, 1, 1)
        mixed = (eps * real + (1 - eps) * fake.detach()).requires_grad_()
        out = D(mixed)
        g = torch.autograd.grad(out, mixed, torch.ones_like(out), create_graph=True)[0]
        return ((g.flatten(1).norm(2, dim=1) - 1) ** 2).mean()

    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        for _ in range(5):
            for p in D.parameters():
                p.grad = None
            fake = G(torch.randn(real.size(0), 100)).detach()
            (D(fake).mean() - D(real).mean() + 10 * penalty(D, real, fake)).backward()
            d_opt.step()
        for p in G.parameters():
            p.grad = None
        (-D(G(torch.randn(real.size(0), 100))).mean()).backward(inputs=list(G.parameters()))
        g_opt.step()

    G = nn.Sequential(
        nn.Linear(100, 32 * 16), nn.ReLU(), nn.Unflatten(1, (32, 4, 4)), nn.ConvTranspose2d(32, 16, 4, 2, 1),
        nn.BatchNorm2d(16),
        nn.ReLU(), nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    return G, Critic(), {"loss": "wasserstein-gp", "size": 32, "step": step, "batch": 16}


@pair
def residual_with_random_depth_and_style_mixing() -> Built:
    """Whether a block is skipped, and which style a layer gets, is drawn at each call."""

    class Drop(nn.Module):
        def __init__(self, block: nn.Module, keep: float) -> None:
            super().__init__()
            self.block, self.keep = block, keep

        def forward(self, x: Tensor) -> Tensor:
            if self.training and random.random() > self.keep:
                return x
            return x + self.block(x)

    class AdaIN(nn.Module):
        def __init__(self, c: int, w: int) -> None:
            super().__init__()
            self.norm, self.style = nn.InstanceNorm2d(c), nn.Linear(w, c * 2)
            self.style.bias.data[:c] = 1
            self.style.bias.data[c:] = 0

        def forward(self, x: Tensor, w: Tensor) -> Tensor:
            gamma, beta = self.style(w)[:, :, None, None].chunk(2, 1)
            return gamma * self.norm(x) + beta

    class G(nn.Module):
        def __init__(self, c: int = 16, w: int = 32) -> None:
            super().__init__()
            self.map = nn.Sequential(nn.Linear(w, w), nn.LeakyReLU(0.2), nn.Linear(w, w), nn.LeakyReLU(0.2))
            self.constant = nn.Parameter(torch.ones(1, c, 4, 4))
            self.noise = nn.ParameterList([nn.Parameter(torch.zeros(1, c, 1, 1)) for _ in range(4)])
            self.convs = nn.ModuleList([nn.Conv2d(c, c, 3, 1, 1) for _ in range(4)])
            self.adains = nn.ModuleList([AdaIN(c, w) for _ in range(4)])
            self.rgb = nn.Conv2d(c, 3, 1)

        def forward(self, z: Tensor) -> Tensor:
            w = self.map(z)
            other = self.map(torch.randn_like(z)) if self.training and random.random() < 0.3 else w
            x = self.constant.repeat(len(z), 1, 1, 1)
            for i in range(4):
                x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False) if i else x
                x = self.convs[i](x)
                x = F.leaky_relu(x + self.noise[i] * torch.randn(len(z), 1, *x.shape[2:]), 0.2)
                x = self.adains[i](x, w if i < 3 else other)
            return self.rgb(x)

    def conv(i: int, o: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(i, o, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(o, o, 3, 1, 1), nn.LeakyReLU(0.2))

    D = nn.Sequential(
        conv(3, 16), nn.AvgPool2d(2), Drop(conv(16, 16), 0.8), nn.AvgPool2d(2), Drop(conv(16, 16), 0.8),
        nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(256, 1),
    )  # fmt: skip
    return G(), D, {"latent": 32, "size": 32}


@pair
def depthwise_separable_bottlenecks() -> Built:
    def separable(i: int, o: int, stride: int = 1) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(i, i, 3, stride, 1, groups=i, bias=False),
            nn.Conv2d(i, o, 1, bias=False),
            nn.BatchNorm2d(o),
            nn.ReLU6(),
        )

    class Squeeze(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.fc = nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, c // 4, 1), nn.SiLU(), nn.Conv2d(c // 4, c, 1), nn.Hardsigmoid()
            )

        def forward(self, x: Tensor) -> Tensor:
            return x * self.fc(x)

    G = nn.Sequential(
        nn.Linear(64, 24 * 16), nn.Unflatten(1, (24, 4, 4)), nn.Upsample(scale_factor=2), separable(24, 24),
        Squeeze(24),
        nn.Upsample(scale_factor=2), separable(24, 16), nn.Upsample(scale_factor=2), separable(16, 16),
        nn.Conv2d(16, 3, 3, 1, 1), nn.Tanh(),
    )  # fmt: skip
    D = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1),
        nn.ReLU6(),
        separable(16, 24, 2),
        Squeeze(24),
        separable(24, 24, 2),
        nn.Flatten(),
        nn.Linear(384, 1),
    )
    return G, D, {"latent": 64, "size": 32, "loss": "hinge", "batch": 64}


@pair
def fixed_blur_as_frozen_convolutions() -> Built:
    """Anti-aliasing by convolutions whose weights are set once and never learn."""

    class Blur(nn.Conv2d):
        def __init__(self, c: int, stride: int = 1) -> None:
            super().__init__(c, c, 3, stride, 1, groups=c, bias=False, padding_mode="reflect")
            row = torch.tensor([1.0, 2.0, 1.0]) / 4
            self.weight.data.copy_(torch.outer(row, row).expand(c, 1, 3, 3))
            self.weight.requires_grad = False

    c = 16
    D = nn.Sequential(
        nn.Conv2d(3, c, 3, 1, 1), nn.LeakyReLU(0.2), Blur(c, 2), nn.Conv2d(c, c, 3, 1, 1), nn.LeakyReLU(0.2),
        Blur(c, 2),
        nn.Conv2d(c, c, 3, 1, 1), nn.LeakyReLU(0.2), Blur(c, 2), nn.Flatten(), nn.Linear(256, 1),
    )  # fmt: skip
    G = nn.Sequential(nn.Linear(64, c * 16), nn.Unflatten(1, (c, 4, 4)))
    for _ in range(3):
        G.append(nn.Upsample(scale_factor=2)).append(Blur(c)).append(nn.Conv2d(c, c, 3, 1, 1)).append(nn.LeakyReLU(0.2))
    G.append(nn.Conv2d(c, 3, 1))
    return G, D, {"latent": 64, "size": 32, "loss": "relativistic"}


@pair
def siamese_discriminator() -> Built:
    """One encoder used twice, on the picture and on its mirror; the head sees the difference and the sum."""

    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(
                nn.Conv2d(3, 16, 4, 2, 1),
                nn.ELU(),
                nn.Conv2d(16, 16, 4, 2, 1),
                nn.ELU(),
                nn.Flatten(),
                nn.Linear(1024, 32),
            )
            self.head = nn.Sequential(nn.ELU(), nn.Linear(64, 1))

        def forward(self, x: Tensor) -> Tensor:
            a, b = self.encoder(x), self.encoder(x.flip(-1))
            return self.head(torch.cat([(a - b).abs(), a + b], dim=-1))

    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.up = nn.Linear(64, 256), nn.Conv2d(16, 64, 3, 1, 1)
            self.norms = nn.ModuleList(nn.BatchNorm2d(16, track_running_stats=False) for _ in range(3))
            self.rgb = nn.Conv2d(16, 3, 3, 1, 1)

        def forward(self, z: Tensor) -> Tensor:
            h = self.first(z).view(-1, 16, 4, 4)
            for norm in self.norms:  # the same convolution three times
                h = F.elu(norm(F.pixel_shuffle(self.up(h), 2)))
            return torch.tanh(self.rgb(h))

    return Shared(), Siamese(), {"latent": 64, "size": 32}


@pair
def hook_based_weight_norm_in_audio() -> Built:
    """As vocoders have it: the old weight_norm everywhere, dilated residual blocks, several scales with features."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wn = nn.utils.weight_norm

        class ResBlock(nn.Module):
            def __init__(self, c: int) -> None:
                super().__init__()
                self.convs = nn.ModuleList(wn(nn.Conv1d(c, c, 3, dilation=d, padding=d)) for d in (1, 3))

            def forward(self, x: Tensor) -> Tensor:
                for conv in self.convs:
                    x = x + conv(F.leaky_relu(x, 0.1))
                return x

        class Scale(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.convs = nn.ModuleList([wn(nn.Conv1d(1, 8, 15, 2, 7)), wn(nn.Conv1d(8, 16, 21, 4, 10, groups=4))])
                self.post = wn(nn.Conv1d(16, 1, 3, 1, 1))

            def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
                fmap = []
                for conv in self.convs:
                    x = F.leaky_relu(conv(x), 0.1)
                    fmap.append(x)
                return self.post(x).flatten(1), fmap

        G = nn.Sequential(
            wn(nn.Conv1d(20, 32, 7, 1, 3)), nn.LeakyReLU(0.1), wn(nn.ConvTranspose1d(32, 16, 16, 8, 4)),
            ResBlock(16), nn.LeakyReLU(0.1),
            wn(nn.ConvTranspose1d(16, 8, 8, 4, 2)), ResBlock(8), nn.LeakyReLU(), wn(nn.Conv1d(8, 1, 7, 1, 3)),
            nn.Tanh(),
        )  # fmt: skip
        first = Scale()

    mel, audio = torch.randn(4, 20, 16), torch.rand(4, 1, 512) * 2 - 1
    return G, first, {"g_inputs": (mel,), "d_call": lambda D, x: D(x)[0], "data": audio, "loss": "least-squares"}


@pair
def checkpointed_without_reentry() -> Built:
    def stage(c: int) -> nn.Sequential:
        return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(c, c, 3, 1, 1), nn.BatchNorm2d(c), nn.ReLU())

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.stages = nn.Linear(48, 256), nn.Sequential(*(stage(16) for _ in range(3)))
            self.tail = nn.Conv2d(16, 3, 1)

        def forward(self, z: Tensor) -> Tensor:
            x = self.head(z).view(-1, 16, 4, 4)
            return torch.tanh(self.tail(checkpoint_sequential(self.stages, 3, x, use_reentrant=False)))

    D = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1), nn.ELU(), nn.Conv2d(16, 16, 4, 2, 1), nn.ELU(), nn.Flatten(), nn.Linear(1024, 1)
    )
    return Net(), D, {"latent": 48, "size": 32}


@pair
def super_resolution() -> Built:
    """SRGAN: low resolution in, no z; PReLU, pixel shuffle; D ends in adaptive pooling and 1 x 1 convolutions."""

    class Res(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.conv1, self.bn1, self.prelu = nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c), nn.PReLU()
            self.conv2, self.bn2 = nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(x)))))

    class SR(nn.Module):
        def __init__(self, c: int = 16) -> None:
            super().__init__()
            self.block1 = nn.Sequential(nn.Conv2d(3, c, 9, padding=4), nn.PReLU())
            self.trunk = nn.Sequential(Res(c), Res(c), nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c))
            shuffle = [nn.Conv2d(c, c * 4, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()]
            self.up = nn.Sequential(*shuffle, nn.Conv2d(c, 3, 9, padding=4))

        def forward(self, x: Tensor) -> Tensor:
            b = self.block1(x)
            return (torch.tanh(self.up(b + self.trunk(b))) + 1) / 2

    D = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(16, 16, 3, 2, 1), nn.BatchNorm2d(16),
        nn.LeakyReLU(0.2),
        nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.LeakyReLU(0.2), nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(32, 64, 1),
        nn.LeakyReLU(0.2), nn.Conv2d(64, 1, 1),
    )  # fmt: skip
    high = torch.rand(16, 3, 32, 32)
    return SR(), D, {"g_inputs": (F.avg_pool2d(high, 2),), "data": high, "range": (0, 1), "size": 32}
