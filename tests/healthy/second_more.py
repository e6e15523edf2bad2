"""The second unseen set, continued: what is not a picture, notebooks' classes, ported code, and steps of one's own."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

from . import Built, Healthy, gather
from .second import photos, small_critic

PAIRS: list[Healthy] = []
pair = gather(PAIRS)


# ---- what is not a picture


@pair
def table_with_gumbel_columns() -> Built:
    columns = [("tanh", 1), ("softmax", 4), ("tanh", 1), ("softmax", 3), ("softmax", 2)]
    width = sum(w for _, w in columns)

    class Residual(nn.Module):
        def __init__(self, i, o):
            super().__init__()
            self.fc, self.bn = nn.Linear(i, o), nn.BatchNorm1d(o)

        def forward(self, x):
            return torch.cat([torch.relu(self.bn(self.fc(x))), x], dim=1)

    class TableG(nn.Module):
        def __init__(self):
            super().__init__()
            self.seq = nn.Sequential(Residual(32, 64), Residual(96, 64), nn.Linear(160, width))

        def forward(self, z):
            out, at = [], 0
            x = self.seq(z)
            for kind, w in columns:
                part, at = x[:, at : at + w], at + w
                out.append(torch.tanh(part) if kind == "tanh" else F.gumbel_softmax(part, tau=0.2))
            return torch.cat(out, 1)

    class TableD(nn.Sequential):
        def __init__(self):
            layers, dim = [], width
            for item in (64, 64):
                layers += [nn.Linear(dim, item), nn.LeakyReLU(0.2), nn.Dropout(0.5)]
                dim = item
            super().__init__(*layers, nn.Linear(dim, 1))

    def rows(n=32):
        parts = [
            torch.rand(n, 1) * 2 - 1 if kind == "tanh" else F.one_hot(torch.randint(w, (n,)), w).float()
            for kind, w in columns
        ]
        return torch.cat(parts, 1)

    return TableG(), TableD(), {"latent": 32, "data": rows(), "loss": "wasserstein-gp"}


@pair
def waveform_with_phase_shuffle() -> Built:
    class PhaseShuffle(nn.Module):
        def forward(self, x):
            k = int(torch.randint(-2, 3, ()))
            wide = F.pad(x, (2, 2), mode="reflect")
            return wide[..., 2 + k : 2 + k + x.shape[-1]]

    class WaveG(nn.Module):
        def __init__(self, d=16):
            super().__init__()
            self.d, self.fc = d, nn.Linear(100, 16 * d * 4)
            plan = [(4 * d, 2 * d), (2 * d, d), (d, 1)]
            self.deconvs = nn.ModuleList(nn.ConvTranspose1d(a, b, 24, stride=4, padding=10) for a, b in plan)

        def forward(self, z):
            x = F.relu(self.fc(z).view(-1, 4 * self.d, 16))
            for deconv in self.deconvs[:-1]:
                x = F.relu(deconv(x))
            return torch.tanh(self.deconvs[-1](x))

    class WaveD(nn.Module):
        def __init__(self, d=16):
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv1d(a, b, 25, 4, 11) for a, b in ((1, d), (d, 2 * d), (2 * d, 4 * d)))
            self.shuffle, self.fc = PhaseShuffle(), nn.Linear(4 * d * 16, 1)

        def forward(self, x):
            for conv in self.convs:
                x = self.shuffle(F.leaky_relu(conv(x), 0.2))
            return self.fc(x.flatten(1))

    t = torch.arange(1024) / 64
    data = torch.sin(2 * math.pi * t * torch.rand(8, 1, 1) * 4) * 0.9
    return WaveG(), WaveD(), {"data": data, "loss": "wasserstein-gp"}


@pair
def mel_to_wave_like_a_vocoder() -> Built:
    wn = parametrizations.weight_norm

    class ResStack(nn.Module):
        def __init__(self, c):
            super().__init__()
            self.layers = nn.ModuleList(wn(nn.Conv1d(c, c, 3, dilation=d, padding=d)) for d in (1, 3))

        def forward(self, x):
            for layer in self.layers:
                x = x + layer(F.leaky_relu(x, 0.1))
            return x

    class Vocoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.pre = wn(nn.Conv1d(20, 48, 7, 1, 3))
            plan = [(48, 24, 16, 8, 4), (24, 12, 8, 4, 2)]
            self.ups = nn.ModuleList(wn(nn.ConvTranspose1d(*p)) for p in plan)
            self.res = nn.ModuleList([ResStack(24), ResStack(12)])
            self.post = wn(nn.Conv1d(12, 1, 7, 1, 3))

        def forward(self, mel):
            x = self.pre(mel)
            for up, res in zip(self.ups, self.res, strict=True):
                x = res(up(F.leaky_relu(x, 0.1)))
            return torch.tanh(self.post(F.leaky_relu(x)))

    class PeriodD(nn.Module):
        def __init__(self, period):
            super().__init__()
            self.period = period
            self.convs = nn.ModuleList(wn(nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0))) for a, b in ((1, 8), (8, 16)))
            self.post = wn(nn.Conv2d(16, 1, (3, 1), 1, (1, 0)))

        def forward(self, x):
            x = F.pad(x, (0, -x.shape[-1] % self.period), "reflect")
            x = x.view(len(x), 1, -1, self.period)
            for conv in self.convs:
                x = F.leaky_relu(conv(x), 0.1)
            return self.post(x).flatten(1)

    class MultiPeriod(nn.Module):
        def __init__(self):
            super().__init__()
            self.discriminators = nn.ModuleList(PeriodD(p) for p in (2, 3, 5))

        def forward(self, y):
            return [d(y) for d in self.discriminators]

    more = {"g_inputs": (torch.randn(4, 20, 16),), "data": torch.rand(4, 1, 512) * 2 - 1, "loss": "least-squares"}
    return Vocoder(), MultiPeriod(), more


@pair
def recurrent_pair_for_series() -> Built:
    class SeriesG(nn.Module):
        """One noise vector; a GRU unrolls it, with a learnt clock beside."""

        def __init__(self, steps=24, features=5):
            super().__init__()
            self.clock = nn.Parameter(torch.randn(steps, 8) * 0.5)
            self.rnn, self.out = nn.GRU(16 + 8, 32, batch_first=True), nn.Linear(32, features)

        def forward(self, z):
            steps = len(self.clock)
            x = torch.cat([z[:, None].expand(-1, steps, -1), self.clock[None].expand(len(z), -1, -1)], 2)
            return torch.sigmoid(self.out(self.rnn(x)[0]))

    class SeriesD(nn.Module):
        def __init__(self, features=5):
            super().__init__()
            self.rnn = nn.GRU(features, 32, batch_first=True, bidirectional=True)
            self.out = nn.Linear(64, 1)

        def forward(self, x):
            return self.out(self.rnn(x)[0].mean(1))

    return SeriesG(), SeriesD(), {"latent": 16, "data": torch.rand(8, 24, 5), "loss": "bce-logits"}


@pair
def letters_by_soft_one_hots() -> Built:
    class Res(nn.Module):
        def __init__(self, c):
            super().__init__()
            a, b = (nn.Conv1d(c, c, 5, padding=2) for _ in range(2))
            self.body = nn.Sequential(nn.ReLU(), a, nn.ReLU(), b)

        def forward(self, x):
            return x + 0.3 * self.body(x)

    class LetterG(nn.Module):
        def __init__(self, c=32, length=12, vocabulary=20):
            super().__init__()
            self.fc = nn.Linear(64, c * length)
            self.body, self.last = nn.Sequential(Res(c), Res(c)), nn.Conv1d(c, vocabulary, 1)
            self.c = c

        def forward(self, z):
            return torch.softmax(self.last(self.body(self.fc(z).view(len(z), self.c, -1))).transpose(1, 2) / 0.5, -1)

    class LetterD(nn.Module):
        def __init__(self, c=32, length=12, vocabulary=20):
            super().__init__()
            self.first, self.body = nn.Conv1d(vocabulary, c, 1), nn.Sequential(Res(c), Res(c))
            self.fc = nn.Linear(c * length, 1)

        def forward(self, x):
            return self.fc(self.body(self.first(x.transpose(1, 2))).flatten(1))

    data = F.one_hot(torch.randint(20, (8, 12)), 20).float()
    return LetterG(), LetterD(), {"latent": 64, "data": data, "loss": "wasserstein-gp"}


@pair
def point_clouds_with_pooled_critic() -> Built:
    class CloudD(nn.Module):
        def __init__(self):
            super().__init__()
            self.each = nn.Sequential(nn.Linear(3, 32), nn.LeakyReLU(0.2), nn.Linear(32, 64), nn.LeakyReLU(0.2))
            self.all = nn.Sequential(nn.Linear(64, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))

        def forward(self, cloud):
            return self.all(self.each(cloud).amax(1))

    G = nn.Sequential(nn.Linear(32, 128), nn.LeakyReLU(0.2), nn.Linear(128, 64 * 3), nn.Unflatten(1, (64, 3)))
    return G, CloudD(), {"latent": 32, "data": torch.randn(8, 64, 3) * 0.4, "loss": "wasserstein-gp"}


# ---- notebooks and tutorials


@pair
def one_file_lightning_like() -> Built:
    class GAN(nn.Module):
        def __init__(self, **hparams):
            super().__init__()
            self.hparams = {"latent_dim": 100, "lr": 2e-4, "batch_size": 64, **hparams}
            shape = self.hparams["img_shape"]
            self.generator = self._make_generator(int(np.prod(shape)), shape)
            self.discriminator = nn.Sequential(
                nn.Flatten(), nn.Linear(int(np.prod(shape)), 128), nn.LeakyReLU(0.2, inplace=True), nn.Linear(128, 64),
                nn.LeakyReLU(0.2, inplace=True), nn.Linear(64, 1),
            )  # fmt: skip

        def _make_generator(self, pixels, shape):
            def block(i, o, normalize=True):
                return [nn.Linear(i, o)] + [nn.BatchNorm1d(o, 0.8)] * normalize + [nn.LeakyReLU(0.2, inplace=True)]

            first, second = block(self.hparams["latent_dim"], 64, normalize=False), block(64, 128)
            return nn.Sequential(*first, *second, nn.Linear(128, pixels), nn.Tanh(), nn.Unflatten(1, shape))

        def forward(self, z):
            return self.generator(z)

    gan = GAN(img_shape=(1, 28, 28))
    more = {"data": photos(1, 28), "loss": "bce-logits", "batch": 64, "g_lr": 2e-4, "d_lr": 2e-4}
    return gan.generator, gan.discriminator, more


@pair
def ported_from_tensorflow_scopes() -> Built:
    class Conv2dSame(nn.Conv2d):
        """TensorFlow's SAME padding."""

        def forward(self, x):
            k, s = self.kernel_size[0], self.stride[0]
            p = max((math.ceil(x.shape[-1] / s) - 1) * s + k - x.shape[-1], 0)
            return super().forward(F.pad(x, (p // 2, p - p // 2, p // 2, p - p // 2)))

    def conv(i, o, k=5, s=2):
        layer = Conv2dSame(i, o, k, s)
        nn.init.trunc_normal_(layer.weight, std=0.05)
        return layer

    class GeneratorTF(nn.Module):
        def __init__(self):
            super().__init__()
            self.g_h0_lin, self.g_bn0 = nn.Linear(100, 4 * 4 * 32), nn.BatchNorm2d(32, eps=1e-5, momentum=0.1)
            self.g_h1, self.g_bn1 = conv(32, 16, 5, 1), nn.BatchNorm2d(16, eps=1e-5, momentum=0.1)
            self.g_h2 = conv(16, 3, 5, 1)

        def forward(self, z):
            h0 = self.g_h0_lin(z).reshape(-1, 4, 4, 32).permute(0, 3, 1, 2)
            h0 = F.relu(self.g_bn0(h0)).repeat_interleave(2, -1).repeat_interleave(2, -2)
            h1 = F.relu(self.g_bn1(self.g_h1(h0))).repeat_interleave(2, -1).repeat_interleave(2, -2)
            return torch.tanh(self.g_h2(h1))

    class DiscriminatorTF(nn.Module):
        def __init__(self):
            super().__init__()
            self.d_h0_conv, self.d_h1_conv = conv(3, 16), conv(16, 32)
            self.d_h2_lin = nn.Linear(4 * 4 * 32, 1)

        def forward(self, image):
            h0 = F.leaky_relu(self.d_h0_conv(image), 0.2)
            h1 = F.leaky_relu(self.d_h1_conv(h0), 0.2)
            return self.d_h2_lin(h1.permute(0, 2, 3, 1).reshape(len(image), -1))

    return GeneratorTF(), DiscriminatorTF(), {"data": photos(3, 16), "loss": "bce-logits"}


@pair
def labels_as_maps_of_one_hots() -> Built:
    class G(nn.Module):
        def __init__(self):
            super().__init__()
            self.main = nn.Sequential(
                nn.ConvTranspose2d(74, 48, 4, 1, 0, bias=False), nn.BatchNorm2d(48), nn.ReLU(True),
                nn.ConvTranspose2d(48, 24, 4, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU(True),
                nn.ConvTranspose2d(24, 1, 4, 2, 1), nn.Tanh(),
            )  # fmt: skip

        def forward(self, z, y):
            return self.main(torch.cat([z, F.one_hot(y, 10).float()], 1)[..., None, None])

    class D(nn.Module):
        def __init__(self):
            super().__init__()
            self.main = small_critic(11, 16)

        def forward(self, x, y):
            maps = torch.zeros(len(x), 10, 16, 16).scatter_(1, y.view(-1, 1, 1, 1).expand(-1, 1, 16, 16), 1.0)
            return self.main(torch.cat([x, maps], 1))

    return G(), D(), {"latent": 64, "condition": "class:10", "data": photos(1, 16), "loss": "bce-logits"}


@pair
def dense_connections_to_numbers_from_zero_to_one() -> Built:
    class DenseG(nn.Module):
        def __init__(self, growth=16):
            super().__init__()
            self.start = nn.Linear(24, 16 * 16)
            self.convs = nn.ModuleList(nn.Conv2d(16 + k * growth, growth, 3, padding=1) for k in range(3))
            self.up, self.out = nn.Upsample(scale_factor=4, mode="bilinear"), nn.Conv2d(64, 1, 1)

        def forward(self, z):
            x = self.start(z).view(-1, 16, 4, 4)
            for conv in self.convs:
                x = torch.cat([x, F.mish(conv(x))], 1)
            return self.out(self.up(x)).sigmoid()

    G, D = DenseG(), small_critic(1, 16)
    return G, D, {"latent": 24, "data": torch.rand(8, 1, 16, 16), "loss": "bce-logits", "batch": 32}


@pair
def mixture_of_experts_generator() -> Built:
    class Mixture(nn.Module):
        def __init__(self, experts=4):
            super().__init__()
            make = lambda: nn.Sequential(nn.Linear(40, 64), nn.Softplus(), nn.Linear(64, 144))  # noqa: E731
            self.gate, self.experts = nn.Linear(40, experts), nn.ModuleList([make() for _ in range(experts)])

        def forward(self, z):
            g = self.gate(z).softmax(1)
            y = torch.stack([e(z) for e in self.experts], 1)
            return torch.einsum("ne,nep->np", g, y).tanh().view(-1, 1, 12, 12)

    D = nn.Sequential(
        nn.Conv2d(1, 24, 3, 2, 1), nn.GELU(), nn.Conv2d(24, 24, 3, 2, 1), nn.GELU(), nn.Flatten(), nn.Linear(216, 1)
    )
    return Mixture(), D, {"latent": 40, "data": photos(1, 12), "loss": "least-squares"}


@pair
def video_clips_of_four_frames() -> Built:
    G = nn.Sequential(
        nn.Linear(64, 32 * 4 * 4), nn.ReLU(), nn.Unflatten(1, (32, 1, 4, 4)), nn.ConvTranspose3d(32, 16, 4, 2, 1),
        nn.BatchNorm3d(16), nn.ReLU(), nn.ConvTranspose3d(16, 3, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    D = nn.Sequential(
        nn.Conv3d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv3d(16, 32, (2, 4, 4), 2, (0, 1, 1)), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(512, 1),
    )  # fmt: skip
    return G, D, {"latent": 64, "data": torch.rand(4, 3, 4, 16, 16) * 2 - 1, "loss": "hinge"}


# ---- steps of one's own


def mlp_pair(hidden: int = 64) -> tuple[nn.Module, nn.Module]:
    G = nn.Sequential(nn.Linear(16, hidden), nn.ReLU(), nn.Linear(hidden, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))
    D = nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))
    return G, D


@pair
def step_with_three_critic_updates_and_penalty() -> Built:
    def train_step(G, D, real, g_optimizer, d_optimizer, n_critic=3, weight=10.0):
        for _ in range(n_critic):
            with torch.no_grad():
                fake = G(torch.randn(len(real), 16))
            a = torch.rand(len(real), 1, 1, 1)
            mixed = (a * real + (1 - a) * fake).requires_grad_()
            (slope,) = torch.autograd.grad(D(mixed).sum(), mixed, create_graph=True)
            penalty = weight * (slope.flatten(1).norm(dim=1) - 1).square().mean()
            loss = D(fake).mean() - D(real).mean() + penalty
            d_optimizer.zero_grad(set_to_none=True)
            loss.backward()
            d_optimizer.step()
        g_optimizer.zero_grad(set_to_none=True)
        (-D(G(torch.randn(len(real), 16))).mean()).backward()
        g_optimizer.step()

    G, D = mlp_pair()
    return G, D, {"latent": 16, "data": photos(1, 8), "loss": "wasserstein-gp", "step": train_step}


@pair
def step_that_toggles_requires_grad() -> Built:
    def optimize_parameters(G, D, real, g_optimizer, d_optimizer):
        fake = G(torch.randn(len(real), 16))
        for p in D.parameters():
            p.requires_grad_(False)
        g_optimizer.zero_grad()
        F.mse_loss(D(fake), torch.ones(len(real), 1)).backward()
        g_optimizer.step()
        for p in D.parameters():
            p.requires_grad_(True)
        d_optimizer.zero_grad()
        loss_real = F.mse_loss(D(real), torch.ones(len(real), 1))
        loss_fake = F.mse_loss(D(fake.detach()), torch.zeros(len(real), 1))
        (0.5 * (loss_real + loss_fake)).backward()
        d_optimizer.step()
        return {"D": loss_real.item() + loss_fake.item()}

    G, D = mlp_pair()
    return G, D, {"latent": 16, "data": photos(1, 8), "loss": "least-squares", "step": optimize_parameters}


@pair
def step_in_two_halves_accumulates() -> Built:
    """Gradients of two half batches are added up on purpose, and cleared before the next network."""

    def step(G, D, real, g_optimizer, d_optimizer):
        D.zero_grad()
        for half in real.chunk(2):
            fake = G(torch.randn(len(half), 16)).detach()
            ((F.softplus(-D(half)) + F.softplus(D(fake))).mean() / 2).backward()
        nn.utils.clip_grad_norm_(D.parameters(), 5.0)
        d_optimizer.step()
        G.zero_grad()
        D.zero_grad()
        for half in real.chunk(2):
            (F.softplus(-D(G(torch.randn(len(half), 16)))).mean() / 2).backward()
        g_optimizer.step()
        D.zero_grad()

    G, D = mlp_pair(48)
    return G, D, {"latent": 16, "data": photos(1, 8), "loss": "bce-logits", "step": step}
