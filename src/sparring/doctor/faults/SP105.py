"""SP105: optimizer-crossed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.doctor.faults import Case
from sparring.doctor.faults._wired import (
    OPTIONS,
    adam,
    d_loss,
    discriminator,
    g_loss,
    generator,
    keras_discriminator,
    keras_generator,
    step,
)


def bad() -> list[Case]:
    """Optimisers of the wrong network, and what belongs to both."""
    return [
        Case("one table of classes for both", _shared),
        Case("G's optimiser has everything", _chained),
        Case("D's optimiser was built from G", _mistyped),
        Case("one optimiser, stepped twice", _single),
        Case("Keras: the compiled stack trains D too", _keras_stack),
        Case("Keras: one layer in both", _keras_shared),
    ]


def good() -> list[Case]:
    """Each its own; a third one for a loss of both."""
    return [
        Case("each its own", _own),
        Case("a third optimiser for what both share", _third),
        Case("one frozen table of classes for both", _frozen),
        Case("Keras: the loop freezes and thaws D", _keras_loop),
    ]


class _G(nn.Module):
    def __init__(self, classes: nn.Embedding) -> None:
        super().__init__()
        self.classes, self.body = classes, generator(24)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.body(torch.cat([z, self.classes(label)], 1))


class _D(nn.Module):
    def __init__(self, classes: nn.Embedding) -> None:
        super().__init__()
        self.classes, self.body = classes, discriminator()[:-1]
        self.score, self.match = nn.Linear(512, 1), nn.Linear(8, 512)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        h = self.body(x)
        return self.score(h)[:, 0] + (h * self.match(self.classes(label))).sum(1)


def _shared(folder: Path) -> dict[str, Any]:
    classes = nn.Embedding(10, 8)
    return {"generator": _G(classes), "discriminator": _D(classes), "condition": "class:10", **OPTIONS}


def _frozen(folder: Path) -> dict[str, Any]:
    classes = nn.Embedding(10, 8).requires_grad_(False)
    return {"generator": _G(classes), "discriminator": _D(classes), "condition": "class:10", **OPTIONS}


def _with_optimizers(G: nn.Module, D: nn.Module, g_opt: Any, d_opt: Any) -> dict[str, Any]:
    def run(real: Tensor) -> None:
        fake = G(torch.randn(len(real), 16))
        d_opt.zero_grad()
        d_loss(D(real), D(fake.detach())).backward()
        d_opt.step()
        g_opt.zero_grad()
        g_loss(D(fake)).backward()
        g_opt.step()

    return {"generator": G, "discriminator": D, "step": run, **OPTIONS}


def _chained(folder: Path) -> dict[str, Any]:
    G, D = generator(), discriminator()
    return _with_optimizers(G, D, adam(G, D), adam(D))


def _mistyped(folder: Path) -> dict[str, Any]:
    G, D = generator(), discriminator()
    made = _with_optimizers(G, D, adam(G), adam(G))
    return made


def _single(folder: Path) -> dict[str, Any]:
    G, D = generator(), discriminator()
    both = adam(G, D)
    return _with_optimizers(G, D, both, both)


def _own(folder: Path) -> dict[str, Any]:
    G, D = generator(), discriminator()
    return _with_optimizers(G, D, adam(G), adam(D))


def _third(folder: Path) -> dict[str, Any]:
    G, D = generator(), discriminator()
    g_opt, d_opt, both = adam(G), adam(D), adam(G, D)

    def run(real: Tensor) -> None:
        step(G, D, real, g_opt, d_opt)
        z = torch.randn(len(real), 16)
        both.zero_grad()
        (D(G(z))[:, 0] - z[:, 0]).square().mean().backward()
        both.step()

    return {"generator": G, "discriminator": D, "step": run, **OPTIONS}


def _keras_pair() -> tuple[Any, Any, Any]:
    from keras import Input, Model, optimizers

    G, D = keras_generator(), keras_discriminator("sigmoid")
    D.compile(optimizer=optimizers.Adam(2e-4), loss="mse")
    z = Input((16,))
    stack = Model(z, D(G(z)))
    stack.compile(optimizer=optimizers.Adam(2e-4), loss="mse")
    return G, D, stack


def _keras_stack(folder: Path) -> dict[str, Any]:
    G, D, stack = _keras_pair()
    return {"generator": G, "discriminator": D, "combined": stack, **OPTIONS, "loss": "least-squares"}


def _keras_loop(folder: Path) -> dict[str, Any]:
    G, D, stack = _keras_pair()

    def run(real: Tensor) -> None:
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        fake = G.predict(torch.randn(len(real), 16), verbose=0)
        D.trainable = True
        D.train_on_batch(real, ones)
        D.train_on_batch(fake, zeros)
        D.trainable = False
        stack.train_on_batch(torch.randn(len(real), 16), ones)

    return {"generator": G, "discriminator": D, "combined": stack, "step": run, **OPTIONS, "loss": "least-squares"}


def _keras_shared(folder: Path) -> dict[str, Any]:
    from keras import Input, Model, layers

    told = layers.Dense(8)
    z, label = Input((16,)), Input((10,))
    body = keras_generator(8)
    G = Model([z, label], body([z, told(label)]))
    image, again = Input((16, 16, 3)), Input((10,))
    x = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(16, 4, strides=2, padding="same")(image))
    x = layers.Concatenate()([layers.Flatten()(x), told(again)])
    D = Model([image, again], layers.Dense(1)(x))
    return {"generator": G, "discriminator": D, "condition": "class:10", **OPTIONS}
