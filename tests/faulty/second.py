"""The second unseen set of programs, in PyTorch: faults of the wiring. One planted fault each; tune nothing on them."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from . import Built, Faulty, gather

PROGRAMS: list[Faulty] = []
fault = gather(PROGRAMS)


def photos(channels: int, size: int, batch: int = 8) -> torch.Tensor:
    return torch.rand(batch, channels, size, size) * 2 - 1


def critic(channels: int = 3, size: int = 16, width: int = 16) -> nn.Sequential:
    layers: list[nn.Module] = []
    while size > 4:
        layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        channels, width, size = width, width * 2, size // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * size * size, 1))


def painter(z: int = 100, channels: int = 3, width: int = 24) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(z, width * 16), nn.ReLU(), nn.Unflatten(1, (width, 4, 4)), nn.Upsample(scale_factor=2),
        nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU(), nn.Upsample(scale_factor=2),
        nn.Conv2d(width, channels, 3, 1, 1), nn.Tanh(),
    )  # fmt: skip


class LabelledCritic(nn.Module):
    def __init__(self, channels=3, size=16, classes=10):
        super().__init__()
        self.body = critic(channels, size)[:-1]
        self.score, self.embed = nn.Linear(32 * 16, 1), nn.Embedding(classes, 32 * 16)

    def forward(self, x, y):
        h = self.body(x)
        return self.score(h) + (h * self.embed(y)).sum(1, keepdim=True) / h.shape[1] ** 0.5


# ---- SP101


@fault("SP101")
def softmax_over_a_single_token() -> Built:
    """Cross-attention to one text token: the weights are all 1 and the values come from the map itself."""

    class CrossG(nn.Module):
        def __init__(self):
            super().__init__()
            self.key = nn.Linear(384, 32)
            self.start, self.query, self.value = nn.Linear(100, 32 * 16), nn.Linear(32, 32), nn.Linear(32, 32)
            self.tail = nn.Sequential(nn.Upsample(scale_factor=4), nn.Conv2d(32, 3, 3, 1, 1), nn.Tanh())

        def forward(self, z, text):
            x = self.start(z).view(-1, 16, 32)
            k = self.key(text).unsqueeze(1)
            weights = (self.query(x) @ k.mT / math.sqrt(32)).softmax(-1)
            x = x + weights * self.value(x)
            return self.tail(F.relu(x).mT.reshape(-1, 32, 4, 4))

    class TextD(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.text = critic()[:-1], nn.Linear(384, 64)
            self.out = nn.Sequential(nn.Linear(32 * 16 + 64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))

        def forward(self, x, text):
            return self.out(torch.cat([self.body(x), F.leaky_relu(self.text(text), 0.2)], 1))

    return CrossG(), TextD(), {"condition": "vector:384", "data": photos(3, 16), "loss": "hinge"}


@fault("SP101")
def label_overwritten_by_the_next_line() -> Built:
    class G(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.net = nn.Embedding(10, 100), painter(100)

        def forward(self, z, y):
            h = z * self.emb(y)
            h = F.normalize(z, dim=1) * 10
            return self.net(h)

    return G(), LabelledCritic(), {"condition": "class:10", "data": photos(3, 16), "loss": "hinge"}


@fault("SP101")
def critic_pools_its_label_away() -> Built:
    """The label maps are normalised by an instance norm: constant maps become zeros."""

    class D(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.norm = nn.Embedding(10, 4), nn.InstanceNorm2d(4)
            self.body = critic(3 + 4)

        def forward(self, x, y):
            maps = self.emb(y)[:, :, None, None].repeat(1, 1, 16, 16)
            return self.body(torch.cat([x, self.norm(maps)], 1))

    class G(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = painter(74)

        def forward(self, z, y):
            return self.net(torch.cat([z, F.one_hot(y, 10).float()], 1))

    return G(), D(), {"latent": 64, "condition": "class:10", "data": photos(3, 16), "loss": "bce-logits"}


@fault("SP101")
def noise_used_only_for_its_shape() -> Built:
    class StyleG(nn.Module):
        def __init__(self):
            super().__init__()
            self.const = nn.Parameter(torch.randn(1, 16, 4, 4))
            self.body = nn.Sequential(
                nn.Upsample(scale_factor=2), nn.Conv2d(16, 16, 3, 1, 1), nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2),
                nn.Conv2d(16, 3, 3, 1, 1), nn.Tanh(),
            )  # fmt: skip

        def forward(self, z):
            return self.body(self.const.repeat(z.size(0), 1, 1, 1))

    return StyleG(), critic(), {"latent": 64, "data": photos(3, 16), "loss": "bce-logits"}


@fault("SP101")
def unet_hands_on_its_coordinates_instead_of_the_photo() -> Built:
    class Coordinates(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Conv2d(2, 16, 3, 1, 1), nn.ReLU(), nn.Conv2d(16, 3, 3, 1, 1), nn.Tanh())

        def forward(self, photo):
            axis = torch.linspace(-1, 1, photo.shape[-1])
            grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"))
            x = torch.cat([photo, grid.expand(len(photo), -1, -1, -1)], 1)
            return self.net(x[:, 3:])

    a = photos(3, 16)
    more = {"g_inputs": (a,), "d_call": lambda D, b: D(torch.cat([a, b], 1)), "data": photos(3, 16)}
    return Coordinates(), critic(6), {**more, "loss": "least-squares"}


# ---- SP102


@fault("SP102")
def decoder_goes_on_from_the_skip() -> Built:
    """The bottleneck is computed, then the decoder starts from the wrong variable."""

    class UNet(nn.Module):
        def __init__(self, c=12):
            super().__init__()
            self.down1, self.down2 = nn.Conv2d(1, c, 3, 2, 1), nn.Conv2d(c, 2 * c, 3, 2, 1)
            self.middle = nn.Sequential(nn.Conv2d(2 * c, 2 * c, 3, 1, 1), nn.ReLU(), nn.Conv2d(2 * c, c, 3, 1, 1))
            self.up1, self.up2 = nn.Conv2d(2 * c, c, 3, 1, 1), nn.Conv2d(c, 3, 3, 1, 1)

        def forward(self, x):
            d1 = F.relu(self.down1(x))
            d2 = F.relu(self.down2(d1))
            m = F.interpolate(self.middle(d2), scale_factor=2)
            m = d1
            u = F.relu(self.up1(torch.cat([m, d1], 1)))
            return torch.tanh(self.up2(F.interpolate(u, scale_factor=2)))

    grey = photos(1, 16)
    more = {"g_inputs": (grey,), "d_call": lambda D, c: D(torch.cat([grey, c], 1)), "data": photos(3, 16)}
    return UNet(), critic(4), {**more, "loss": "least-squares"}


@fault("SP102")
def every_block_is_given_the_first_input() -> Built:
    class G(nn.Module):
        def __init__(self, depth=4, c=24):
            super().__init__()
            self.fc, self.out = nn.Linear(100, c * 64), nn.Conv2d(c, 3, 3, 1, 1)
            self.blocks = nn.ModuleList(
                nn.Sequential(nn.Conv2d(c, c, 3, 1, 1), nn.GroupNorm(4, c), nn.SiLU()) for _ in range(depth)
            )

        def forward(self, z):
            x = self.fc(z).view(len(z), -1, 8, 8)
            for block in self.blocks:
                h = block(x)
            return torch.tanh(self.out(F.interpolate(h, scale_factor=2)))

    return G(), critic(), {"data": photos(3, 16), "loss": "hinge"}


@fault("SP102")
def styles_from_z_and_not_from_w() -> Built:
    class StyleG(nn.Module):
        def __init__(self):
            super().__init__()
            self.mapping = nn.Sequential(nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2))
            self.const = nn.Parameter(torch.randn(1, 24, 4, 4))
            self.styles = nn.ModuleList(nn.Linear(64, 48) for _ in range(2))
            self.convs = nn.ModuleList(nn.Conv2d(24, 24, 3, 1, 1) for _ in range(2))
            self.rgb = nn.Conv2d(24, 3, 1)

        def forward(self, z):
            w = self.mapping(F.normalize(z, dim=1) * 8)  # noqa: F841
            x = self.const.expand(len(z), -1, -1, -1)
            for style, conv in zip(self.styles, self.convs, strict=True):
                scale, shift = style(z)[..., None, None].chunk(2, 1)
                x = F.interpolate(F.leaky_relu(conv(x), 0.2), scale_factor=2)
                x = F.instance_norm(x) * (1 + scale) + shift
            return torch.tanh(self.rgb(x))

    return StyleG(), critic(), {"latent": 64, "data": photos(3, 16), "loss": "bce-logits"}


@fault("SP102")
def critic_returns_before_its_attention() -> Built:
    class D(nn.Module):
        def __init__(self, cfg):
            super().__init__()
            c = cfg["width"]
            self.stem = nn.Sequential(nn.Conv2d(3, c, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(c, c, 4, 2, 1))
            self.attention, self.norm = nn.MultiheadAttention(c, 4, batch_first=True), nn.LayerNorm(c)
            self.head = nn.Linear(c, 1)

        def forward(self, x):
            t = F.leaky_relu(self.stem(x), 0.2).flatten(2).mT
            a, _ = self.attention(t, t, t)
            self.last_map = self.norm(t + a)
            return self.head(t.mean(1))

    return painter(), D({"width": 32}), {"data": photos(3, 16), "loss": "hinge"}


# ---- SP103


@fault("SP103")
def generator_speaks_channels_last() -> Built:
    class G(nn.Module):
        """Translated from TensorFlow, all but the last transpose."""

        def __init__(self):
            super().__init__()
            self.dense, self.out = nn.Linear(100, 256), nn.Linear(256, 16 * 16 * 3)

        def forward(self, z):
            return torch.tanh(self.out(F.relu(self.dense(z)))).reshape(-1, 16, 16, 3)

    return G(), critic(), {"data": photos(3, 16), "loss": "bce-logits"}


@fault("SP103")
def pooled_critic_hides_half_the_size() -> Built:
    D = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 1),
    )  # fmt: skip
    return painter(), D, {"data": photos(3, 32), "loss": "bce-logits"}


@fault("SP103")
def rgb_generator_against_grey_digits() -> Built:
    return painter(channels=3), critic(1), {"data": photos(1, 16), "loss": "least-squares"}


@fault("SP103")
def waveform_is_a_little_short() -> Built:
    G = nn.Sequential(
        nn.Linear(64, 16 * 64), nn.ReLU(), nn.Unflatten(1, (16, 64)), nn.ConvTranspose1d(16, 8, 24, 4, 11), nn.ReLU(),
        nn.ConvTranspose1d(8, 1, 24, 4, 11), nn.Tanh(),
    )  # fmt: skip
    D = nn.Sequential(
        nn.Conv1d(1, 8, 24, 4, 10), nn.LeakyReLU(0.2), nn.Conv1d(8, 16, 24, 4, 10), nn.LeakyReLU(0.2), nn.Flatten(),
        nn.Linear(16 * 64, 1),
    )  # fmt: skip
    return G, D, {"latent": 64, "data": torch.rand(8, 1, 1024) * 2 - 1, "loss": "wasserstein-gp"}


# ---- SP104, SP105


@fault("SP104")
def critic_left_frozen_after_the_other_step() -> Built:
    class LitGAN(nn.Module):
        def __init__(self):
            super().__init__()
            self.generator, self.discriminator = painter(), critic()

        def toggle(self, network, on):
            for p in network.parameters():
                p.requires_grad_(on)

    gan = LitGAN()
    gan.toggle(gan.discriminator, False)
    return gan.generator, gan.discriminator, {"data": photos(3, 16), "loss": "bce-logits"}


@fault("SP104")
def finetuning_by_a_pattern_that_matches_no_name() -> Built:
    G = painter()
    for name, p in G.named_parameters():
        p.requires_grad = name.startswith("decoder.")
    return G, critic(), {"data": photos(3, 16), "loss": "least-squares"}


@fault("SP104")
def optimizer_given_only_the_head() -> Built:
    def step(G, D, real):
        g_optimizer = torch.optim.Adam(G.parameters(), 2e-4)
        d_optimizer = torch.optim.Adam(D[-1].parameters(), 2e-4)
        fake = G(torch.randn(len(real), 100))
        d_optimizer.zero_grad()
        (F.softplus(-D(real)) + F.softplus(D(fake.detach()))).mean().backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        F.softplus(-D(fake)).mean().backward()
        g_optimizer.step()

    return painter(), critic(), {"data": photos(3, 16), "loss": "bce-logits", "step": step}


@fault("SP105")
def one_optimizer_for_everybody() -> Built:
    def step(G, D, real):
        optimizer = torch.optim.Adam([*G.parameters(), *D.parameters()], 2e-4, betas=(0.5, 0.999))
        z = torch.randn(len(real), 100)
        optimizer.zero_grad()
        (F.relu(1 - D(real)) + F.relu(1 + D(G(z).detach()))).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        (-D(G(z)).mean()).backward()
        optimizer.step()

    return painter(), critic(), {"data": photos(3, 16), "loss": "hinge", "step": step}


@fault("SP105")
def label_embedding_shared_by_both() -> Built:
    class G(nn.Module):
        def __init__(self, table):
            super().__init__()
            self.table, self.net = table, painter(64 + 32)

        def forward(self, z, y):
            return self.net(torch.cat([z, self.table(y)], 1))

    class D(nn.Module):
        def __init__(self, table):
            super().__init__()
            self.table, self.body, self.out = table, critic()[:-1], nn.Linear(32 * 16 + 32, 1)

        def forward(self, x, y):
            return self.out(torch.cat([self.body(x), self.table(y)], 1))

    table = nn.Embedding(10, 32)
    return G(table), D(table), {"latent": 64, "condition": "class:10", "data": photos(3, 16), "loss": "hinge"}


@fault("SP105")
def optimizers_swapped_by_position() -> Built:
    def optimizers(first, second):
        return torch.optim.RMSprop(first.parameters(), 5e-5), torch.optim.RMSprop(second.parameters(), 5e-5)

    def step(G, D, real):
        d_optimizer, g_optimizer = optimizers(G, D)
        z = torch.randn(len(real), 100)
        D.zero_grad()
        G.zero_grad()
        (D(G(z).detach()).mean() - D(real).mean()).backward()
        d_optimizer.step()
        D.zero_grad()
        G.zero_grad()
        (-D(G(z)).mean()).backward()
        g_optimizer.step()

    return painter(), critic(), {"data": photos(3, 16), "loss": "wasserstein", "step": step}


# ---- SP106


@fault("SP106")
def generator_quantises_its_picture() -> Built:
    class G(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = painter()

        def forward(self, z):
            return torch.round((self.net(z) + 1) * 127.5) / 127.5 - 1

    return G(), critic(), {"data": photos(3, 16), "loss": "hinge"}


@fault("SP106")
def letters_by_argmax() -> Built:
    class G(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 10 * 12))

        def forward(self, z):
            logits = self.net(z).view(-1, 10, 12)
            return F.one_hot(logits.argmax(-1), 12).float()

    D = nn.Sequential(nn.Flatten(), nn.Linear(120, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    data = F.one_hot(torch.randint(12, (8, 10)), 12).float()
    return G(), D, {"latent": 32, "data": data, "loss": "bce-logits"}


@fault("SP106")
def sampling_method_decorated_for_inference() -> Built:
    class G(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = painter()

        @torch.no_grad()
        def forward(self, z):
            return self.net(z)

    return G(), critic(), {"data": photos(3, 16), "loss": "wasserstein"}


@fault("SP106")
def critic_augments_through_numpy() -> Built:
    class D(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = critic()

        def forward(self, x):
            flipped = x.detach().cpu().numpy()[:, :, :, ::-1].copy()
            return self.net(torch.from_numpy(flipped))

    return painter(), D(), {"data": photos(3, 16), "loss": "bce-logits"}


@fault("SP106")
def step_scores_the_detached_fake_for_both() -> Built:
    def training_step(G, D, real, g_optimizer, d_optimizer):
        fake = G(torch.randn(len(real), 100)).detach()
        d_optimizer.zero_grad()
        (F.softplus(-D(real)) + F.softplus(D(fake))).mean().backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        F.softplus(-D(fake)).mean().backward()
        g_optimizer.step()

    return painter(), critic(), {"data": photos(3, 16), "loss": "bce-logits", "step": training_step}
