"""The classic Keras program: D compiled, frozen, and a stack of G and D compiled; `train_on_batch` by hand."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import losses
from .parts import Parts, Watch


def build(pictures: Tensor, labels: Tensor, classes: int) -> Parts:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras
    from keras import layers

    keras.utils.set_random_seed(int(torch.randint(2**31, ()).item()))
    latent, side = 32, pictures.shape[-1]
    G = keras.Sequential(
        [
            layers.Input((latent,)), layers.Dense(128), layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(256), layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(side * side, activation="tanh"), layers.Reshape((side, side, 1)),
        ]
    )  # fmt: skip
    D = keras.Sequential(
        [
            layers.Input((side, side, 1)), layers.Flatten(), layers.Dense(256), layers.LeakyReLU(negative_slope=0.2),
            layers.Dropout(0.3), layers.Dense(128), layers.LeakyReLU(negative_slope=0.2), layers.Dropout(0.3),
            layers.Dense(1, activation="sigmoid"),
        ]
    )  # fmt: skip
    D.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(1e-3, 0.5), metrics=["accuracy"])
    z = keras.Input((latent,))
    D.trainable = False
    stack = keras.Model(z, D(G(z)))
    stack.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(1e-3, 0.5))

    def sample(n: int) -> np.ndarray:
        made = np.asarray(G.predict(np.random.normal(0, 1, (n, latent)).astype("float32"), verbose=0))
        return made.transpose(0, 3, 1, 2)

    return Parts(
        G, D, lambda _, __: (stack.optimizer, D.optimizer), pictures, None, losses.bce, losses.bce_g, steps=1100,
        extra={"stack": stack, "sample": sample, "thaws": True},
    )  # fmt: skip


def loop(p: Parts, watch: Watch) -> None:
    """D learns from reals and from fakes, then the stack learns with D frozen."""
    stack: Any = p.extra["stack"]
    ones, zeros = np.ones((p.batch, 1), "float32"), np.zeros((p.batch, 1), "float32")
    for step in p.going():
        imgs = p.draw()[0].numpy().transpose(0, 2, 3, 1)
        noise = p.z(p.batch).numpy()
        gen_imgs = p.G(noise).detach().cpu().numpy()

        if p.extra["thaws"]:
            p.D.trainable = True
        d_loss_real = p.D.train_on_batch(imgs, ones[: len(imgs)])
        d_loss_fake = p.D.train_on_batch(gen_imgs, zeros)
        d_loss = 0.5 * np.add(d_loss_real, d_loss_fake)

        p.D.trainable = False
        g_loss = stack.train_on_batch(p.z(p.batch).numpy(), ones)

        watch(step, d_loss=float(d_loss[0]), g_loss=float(np.ravel(g_loss)[0]), fake=gen_imgs, real=imgs)


CLASSIC = (build, loop)
