"""Pairs without a condition, in PyTorch, that rules may be tuned on."""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.utils.checkpoint import checkpoint

from . import Built, Healthy, gather

PAIRS: list[Healthy] = []
pair = gather(PAIRS)


def published_init(m: nn.Module) -> None:
    name = m.__class__.__name__
    if name.find("Conv") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
    elif name.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


@pair
def dcgan_64_published() -> Built:
    """As the official example has it, but for the sigmoid: D's first convolution has neither bias nor norm."""
    nz, ngf, ndf, nc = 100, 8, 8, 3
    G = nn.Sequential(
        nn.ConvTranspose2d(nz, ngf * 8, 4, 1, 0, bias=False), nn.BatchNorm2d(ngf * 8), nn.ReLU(True),
        nn.ConvTranspose2d(ngf * 8, ngf * 4, 4, 2, 1, bias=False), nn.BatchNorm2d(ngf * 4), nn.ReLU(True),
        nn.ConvTranspose2d(ngf * 4, ngf * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(ngf * 2), nn.ReLU(True),
        nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False), nn.BatchNorm2d(ngf), nn.ReLU(True),
        nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=False), nn.Tanh(),
    )  # fmt: skip
    D = nn.Sequential(
        nn.Conv2d(nc, ndf, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(ndf * 2), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(ndf * 2, ndf * 4, 4, 2, 1, bias=False), nn.BatchNorm2d(ndf * 4), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(ndf * 4, ndf * 8, 4, 2, 1, bias=False), nn.BatchNorm2d(ndf * 8), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(ndf * 8, 1, 4, 1, 0, bias=False),
    )  # fmt: skip
    G.apply(published_init)
    D.apply(published_init)
    return G, D, {"size": 64, "d_lr": 2e-4, "g_lr": 2e-4, "batch": 128}


@pair
def dcgan_32_with_logits_and_a_step() -> Built:
    """The official loop: one fake for both steps, detached for D."""

    class Generator(nn.Module):
        def __init__(self, latent: int = 64, width: int = 16) -> None:
            super().__init__()
            self.project = nn.Linear(latent, width * 4 * 16)
            self.up1, self.bn1 = nn.ConvTranspose2d(width * 4, width * 2, 4, 2, 1), nn.BatchNorm2d(width * 2)
            self.up2, self.bn2 = nn.ConvTranspose2d(width * 2, width, 4, 2, 1), nn.BatchNorm2d(width)
            self.up3 = nn.ConvTranspose2d(width, 3, 4, 2, 1)

        def forward(self, z: Tensor) -> Tensor:
            h = F.relu(self.project(z)).view(len(z), -1, 4, 4)
            h = F.relu(self.bn1(self.up1(h)))
            return torch.tanh(self.up3(F.relu(self.bn2(self.up2(h)))))

    def block(i: int, o: int) -> list[nn.Module]:
        return [nn.Conv2d(i, o, 4, 2, 1), nn.BatchNorm2d(o), nn.LeakyReLU(0.2)]

    D = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), *block(16, 32), *block(32, 64), nn.Flatten(), nn.Linear(1024, 1)
    )
    bce = nn.BCEWithLogitsLoss()

    def step(G: nn.Module, D: nn.Module, real: Tensor, optG: Any, optD: Any) -> None:
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        D.zero_grad()
        bce(D(real), ones).backward()
        fake = G(torch.randn(len(real), 64))
        bce(D(fake.detach()), zeros).backward()
        optD.step()
        G.zero_grad()
        bce(D(fake), ones).backward()
        optG.step()

    return Generator(), D, {"size": 32, "latent": 64, "step": step}


class PreActUp(nn.Module):
    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(i), nn.BatchNorm2d(o)
        self.c1, self.c2, self.skip = nn.Conv2d(i, o, 3, 1, 1), nn.Conv2d(o, o, 3, 1, 1), nn.Conv2d(i, o, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.c1(F.interpolate(F.relu(self.bn1(x)), scale_factor=2))
        return self.c2(F.relu(self.bn2(h))) + self.skip(F.interpolate(x, scale_factor=2))


class SNBlock(nn.Module):
    def __init__(self, i: int, o: int, down: bool, first: bool = False) -> None:
        super().__init__()
        self.c1, self.c2 = spectral_norm(nn.Conv2d(i, o, 3, 1, 1)), spectral_norm(nn.Conv2d(o, o, 3, 1, 1))
        self.skip = spectral_norm(nn.Conv2d(i, o, 1)) if down or i != o else None
        self.down, self.first = down, first

    def forward(self, x: Tensor) -> Tensor:
        h = self.c2(F.relu(self.c1(x if self.first else F.relu(x))))
        s = x if self.skip is None else self.skip(x)
        return F.avg_pool2d(h, 2) + F.avg_pool2d(s, 2) if self.down else h + s


@pair
def sngan_32() -> Built:
    class G(nn.Module):
        def __init__(self, c: int = 16) -> None:
            super().__init__()
            self.l1 = nn.Linear(128, 16 * c)
            self.blocks = nn.ModuleList(PreActUp(c, c) for _ in range(3))
            self.bn, self.last = nn.BatchNorm2d(c), nn.Conv2d(c, 3, 3, 1, 1)

        def forward(self, z: Tensor) -> Tensor:
            h = self.l1(z).unflatten(1, (-1, 4, 4))
            for block in self.blocks:
                h = block(h)
            return torch.tanh(self.last(F.relu(self.bn(h))))

    class D(nn.Module):
        def __init__(self, c: int = 16) -> None:
            super().__init__()
            self.blocks = nn.Sequential(
                SNBlock(3, c, True, True), SNBlock(c, c, True), SNBlock(c, c, False), SNBlock(c, c, False)
            )
            self.l5 = spectral_norm(nn.Linear(c, 1))

        def forward(self, x: Tensor) -> Tensor:
            return self.l5(F.relu(self.blocks(x)).sum((2, 3)))

    smooth = F.interpolate(torch.rand(32, 3, 4, 4) * 2 - 1, size=32, mode="bilinear")
    return G(), D(), {"loss": "hinge", "latent": 128, "size": 32, "recipe": None, "data": smooth}


@pair
def wgan_gp_layer_norm() -> Built:
    c = 8
    G = nn.Sequential(
        nn.Linear(64, c * 4 * 16), nn.Unflatten(1, (c * 4, 4, 4)), nn.BatchNorm2d(c * 4), nn.ReLU(),
        nn.ConvTranspose2d(c * 4, c * 2, 4, 2, 1), nn.BatchNorm2d(c * 2), nn.ReLU(),
        nn.ConvTranspose2d(c * 2, c, 4, 2, 1), nn.BatchNorm2d(c), nn.ReLU(),
        nn.ConvTranspose2d(c, 3, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    D = nn.Sequential(
        nn.Conv2d(3, c, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(c, c * 2, 4, 2, 1), nn.LayerNorm([c * 2, 8, 8]), nn.LeakyReLU(0.2),
        nn.Conv2d(c * 2, c * 4, 4, 2, 1), nn.LayerNorm([c * 4, 4, 4]), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(c * 4 * 16, 1),
    )  # fmt: skip
    return G, D, {"loss": "wasserstein-gp", "latent": 64, "size": 32}


@pair
def wgan_clipped_with_its_step() -> Built:
    """Five critic steps, weights clipped through `.data`, a fake made under no_grad for the critic."""

    def conv(i: int, o: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.2))

    def deconv(i: int, o: int) -> nn.Sequential:
        return nn.Sequential(nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())

    G = nn.Sequential(
        nn.ConvTranspose2d(50, 32, 4), nn.BatchNorm2d(32), nn.ReLU(), deconv(32, 16), deconv(16, 8),
        nn.ConvTranspose2d(8, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    D = nn.Sequential(nn.Conv2d(1, 8, 4, 2, 1), nn.LeakyReLU(0.2), conv(8, 16), conv(16, 32), nn.Conv2d(32, 1, 4))

    def step(gen: nn.Module, critic: nn.Module, real: Tensor, opt_g: Any, opt_c: Any) -> dict[str, float]:
        for _ in range(5):
            opt_c.zero_grad()
            with torch.no_grad():
                fake = gen(torch.randn(real.size(0), 50, 1, 1))
            loss = critic(fake).mean() - critic(real).mean()
            loss.backward()
            opt_c.step()
            for p in critic.parameters():
                p.data.clamp_(-0.01, 0.01)
        opt_g.zero_grad()
        g_loss = -critic(gen(torch.randn(real.size(0), 50, 1, 1))).mean()
        g_loss.backward()
        opt_g.step()
        return {"d": loss.item(), "g": g_loss.item()}

    options = {"loss": "wasserstein", "latent": 50, "size": 32, "channels": 1, "d_lr": 5e-5, "g_lr": 5e-5, "step": step}
    return G, D, options


@pair
def lsgan_mlp_on_flat_mnist() -> Built:
    G = nn.Sequential(
        nn.Linear(100, 64), nn.LeakyReLU(0.2), nn.Linear(64, 128), nn.BatchNorm1d(128), nn.LeakyReLU(0.2),
        nn.Linear(128, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)),
    )  # fmt: skip
    D = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.LeakyReLU(0.2), nn.Linear(128, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1)
    )
    return G, D, {"loss": "least-squares", "size": 28, "channels": 1}


@pair
def r3gan_residual_ends_at_zero() -> Built:
    class Block(nn.Module):
        def __init__(self, w: int) -> None:
            super().__init__()
            self.a, self.b = (
                nn.Conv2d(w, 2 * w, 1, bias=False),
                nn.Conv2d(2 * w, 2 * w, 3, padding=1, groups=4, bias=False),
            )
            self.c = nn.Conv2d(2 * w, w, 1, bias=False)
            self.bias1, self.bias2 = nn.Parameter(torch.zeros(2 * w, 1, 1)), nn.Parameter(torch.zeros(2 * w, 1, 1))
            for conv in (self.a, self.b):
                nn.init.kaiming_normal_(conv.weight, 0.2)
            nn.init.zeros_(self.c.weight)

        def forward(self, x: Tensor) -> Tensor:
            y = F.leaky_relu(self.a(x) + self.bias1, 0.2)
            return x + self.c(F.leaky_relu(self.b(y) + self.bias2, 0.2))

    class Resample(nn.Module):
        def __init__(self, up: bool, w: int) -> None:
            super().__init__()
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
            self.register_buffer("kernel", (taps[:, None] * taps / 64 * (4 if up else 1)).repeat(w, 1, 1, 1))
            self.up, self.w = up, w

        def forward(self, x: Tensor) -> Tensor:
            if self.up:
                return F.conv_transpose2d(x, self.kernel, stride=2, padding=1, groups=self.w)
            return F.conv2d(x, self.kernel, stride=2, padding=1, groups=self.w)

    class G(nn.Module):
        def __init__(self, w: int = 16) -> None:
            super().__init__()
            self.basis, self.linear = nn.Parameter(torch.randn(w, 4, 4)), nn.Linear(64, w, bias=False)
            self.body = nn.Sequential(Block(w), Block(w), *(m for _ in range(3) for m in (Resample(True, w), Block(w))))
            self.rgb = nn.Conv2d(w, 3, 1, bias=False)

        def forward(self, z: Tensor) -> Tensor:
            return self.rgb(self.body(self.basis * self.linear(z)[:, :, None, None]))

    class D(nn.Module):
        def __init__(self, w: int = 16) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, w, 1, bias=False)
            self.body = nn.Sequential(*(m for _ in range(3) for m in (Block(w), Resample(False, w))), Block(w))
            self.basis, self.end = nn.Conv2d(w, w, 4, groups=w, bias=False), nn.Linear(w, 1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.end(self.basis(self.body(self.first(x))).flatten(1)).view(len(x))

    return G(), D(), {"loss": "relativistic", "latent": 64, "size": 32}


class Equal(nn.Module):
    """A weight ~ N(0, 1), scaled when it is used."""

    def __init__(self, i: int, o: int, k: int = 0, lr: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(o, i, k, k) / lr if k else torch.randn(o, i) / lr)
        self.bias, self.lr = nn.Parameter(torch.full((o,), bias)), lr
        self.scale = lr / (i * max(k, 1) ** 2) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.dim() == 2:
            return F.linear(x, self.weight * self.scale, self.bias * self.lr)
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.weight.shape[-1] // 2)


class Modulated(nn.Module):
    """Weights modulated by a style and demodulated, all samples of a batch as groups of one convolution."""

    def __init__(self, i: int, o: int, k: int, style: int, demodulate: bool = True) -> None:
        super().__init__()
        self.weight, self.affine = nn.Parameter(torch.randn(o, i, k, k)), Equal(style, i, bias=1.0)
        self.bias = nn.Parameter(torch.zeros(o))
        self.strength = nn.Parameter(torch.zeros([])) if demodulate else None
        self.demodulate, self.scale = demodulate, (i * k * k) ** -0.5

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        n, c, h, side = x.shape
        weight = self.scale * self.weight[None] * self.affine(w)[:, None, :, None, None]
        if self.demodulate:
            weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        x = F.conv2d(x.reshape(1, n * c, h, side), weight.flatten(0, 1), padding=weight.shape[-1] // 2, groups=n)
        x = x.view(n, -1, h, side)
        if self.strength is not None:
            x = x + self.strength * torch.randn(n, 1, h, side)
        return x + self.bias[:, None, None]


@pair
def stylegan2_like() -> Built:
    class G(nn.Module):
        def __init__(self, c: int = 16, w: int = 24) -> None:
            super().__init__()
            self.mapping = nn.ModuleList(Equal(w, w, lr=0.01) for _ in range(4))
            self.const = nn.Parameter(torch.randn(1, c, 4, 4))
            self.convs = nn.ModuleList(Modulated(c, c, 3, w) for _ in range(7))
            self.rgbs = nn.ModuleList(Modulated(c, 3, 1, w, demodulate=False) for _ in range(4))
            self.register_buffer("w_avg", torch.zeros(w))

        def forward(self, z: Tensor) -> Tensor:
            w = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
            for layer in self.mapping:
                w = F.leaky_relu(layer(w), 0.2) * 2**0.5
            if self.training:
                self.w_avg.copy_(w.detach().mean(0).lerp(self.w_avg, 0.995))
            x, out = F.leaky_relu(self.convs[0](self.const.expand(len(z), -1, -1, -1), w), 0.2), None
            out = self.rgbs[0](x, w)
            for i in range(3):
                x = F.interpolate(x, scale_factor=2, mode="bilinear")
                for conv in self.convs[1 + 2 * i : 3 + 2 * i]:
                    x = F.leaky_relu(conv(x, w), 0.2)
                out = F.interpolate(out, scale_factor=2, mode="bilinear") + self.rgbs[i + 1](x, w)
            return out

    class MinibatchStd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            group = min(4, len(x))
            y = x.view(group, -1, *x.shape[1:]) if len(x) % group == 0 else x[None]
            s = (y.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3), keepdim=True)
            s = s.repeat(len(x) // len(s), 1, *x.shape[2:])
            return torch.cat([x, s], 1)

    D = nn.Sequential(
        Equal(3, 8, 1), nn.LeakyReLU(0.2), Equal(8, 16, 3), nn.LeakyReLU(0.2), nn.AvgPool2d(2), Equal(16, 16, 3),
        nn.LeakyReLU(0.2), nn.AvgPool2d(2), Equal(16, 16, 3), nn.LeakyReLU(0.2), nn.AvgPool2d(2), MinibatchStd(),
        Equal(17, 16, 3), nn.LeakyReLU(0.2), nn.Flatten(), Equal(256, 16), nn.LeakyReLU(0.2), Equal(16, 1),
    )  # fmt: skip
    return G(), D, {"latent": 24, "size": 32, "data": torch.rand(16, 3, 32, 32) * 2 - 1}


@pair
def sagan_gamma_zero() -> Built:
    class Attention(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.f, self.g = spectral_norm(nn.Conv2d(c, c // 8, 1)), spectral_norm(nn.Conv2d(c, c // 8, 1))
            self.h, self.v = spectral_norm(nn.Conv2d(c, c // 2, 1)), spectral_norm(nn.Conv2d(c // 2, c, 1))
            self.gamma = nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            n, c, h, w = x.shape
            f, g = self.f(x).flatten(2), F.max_pool2d(self.g(x), 2).flatten(2)
            beta = torch.softmax(torch.bmm(f.transpose(1, 2), g), -1)
            o = torch.bmm(F.max_pool2d(self.h(x), 2).flatten(2), beta.transpose(1, 2)).view(n, c // 2, h, w)
            return self.gamma * self.v(o) + x

    def up(i: int, o: int) -> nn.Sequential:
        conv = spectral_norm(nn.ConvTranspose2d(i, o, 4, 2, 1))
        return nn.Sequential(conv, nn.BatchNorm2d(o), nn.ReLU())

    def down(i: int, o: int) -> nn.Sequential:
        return nn.Sequential(spectral_norm(nn.Conv2d(i, o, 4, 2, 1)), nn.LeakyReLU(0.1))

    first = nn.Sequential(spectral_norm(nn.ConvTranspose2d(64, 32, 4)), nn.BatchNorm2d(32), nn.ReLU())
    G = nn.Sequential(first, up(32, 16), Attention(16), up(16, 16), nn.ConvTranspose2d(16, 3, 4, 2, 1), nn.Tanh())
    D = nn.Sequential(down(3, 16), down(16, 16), Attention(16), down(16, 32), nn.Conv2d(32, 1, 4))
    return G, D, {"loss": "hinge", "latent": 64, "size": 32, "d_lr": 4e-4, "g_lr": 1e-4}


@pair
def pix2pix_without_z() -> Built:
    """A U-Net whose dropout is its only noise, and a PatchGAN that sees source and target."""

    class UNet(nn.Module):
        def __init__(self, outer: int, inner: int, sub: nn.Module | None = None, outermost: bool = False) -> None:
            super().__init__()
            down = nn.Conv2d(3 if outermost else outer, inner, 4, 2, 1, bias=outermost)
            up = nn.ConvTranspose2d(inner * 2 if sub else inner, outer, 4, 2, 1, bias=outermost)
            self.outermost = outermost
            if outermost:
                self.model = nn.Sequential(down, sub, nn.ReLU(), up, nn.Tanh())
            elif sub is None:
                self.model = nn.Sequential(nn.LeakyReLU(0.2), down, nn.ReLU(), up, nn.BatchNorm2d(outer))
            else:
                norms = nn.BatchNorm2d(inner), nn.BatchNorm2d(outer)
                self.model = nn.Sequential(
                    nn.LeakyReLU(0.2), down, norms[0], sub, nn.ReLU(), up, norms[1], nn.Dropout(0.5)
                )

        def forward(self, x: Tensor) -> Tensor:
            return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)

    G = UNet(3, 8, UNet(8, 16, UNet(16, 16, UNet(16, 16))), outermost=True)
    D = nn.Sequential(
        nn.Conv2d(6, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16),
        nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 1, 1, bias=False), nn.BatchNorm2d(32), nn.LeakyReLU(0.2),
        nn.Conv2d(32, 1, 4, 1, 1),
    )  # fmt: skip
    source = torch.rand(8, 3, 32, 32) * 2 - 1

    def beside(D: nn.Module, images: Tensor) -> Tensor:
        return D(torch.cat([source[torch.arange(len(images)) % len(source)], images], 1))

    return G, D, {"g_inputs": (source,), "d_call": beside, "size": 32, "data": torch.rand(8, 3, 32, 32) * 2 - 1}


@pair
def hook_based_norms_of_old_torch() -> Built:
    """nn.utils.spectral_norm and nn.utils.weight_norm: the weight they leave behind cannot be deep-copied."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sn, wn = nn.utils.spectral_norm, nn.utils.weight_norm
        G = nn.Sequential(
            wn(nn.Linear(32, 256)), nn.ReLU(), nn.Unflatten(1, (16, 4, 4)),
            nn.Upsample(scale_factor=2), wn(nn.Conv2d(16, 16, 3, padding=1)), nn.ELU(),
            nn.Upsample(scale_factor=2), wn(nn.Conv2d(16, 8, 3, padding=1)), nn.ELU(),
            nn.Upsample(scale_factor=2), wn(nn.Conv2d(8, 3, 3, padding=1)), nn.Tanh(),
        )  # fmt: skip
        D = nn.Sequential(
            sn(nn.Conv2d(3, 16, 4, 2, 1)), nn.LeakyReLU(0.1), sn(nn.Conv2d(16, 32, 4, 2, 1)), nn.LeakyReLU(0.1),
            nn.Flatten(), sn(nn.Linear(2048, 1)),
        )  # fmt: skip
    return G, D, {"loss": "hinge", "latent": 32, "size": 32}


@pair
def projected_gan_frozen_features() -> Built:
    """Features that stay in inference mode and learn nothing; only the heads of D learn."""

    class Features(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stages = nn.ModuleList(
                nn.Sequential(nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU6())
                for i, o in ((3, 8), (8, 16), (16, 24))
            )
            self.mix = nn.ModuleList(nn.Conv2d(c, 16, 1) for c in (8, 16, 24))

        def forward(self, x: Tensor) -> list[Tensor]:
            out = []
            for stage, mix in zip(self.stages, self.mix, strict=True):
                x = stage(x)
                out.append(mix(x))
            return out

    class ProjectedD(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = Features().eval().requires_grad_(False)
            self.heads = nn.ModuleList(
                nn.Sequential(
                    spectral_norm(nn.Conv2d(16, 16, 3, 1, 1)), nn.LeakyReLU(0.2), spectral_norm(nn.Conv2d(16, 1, 3))
                )
                for _ in range(3)
            )

        def train(self, mode: bool = True) -> ProjectedD:
            super().train(mode)
            self.features.eval()
            return self

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([h(f).flatten(1) for h, f in zip(self.heads, self.features(x), strict=True)], 1)

    blocks = [
        nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(c, c // 2 * 2, 3, 1, 1, bias=False),
        nn.BatchNorm2d(c // 2 * 2), nn.GLU(1))
        for c in (32, 16, 8)
    ]  # fmt: skip
    G = nn.Sequential(
        nn.ConvTranspose2d(64, 64, 4), nn.BatchNorm2d(64), nn.GLU(1), *blocks, nn.Conv2d(4, 3, 3, 1, 1), nn.Tanh()
    )
    return G, ProjectedD(), {"loss": "hinge", "latent": 64, "size": 32}


@pair
def wavegan_1d() -> Built:
    """Audio; the phase shuffle draws a random shift at each call."""

    class PhaseShuffle(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.roll(x, int(torch.randint(-2, 3, ())), -1)

    G = nn.Sequential(
        nn.Linear(100, 32 * 16), nn.Unflatten(1, (32, 16)), nn.ReLU(),
        nn.ConvTranspose1d(32, 16, 24, 4, 10), nn.ReLU(), nn.ConvTranspose1d(16, 8, 24, 4, 10), nn.ReLU(),
        nn.ConvTranspose1d(8, 1, 24, 4, 10), nn.Tanh(),
    )  # fmt: skip
    D = nn.Sequential(
        nn.Conv1d(1, 8, 25, 4, 11), nn.LeakyReLU(0.2), PhaseShuffle(), nn.Conv1d(8, 16, 25, 4, 11), nn.LeakyReLU(0.2),
        PhaseShuffle(), nn.Conv1d(16, 32, 25, 4, 11), nn.LeakyReLU(0.2), nn.Flatten(), nn.LazyLinear(1),
    )  # fmt: skip
    return G, D, {"loss": "wasserstein-gp", "data": torch.rand(16, 1, 1024) * 2 - 1}


@pair
def voxels_3d() -> Built:
    G = nn.Sequential(
        nn.Unflatten(1, (40, 1, 1, 1)), nn.ConvTranspose3d(40, 32, 4, bias=False), nn.BatchNorm3d(32), nn.ReLU(),
        nn.ConvTranspose3d(32, 16, 4, 2, 1, bias=False), nn.BatchNorm3d(16), nn.ReLU(),
        nn.ConvTranspose3d(16, 1, 4, 2, 1), nn.Sigmoid(),
    )  # fmt: skip
    D = nn.Sequential(
        nn.Conv3d(1, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv3d(8, 16, 4, 2, 1), nn.BatchNorm3d(16), nn.LeakyReLU(0.2),
        nn.Conv3d(16, 1, 4),
    )  # fmt: skip
    voxels = (torch.rand(16, 1, 16, 16, 16) > 0.7).float()
    return G, D, {"latent": 40, "data": voxels, "range": (0, 1)}


@pair
def ctgan_mixed_outputs() -> Built:
    """A table: two numbers in [-1, 1] and two columns of classes; D looks at ten rows together."""

    class Residual(nn.Module):
        def __init__(self, i: int, o: int) -> None:
            super().__init__()
            self.fc, self.bn = nn.Linear(i, o), nn.BatchNorm1d(o)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([torch.relu(self.bn(self.fc(x))), x], dim=1)

    class Generator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.seq = nn.Sequential(Residual(16, 32), Residual(48, 32), nn.Linear(80, 2 + 3 + 4))

        def forward(self, z: Tensor) -> Tensor:
            numbers, a, b = self.seq(z).split([2, 3, 4], dim=1)
            return torch.cat([torch.tanh(numbers), F.gumbel_softmax(a, tau=0.2), F.gumbel_softmax(b, tau=0.2)], dim=1)

    D = nn.Sequential(
        nn.Linear(9, 32), nn.LeakyReLU(0.2), nn.Dropout(0.5), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Dropout(0.5),
        nn.Linear(32, 1)
    )  # fmt: skip
    classes = [F.one_hot(torch.randint(0, k, (64,)), k).float() for k in (3, 4)]
    return (
        Generator(),
        D,
        {"latent": 16, "data": torch.cat([torch.rand(64, 2) * 2 - 1, *classes], 1), "loss": "wasserstein-gp"},
    )


@pair
def checkpointed_reentrant() -> Built:
    """Reentrant checkpoints cannot be asked for the gradient of single inputs; `.backward()` works."""

    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(32, 16 * 16)
            self.ups = nn.ModuleList(
                nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(16, 16, 3, 1, 1), nn.GroupNorm(4, 16), nn.SiLU())
                for _ in range(3)
            )
            self.end = nn.Conv2d(16, 3, 3, 1, 1)

        def forward(self, z: Tensor) -> Tensor:
            h = self.first(z).view(-1, 16, 4, 4)
            for up in self.ups:
                h = checkpoint(up, h, use_reentrant=True)
            return torch.tanh(self.end(h))

    D = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1), nn.SiLU(), nn.Conv2d(16, 16, 4, 2, 1), nn.GroupNorm(4, 16), nn.SiLU(),
        nn.Flatten(), nn.Linear(1024, 1),
    )  # fmt: skip
    return G(), D, {"latent": 32, "size": 32}
