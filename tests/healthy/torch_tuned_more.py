"""Pairs with a condition, and others with a trap in their wiring, in PyTorch, that rules may be tuned on."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from . import Built, Healthy, gather

PAIRS: list[Healthy] = []
pair = gather(PAIRS)


def three_ups(latent: int, c: int = 16, out: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(latent, c * 16), nn.Unflatten(1, (c, 4, 4)), nn.BatchNorm2d(c), nn.ReLU(),
        nn.Upsample(scale_factor=2), nn.Conv2d(c, c, 3, 1, 1), nn.BatchNorm2d(c), nn.ReLU(),
        nn.Upsample(scale_factor=2), nn.Conv2d(c, c, 3, 1, 1), nn.BatchNorm2d(c), nn.ReLU(),
        nn.Upsample(scale_factor=2), nn.Conv2d(c, out, 3, 1, 1), nn.Tanh(),
    )  # fmt: skip


def three_downs(channels: int = 3, c: int = 16) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, c, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(c, c, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(c, c, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(),
    )  # fmt: skip


@pair
def projection_with_conditional_batch_norm() -> Built:
    """The conditional norms begin at gamma 1 and beta 0 for every class: at birth the class changes nothing in G."""

    class CBN(nn.Module):
        def __init__(self, c: int, classes: int = 10) -> None:
            super().__init__()
            self.bn, self.embed = nn.BatchNorm2d(c, affine=False), nn.Embedding(classes, 2 * c)
            self.embed.weight.data[:, :c].fill_(1)
            self.embed.weight.data[:, c:].zero_()

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            gamma, beta = self.embed(y)[:, :, None, None].chunk(2, 1)
            return gamma * self.bn(x) + beta

    class G(nn.Module):
        def __init__(self, c: int = 16) -> None:
            super().__init__()
            self.fc = nn.Linear(64, c * 16)
            self.convs = nn.ModuleList(nn.Conv2d(c, c, 3, 1, 1) for _ in range(3))
            self.norms = nn.ModuleList(CBN(c) for _ in range(3))
            self.last = nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, 3, 3, 1, 1), nn.Tanh())

        def forward(self, z: Tensor, y: Tensor) -> Tensor:
            h = self.fc(z).view(len(z), -1, 4, 4)
            for conv, norm in zip(self.convs, self.norms, strict=True):
                h = conv(F.interpolate(F.relu(norm(h, y)), scale_factor=2))
            return self.last(h)

    class D(nn.Module):
        def __init__(self, c: int = 16) -> None:
            super().__init__()
            self.convs = nn.ModuleList(spectral_norm(nn.Conv2d(3 if i == 0 else c, c, 4, 2, 1)) for i in range(3))
            self.out, self.embed = spectral_norm(nn.Linear(c, 1)), spectral_norm(nn.Embedding(10, c))

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            for conv in self.convs:
                x = F.relu(conv(x))
            h = x.sum((2, 3))
            return self.out(h) + (self.embed(y) * h).sum(1, keepdim=True)

    return G(), D(), {"loss": "hinge", "latent": 64, "condition": "class:10", "size": 32}


@pair
def acgan_with_tuple_outputs() -> Built:
    """The class' embedding is multiplied with z."""

    class Generator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.label_emb, self.body = nn.Embedding(10, 100), three_ups(100)

        def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
            return self.body(torch.mul(self.label_emb(labels), noise))

    class Discriminator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = three_downs()
            self.adv_layer, self.aux_layer = nn.Linear(256, 1), nn.Linear(256, 10)

        def forward(self, img: Tensor) -> tuple[Tensor, Tensor]:
            out = self.body(img)
            return self.adv_layer(out), self.aux_layer(out)

    return Generator(), Discriminator(), {"condition": "class:10", "size": 32}


@pair
def text_joined_at_4x4() -> Built:
    """GAN-CLS: the sentence is projected, then joined with z in G and with D's 4 x 4 map."""

    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.project = nn.Sequential(nn.Linear(384, 32), nn.LeakyReLU(0.2))
            self.net = three_ups(96)

        def forward(self, z: Tensor, text: Tensor) -> Tensor:
            return self.net(torch.cat([z, self.project(text)], 1))

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down, self.project = three_downs()[:-1], nn.Linear(384, 32)
            self.joint = nn.Sequential(nn.Conv2d(48, 16, 1), nn.BatchNorm2d(16), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 4))

        def forward(self, x: Tensor, text: Tensor) -> Tensor:
            t = self.project(text)[:, :, None, None].expand(-1, -1, 4, 4)
            return self.joint(torch.cat([self.down(x), t], 1)).flatten()

    return G(), D(), {"latent": 64, "condition": "vector:384", "size": 32}


@pair
def conditioning_augmentation() -> Built:
    """The sentence becomes a mean and a spread, and is drawn anew at each call; sigma keeps a slope at 0."""

    class CANet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(384, 64)

        def forward(self, text: Tensor) -> Tensor:
            self.mu, self.logvar = self.fc(text).chunk(2, 1)
            return self.mu + (0.5 * self.logvar).exp() * torch.randn_like(self.mu)

    class StageI(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ca, self.net = CANet(), three_ups(32 + 64)

        def forward(self, z: Tensor, embedding: Tensor) -> Tensor:
            return self.net(torch.cat((z, self.ca(embedding)), 1))

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down, self.squeeze = three_downs(), nn.Linear(384, 16)
            self.end = nn.Sequential(nn.Linear(272, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))

        def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
            return self.end(torch.cat((self.down(x), self.squeeze(embedding)), 1))

    return StageI(), D(), {"latent": 64, "condition": "vector:384", "size": 32}


@pair
def film_from_zero() -> Built:
    """FiLM layers whose last weights are zero: at birth the text changes nothing."""

    class FiLM(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.affine = nn.Linear(384, 2 * c)
            nn.init.zeros_(self.affine.weight)
            nn.init.zeros_(self.affine.bias)

        def forward(self, x: Tensor, c: Tensor) -> Tensor:
            scale, shift = self.affine(c).unsqueeze(-1).unsqueeze(-1).chunk(2, dim=1)
            return x * (1 + scale) + shift

    class G(nn.Module):
        def __init__(self, c: int = 16) -> None:
            super().__init__()
            self.start, self.films = nn.Linear(48, c * 16), nn.ModuleList(FiLM(c) for _ in range(3))
            self.ups = nn.ModuleList(nn.ConvTranspose2d(c, c, 4, 2, 1) for _ in range(3))
            self.rgb = nn.Conv2d(c, 3, 1)

        def forward(self, z: Tensor, c: Tensor) -> Tensor:
            x = self.start(z).reshape(z.shape[0], -1, 4, 4)
            for up, film in zip(self.ups, self.films, strict=True):
                x = F.silu(film(up(x), c))
            return self.rgb(x).tanh()

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.film = nn.Conv2d(3, 16, 4, 4), FiLM(16)
            self.b, self.c = nn.Conv2d(16, 16, 4, 4), nn.Linear(64, 1)

        def forward(self, x: Tensor, c: Tensor) -> Tensor:
            return self.c(F.silu(self.b(F.silu(self.film(self.a(x), c)))).flatten(1))

    return G(), D(), {"latent": 48, "condition": "vector:384", "size": 32}


@pair
def class_planes_beside_the_picture() -> Built:
    """Each class is a plane of its own of ones, and z is joined with the one-hot."""

    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(
                nn.ConvTranspose2d(60, 32, 4, bias=False), nn.BatchNorm2d(32), nn.ReLU(True),
                nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
                nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(True),
                nn.ConvTranspose2d(8, 1, 4, 2, 3, bias=False), nn.Tanh(),
            )  # fmt: skip

        def forward(self, z: Tensor, labels: Tensor) -> Tensor:
            return self.net(torch.cat([z, F.one_hot(labels, 10).to(z)], 1)[:, :, None, None])

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = three_downs(11, 8)
            self.fc = nn.Linear(8 * 9, 1)

        def forward(self, x: Tensor, labels: Tensor) -> Tensor:
            planes = F.one_hot(labels, 10).float().view(-1, 10, 1, 1).expand(-1, -1, *x.shape[2:])
            return self.fc(self.net(torch.cat([x, planes], 1)))

    return G(), D(), {"latent": 50, "condition": "class:10", "size": 28, "channels": 1}


@pair
def biggan_chunks_of_z() -> Built:
    """z in four parts: one begins the picture, each of the others goes with the class into the norms of one block."""

    class Block(nn.Module):
        def __init__(self, c: int, cond: int) -> None:
            super().__init__()
            self.gain, self.shift = (
                spectral_norm(nn.Linear(cond, c, bias=False)),
                spectral_norm(nn.Linear(cond, c, bias=False)),
            )
            self.bn = nn.BatchNorm2d(c, affine=False)
            self.c1, self.skip = spectral_norm(nn.Conv2d(c, c, 3, 1, 1)), spectral_norm(nn.Conv2d(c, c, 1))

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            h = self.bn(x) * (1 + self.gain(y))[..., None, None] + self.shift(y)[..., None, None]
            return self.c1(F.interpolate(F.relu(h), scale_factor=2)) + self.skip(F.interpolate(x, scale_factor=2))

    class G(nn.Module):
        def __init__(self, c: int = 16) -> None:
            super().__init__()
            self.shared, self.linear = nn.Embedding(10, 16), spectral_norm(nn.Linear(12, c * 16))
            self.blocks = nn.ModuleList(Block(c, 16 + 12) for _ in range(3))
            self.output = nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), spectral_norm(nn.Conv2d(c, 3, 3, 1, 1)))

        def forward(self, z: Tensor, y: Tensor) -> Tensor:
            first, *rest = torch.split(z, 12, 1)
            shared, h = self.shared(y), self.linear(first).view(z.size(0), -1, 4, 4)
            for block, part in zip(self.blocks, rest, strict=True):
                h = block(h, torch.cat([shared, part], 1))
            return torch.tanh(self.output(h))

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(
                *(spectral_norm(m) if isinstance(m, nn.Conv2d) else m for m in three_downs()[:-1])
            )
            self.linear, self.embed = spectral_norm(nn.Linear(16, 1)), spectral_norm(nn.Embedding(10, 16))

        def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
            h = torch.sum(self.body(x), [2, 3])
            out = self.linear(h)
            return out if y is None else out + torch.sum(self.embed(y) * h, 1, keepdim=True)

    return G(), D(), {"loss": "hinge", "latent": 48, "condition": "class:10", "size": 32, "d_lr": 2e-4, "g_lr": 5e-5}


@pair
def multi_scale_list_outputs() -> Built:
    class MultiScale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ds = nn.ModuleList(
                nn.Sequential(
                    nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 16, 4, 2, 1), nn.InstanceNorm2d(16),
                    nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 3, 1, 1),
                )
                for _ in range(3)
            )  # fmt: skip
            self.pool = nn.AvgPool2d(3, 2, 1, count_include_pad=False)

        def forward(self, x: Tensor) -> list[Tensor]:
            out = []
            for d in self.ds:
                out.append(d(x))
                x = self.pool(x)
            return out

    return three_ups(64), MultiScale(), {"loss": "least-squares", "latent": 64, "size": 32}


@pair
def unet_discriminator() -> Built:
    """Two outputs: one logit for the picture, one for each of its pixels."""

    class D(nn.Module):
        def __init__(self, c: int = 8) -> None:
            super().__init__()
            sn = spectral_norm
            self.d1, self.d2 = sn(nn.Conv2d(3, c, 4, 2, 1)), sn(nn.Conv2d(c, 2 * c, 4, 2, 1))
            self.mid, self.u1 = sn(nn.Linear(2 * c, 1)), sn(nn.Conv2d(2 * c, c, 3, 1, 1))
            self.u2 = sn(nn.Conv2d(2 * c, 1, 3, 1, 1))

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            a = F.leaky_relu(self.d1(x), 0.2)
            b = F.leaky_relu(self.d2(a), 0.2)
            up = F.leaky_relu(self.u1(F.interpolate(b, scale_factor=2)), 0.2)
            return self.mid(b.mean((2, 3))), self.u2(F.interpolate(torch.cat([up, a], 1), scale_factor=2))

    return three_ups(64), D(), {"loss": "hinge", "latent": 64, "size": 32}


@pair
def gated_recurrent_series() -> Built:
    """z is a series too; D reads in both directions."""

    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.out = nn.GRU(8, 24, num_layers=2, batch_first=True), nn.Linear(24, 5)

        def forward(self, z: Tensor) -> Tensor:
            h, _ = self.rnn(z)
            return torch.sigmoid(self.out(h))

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.out = nn.GRU(5, 24, batch_first=True, bidirectional=True), nn.Linear(48, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.rnn(x)[0][:, -1])

    return G(), D(), {"g_inputs": (torch.randn(16, 12, 8),), "data": torch.rand(16, 12, 5), "range": (0, 1)}


@pair
def gumbel_straight_through_tokens() -> Built:
    """The forward takes the hard maximum, the backward the soft one: an argmax that gradients pass."""

    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.start, self.cell, self.logits = nn.Linear(32, 32), nn.LSTMCell(20, 32), nn.Linear(32, 20)

        def forward(self, z: Tensor) -> Tensor:
            h = c = torch.tanh(self.start(z))
            token, out = torch.zeros(len(z), 20), []
            for _ in range(8):
                h, c = self.cell(token, (h, c))
                soft = F.softmax(self.logits(h) - torch.empty(len(z), 20).exponential_().log(), -1)
                hard = F.one_hot(soft.argmax(-1), 20).float()
                token = hard + soft - soft.detach()
                out.append(token)
            return torch.stack(out, 1)

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Linear(20, 16, bias=False)
            self.convs = nn.ModuleList(nn.Conv1d(16, 8, k) for k in (2, 3, 4))
            self.fc = nn.Linear(24, 1)

        def forward(self, tokens: Tensor) -> Tensor:
            e = self.embed(tokens).transpose(1, 2)
            return self.fc(torch.cat([F.leaky_relu(conv(e)).amax(2) for conv in self.convs], 1))

    text = F.one_hot(torch.randint(0, 20, (32, 8)), 20).float()
    return G(), D(), {"loss": "relativistic", "latent": 32, "data": text, "range": (0, 1)}


@pair
def lazy_layers_and_pixel_shuffle() -> Built:
    """No width is known before the first call."""
    G = nn.Sequential(
        nn.LazyLinear(512), nn.Unflatten(1, (32, 4, 4)), nn.LazyConv2d(64, 3, padding=1), nn.PixelShuffle(2),
        nn.LazyBatchNorm2d(), nn.PReLU(), nn.LazyConv2d(64, 3, padding=1), nn.PixelShuffle(2), nn.LazyBatchNorm2d(),
        nn.PReLU(), nn.LazyConv2d(12, 3, padding=1), nn.PixelShuffle(2), nn.Tanh(),
    )  # fmt: skip
    D = nn.Sequential(
        nn.LazyConv2d(16, 3, stride=2, padding=1), nn.LeakyReLU(0.2), nn.LazyConv2d(32, 3, stride=2, padding=1),
        nn.LazyBatchNorm2d(), nn.LeakyReLU(0.2), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.LazyLinear(1),
    )  # fmt: skip
    return G, D, {"latent": 100, "size": 32, "channels": 3}


@pair
def average_kept_beside_the_network() -> Built:
    """G carries its own moving average, a frozen copy that only sampling uses; R1 in the step, every 2nd time."""

    class WithAverage(nn.Module):
        def __init__(self, net: nn.Module) -> None:
            super().__init__()
            self.net = net
            self.average = copy.deepcopy(net).eval().requires_grad_(False)

        @torch.no_grad()
        def update(self, keep: float = 0.99) -> None:
            for a, p in zip(self.average.parameters(), self.net.parameters(), strict=True):
                a.lerp_(p, 1 - keep)

        def forward(self, z: Tensor) -> Tensor:
            return self.net(z) if self.training else self.average(z)

    calls: list[int] = []

    def step(G: WithAverage, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        calls.append(1)
        D.requires_grad_(True)
        G.requires_grad_(False)
        real = real.detach().requires_grad_(len(calls) % 2 == 1)
        logits = D(real)
        loss = F.softplus(-logits).mean() + F.softplus(D(G(torch.randn(len(real), 64)))).mean()
        if real.requires_grad:
            (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
            loss = loss + 5 * gradient.square().sum((1, 2, 3)).mean()
        d_opt.zero_grad(set_to_none=True)
        loss.backward()
        d_opt.step()
        D.requires_grad_(False)
        G.net.requires_grad_(True)
        g_opt.zero_grad(set_to_none=True)
        F.softplus(-D(G(torch.randn(len(real), 64)))).mean().backward()
        g_opt.step()
        D.requires_grad_(True)
        G.update()

    D = nn.Sequential(three_downs(), nn.Linear(256, 1))
    return WithAverage(three_ups(64)), D, {"latent": 64, "size": 32, "step": step}


@pair
def implicit_image_from_coordinates() -> Built:
    """A G of sines of fixed random frequencies: the frequencies and the grid are buffers, z scales each layer."""

    class G(nn.Module):
        def __init__(self, w: int = 32) -> None:
            super().__init__()
            axis = torch.linspace(-1, 1, 32)
            self.register_buffer("grid", torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).view(1, -1, 2))
            self.register_buffer("frequencies", torch.randn(2, w // 2) * 6)
            self.layers = nn.ModuleList(nn.Linear(w, w) for _ in range(3))
            self.scales = nn.ModuleList(nn.Linear(16, w) for _ in range(3))
            self.out = nn.Linear(w, 3)

        def forward(self, z: Tensor) -> Tensor:
            phase = self.grid @ self.frequencies
            h = torch.cat([phase.sin(), phase.cos()], -1)
            for layer, scale in zip(self.layers, self.scales, strict=True):
                h = torch.sin(layer(h) * (1 + scale(z)).unsqueeze(1))
            return torch.tanh(self.out(h)).transpose(1, 2).reshape(len(z), 3, 32, 32)

    D = nn.Sequential(weight_norm(nn.Conv2d(3, 16, 8, 4, 2)), nn.GELU(), weight_norm(nn.Conv2d(16, 32, 4, 2, 1)),
    nn.GELU(),
                      nn.Flatten(), nn.Linear(512, 1))  # fmt: skip
    return G(), D, {"latent": 16, "size": 32}


@pair
def compiled_pair() -> Built:
    """Wrapped for the compiler, not yet compiled."""
    D = nn.Sequential(three_downs(), nn.Linear(256, 1))
    return torch.compile(three_ups(64), backend="eager"), torch.compile(D, backend="eager"), {"latent": 64, "size": 32}


@pair
def rgba_with_gradient_accumulation() -> Built:
    """Four channels; each update adds up two halves of the batch before the step: not a forgotten zero_grad."""
    bce = F.binary_cross_entropy_with_logits

    def step(G: nn.Module, D: nn.Module, real: Tensor, opt_g: Any, opt_d: Any) -> None:
        halves = real.chunk(2)
        opt_d.zero_grad()
        for x in halves:
            with torch.no_grad():
                fake = G(torch.randn(len(x), 64))
            r, f = D(x), D(fake)
            ((bce(r, torch.full_like(r, 0.9)) + bce(f, torch.zeros_like(f))) / 2).backward()
        opt_d.step()
        opt_g.zero_grad()
        for x in halves:
            f = D(G(torch.randn(len(x), 64)))
            (bce(f, torch.ones_like(f)) / 2).backward()
        torch.nn.utils.clip_grad_norm_(G.parameters(), 10)
        opt_g.step()

    D = nn.Sequential(three_downs(4), nn.Dropout(0.3), nn.Linear(256, 1))
    return three_ups(64, out=4), D, {"latent": 64, "size": 32, "channels": 4, "step": step, "batch": 32}


@pair
def two_classes_with_softmax() -> Built:
    """D tells real from fake by a cross-entropy over two units."""
    D = nn.Sequential(three_downs(1), nn.Linear(256, 32), nn.LeakyReLU(0.2), nn.Linear(32, 2))
    return three_ups(64, out=1), D, {"loss": "softmax", "latent": 64, "size": 32, "channels": 1}
