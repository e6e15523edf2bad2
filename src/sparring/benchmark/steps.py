"""The training step against what everyone does, and what each option of a recipe costs it."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import machine, networks
from ..doctor.monitor import Monitor
from ..game import Game
from ..methods import RECIPES, Recipe
from ..networks.calling import randomness, understand
from ..networks.keras import KerasNetwork, import_keras
from ..signals import Window
from ..step import train_step
from .timing import Found, in_turn


def official_loop(
    generator: nn.Module,
    discriminator: nn.Module,
    real: Tensor,
    latent: int,
    observe: Callable[..., object] = lambda **_: None,
) -> Callable[[], int]:
    """One iteration of the official PyTorch DCGAN example: D on reals, D on fakes, G; Adam; `.item()` every step.

    Written anew from what it does (pytorch/examples, dcgan/main.py); the loss is taken on logits, since ours is.
    `observe` is told what a monitor may be told.
    """
    d_adam = torch.optim.Adam(discriminator.parameters(), 2e-4, (0.5, 0.999))
    g_adam = torch.optim.Adam(generator.parameters(), 2e-4, (0.5, 0.999))
    n = len(real)

    def loss_of(logits: Tensor, target: float) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits, torch.full((n,), target, device=real.device))

    def iterate() -> int:
        discriminator.zero_grad()
        real_logits = discriminator(real)
        real_loss = loss_of(real_logits, 1.0)
        real_loss.backward()
        real_logits.sigmoid().mean().item()
        fake = generator(torch.randn(n, latent, device=real.device))
        fake_logits = discriminator(fake.detach())
        fake_loss = loss_of(fake_logits, 0.0)
        fake_loss.backward()
        fake_logits.sigmoid().mean().item()
        d_adam.step()
        generator.zero_grad()
        output = discriminator(fake)
        g_loss = loss_of(output, 1.0)
        g_loss.backward()
        output.sigmoid().mean().item()
        g_adam.step()
        (real_loss + fake_loss).item(), g_loss.item()
        observe(
            d_loss_real=real_loss, d_loss_fake=fake_loss, g_loss=g_loss,
            real_logits=real_logits, fake_logits=fake_logits, real=real, fake=fake,
        )  # fmt: skip
        return n

    return iterate


def _ours(pair: tuple[nn.Module, nn.Module], recipe: Recipe, real: Tensor) -> Callable[[], int]:
    """Our step as a run does it: with all signals, and a tick every ten steps."""
    players = machine.contender(*pair, recipe, (recipe.latent,), real.device)
    game, window = Game.of(recipe), Window()
    batch = real.contiguous(memory_format=torch.channels_last) if recipe.channels_last else real

    def iterate() -> int:
        players.at(len(real))
        game.at(recipe, len(real))
        window.add(train_step(players, game, lambda: (batch, None)))
        game.augment.adapt(len(real))
        if len(window) == 10:
            window.read()
        return len(real)

    return iterate


def bench_step(size_px: int, channels: int, batch: int, width: int, rounds: int) -> Found:
    """Our step against the official example's loop, on the same networks."""
    recipe = RECIPES["dcgan"].but(batch=batch, width=width, precision="fp32")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    notes: list[str] = []
    with randomness(0, device):
        pair = networks.build("dcgan", size_px, channels, width, recipe.latent)
        real = (torch.rand(batch, channels, size_px, size_px) * 2 - 1).to(device)
        official = [network.to(device) for network in copy.deepcopy(pair)]
        contenders = {
            "official example's loop, fp32": official_loop(official[0], official[1], real, recipe.latent),
            "sparring, fp32": _ours(pair, recipe, real),
        }
        if machine.has_bf16(device):
            contenders["sparring, bf16"] = _ours(pair, recipe.but(precision="bf16"), real)
        else:
            notes.append(f"bf16 was not measured: this {device.type} has no bf16 arithmetic.")
        return in_turn(contenders, rounds), notes


TOGETHER = 10  # iterations in a turn of `bench step --monitor`: some of what a monitor does is due every tenth


def bench_monitor(size_px: int, channels: int, batch: int, width: int, rounds: int) -> Found:
    """The official example's loop with a `Monitor` that is told everything, against the same loop without."""
    recipe = RECIPES["dcgan"].but(batch=batch, width=width, precision="fp32")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with randomness(0, device):
        pair = networks.build("dcgan", size_px, channels, width, recipe.latent)
        real = (torch.rand(batch, channels, size_px, size_px) * 2 - 1).to(device)
        plain, watched = ([network.to(device) for network in copy.deepcopy(pair)] for _ in range(2))
        # Each loop's hooks may see the other's optimiser: they must tell them apart, as in a program with two pairs.
        with Monitor("bce", say=lambda _: None, generator=watched[0], discriminator=watched[1]) as monitor:
            seconds: list[float] = []
            without = official_loop(plain[0], plain[1], real, recipe.latent)
            within = official_loop(watched[0], watched[1], real, recipe.latent, monitor.observe)
            contenders = {
                "official example's loop, fp32": lambda: sum(without() for _ in range(TOGETHER)),
                "the same with a Monitor, everything on": lambda: _timed(
                    lambda: sum(within() for _ in range(TOGETHER)), seconds
                ),
            }
            found = in_turn(contenders, rounds)
            spent, steps = monitor.seconds, TOGETHER * (rounds + 1)
    per_step, share = 1000 * spent / steps, spent / sum(seconds)
    note = f"By the monitor's own clock: {per_step:.2f} ms a step, {share:.2%} of its loop, its first looks included."
    return found, [f"Turns of {TOGETHER} iterations.", note]


def _timed(work: Callable[[], int], seconds: list[float]) -> int:
    began = time.perf_counter()
    done = work()
    seconds.append(time.perf_counter() - began)
    return done


# What `bench options` sets beside the plain step, one at a time.
OPTIONS: dict[str, dict[str, Any]] = {
    "label smoothing": {"label_smoothing": 0.1},
    "clipping by norm, both": {"d_clip_norm": 1.0, "g_clip_norm": 1.0},
    "clipping by the running mean, both": {"d_clip_mean": 2.0, "g_clip_mean": 2.0},
    "clipping by value, both": {"d_clip_value": 0.1, "g_clip_value": 0.1},
    "schedules": {"schedule_images": 1e6, "lr_final": 0.1, "beta2_final": 0.99},
    "instance noise": {"instance_noise": 0.1},
    "DiffAugment": {"augment": "color,translation,cutout"},
    "ADA": {"augment": "bgc", "augment_p": 0.5},
    "spectral norm in D": {"d_spectral_norm": True},
    "LeCam": {"lecam": 0.3},
    "R1 every 16": {"r1": 1.0, "r1_every": 16},
    "R1": {"r1": 1.0},
    "R1 and R2": {"r1": 1.0, "r2": 1.0},
    "gradient penalty": {"gp": 10.0},
    "DRAGAN": {"dragan": 10.0},
    "bCR": {"bcr": 10.0},
    "relativistic loss": {"loss": "relativistic"},
    "two updates of D": {"d_steps": 2},
    "two batches added up": {"accumulate": 2},
}


def bench_options(size_px: int, channels: int, batch: int, width: int, rounds: int) -> Found:
    """Our step with each of `OPTIONS` against the step without any."""
    recipe = RECIPES["dcgan"].but(batch=batch, width=width, precision="fp32")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with randomness(0, device):
        pair = networks.build("dcgan", size_px, channels, width, recipe.latent)
        real = (torch.rand(batch, channels, size_px, size_px) * 2 - 1).to(device)
        contenders = {"sparring, no option": _ours(pair, recipe, real)}
        for name, changes in OPTIONS.items():
            contenders[name] = _ours(pair, recipe.but(**changes), real)
        return in_turn(contenders, rounds), ["images/s counts the batch once, whatever an option draws beside it."]


def bench_keras(size_px: int, channels: int, batch: int, width: int, rounds: int) -> Found:
    """A Keras pair in our step against the classic loop: `train_on_batch` of D twice and of a stacked model once."""
    keras = import_keras()
    recipe = RECIPES["dcgan"].but(batch=batch, precision="fp32")
    with randomness(0, torch.device("cpu")), warnings.catch_warnings():
        real = torch.rand(batch, channels, size_px, size_px) * 2 - 1
        classic = classic_loop(keras, *keras_pair(keras, size_px, channels, width, recipe.latent), real, recipe.latent)
        pair = keras_pair(keras, size_px, channels, width, recipe.latent)
        shape = (channels, size_px, size_px)
        seen = understand(KerasNetwork(pair[0]), KerasNetwork(pair[1]), shape, recipe.latent)
        ours = _ours((seen.generator, seen.discriminator), recipe, real)
        contenders = {"Keras, train_on_batch three times": classic, "sparring, the same Keras pair": ours}
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)  # Keras' own, of NumPy 2
        note = f"Keras {keras.__version__} on torch; a DCGAN of Keras layers, channels last, with a sigmoid at D's end."
        return in_turn(contenders, rounds), [note]


def keras_pair(keras: Any, size_px: int, channels: int, width: int, latent: int) -> tuple[Any, Any]:
    """(G, D) as tutorials have them: strided convolutions, batch norm in G, dropout and a sigmoid in D."""
    layers, small = keras.layers, size_px // 4
    g = [layers.Input((latent,)), layers.Dense(small * small * 2 * width), layers.Reshape((small, small, 2 * width))]
    g += [layers.BatchNormalization(momentum=0.8), layers.LeakyReLU(0.2)]
    g += [layers.Conv2DTranspose(width, 4, 2, "same"), layers.BatchNormalization(momentum=0.8), layers.LeakyReLU(0.2)]
    g += [layers.Conv2DTranspose(channels, 4, 2, "same", activation="tanh")]
    d = [layers.Input((size_px, size_px, channels))]
    for maps in (width, 2 * width):
        d += [layers.Conv2D(maps, 4, 2, "same"), layers.LeakyReLU(0.2), layers.Dropout(0.3)]
    d += [layers.Flatten(), layers.Dense(1, activation="sigmoid")]
    return keras.Sequential(g), keras.Sequential(d)


def classic_loop(keras: Any, generator: Any, discriminator: Any, real: Tensor, latent: int) -> Callable[[], int]:
    """The loop of most Keras code: fakes by `predict`, D on reals, D on fakes, a stacked model with D frozen.

    `trainable` is set before each of the steps, as Keras 3 needs it (docs/casebook/seed-004.md).
    """
    n, pictures = len(real), real.permute(0, 2, 3, 1).numpy()
    ones, zeros = np.ones((n, 1), np.float32), np.zeros((n, 1), np.float32)
    discriminator.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(2e-4, 0.5))
    discriminator.optimizer.build(discriminator.trainable_variables)
    discriminator.trainable = False
    stack = keras.Sequential([keras.layers.Input((latent,)), generator, discriminator])
    stack.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(2e-4, 0.5))
    rng = np.random.default_rng(0)

    def iterate() -> int:
        fakes = generator.predict(rng.standard_normal((n, latent), np.float32), verbose=0)
        discriminator.trainable = True
        discriminator.train_on_batch(pictures, ones)
        discriminator.train_on_batch(fakes, zeros)
        discriminator.trainable = False
        stack.train_on_batch(rng.standard_normal((n, latent), np.float32), ones)
        return n

    return iterate
