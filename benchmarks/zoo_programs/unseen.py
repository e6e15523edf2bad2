"""Programs of the unseen part, written before anything was told of them: no rule may be adjusted by these runs."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from . import losses
from .optimisers import adam, rmsprop
from .parts import Parts, Program, Watch, traits

# The GAN of 2014: maxout against rectifiers, on digits


class Maxout(nn.Module):
    """The largest of several linear pieces for each unit (arXiv 1302.4389)."""

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.shape = (units, pieces)
        self.linear = nn.Linear(inputs, units * pieces)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, self.shape).amax(2)


def maxout_digits(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G = nn.Sequential(
        nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 192), nn.BatchNorm1d(192), nn.ReLU(),
        nn.Linear(192, 16 * 16), nn.Tanh(), nn.Unflatten(1, (1, 16, 16)),
    )  # fmt: skip
    D = nn.Sequential(
        nn.Flatten(), Maxout(16 * 16, 80, 3), nn.Dropout(0.4), Maxout(80, 40, 3), nn.Dropout(0.4), nn.Linear(40, 1),
        nn.Sigmoid(),
    )  # fmt: skip
    return Parts(G, D, adam(4e-4, 4e-4), pictures, None, losses.bce, losses.bce_g, batch=50, steps=3000, latent=64)


def apart(p: Parts, watch: Watch) -> None:
    """Fakes are drawn anew for G, as in the pseudocode of the first paper."""
    for step in p.going():
        x, _ = p.draw()
        n = len(x)

        p.d_opt.zero_grad()
        score_x = p.D(x)
        score_gz = p.D(p.for_d(p.G(p.z(n))))
        loss_x, loss_gz = p.d_loss(score_x, score_gz)
        d_loss = loss_x + loss_gz
        d_loss.backward()
        p.cut(p.D)
        p.d_opt.step()

        p.g_opt.zero_grad()
        gz = p.G(p.z(n))
        g_loss = p.g_loss(p.D(p.for_g(gz)))
        g_loss.backward()
        p.cut(p.G)
        p.g_opt.step()

        watch(
            step, d_loss=d_loss.item(), g_loss=g_loss.item(), d_loss_real=loss_x.item(), d_loss_fake=loss_gz.item(),
            real_logits=score_x, fake_logits=score_gz, fake=gz, real=x,
        )  # fmt: skip


# Upsampling and convolutions, G twice a step


def _up(wide_in: int, wide_out: int) -> list[nn.Module]:
    return [
        nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(wide_in, wide_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(wide_out), nn.LeakyReLU(0.2, inplace=True),
    ]  # fmt: skip


def _down(wide_in: int, wide_out: int) -> list[nn.Module]:
    return [nn.Conv2d(wide_in, wide_out, 3, 2, 1), nn.LeakyReLU(0.2, inplace=True), nn.Dropout2d(0.1)]


def upsampled_fashion(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    netG = nn.Sequential(
        nn.Linear(100, 32 * 4 * 4), nn.Unflatten(1, (32, 4, 4)), nn.BatchNorm2d(32),
        *_up(32, 16), *_up(16, 8), nn.Conv2d(8, 1, 3, padding=1), nn.Tanh(),
    )  # fmt: skip
    netD = nn.Sequential(*_down(1, 16), *_down(16, 32), nn.Flatten(), nn.Linear(32 * 4 * 4, 1))
    return Parts(
        netG, netD, adam(4e-4, 8e-4), pictures, None, losses.bce_logits, losses.bce_logits_g,
        batch=16, steps=1300, latent=100, extra={"g_updates": 2},
    )  # fmt: skip


def g_twice(p: Parts, watch: Watch) -> None:
    """Two updates of G for one of D, so that D does not run away."""
    for step in p.going():
        data, _ = p.draw()
        with torch.no_grad():
            fake = p.G(p.z(len(data)))
        p.d_opt.zero_grad(set_to_none=True)
        output_real, output_fake = p.D(data), p.D(p.for_d(fake))
        errD_real, errD_fake = p.d_loss(output_real, output_fake)
        errD = errD_real + errD_fake
        errD.backward()
        p.cut(p.D)
        p.d_opt.step()

        for _ in range(p.extra["g_updates"]):
            p.g_opt.zero_grad(set_to_none=True)
            fake = p.G(p.z(len(data)))
            errG = p.g_loss(p.D(p.for_g(fake)))
            errG.backward()
            p.cut(p.G)
            p.g_opt.step()

        watch(
            step, d_loss=errD, g_loss=errG, d_loss_real=errD_real, d_loss_fake=errD_fake, real_logits=output_real,
            fake_logits=output_fake, fake=fake, real=data,
        )  # fmt: skip


# Hinge under spectral norm, a residual G, both halves in one batch


class UpBlock(nn.Module):
    """Doubles the side: two convolutions beside an enlarged copy of the input."""

    def __init__(self, wide_in: int, wide_out: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(wide_in), nn.Conv2d(wide_in, wide_out, 3, padding=1)
        self.norm2, self.conv2 = nn.BatchNorm2d(wide_out), nn.Conv2d(wide_out, wide_out, 3, padding=1)
        self.skip = nn.Conv2d(wide_in, wide_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = F.interpolate(F.relu(self.norm1(x)), scale_factor=2)
        h = self.conv2(F.relu(self.norm2(self.conv1(h))))
        return h + F.interpolate(self.skip(x), scale_factor=2)


class ResidualGenerator(nn.Module):
    """From 4 px up to 16."""

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.project = nn.Linear(latent, width * 16)
        self.blocks = nn.Sequential(UpBlock(width, width), UpBlock(width, width))
        self.to_picture = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 1, 3, padding=1), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.to_picture(self.blocks(self.project(z).view(-1, self.width, 4, 4)))


class SpectralDiscriminator(nn.Module):
    """Convolutions under spectral norm, and a sum over all places."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = spectral_norm(nn.Conv2d(1, width, 3, 1, 1))
        self.conv2 = spectral_norm(nn.Conv2d(width, 2 * width, 4, 2, 1))
        self.conv3 = spectral_norm(nn.Conv2d(2 * width, 4 * width, 4, 2, 1))
        self.out = spectral_norm(nn.Linear(4 * width, 1))

    def forward(self, x: Tensor) -> Tensor:
        h = F.leaky_relu(self.conv1(x), 0.1)
        h = F.leaky_relu(self.conv2(h), 0.1)
        h = F.leaky_relu(self.conv3(h), 0.1)
        return self.out(h.sum((2, 3))).squeeze(1)


def hinge_residual(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    generator, discriminator = ResidualGenerator(48, 14), SpectralDiscriminator(8)
    return Parts(
        generator, discriminator, adam(3e-4, 9e-4, 0.0, 0.9), pictures, None, losses.hinge, losses.hinge_g,
        batch=16, steps=1300, latent=48,
    )  # fmt: skip


def one_batch(p: Parts, watch: Watch) -> None:
    """D sees reals and fakes in one batch and its scores are parted afterwards."""
    for step in p.going():
        real, _ = p.draw()
        fake = p.G(p.z(len(real)))

        d_real, d_fake = p.D(torch.cat([real, p.for_d(fake)])).chunk(2)
        d_loss = torch.stack(p.d_loss(d_real, d_fake)).sum()
        p.d_opt.zero_grad()
        d_loss.backward()
        p.cut(p.D)
        p.d_opt.step()

        g_loss = p.g_loss(p.D(p.for_g(fake)))
        p.g_opt.zero_grad()
        g_loss.backward()
        p.cut(p.G)
        p.g_opt.step()

        watch(step, d_loss=d_loss, g_loss=g_loss, real_logits=d_real, fake_logits=d_fake, fake=fake, real=real)


# Least squares, layer norm in G and batch norm in D, in colour


def squares_emoji(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    gen = nn.Sequential(
        nn.Linear(64, 48 * 4 * 4), nn.Unflatten(1, (48, 4, 4)), nn.GroupNorm(1, 48), nn.SiLU(),
        nn.ConvTranspose2d(48, 24, 4, 2, 1), nn.GroupNorm(1, 24), nn.SiLU(),
        nn.ConvTranspose2d(24, 12, 4, 2, 1), nn.GroupNorm(1, 12), nn.SiLU(),
        nn.Conv2d(12, 3, 3, padding=1), nn.Tanh(),
    )  # fmt: skip
    disc = nn.Sequential(
        nn.Conv2d(3, 12, 5, 2, 2), nn.LeakyReLU(0.2),
        nn.Conv2d(12, 24, 3, 2, 1), nn.BatchNorm2d(24), nn.LeakyReLU(0.2),
        nn.Conv2d(24, 32, 3, padding=1), nn.BatchNorm2d(32), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(32 * 4 * 4, 1),
    )  # fmt: skip
    return Parts(
        gen, disc, adam(6e-4, 3e-4), pictures, None, losses.squares, losses.squares_g, batch=24,
        steps=1300, latent=64,
    )  # fmt: skip


def halved(p: Parts, watch: Watch) -> None:
    """Half of the sum of D's two terms; G's fakes are fresh."""
    for step in p.going():
        real, _ = p.draw()
        noise = p.z(len(real))
        disc_real, disc_fake = p.D(real), p.D(p.for_d(p.G(noise)))
        loss_real, loss_fake = p.d_loss(disc_real, disc_fake)
        loss_disc = 0.5 * (loss_real + loss_fake)
        p.d_opt.zero_grad()
        loss_disc.backward()
        p.cut(p.D)
        p.d_opt.step()

        fake = p.G(p.z(len(real)))
        loss_gen = p.g_loss(p.D(p.for_g(fake)))
        p.g_opt.zero_grad()
        loss_gen.backward()
        p.cut(p.G)
        p.g_opt.step()

        watch(
            step, d_loss=loss_disc, g_loss=loss_gen, real_logits=disc_real, fake_logits=disc_fake, fake=fake, real=real
        )


# Wasserstein, weights clipped


def clipped_critic(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    netG = nn.Sequential(
        nn.Linear(40, 256), nn.BatchNorm1d(256), nn.ReLU(True), nn.Unflatten(1, (16, 4, 4)),
        nn.ConvTranspose2d(16, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
        nn.ConvTranspose2d(16, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    netD = nn.Sequential(
        nn.Conv2d(1, 10, 4, 2, 1), nn.LeakyReLU(0.2, True), nn.Conv2d(10, 20, 4, 2, 1), nn.LeakyReLU(0.2, True),
        nn.Flatten(), nn.Linear(20 * 16, 48), nn.LeakyReLU(0.2, True), nn.Linear(48, 1),
    )  # fmt: skip
    return Parts(
        netG, netD, rmsprop(5e-4), pictures, None, losses.wasserstein, losses.wasserstein_g, batch=20, steps=1250,
        latent=40, weights_clip=0.05, extra={"Diters": 3},
    )  # fmt: skip


def term_by_term(p: Parts, watch: Watch) -> None:
    """The critic's two terms go backward one after the other, several times; then G moves once."""
    for step in p.going():
        for _ in range(p.extra["Diters"]):
            p.d_opt.zero_grad()
            inputv, _ = p.draw()
            out_real = p.D(inputv)
            errD_real = p.d_loss(out_real, out_real)[0]
            errD_real.backward()
            with torch.no_grad():
                fake = p.G(p.z(len(inputv)))
            out_fake = p.D(p.for_d(fake))
            errD_fake = p.d_loss(out_fake, out_fake)[1]
            errD_fake.backward()
            p.cut(p.D)
            p.d_opt.step()
            p.clip_weights()

        p.g_opt.zero_grad()
        fake = p.G(p.z(p.batch))
        errG = p.g_loss(p.D(p.for_g(fake)))
        errG.backward()
        p.cut(p.G)
        p.g_opt.step()

        watch(
            step, d_loss=errD_real.item() + errD_fake.item(), g_loss=errG.item(), d_loss_real=errD_real.item(),
            d_loss_fake=errD_fake.item(), real_logits=out_real, fake_logits=out_fake, fake=fake, real=inputv,
        )  # fmt: skip


# Wasserstein, gradient penalty


def penalised_critic(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G = nn.Sequential(
        nn.Linear(50, 24 * 4 * 4), nn.BatchNorm1d(24 * 4 * 4), nn.ReLU(), nn.Unflatten(1, (24, 4, 4)),
        nn.Conv2d(24, 4 * 16, 3, padding=1), nn.PixelShuffle(2), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 4 * 8, 3, padding=1), nn.PixelShuffle(2), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1), nn.Tanh(),
    )  # fmt: skip
    critic = nn.Sequential(
        nn.Conv2d(1, 10, 5, 2, 2), nn.LeakyReLU(), nn.Conv2d(10, 20, 3, 2, 1), nn.LeakyReLU(),
        nn.Conv2d(20, 40, 3, 2, 1), nn.LeakyReLU(), nn.Flatten(), nn.Linear(40 * 4, 1),
    )  # fmt: skip
    return Parts(
        G, critic, adam(1e-3, 1e-3, 0.0, 0.9), pictures, None, losses.wasserstein, losses.wasserstein_g, batch=12,
        steps=1000, latent=50, penalty=10.0, extra={"critic_iterations": 2},
    )  # fmt: skip


def penalised(p: Parts, watch: Watch) -> None:
    """G first, then the critic several times with its penalty; what is told is their sum, and the penalty."""
    for step in p.going():
        generated = p.G(p.z(p.batch))
        g_loss = p.g_loss(p.D(p.for_g(generated)))
        p.g_opt.zero_grad()
        g_loss.backward()
        p.cut(p.G)
        p.g_opt.step()

        for _ in range(p.extra["critic_iterations"]):
            real, _ = p.draw()
            with torch.no_grad():
                fake = p.G(p.z(len(real)))
            critic_real, critic_fake = p.D(real).reshape(-1), p.D(p.for_d(fake)).reshape(-1)
            loss_critic = torch.stack(p.d_loss(critic_real, critic_fake)).sum()
            gp = p.penalty * losses.gradient_penalty(p.D, real, fake)
            p.d_opt.zero_grad()
            (loss_critic + gp).backward()
            p.cut(p.D)
            p.d_opt.step()

        watch(
            step, d_loss=loss_critic + gp, g_loss=g_loss, d_penalty=gp, real_logits=critic_real,
            fake_logits=critic_fake, fake=fake, real=real,
        )  # fmt: skip


# Pairs of a real and a fake, R1 in every step


class PlainBlock(nn.Module):
    """A residual block without norms, of one size and width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(width, 2 * width, 3, padding=1), nn.Conv2d(2 * width, width, 1)
        nn.init.zeros_(self.second.weight)  # begins as the identity

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.leaky_relu(self.first(x), 0.2))


def pairs_emoji(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    enlarge = nn.Upsample(scale_factor=2, mode="bilinear")
    gen = nn.Sequential(
        nn.Linear(64, 24 * 4 * 4), nn.LeakyReLU(0.2), nn.Unflatten(1, (24, 4, 4)), PlainBlock(24), enlarge,
        nn.Conv2d(24, 16, 1), PlainBlock(16), enlarge, nn.Conv2d(16, 12, 3, padding=1), nn.LeakyReLU(0.2),
        nn.Conv2d(12, 3, 3, padding=1), nn.Tanh(),
    )  # fmt: skip
    disc = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 2, 2), PlainBlock(32), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(32 * 16, 1),
    )  # fmt: skip
    return Parts(
        gen, disc, adam(1.2e-3, 1.2e-3, 0.0, 0.99), pictures, None, losses.relativistic, losses.relativistic_g,
        batch=12, steps=1500, latent=64, penalty=0.2,
    )  # fmt: skip


def in_pairs(p: Parts, watch: Watch) -> None:
    """The slope on reals is held in every step; G's step scores the same reals once more."""
    for step in p.going():
        real, _ = p.draw()
        fake = p.G(p.z(len(real)))

        held = real.detach().clone().requires_grad_(True)
        real_logits, fake_logits = p.D(held), p.D(p.for_d(fake))
        adversarial = torch.stack(p.d_loss(real_logits, fake_logits)).sum()
        slope = torch.autograd.grad(real_logits.sum(), held, create_graph=True)[0]
        r1 = 0.5 * p.penalty * slope.pow(2).flatten(1).sum(1).mean()
        d_loss = adversarial + r1
        p.d_opt.zero_grad()
        d_loss.backward()
        p.cut(p.D)
        p.d_opt.step()

        g_loss = p.g_loss(p.D(p.for_g(fake)), p.D(real))
        p.g_opt.zero_grad()
        g_loss.backward()
        p.cut(p.G)
        p.g_opt.step()

        watch(
            step, d_loss=d_loss, g_loss=g_loss, d_penalty=r1, real_logits=real_logits, fake_logits=fake_logits,
            fake=fake, real=real,
        )  # fmt: skip


# Labels: an embedding beside z, and one as a further channel


class LabelledGenerator(nn.Module):
    """The class as an embedding beside z, then transposed convolutions."""

    def __init__(self, latent: int, classes: int, width: int) -> None:
        super().__init__()
        self.label_embedding = nn.Embedding(classes, 20)
        self.main = nn.Sequential(
            nn.Linear(latent + 20, 2 * width * 16, bias=False), nn.Unflatten(1, (2 * width, 4, 4)),
            nn.BatchNorm2d(2 * width), nn.ReLU(), nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width), nn.ReLU(), nn.ConvTranspose2d(width, 1, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        return self.main(torch.cat((noise, self.label_embedding(labels)), dim=1))


class LabelledDiscriminator(nn.Module):
    """The class as a picture of its own, one channel more."""

    def __init__(self, classes: int, px: int, width: int) -> None:
        super().__init__()
        self.px = px
        self.label_embedding = nn.Embedding(classes, px * px)
        self.main = nn.Sequential(
            nn.Conv2d(2, width, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 4),
        )  # fmt: skip

    def forward(self, img: Tensor, labels: Tensor) -> Tensor:
        told = self.label_embedding(labels).view(-1, 1, self.px, self.px)
        return self.main(torch.cat((img, told), dim=1)).view(-1)


def _normal_weights(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, 0.0, 0.02)


def labelled_fashion(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    netG = LabelledGenerator(60, classes, 16).apply(_normal_weights)
    netD = LabelledDiscriminator(classes, pictures.shape[-1], 16).apply(_normal_weights)
    return Parts(
        netG, netD, adam(5e-4, 3e-4), pictures, labels, losses.bce_logits, losses.bce_logits_g,
        batch=24, steps=1500, latent=60, classes=classes,
    )  # fmt: skip


def labelled(p: Parts, watch: Watch) -> None:
    """D learns from fakes of labels drawn at random; G's step has fresh z and fresh labels."""
    for step in p.going():
        imgs, labels = p.draw()
        n = imgs.size(0)

        gen_labels = torch.randint(0, p.classes, (n,))
        gen_imgs = p.G(p.z(n), p.told_g(gen_labels))
        validity_real = p.D(imgs, p.told_d(labels))
        validity_fake = p.D(p.for_d(gen_imgs), p.told_d(gen_labels))
        d_real_loss, d_fake_loss = p.d_loss(validity_real, validity_fake)
        d_loss = (d_real_loss + d_fake_loss) / 2
        p.d_opt.zero_grad()
        d_loss.backward()
        p.cut(p.D)
        p.d_opt.step()

        asked = torch.randint(0, p.classes, (n,))
        g_loss = p.g_loss(p.D(p.for_g(p.G(p.z(n), p.told_g(asked))), p.told_d(asked)))
        p.g_opt.zero_grad()
        g_loss.backward()
        p.cut(p.G)
        p.g_opt.step()

        watch(
            step, d_loss=d_loss, g_loss=g_loss, d_loss_real=d_real_loss, d_loss_fake=d_fake_loss,
            real_logits=validity_real, fake_logits=validity_fake, fake=gen_imgs, real=imgs, condition=gen_labels,
            real_condition=labels,
        )  # fmt: skip


# Keras: convolutions, functional, reals and fakes in one batch


def keras_convolutions(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras
    from keras import layers

    keras.utils.set_random_seed(int(torch.randint(2**31, ()).item()))
    codings, side = 30, pictures.shape[-1]

    noise = keras.Input((codings,))
    h = layers.Dense(4 * 4 * 24)(noise)
    h = layers.Reshape((4, 4, 24))(h)
    for filters in (20, 10):
        h = layers.BatchNormalization(momentum=0.8)(h)
        h = layers.UpSampling2D()(h)
        h = layers.Conv2D(filters, 3, padding="same", activation="relu")(h)
    generator = keras.Model(noise, layers.Conv2D(1, 3, padding="same", activation="tanh")(h), name="generator")

    image = keras.Input((side, side, 1))
    h = image
    for filters in (10, 20):
        h = layers.Conv2D(filters, 4, strides=2, padding="same")(h)
        h = layers.LeakyReLU(negative_slope=0.2)(h)
        h = layers.Dropout(0.3)(h)
    discriminator = keras.Model(image, layers.Dense(1, activation="sigmoid")(layers.Flatten()(h)), name="discriminator")

    discriminator.compile(optimizer=keras.optimizers.Adam(7e-4, beta_1=0.5), loss="binary_crossentropy")
    discriminator.trainable = False
    gan = keras.Sequential([generator, discriminator])
    gan.compile(optimizer=keras.optimizers.Adam(7e-4, beta_1=0.5), loss="binary_crossentropy")

    def sample(n: int) -> np.ndarray:
        drawn = np.random.normal(size=(n, codings)).astype("float32")
        return np.moveaxis(np.asarray(generator.predict(drawn, verbose=0)), 3, 1)

    return Parts(
        generator, discriminator, lambda _, __: (gan.optimizer, discriminator.optimizer), pictures, None, losses.bce,
        losses.bce_g, batch=16, steps=1000, latent=codings, extra={"gan": gan, "sample": sample, "thaws": True},
    )  # fmt: skip


def mixed_batch(p: Parts, watch: Watch) -> None:
    """D learns from fakes and reals in one array with one column of labels; its loss is of both together."""
    gan: Any = p.extra["gan"]
    for step in p.going():
        X_real = np.moveaxis(p.draw()[0].numpy(), 1, 3)
        X_fake = np.asarray(p.G.predict_on_batch(p.z(p.batch).numpy()))
        X = np.concatenate([X_fake, X_real])
        y = np.array([[0.0]] * len(X_fake) + [[1.0]] * len(X_real), "float32")
        if p.extra["thaws"]:
            p.D.trainable = True
        d_loss = p.D.train_on_batch(X, y, return_dict=True)["loss"]

        p.D.trainable = False
        g_loss = gan.train_on_batch(p.z(p.batch).numpy(), np.ones((p.batch, 1), "float32"), return_dict=True)["loss"]

        watch(step, d_loss=float(d_loss), g_loss=float(g_loss), fake=X_fake, real=X_real)


PROGRAMS = (
    Program(
        "maxout digits", "digits 16", maxout_digits, apart, traits("torch adam bce sigmoid norm-g dropout-d"), "bce",
    ),
    Program(
        "upsampled fashion", "fashion 16", upsampled_fashion, g_twice,
        traits("torch adam bce logits norm-g dropout-d conv"),
    ),
    Program(
        "hinge residual", "digits 16", hinge_residual, one_batch, traits("torch adam hinge spectral norm-g conv"),
        "hinge",
    ),
    Program("squares emoji", "emoji 16", squares_emoji, halved, traits("torch adam squares norm-d conv"), "lsgan"),
    Program(
        "clipped critic", "digits 16", clipped_critic, term_by_term,
        traits("torch wasserstein clip critic norm-g conv"), "wgan",
    ),
    Program(
        "penalised critic", "fashion 16", penalised_critic, penalised,
        traits("torch adam wasserstein penalty gp critic norm-g conv"), "wgan-gp",
    ),
    Program("pairs emoji", "emoji 16", pairs_emoji, in_pairs, traits("torch adam relativistic penalty conv")),
    Program(
        "labelled fashion", "fashion 16", labelled_fashion, labelled,
        traits("torch adam bce logits norm-d norm-g conditional conv"), "bce",
    ),
    Program(
        "keras convolutions", "fashion 16", keras_convolutions, mixed_batch,
        traits("keras adam bce sigmoid norm-g dropout-d conv"),
    ),
)  # fmt: skip
