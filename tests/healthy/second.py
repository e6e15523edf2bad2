"""The second unseen set of healthy pairs, in PyTorch: many habits. Measure with it, tune nothing."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import spectral_norm

from . import Built, Healthy, gather

PAIRS: list[Healthy] = []
pair = gather(PAIRS)


def photos(channels: int, size: int, batch: int = 8) -> torch.Tensor:
    return torch.rand(batch, channels, size, size) * 2 - 1


def small_critic(channels: int, size: int, width: int = 16) -> nn.Sequential:
    layers: list[nn.Module] = []
    while size > 4:
        layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        channels, width, size = width, width * 2, size // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * size * size, 1))


# ---- research code with configuration dicts


@pair
def hypernetwork_paints_coordinates() -> Built:
    cfg = {"z": 48, "hidden": 24, "side": 16}

    class HyperGenerator(nn.Module):
        """z makes the weights of a small MLP, which is asked for a colour at each coordinate."""

        def __init__(self, z, hidden, side):
            super().__init__()
            self.sizes = [(8, hidden), (hidden, hidden), (hidden, 3)]
            self.trunk = nn.Sequential(nn.Linear(z, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU())
            self.heads = nn.ModuleList(nn.Linear(64, i * o + o) for i, o in self.sizes)
            axis = torch.linspace(-1, 1, side)
            y, x = torch.meshgrid(axis, axis, indexing="ij")
            grid = torch.stack([x, y], -1).view(-1, 2)
            self.register_buffer("code", torch.cat([(f * math.pi * grid).sin() for f in (0.5, 1, 2, 4)], -1))
            self.side = side

        def forward(self, z):
            h = self.trunk(z)
            x = self.code.expand(len(z), -1, -1)
            for k, ((i, o), head) in enumerate(zip(self.sizes, self.heads, strict=True)):
                p = head(h)
                w, b = p[:, : i * o].view(-1, i, o), p[:, i * o :].unsqueeze(1)
                x = torch.bmm(x, w) / math.sqrt(i) * 2 + b
                x = torch.sin(x) if k < 2 else torch.tanh(x)
            return x.transpose(1, 2).reshape(len(z), 3, self.side, self.side)

    return HyperGenerator(**cfg), small_critic(3, cfg["side"]), {"latent": cfg["z"], "data": photos(3, 16)}


@pair
def style_based_with_noise_strengths_at_zero() -> Built:
    opt = {"z_dim": 64, "w_dim": 64, "ch": [32, 32, 16]}

    class EqualLinear(nn.Module):
        def __init__(self, i, o, bias=0.0):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(o, i))
            self.bias = nn.Parameter(torch.full([o], bias))
            self.gain = i**-0.5

        def forward(self, x):
            return F.linear(x, self.weight * self.gain, self.bias)

    class ModConv(nn.Module):
        def __init__(self, i, o, k, w_dim, demodulate=True):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(o, i, k, k))
            self.affine = EqualLinear(w_dim, i, 1.0)
            self.bias = nn.Parameter(torch.zeros(o))
            self.strength = nn.Parameter(torch.zeros([]))
            self.demodulate = demodulate

        def forward(self, x, w):
            n, i, h, s = x.shape
            style = self.affine(w)[:, None, :, None, None] / math.sqrt(i * self.weight[0, 0].numel())
            weight = self.weight[None] * style
            if self.demodulate:
                weight = weight * torch.rsqrt(weight.square().sum([2, 3, 4], keepdim=True) + 1e-8)
            x = F.conv2d(
                x.reshape(1, n * i, h, s), weight.flatten(0, 1), padding=self.weight.shape[-1] // 2, groups=n
            ).view(n, -1, h, s)
            return x + self.strength * torch.randn(n, 1, h, s) + self.bias[:, None, None]

    class Synthesis(nn.Module):
        def __init__(self, z_dim, w_dim, ch):
            super().__init__()
            self.mapping = nn.ModuleList([EqualLinear(z_dim, w_dim), EqualLinear(w_dim, w_dim)])
            self.const = nn.Parameter(torch.randn(1, ch[0], 4, 4))
            self.convs = nn.ModuleList(ModConv(a, b, 3, w_dim) for a, b in zip([ch[0], *ch], ch, strict=False))
            self.rgbs = nn.ModuleList(ModConv(c, 3, 1, w_dim, demodulate=False) for c in ch)

        def forward(self, z):
            w = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
            for layer in self.mapping:
                w = F.leaky_relu(layer(w), 0.2) * 2**0.5
            x, rgb = self.const.repeat(len(z), 1, 1, 1), None
            for k, (conv, to_rgb) in enumerate(zip(self.convs, self.rgbs, strict=True)):
                if k:
                    x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
                    rgb = F.interpolate(rgb, scale_factor=2, mode="bilinear", align_corners=False)
                x = F.leaky_relu(conv(x, w), 0.2) * 2**0.5
                rgb = to_rgb(x, w) if rgb is None else rgb + to_rgb(x, w)
            return rgb

    class MiniBatchStd(nn.Module):
        def forward(self, x):
            s = x.var(0, unbiased=False).add(1e-8).sqrt().mean()
            return torch.cat([x, s.expand(len(x), 1, *x.shape[2:])], 1)

    class Down(nn.Module):
        def __init__(self, i, o):
            super().__init__()
            self.a, self.b = nn.Conv2d(i, i, 3, 1, 1), nn.Conv2d(i, o, 3, 2, 1)
            self.skip = nn.Conv2d(i, o, 1, bias=False)

        def forward(self, x):
            y = F.leaky_relu(self.b(F.leaky_relu(self.a(x), 0.2)), 0.2)
            return (y + self.skip(F.avg_pool2d(x, 2))) / math.sqrt(2)

    D = nn.Sequential(
        nn.Conv2d(3, 16, 1), nn.LeakyReLU(0.2), Down(16, 32), Down(32, 32), MiniBatchStd(), nn.Conv2d(33, 32, 3, 1, 1),
        nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(512, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1),
    )  # fmt: skip
    return Synthesis(**opt), D, {"latent": 64, "data": photos(3, 16), "loss": "bce-logits"}


@pair
def relativistic_fixup_pair_without_norms() -> Built:
    class Block(nn.Module):
        def __init__(self, c, groups=4, expand=2):
            super().__init__()
            self.up = nn.Conv2d(c, c * expand, 1)
            self.mix = nn.Conv2d(c * expand, c * expand, 3, 1, 1, groups=groups)
            self.down = nn.Conv2d(c * expand, c, 1, bias=False)
            nn.init.zeros_(self.down.weight)

        def forward(self, x):
            return x + self.down(F.leaky_relu(self.mix(F.leaky_relu(self.up(x), 0.2)), 0.2))

    class Basis(nn.Module):
        def __init__(self, z, c):
            super().__init__()
            self.basis = nn.Parameter(torch.randn(c, 4, 4))
            self.linear = nn.Linear(z, c, bias=False)

        def forward(self, z):
            return self.basis[None] * self.linear(z)[:, :, None, None]

    G = nn.Sequential(
        Basis(64, 32), Block(32), nn.Upsample(scale_factor=2, mode="bilinear"), Block(32),
        nn.Upsample(scale_factor=2, mode="bilinear"), Block(32), nn.Conv2d(32, 3, 1),
    )  # fmt: skip
    D = nn.Sequential(
        nn.Conv2d(3, 32, 1), Block(32), nn.AvgPool2d(2), Block(32), nn.AvgPool2d(2), Block(32),
        nn.Conv2d(32, 32, 4, groups=32), nn.Flatten(), nn.Linear(32, 1),
    )  # fmt: skip
    return G, D, {"latent": 64, "data": photos(3, 16), "loss": "relativistic"}


@pair
def split_latent_with_shared_embedding() -> Built:
    config = {"n_classes": 10, "dim_z": 48, "shared_dim": 16, "chunks": 3, "ch": 24}

    class CCBN(nn.Module):
        def __init__(self, c, cond):
            super().__init__()
            self.bn = nn.BatchNorm2d(c, affine=False)
            self.gain, self.bias = nn.Linear(cond, c, bias=False), nn.Linear(cond, c, bias=False)

        def forward(self, x, y):
            return self.bn(x) * (1 + self.gain(y))[..., None, None] + self.bias(y)[..., None, None]

    class GBlock(nn.Module):
        def __init__(self, c, cond):
            super().__init__()
            self.bn1, self.bn2 = CCBN(c, cond), CCBN(c, cond)
            self.conv1, self.conv2 = (spectral_norm(nn.Conv2d(c, c, 3, padding=1)) for _ in range(2))
            self.conv_sc = spectral_norm(nn.Conv2d(c, c, 1))

        def forward(self, x, y):
            h = F.interpolate(F.relu(self.bn1(x, y)), scale_factor=2)
            h = self.conv2(F.relu(self.bn2(self.conv1(h), y)))
            return h + self.conv_sc(F.interpolate(x, scale_factor=2))

    class Generator(nn.Module):
        def __init__(self, c):
            super().__init__()
            self.part = c["dim_z"] // c["chunks"]
            self.shared = nn.Embedding(c["n_classes"], c["shared_dim"])
            self.linear = spectral_norm(nn.Linear(self.part, c["ch"] * 16))
            self.blocks = nn.ModuleList(GBlock(c["ch"], c["shared_dim"] + self.part) for _ in range(c["chunks"] - 1))
            self.out = nn.Sequential(nn.BatchNorm2d(c["ch"]), nn.ReLU(), spectral_norm(nn.Conv2d(c["ch"], 3, 3, 1, 1)))

        def forward(self, z, y):
            first, *rest = z.split(self.part, 1)
            y = self.shared(y)
            h = self.linear(first).view(len(z), -1, 4, 4)
            for block, part in zip(self.blocks, rest, strict=True):
                h = block(h, torch.cat([y, part], 1))
            return torch.tanh(self.out(h))

    class ProjectionD(nn.Module):
        def __init__(self, n_classes, ch):
            super().__init__()
            sn = spectral_norm
            self.stem = sn(nn.Conv2d(3, ch, 3, 1, 1))
            self.convs = nn.ModuleList(sn(nn.Conv2d(ch, ch, 4, 2, 1)) for _ in range(2))
            self.linear, self.embed = sn(nn.Linear(ch, 1)), sn(nn.Embedding(n_classes, ch))

        def forward(self, x, y):
            h = F.relu(self.stem(x))
            for conv in self.convs:
                h = F.relu(conv(h))
            h = h.sum([2, 3])
            return self.linear(h) + (self.embed(y) * h).sum(1, keepdim=True)

    D = ProjectionD(10, 32)
    return Generator(config), D, {"latent": 48, "condition": "class:10", "loss": "hinge", "data": photos(3, 16)}


@pair
def parameters_in_a_dict_and_functional_calls() -> Built:
    def glorot(*shape):
        return nn.Parameter(nn.init.xavier_normal_(torch.empty(*shape)))

    class FunctionalG(nn.Module):
        def __init__(self):
            super().__init__()
            self.theta = nn.ParameterDict(
                {"W1": glorot(128, 20), "b1": nn.Parameter(torch.zeros(128)), "W2": glorot(64, 128),
                 "b2": nn.Parameter(torch.zeros(64))}
            )  # fmt: skip

        def forward(self, z):
            t = self.theta
            return torch.sigmoid(F.linear(F.relu(F.linear(z, t["W1"], t["b1"])), t["W2"], t["b2"])).view(-1, 1, 8, 8)

    class MaxoutD(nn.Module):
        def __init__(self):
            super().__init__()
            self.l1, self.l2, self.drop = nn.Linear(64, 5 * 48), nn.Linear(48, 1), nn.Dropout(0.5)

        def forward(self, x):
            h = self.l1(x.flatten(1)).view(len(x), 5, 48).amax(1)
            return self.l2(self.drop(h))

    return FunctionalG(), MaxoutD(), {"latent": 20, "data": torch.rand(8, 1, 8, 8), "loss": "bce-logits"}


# ---- attention without einops


class Attend(nn.Module):
    def __init__(self, dim, heads=4):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(dim, dim * 3), nn.Linear(dim, dim)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-2, -1) / math.sqrt(c // self.heads)).softmax(-1)
        return self.out((a @ v).transpose(1, 2).reshape(b, n, c))


class Layer(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.n1, self.attn, self.n2 = nn.LayerNorm(dim), Attend(dim), nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, dim * 2), nn.GELU(), nn.Linear(dim * 2, dim))

    def forward(self, x):
        x = x + self.attn(self.n1(x))
        return x + self.mlp(self.n2(x))


class TokenD(nn.Module):
    def __init__(self, dim=32, patch=4, side=16):
        super().__init__()
        self.embed = nn.Conv2d(3, dim, patch, patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos = nn.Parameter(torch.randn(1, (side // patch) ** 2 + 1, dim) * 0.02)
        self.layers = nn.Sequential(Layer(dim), Layer(dim))
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 1))

    def forward(self, x):
        t = self.embed(x).flatten(2).transpose(1, 2)
        t = torch.cat([self.cls.expand(len(x), -1, -1), t], 1) + self.pos
        return self.head(self.layers(t)[:, 0])


@pair
def transformers_on_both_sides() -> Built:
    class TransG(nn.Module):
        def __init__(self, z=64, dim=32):
            super().__init__()
            self.start, self.pos = nn.Linear(z, 16 * dim), nn.Parameter(torch.zeros(1, 16, dim))
            self.low, self.high = Layer(dim), Layer(dim // 4)
            self.pos2, self.rgb = nn.Parameter(torch.zeros(1, 64, dim // 4)), nn.Linear(dim // 4, 12)

        def forward(self, z):
            x = self.low(self.start(z).view(len(z), 16, -1) + self.pos)
            x = F.pixel_shuffle(x.transpose(1, 2).reshape(len(z), -1, 4, 4), 2)
            x = self.high(x.flatten(2).transpose(1, 2) + self.pos2)
            return F.pixel_shuffle(self.rgb(x).transpose(1, 2).reshape(len(z), 12, 8, 8), 2).tanh()

    return TransG(), TokenD(), {"latent": 64, "data": photos(3, 16), "loss": "hinge"}


@pair
def cross_attention_to_a_text_vector() -> Built:
    class TextG(nn.Module):
        """The text vector becomes eight tokens; every cell of the map asks them."""

        def __init__(self):
            super().__init__()
            self.tokens, self.seed = nn.Linear(384, 8 * 32), nn.Linear(100, 32 * 16)
            self.q, self.k, self.v = nn.Linear(32, 32), nn.Linear(32, 32), nn.Linear(32, 32)
            self.body = nn.Sequential(
                nn.Upsample(scale_factor=2), nn.Conv2d(32, 32, 3, 1, 1), nn.GroupNorm(4, 32), nn.SiLU(),
                nn.Upsample(scale_factor=2), nn.Conv2d(32, 32, 3, 1, 1), nn.GroupNorm(4, 32), nn.SiLU(),
                nn.Conv2d(32, 3, 3, 1, 1), nn.Tanh(),
            )  # fmt: skip

        def forward(self, noise, text_embedding):
            t = self.tokens(text_embedding * 384**0.5).view(-1, 8, 32)
            x = self.seed(noise).view(-1, 16, 32)
            a = torch.softmax(self.q(x) @ self.k(t).mT / 32**0.5, dim=-1)
            x = x + a @ self.v(t)
            return self.body(x.transpose(1, 2).reshape(-1, 32, 4, 4))

    class TextD(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Sequential(
                nn.Conv2d(3, 24, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(24, 48, 4, 2, 1), nn.LeakyReLU(0.2)
            )
            self.text = nn.Sequential(nn.Linear(384, 32), nn.LeakyReLU(0.2))
            self.joint = nn.Sequential(nn.Conv2d(80, 48, 1), nn.LeakyReLU(0.2), nn.Conv2d(48, 1, 4))

        def forward(self, image, text_embedding):
            t = self.text(text_embedding * 384**0.5)[:, :, None, None].expand(-1, -1, 4, 4)
            return self.joint(torch.cat([self.down(image), t], 1)).view(-1)

    return TextG(), TextD(), {"condition": "vector:384", "data": photos(3, 16), "loss": "bce-logits"}


@pair
def conditioning_augmentation_of_stackgan() -> Built:
    class CANet(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(384, 64)

        def forward(self, text):
            mu, logvar = F.leaky_relu(self.fc(text), 0.2).chunk(2, 1)
            return mu + torch.randn_like(mu) * (0.5 * logvar).exp() * 0.1

    class STAGE1_G(nn.Module):  # noqa: N801
        def __init__(self, gf=32):
            super().__init__()
            self.gf, self.ca_net = gf, CANet()
            self.fc = nn.Sequential(nn.Linear(100 + 32, gf * 16, bias=False), nn.BatchNorm1d(gf * 16), nn.ReLU(True))
            up = []
            for c in (gf, gf // 2):
                up += [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(c, c // 2, 3, 1, 1, bias=False)]
                up += [nn.BatchNorm2d(c // 2), nn.ReLU(True)]
            self.up, self.img = nn.Sequential(*up), nn.Sequential(nn.Conv2d(gf // 4, 3, 3, 1, 1, bias=False), nn.Tanh())

        def forward(self, text, noise):
            h = self.fc(torch.cat((noise, self.ca_net(text)), 1)).view(-1, self.gf, 4, 4)
            return self.img(self.up(h))

    class Matching(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.t = small_critic(3, 16)[:-1], nn.Linear(384, 32)
            self.last = nn.Linear(32 * 16 + 32, 1)

        def forward(self, text, picture):
            return self.last(torch.cat([self.net(picture), F.leaky_relu(self.t(text), 0.2)], 1))

    return STAGE1_G(), Matching(), {"condition": "vector:384", "data": photos(3, 16), "loss": "least-squares"}


# ---- pictures from pictures


@pair
def unet_colours_grey_photos() -> Built:
    class UNet(nn.Module):
        def __init__(self, c=12):
            super().__init__()
            self.e1, self.e2, self.e3 = (nn.Conv2d(a, b, 3, 2, 1) for a, b in ((1, c), (c, 2 * c), (2 * c, 4 * c)))
            self.d3, self.d2, self.d1 = (nn.Conv2d(a, b, 3, 1, 1) for a, b in ((4 * c, 2 * c), (4 * c, c), (2 * c, c)))
            self.norms = nn.ModuleList(nn.InstanceNorm2d(k, affine=True) for k in (2 * c, 2 * c, c))
            self.last = nn.Conv2d(c + 1, 2, 3, 1, 1)

        def forward(self, grey):
            a = F.leaky_relu(self.e1(grey), 0.2)
            b = F.leaky_relu(self.norms[0](self.e2(a)), 0.2)
            x = F.dropout(F.leaky_relu(self.e3(b), 0.2), 0.3, self.training)
            x = F.relu(self.norms[1](self.d3(F.interpolate(x, scale_factor=2))))
            x = F.relu(self.norms[2](self.d2(F.interpolate(torch.cat([x, b], 1), scale_factor=2))))
            x = F.relu(self.d1(F.interpolate(torch.cat([x, a], 1), scale_factor=2)))
            return torch.tanh(self.last(torch.cat([x, grey], 1)))

    class PatchPair(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = nn.Sequential(
                nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.InstanceNorm2d(32),
                nn.LeakyReLU(0.2), nn.Conv2d(32, 1, 4, 1, 1),
            )  # fmt: skip

        def forward(self, grey, ab):
            return self.model(torch.cat([grey, ab], 1))

    grey = photos(1, 32)
    more = {"g_inputs": (grey,), "d_call": lambda D, ab: D(grey, ab), "data": photos(2, 32), "loss": "least-squares"}
    return UNet(), PatchPair(), more


@pair
def super_resolution_with_prelu_and_pixel_shuffle() -> Built:
    class Residual(nn.Module):
        def __init__(self, c):
            super().__init__()
            self.conv1, self.act, self.conv2 = nn.Conv2d(c, c, 3, padding=1), nn.PReLU(), nn.Conv2d(c, c, 3, padding=1)

        def forward(self, x):
            return x + 0.2 * self.conv2(self.act(self.conv1(x)))

    class SR(nn.Module):
        def __init__(self, c=24):
            super().__init__()
            self.head, self.trunk = nn.Conv2d(3, c, 9, padding=4), nn.Sequential(Residual(c), Residual(c))
            self.up = nn.Sequential(nn.Conv2d(c, c * 4, 3, padding=1), nn.PixelShuffle(2), nn.PReLU())
            self.tail = nn.Conv2d(c, 3, 9, padding=4)

        def forward(self, low):
            x = F.relu(self.head(low))
            return F.interpolate(low, scale_factor=2, mode="bicubic") + self.tail(self.up(x + self.trunk(x)))

    low = photos(3, 16)
    return SR(), small_critic(3, 32), {"g_inputs": (low,), "data": photos(3, 32), "loss": "relativistic"}


@pair
def vae_with_a_critic() -> Built:
    class VAE(nn.Module):
        def __init__(self, nz=16):
            super().__init__()
            self.enc = nn.Sequential(nn.Conv2d(1, 16, 3, 2, 1), nn.ELU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ELU())
            self.mu, self.logvar = nn.Linear(32 * 49, nz), nn.Linear(32 * 49, nz)
            self.dec = nn.Sequential(
                nn.Linear(nz, 32 * 49), nn.ELU(), nn.Unflatten(1, (32, 7, 7)), nn.ConvTranspose2d(32, 16, 4, 2, 1),
                nn.ELU(), nn.ConvTranspose2d(16, 1, 4, 2, 1), nn.Sigmoid(),
            )  # fmt: skip

        def forward(self, x):
            h = self.enc(x).flatten(1)
            mu, logvar = self.mu(h), self.logvar(h).clamp(-8, 8)
            return self.dec(mu + torch.randn_like(mu) * torch.exp(logvar / 2))

    real = torch.rand(8, 1, 28, 28)
    D = nn.Sequential(
        nn.Conv2d(1, 16, 5, 2, 2), nn.LeakyReLU(0.1), nn.Conv2d(16, 32, 5, 2, 2), nn.LeakyReLU(0.1),
        nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(288, 1),
    )  # fmt: skip
    return VAE(), D, {"g_inputs": (real,), "data": real, "loss": "bce-logits"}
