"""Pairs with a condition, and others with a trap in their wiring, in PyTorch, by which the doctor is measured."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from . import Built, Healthy, gather

PAIRS: list[Healthy] = []
pair = gather(PAIRS)


def make_g(nz: int, ngf: int = 8, nc: int = 3, first: int = 4) -> nn.Sequential:
    layers: list[nn.Module] = [nn.ConvTranspose2d(nz, ngf * first, 4), nn.BatchNorm2d(ngf * first), nn.ReLU()]
    for i, o in ((ngf * first, ngf * 2), (ngf * 2, ngf)):
        layers += [nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(ngf, nc, 4, 2, 1), nn.Tanh())


def make_trunk(nc: int = 3, ndf: int = 8) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(nc, ndf, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(ndf, ndf * 2, 4, 2, 1), nn.BatchNorm2d(ndf * 2),
        nn.LeakyReLU(0.2), nn.Conv2d(ndf * 2, ndf * 4, 4, 2, 1), nn.BatchNorm2d(ndf * 4), nn.LeakyReLU(0.2),
    )  # fmt: skip


@pair
def conditional_mlp_joined_embedding() -> Built:
    class Generator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.label_emb = nn.Embedding(10, 10)

            def block(i: int, o: int, normalize: bool = True) -> list[nn.Module]:
                layers: list[nn.Module] = [nn.Linear(i, o)]
                if normalize:
                    layers.append(nn.BatchNorm1d(o, 0.8))
                layers.append(nn.LeakyReLU(0.2, inplace=True))
                return layers

            self.model = nn.Sequential(
                *block(110, 64, normalize=False), *block(64, 128), *block(128, 256), nn.Linear(256, 1024), nn.Tanh()
            )

        def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
            return self.model(torch.cat((self.label_emb(labels), noise), -1)).view(-1, 1, 32, 32)

    class Discriminator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.label_embedding = nn.Embedding(10, 10)
            self.model = nn.Sequential(
                nn.Linear(1034, 128), nn.LeakyReLU(0.2, inplace=True), nn.Linear(128, 128), nn.Dropout(0.4),
                nn.LeakyReLU(0.2, inplace=True), nn.Linear(128, 1),
            )  # fmt: skip

        def forward(self, img: Tensor, labels: Tensor) -> Tensor:
            return self.model(torch.cat((img.view(img.size(0), -1), self.label_embedding(labels)), -1))

    return Generator(), Discriminator(), {"loss": "least-squares", "condition": "class:10", "size": 32, "channels": 1}


@pair
def labels_come_first() -> Built:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.y, self.net = nn.Linear(10, 16), make_g(80)

        def forward(self, labels: Tensor, z: Tensor) -> Tensor:
            y = F.relu(self.y(F.one_hot(labels, 10).float()))
            return self.net(torch.cat([z, y], 1).unsqueeze(-1).unsqueeze(-1))

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.plane = make_trunk(4), nn.Embedding(10, 32 * 32)
            self.end = nn.Conv2d(32, 1, 4)

        def forward(self, labels: Tensor, images: Tensor) -> Tensor:
            return self.end(self.trunk(torch.cat([images, self.plane(labels).view(-1, 1, 32, 32)], 1)))

    return G(), D(), {"latent": 64, "condition": "class:10", "size": 32}


@pair
def infogan_three_heads() -> Built:
    """No condition from outside: the code is a part of z, and D gives it back as a tuple."""

    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.real = make_trunk(1), nn.Conv2d(32, 1, 4)
            self.q = nn.Sequential(nn.Flatten(), nn.Linear(512, 32), nn.BatchNorm1d(32), nn.LeakyReLU(0.1))
            self.category, self.mean, self.log_var = nn.Linear(32, 10), nn.Linear(32, 2), nn.Linear(32, 2)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
            h = self.trunk(x)
            q = self.q(h)
            return self.real(h).view(-1, 1), self.category(q), (self.mean(q), self.log_var(q).exp())

    return make_g(74, nc=1), Heads(), {"latent": 74, "size": 32, "channels": 1}


@pair
def dict_outputs() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = make_trunk()
            self.heads = nn.ModuleDict({"logits": nn.Linear(512, 1), "classes": nn.Linear(512, 10)})

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            h = self.trunk(x).flatten(1)
            return {name: head(h) for name, head in self.heads.items()}

    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb, self.net = nn.Embedding(10, 64, max_norm=8.0), make_g(64)

        def forward(self, z: Tensor, y: Tensor) -> Tensor:
            return self.net((z * self.emb(y))[..., None, None])

    return G(), D(), {"latent": 64, "condition": "class:10", "size": 32}


@pair
def named_tuple_of_logit_and_features() -> Built:
    class Out(NamedTuple):
        logit: Tensor
        features: Tensor

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.end = make_trunk(), nn.Linear(512, 1)

        def forward(self, x: Tensor) -> Out:
            features = self.trunk(x).flatten(1)
            return Out(self.end(features), features)

    return make_g(100), D(), {"size": 32}


@pair
def text_by_cross_attention() -> Built:
    """The sentence is read by an attention whose last projection begins at zero."""

    class Attend(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.q, self.kv, self.o = nn.Conv2d(c, c, 1), nn.Linear(32, 2 * c), nn.Conv2d(c, c, 1)
            nn.init.zeros_(self.o.weight)
            nn.init.zeros_(self.o.bias)

        def forward(self, x: Tensor, text: Tensor) -> Tensor:
            k, v = self.kv(text.view(len(text), 12, 32)).chunk(2, -1)
            q = self.q(x).flatten(2).transpose(1, 2)
            out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
            return x + self.o(out)

    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.start, self.attend = nn.Linear(64, 256), Attend(16)
            self.c1, self.c2, self.c3 = (nn.Conv2d(16, 16, 3, 1, 1) for _ in range(3))
            self.rgb = nn.Conv2d(16, 3, 1)

        def forward(self, z: Tensor, text: Tensor) -> Tensor:
            x = F.mish(self.c1(F.interpolate(self.start(z).view(-1, 16, 4, 4), scale_factor=2)))
            x = F.mish(self.c2(F.interpolate(self.attend(x, text), scale_factor=2)))
            return self.rgb(F.mish(self.c3(F.interpolate(x, scale_factor=2)))).tanh()

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.end, self.text = make_trunk(), nn.Linear(512, 1), nn.Linear(384, 512, bias=False)
            self.scale = 512**-0.5

        def forward(self, x: Tensor, text: Tensor) -> Tensor:
            h = self.trunk(x).flatten(1)
            return self.end(h) + self.scale * torch.einsum("nc,nc->n", h, self.text(text)).unsqueeze(1)

    return G(), D(), {"latent": 64, "condition": "vector:384", "size": 32}


@pair
def spade_from_a_class_map() -> Built:
    """Semantic maps in, no z: the map modulates every block; D sees map and picture."""

    class SPADE(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.norm, self.shared = nn.BatchNorm2d(c, affine=False), nn.Sequential(nn.Conv2d(5, 8, 3, 1, 1), nn.ReLU())
            self.gamma, self.beta = nn.Conv2d(8, c, 3, 1, 1), nn.Conv2d(8, c, 3, 1, 1)

        def forward(self, x: Tensor, seg: Tensor) -> Tensor:
            a = self.shared(F.interpolate(seg, size=x.shape[2:], mode="nearest"))
            return self.norm(x) * (1 + self.gamma(a)) + self.beta(a)

    class G(nn.Module):
        def __init__(self, c: int = 16) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(5, c, 3, 1, 1), nn.Conv2d(c, 3, 3, 1, 1)
            self.spades, self.convs = nn.ModuleList(), nn.ModuleList()
            for _ in range(3):
                self.spades.append(SPADE(c))
                self.convs.append(spectral_norm(nn.Conv2d(c, c, 3, 1, 1)))

        def forward(self, seg: Tensor) -> Tensor:
            x = self.first(F.interpolate(seg, size=(4, 4)))
            for spade, conv in zip(self.spades, self.convs, strict=True):
                x = F.interpolate(x + conv(F.leaky_relu(spade(x, seg), 0.2)), scale_factor=2)
            return torch.tanh(self.last(F.leaky_relu(x, 0.2)))

    D = nn.Sequential(
        spectral_norm(nn.Conv2d(8, 16, 4, 2, 2)), nn.LeakyReLU(0.2), spectral_norm(nn.Conv2d(16, 16, 4, 2, 2)),
        nn.InstanceNorm2d(16),
        nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 4, 1, 2),
    )  # fmt: skip
    seg = (
        F.one_hot(torch.randint(0, 5, (8, 8, 8)), 5)
        .permute(0, 3, 1, 2)
        .float()
        .repeat_interleave(4, 2)
        .repeat_interleave(4, 3)
    )

    def d_call(net: nn.Module, images: Tensor) -> Tensor:
        maps = seg.repeat(len(images) // len(seg) + 1, 1, 1, 1)[: len(images)]
        return net(torch.cat([maps, images], dim=1))

    return G(), D, {"g_inputs": (seg,), "d_call": d_call, "loss": "hinge", "size": 32}


@pair
def augmentation_within_discriminator() -> Built:
    """D shifts, recolours and cuts what it sees, reals and fakes alike, and adds noise."""

    class Augment(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if not self.training:
                return x
            n, _, h, w = x.shape
            x = x + torch.rand(n, 1, 1, 1) - 0.5
            x = (x - x.mean((1, 2, 3), keepdim=True)) * (0.5 + torch.rand(n, 1, 1, 1)) + x.mean((1, 2, 3), keepdim=True)
            dx, dy = (int(v) for v in torch.randint(-4, 5, (2,)))
            x = F.pad(x, (4, 4, 4, 4))[:, :, 4 + dy : 4 + dy + h, 4 + dx : 4 + dx + w]
            mask = torch.ones_like(x)
            top, left = (int(v) for v in torch.randint(0, 16, (2,)))
            mask[:, :, top : top + 16, left : left + 16] = 0
            return x * mask + 0.05 * torch.randn_like(x)

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.augment, self.trunk, self.end = Augment(), make_trunk(), nn.Linear(32, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.end(self.trunk(self.augment(x)).mean(dim=(-2, -1)))

    return make_g(100), D(), {"size": 32, "loss": "hinge"}


@pair
def vector_quantised_autoencoder_as_generator() -> Built:
    """G copies its input through a code book by a straight-through estimator; D only sees what comes out."""

    class VQ(nn.Module):
        def __init__(self, n: int = 32, d: int = 8) -> None:
            super().__init__()
            self.register_buffer("book", torch.randn(n, d))

        def forward(self, z: Tensor) -> Tensor:
            flat = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])
            chosen = torch.cdist(flat, self.book).argmin(1)
            q = self.book[chosen].view(z.shape[0], *z.shape[2:], -1).permute(0, 3, 1, 2)
            if self.training:  # the code book follows what it stands for, and no gradient moves it
                used = F.one_hot(chosen, len(self.book)).float()
                mean = used.T @ flat.detach() / used.sum(0).clamp(min=1)[:, None]
                self.book = torch.where(used.sum(0)[:, None] > 0, self.book.lerp(mean, 0.01), self.book)
            return z + (q - z).detach()

    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down = nn.Sequential(nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 8, 4, 2, 1))
            self.vq = VQ()
            self.up = nn.Sequential(
                nn.ConvTranspose2d(8, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.ConvTranspose2d(16, 3, 4, 2, 1), nn.Tanh()
            )

        def forward(self, x: Tensor) -> Tensor:
            return self.up(self.vq(self.down(x)))

    D = nn.Sequential(nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.BatchNorm2d(32),
        nn.LeakyReLU(0.2), nn.Conv2d(32, 1, 4, 1, 1))  # fmt: skip
    real = torch.rand(8, 3, 32, 32) * 2 - 1
    return G(), D, {"g_inputs": (real,), "data": real, "loss": "hinge", "size": 32}


@pair
def custom_backward_and_spectrum() -> Built:
    """An autograd function written by hand; D looks at the picture and at its Fourier amplitudes."""

    class Leaky(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return torch.where(x > 0, x, 0.2 * x)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            return torch.where(x > 0, g, 0.2 * g)

    class Act(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return Leaky.apply(x)

    class Spectral(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pixels = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), Act(), nn.Conv2d(8, 16, 4, 2, 1), Act(), nn.Flatten())
            self.waves = nn.Sequential(nn.Flatten(), nn.Linear(32 * 17, 32), Act())
            self.head = nn.Linear(16 * 64 + 32, 1)

        def forward(self, x: Tensor) -> Tensor:
            amplitude = torch.log1p(torch.fft.rfft2(x.mean(1), norm="ortho").abs())
            return self.head(torch.hstack([self.pixels(x), self.waves(amplitude)]))

    G = nn.Sequential(nn.Linear(64, 256), Act(), nn.Unflatten(1, (16, 4, 4)))
    for _ in range(3):
        G.extend([nn.Upsample(scale_factor=2), nn.Conv2d(16, 16, 3, 1, 1), Act()])
    G.extend([nn.Conv2d(16, 3, 1), nn.Tanh()])
    return G, Spectral(), {"latent": 64, "size": 32}


@pair
def lstm_notes_with_embedding_of_key() -> Built:
    """Sequences with a class: z is one vector, repeated over time beside the embedding."""

    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.key, self.lstm, self.out = nn.Embedding(12, 8), nn.LSTM(24, 32, batch_first=True), nn.Linear(32, 4)

        def forward(self, z: Tensor, key: Tensor) -> Tensor:
            steps = torch.cat([z, self.key(key)], 1)[:, None].repeat(1, 16, 1)
            return self.out(self.lstm(steps + 0.1 * torch.randn_like(steps))[0])

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.key, self.conv = nn.Embedding(12, 4), nn.Conv1d(8, 16, 4, 2, 1)
            self.lstm, self.out = nn.LSTM(16, 16, batch_first=True), nn.Linear(16, 1)

        def forward(self, x: Tensor, key: Tensor) -> Tensor:
            x = torch.cat([x, self.key(key)[:, None].expand(-1, x.shape[1], -1)], -1)
            _, (h, _) = self.lstm(F.leaky_relu(self.conv(x.mT), 0.2).mT)
            return self.out(h[-1])

    return (
        G(),
        D(),
        {
            "latent": 16,
            "condition": "class:12",
            "data": torch.randn(32, 16, 4),
            "range": (-4, 4),
            "loss": "wasserstein",
        },
    )


@pair
def table_of_standardised_numbers() -> Built:
    """Unbounded numbers and a linear end; D sees groups of columns packed by minibatch discrimination."""

    class Discrimination(nn.Module):
        def __init__(self, i: int, o: int, k: int) -> None:
            super().__init__()
            self.T = nn.Parameter(torch.randn(i, o, k) * 0.1)

        def forward(self, x: Tensor) -> Tensor:
            m = torch.tensordot(x, self.T, dims=1)
            return torch.cat([x, torch.exp(-(m[:, None] - m[None]).abs().sum(3)).sum(1) - 1], 1)

    G = nn.Sequential(nn.Linear(8, 64), nn.SELU(), nn.Linear(64, 64), nn.SELU(), nn.Linear(64, 12))
    D = nn.Sequential(
        nn.Linear(12, 64),
        nn.LeakyReLU(0.2),
        nn.Linear(64, 32),
        nn.LeakyReLU(0.2),
        Discrimination(32, 8, 4),
        nn.Linear(40, 1),
    )
    return G, D, {"latent": 8, "data": torch.randn(256, 12), "range": (-5, 5)}


@pair
def frozen_recogniser_beside_own_layers() -> Built:
    """D = a perceptual trunk that was trained elsewhere, plus a small trunk that learns; both end in one head."""

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers = [
                nn.Conv2d(3, 16, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(16, 32, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            self.vgg = nn.Sequential(*layers)
            for p in self.vgg.parameters():
                p.requires_grad_(False)
            self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
            self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
            self.own = nn.Sequential(
                nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 16, 4, 2, 1), nn.LeakyReLU(0.2)
            )
            self.head = nn.Sequential(nn.Conv2d(48, 32, 3, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(512, 1))

        def forward(self, x: Tensor) -> Tensor:
            seen = self.vgg((x * 0.5 + 0.5 - self.mean) / self.std)
            return self.head(torch.cat([seen, self.own(x)], 1))

    return make_g(100), D(), {"size": 32}


@pair
def replay_buffer_in_step() -> Built:
    """D is also shown fakes of earlier steps; labels are soft; noise fades; the loop is somebody's own."""
    kept: deque[Tensor] = deque(maxlen=10)
    criterion = nn.BCEWithLogitsLoss()
    counter = itertools.count()

    def train_step(netG: nn.Module, netD: nn.Module, real: Tensor, optimG: Any, optimD: Any) -> tuple[float, float]:
        b, sigma = real.size(0), 0.1 / (1 + next(counter))
        netG.train()
        netD.train()
        noise = torch.randn(b, 100, 1, 1)
        fake = netG(noise)
        kept.append(fake.detach()[: b // 2])
        shown = torch.cat([fake.detach()[b // 2 :], random_of(kept)])
        optimD.zero_grad(set_to_none=False)
        d_real = netD(real + sigma * torch.randn_like(real))
        d_fake = netD(shown + sigma * torch.randn_like(shown))
        errD = criterion(d_real, torch.empty_like(d_real).uniform_(0.8, 1.0)) + criterion(
            d_fake, torch.zeros_like(d_fake)
        )
        errD.backward()
        optimD.step()
        optimG.zero_grad(set_to_none=False)
        out = netD(fake)
        errG = criterion(out, torch.ones_like(out))
        errG.backward()
        optimG.step()
        return errD.item(), errG.item()

    def random_of(buffer: deque[Tensor]) -> Tensor:
        return buffer[int(torch.randint(len(buffer), ()))]

    return (
        make_g(100),
        nn.Sequential(make_trunk(), nn.Conv2d(32, 1, 4), nn.Flatten()),
        {"size": 32, "step": train_step, "batch": 32},
    )


@pair
def reals_and_fakes_joined_without_batch_norm() -> Built:
    """One pass of D over reals and fakes together; D has no norm over the batch, so it does not matter."""

    def step(G: nn.Module, D: nn.Module, x: Tensor, opt_g: Any, opt_d: Any) -> None:
        opt_d.zero_grad()
        both = torch.cat([x, G(torch.randn(len(x), 64)).detach()])
        real, fake = D(both).chunk(2)
        (F.relu(1 - real).mean() + F.relu(1 + fake).mean()).backward()
        opt_d.step()
        opt_g.zero_grad()
        (-D(G(torch.randn(len(x), 64)))).mean().backward()
        opt_g.step()

    D = nn.Sequential(
        spectral_norm(nn.Conv2d(1, 16, 4, 2, 1)), nn.GroupNorm(4, 16), nn.SiLU(),
        spectral_norm(nn.Conv2d(16, 32, 4, 2, 1)),
        nn.GroupNorm(4, 32), nn.SiLU(), nn.Flatten(), spectral_norm(nn.Linear(32 * 49, 1)),
    )  # fmt: skip
    G = nn.Sequential(
        nn.Linear(64, 32 * 49), nn.Unflatten(-1, (32, 7, 7)), nn.GroupNorm(4, 32), nn.SiLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.PixelShuffle(2),
        nn.GroupNorm(4, 16), nn.SiLU(), nn.Conv2d(16, 32, 3, padding=1), nn.PixelShuffle(2), nn.SiLU(),
        nn.Conv2d(8, 1, 3, padding=1), nn.Sigmoid(),
    )  # fmt: skip
    return G, D, {"latent": 64, "size": 28, "channels": 1, "range": (0, 1), "loss": "hinge", "step": step}


@pair
def semi_supervised_softmax_of_two() -> Built:
    """Log-sum-exp would do; here D has two units, and both are read by a cross-entropy."""
    D = nn.Sequential(make_trunk(), nn.Flatten(), nn.Linear(512, 2))
    return make_g(100), D, {"loss": "softmax", "size": 32}


@pair
def compiled_in_place_and_parallel() -> Built:
    """`Module.compile` changes how G is called, DataParallel what it is called."""
    G = make_g(100)
    G.compile(backend="eager")
    return G, nn.DataParallel(nn.Sequential(make_trunk(), nn.Conv2d(32, 1, 4))), {"size": 32}
