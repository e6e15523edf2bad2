"""Programs of the tuned part: rules may be adjusted by what is seen here. Each loop is one that people write."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from . import losses, networks
from .keras_pair import CLASSIC
from .optimisers import adam, rmsprop
from .parts import Parts, Program, Watch, traits

# Loops


def joint(p: Parts, watch: Watch) -> None:
    """One backward pass for D's two terms; the same fakes serve both networks."""
    for step in p.going():
        real, _ = p.draw()
        fake = p.G(p.z(len(real)))

        real_logits, fake_logits = p.D(real), p.D(p.for_d(fake))
        d_real, d_fake = p.d_loss(real_logits, fake_logits)
        d_loss = d_real + d_fake
        p.d_opt.zero_grad()
        d_loss.backward()
        p.cut(p.D)
        p.d_opt.step()

        g_loss = p.g_loss(p.D(p.for_g(fake)))
        p.g_opt.zero_grad()
        g_loss.backward()
        p.cut(p.G)
        p.g_opt.step()

        watch(
            step, d_loss=d_loss, g_loss=g_loss, real_logits=real_logits, fake_logits=fake_logits, fake=fake, real=real
        )


def official(p: Parts, watch: Watch) -> None:
    """The official DCGAN example: D's terms go backward one after the other."""
    for step in p.going():
        p.d_opt.zero_grad()
        real, _ = p.draw()
        real_output = p.D(real)
        fake = p.G(p.z(len(real)))
        errD_real, _ = p.d_loss(real_output, real_output)
        errD_real.backward()
        fake_output = p.D(p.for_d(fake))
        _, errD_fake = p.d_loss(fake_output, fake_output)
        errD_fake.backward()
        p.cut(p.D)
        p.d_opt.step()

        p.g_opt.zero_grad()
        errG = p.g_loss(p.D(p.for_g(fake)))
        errG.backward()
        p.cut(p.G)
        p.g_opt.step()

        watch(
            step, d_loss=errD_real + errD_fake, g_loss=errG, d_loss_real=errD_real, d_loss_fake=errD_fake,
            real_logits=real_output, fake_logits=fake_output, fake=fake, real=real,
        )  # fmt: skip


def averaged(p: Parts, watch: Watch) -> None:
    """G first, and D's loss is the mean of its terms: the form of many collections of GANs."""
    for step in p.going():
        imgs, _ = p.draw()

        p.g_opt.zero_grad()
        gen_imgs = p.G(p.z(len(imgs)))
        g_loss = p.g_loss(p.D(p.for_g(gen_imgs)))
        g_loss.backward()
        p.cut(p.G)
        p.g_opt.step()

        p.d_opt.zero_grad()
        real_logits, fake_logits = p.D(imgs), p.D(p.for_d(gen_imgs))
        real_loss, fake_loss = p.d_loss(real_logits, fake_logits)
        d_loss = (real_loss + fake_loss) / 2
        d_loss.backward()
        p.cut(p.D)
        p.d_opt.step()

        watch(
            step, d_loss=d_loss, g_loss=g_loss, real_logits=real_logits, fake_logits=fake_logits, fake=gen_imgs,
            real=imgs,
        )  # fmt: skip


def critic(p: Parts, watch: Watch) -> None:
    """Several updates of the critic for one of G; its weights clipped, or its gradient penalised."""
    for step in p.going():
        for _ in range(p.extra["n_critic"]):
            real, _ = p.draw()
            fake = p.for_d(p.G(p.z(len(real))))
            real_logits, fake_logits = p.D(real), p.D(fake)
            d_real, d_fake = p.d_loss(real_logits, fake_logits)
            penalty = p.penalty * losses.gradient_penalty(p.D, real, fake.detach()) if p.penalty else torch.zeros(())
            d_loss = d_real + d_fake + penalty
            p.d_opt.zero_grad()
            d_loss.backward()
            p.cut(p.D)
            p.d_opt.step()
            p.clip_weights()

        fake = p.G(p.z(p.batch))
        g_loss = p.g_loss(p.D(p.for_g(fake)))
        p.g_opt.zero_grad()
        g_loss.backward()
        p.cut(p.G)
        p.g_opt.step()

        watch(
            step, d_loss=d_loss, g_loss=g_loss, d_loss_real=d_real, d_loss_fake=d_fake, d_penalty=penalty,
            real_logits=real_logits, fake_logits=fake_logits, fake=fake, real=real,
        )  # fmt: skip


def on_reals(p: Parts, watch: Watch) -> None:
    """R1 on the reals every fourth step; relativistic where the loss pairs reals and fakes."""
    for step in p.going():
        real, _ = p.draw()
        lazy = p.penalty and step % 4 == 0
        real = real.clone().requires_grad_(bool(lazy))
        with torch.no_grad():
            fake = p.G(p.z(len(real)))
        real_logits, fake_logits = p.D(real), p.D(p.for_d(fake))
        terms = p.d_loss(real_logits, fake_logits)
        adversarial = torch.stack(terms).sum()
        penalty = torch.zeros(())
        if lazy:
            (gradient,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
            penalty = 4 * p.penalty / 2 * gradient.square().sum((1, 2, 3)).mean()
        p.d_opt.zero_grad()
        (adversarial + penalty).backward()
        p.cut(p.D)
        p.d_opt.step()

        fake = p.G(p.z(len(real)))
        fresh = p.D(p.for_g(fake))
        g_loss = p.g_loss(fresh, p.D(real.detach()).detach() if p.extra.get("pairs") else None)
        p.g_opt.zero_grad()
        g_loss.backward()
        p.cut(p.G)
        p.g_opt.step()

        watch(
            step, d_loss=adversarial, g_loss=g_loss, d_penalty=penalty, real_logits=real_logits,
            fake_logits=fake_logits, fake=fake, real=real.detach(),
        )  # fmt: skip


def conditional(p: Parts, watch: Watch) -> None:
    """Reals with their labels, fakes of labels drawn at random."""
    for step in p.going():
        real, labels = p.draw()
        asked = torch.randint(p.classes, (len(real),))
        fake = p.G(p.z(len(real)), p.told_g(asked))

        real_logits, fake_logits = p.D(real, p.told_d(labels)), p.D(p.for_d(fake), p.told_d(asked))
        d_real, d_fake = p.d_loss(real_logits, fake_logits)
        d_loss = d_real + d_fake
        p.d_opt.zero_grad()
        d_loss.backward()
        p.cut(p.D)
        p.d_opt.step()

        g_loss = p.g_loss(p.D(p.for_g(fake), p.told_d(asked)))
        p.g_opt.zero_grad()
        g_loss.backward()
        p.cut(p.G)
        p.g_opt.step()

        watch(
            step, d_loss=d_loss, g_loss=g_loss, real_logits=real_logits, fake_logits=fake_logits, fake=fake,
            real=real, condition=asked, real_condition=labels,
        )  # fmt: skip


def acgan(p: Parts, watch: Watch) -> None:
    """D also names the class of reals, and G is paid where it names the one that was asked for."""
    for step in p.going():
        real, labels = p.draw()
        asked = torch.randint(p.classes, (len(real),))
        fake = p.G(p.z(len(real)), p.told_g(asked))

        real_logits, real_named = p.D(real)
        fake_logits, _ = p.D(p.for_d(fake))
        d_real, d_fake = p.d_loss(real_logits, fake_logits)
        auxiliary = p.extra["auxiliary"] * F.cross_entropy(real_named, labels)
        d_loss = d_real + d_fake + auxiliary
        p.d_opt.zero_grad()
        d_loss.backward()
        p.cut(p.D)
        p.d_opt.step()

        fooled, named = p.D(p.for_g(fake))
        g_fake, g_auxiliary = p.g_loss(fooled), p.extra["auxiliary"] * F.cross_entropy(named, asked)
        g_loss = g_fake + g_auxiliary
        p.g_opt.zero_grad()
        g_loss.backward()
        p.cut(p.G)
        p.g_opt.step()

        watch(
            step, d_loss=d_loss, g_loss=g_loss, d_loss_real=d_real, d_loss_fake=d_fake, d_loss_cls=auxiliary,
            g_loss_adv=g_fake, g_loss_cls=g_auxiliary, real_logits=real_logits, fake_logits=fake_logits,
            fake=fake, real=real, condition=asked, real_condition=labels,
        )  # fmt: skip


# Programs


def mlp_bce(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.mlp_generator(32, 1), networks.mlp_discriminator(1, dropout=0.3)
    return Parts(G, D, adam(4e-4, 4e-4), pictures, None, losses.bce_logits, losses.bce_logits_g, batch=64, steps=3500)


def dcgan_official(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.dcgan_generator(32, 1), networks.dcgan_discriminator(1, norm=True, sigmoid=True)
    networks.official_weights(G)
    networks.official_weights(D)
    return Parts(G, D, adam(4e-4, 4e-4), pictures, None, losses.bce, losses.bce_g, steps=1600)


def dcgan_averaged(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.dcgan_generator(32, 1), networks.dcgan_discriminator(1, dropout=0.25)
    return Parts(G, D, adam(5e-4, 5e-4), pictures, None, losses.bce_logits, losses.bce_logits_g, steps=1800)


def hinge_spectral(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.dcgan_generator(32, 1), networks.dcgan_discriminator(1, spectral=True)
    return Parts(G, D, adam(5e-4, 1e-3, 0.0, 0.9), pictures, None, losses.hinge, losses.hinge_g, steps=1600)


def squares_mlp(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.mlp_generator(32, 1), networks.mlp_discriminator(1, dropout=0.3)
    return Parts(G, D, adam(4e-4, 4e-4), pictures, None, losses.squares, losses.squares_g, batch=64, steps=3500)


def squares_averaged(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.dcgan_generator(32, 1), networks.dcgan_discriminator(1, dropout=0.25)
    return Parts(G, D, adam(5e-4, 5e-4), pictures, None, losses.squares, losses.squares_g, steps=1600)


def half_squares_dcgan(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.dcgan_generator(32, 3), networks.dcgan_discriminator(3, norm=True)
    return Parts(G, D, adam(5e-4, 5e-4), pictures, None, losses.half_squares, losses.half_squares_g, steps=1700)


def wgan_clipped(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.mlp_generator(32, 1), networks.mlp_discriminator(1)
    return Parts(
        G, D, rmsprop(3e-4), pictures, None, losses.wasserstein, losses.wasserstein_g, batch=32, steps=1800,
        weights_clip=0.03, extra={"n_critic": 5},
    )  # fmt: skip


def wgan_penalised(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.dcgan_generator(32, 1, norm=False), networks.dcgan_discriminator(1)
    return Parts(
        G, D, adam(1e-3, 1e-3, 0.0, 0.9), pictures, None, losses.wasserstein, losses.wasserstein_g, batch=16,
        steps=1200, penalty=10.0, extra={"n_critic": 2},
    )  # fmt: skip


def relativistic_r1(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.dcgan_generator(32, 3, px=32, width=8), networks.dcgan_discriminator(3, px=32, width=8)
    return Parts(
        G, D, adam(1e-3, 1e-3, 0.0, 0.99), pictures, None, losses.relativistic, losses.relativistic_g, batch=16,
        steps=1400, penalty=0.2, extra={"pairs": True},
    )  # fmt: skip


def resnet_r1(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.resnet_generator(32, 1, width=8), networks.resnet_discriminator(1, width=8)
    return Parts(
        G, D, adam(1e-3, 1e-3, 0.0, 0.99), pictures, None, losses.bce_logits, losses.bce_logits_g, batch=16,
        steps=1200, penalty=0.1,
    )  # fmt: skip


def class_concat(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.ConcatGenerator(32, classes, 1), networks.ConcatDiscriminator(classes, 1)
    return Parts(
        G, D, adam(4e-4, 4e-4), pictures, labels, losses.bce_logits, losses.bce_logits_g, batch=64, steps=3000,
        classes=classes,
    )  # fmt: skip


def class_projection(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.ConvConditioned(32, classes, 1), networks.ProjectionDiscriminator(classes, 1)
    return Parts(
        G, D, adam(5e-4, 1e-3, 0.0, 0.9), pictures, labels, losses.hinge, losses.hinge_g, steps=1600, classes=classes
    )


def class_acgan(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    G, D = networks.ConcatGenerator(32, classes, 1), networks.AcganDiscriminator(classes, 1)
    return Parts(
        G, D, adam(4e-4, 4e-4), pictures, labels, losses.bce_logits, losses.bce_logits_g, batch=64, steps=3000,
        classes=classes, extra={"auxiliary": 0.2},
    )  # fmt: skip


PROGRAMS = (
    Program("mlp bce", "digits 16", mlp_bce, joint, traits("torch adam bce logits dropout-d"), "bce"),
    Program(
        "dcgan official", "fashion 16", dcgan_official, official, traits("torch adam bce sigmoid norm-d norm-g conv"),
    ),
    Program(
        "dcgan averaged", "digits 16", dcgan_averaged, averaged,
        traits("torch adam bce logits norm-g dropout-d conv"),
    ),
    Program(
        "hinge spectral", "fashion 16", hinge_spectral, joint, traits("torch adam hinge spectral norm-g conv"),
        "hinge",
    ),
    Program("squares mlp", "digits 16", squares_mlp, joint, traits("torch adam squares dropout-d")),
    Program(
        "squares averaged", "digits 16", squares_averaged, averaged,
        traits("torch adam squares norm-g dropout-d conv"),
    ),
    Program(
        "half squares dcgan", "emoji 16", half_squares_dcgan, official,
        traits("torch adam squares norm-d norm-g conv"), "lsgan",
    ),
    Program("wgan clipped", "digits 16", wgan_clipped, critic, traits("torch wasserstein clip critic"), "wgan"),
    Program(
        "wgan penalised", "fashion 16", wgan_penalised, critic,
        traits("torch adam wasserstein penalty gp critic conv"), "wgan-gp",
    ),
    Program(
        "relativistic r1", "emoji 32", relativistic_r1, on_reals,
        traits("torch adam relativistic penalty norm-g conv"), "relativistic",
    ),
    Program(
        "resnet r1", "fashion 16", resnet_r1, on_reals, traits("torch adam bce logits penalty norm-g conv"),
        "non-saturating",
    ),
    Program(
        "class concat", "digits 16", class_concat, conditional,
        traits("torch adam bce logits dropout-d conditional"), "bce",
    ),
    Program(
        "class projection", "fashion 16", class_projection, conditional,
        traits("torch adam hinge spectral norm-g conditional conv"), "hinge",
    ),
    Program(
        "class acgan", "digits 16", class_acgan, acgan,
        traits("torch adam bce logits dropout-d conditional acgan"),
    ),
    Program("keras classic", "digits 16", *CLASSIC, traits("keras adam")),
)  # fmt: skip
