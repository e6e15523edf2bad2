"""SP108: frozen-after-compile. A fault of Keras alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparring.doctor.faults import Case
from sparring.doctor.faults._wired import OPTIONS, keras_discriminator, keras_generator
from sparring.doctor.faults.SP105 import _keras_loop


def bad() -> list[Case]:
    """The recipe of the classic programs, under Keras 3."""
    return [
        Case("Keras: compile D, freeze it, compile the stack", _classic),
        Case("Keras: the stack was not given", _without_stack),
        Case("Keras: one optimiser for both, and a Sequential stack", _sequential),
    ]


def good() -> list[Case]:
    """D is compiled and can learn; the loop freezes and thaws it."""
    return [
        Case("Keras: D is compiled, and free", _free),
        Case("Keras: the loop freezes and thaws D", _keras_loop),
    ]


def _classic(folder: Path) -> dict[str, Any]:
    from keras import Input, Model, optimizers

    G, D = keras_generator(), keras_discriminator("sigmoid")
    D.compile(optimizer=optimizers.Adam(2e-4, 0.5), loss="mse")
    D.trainable = False
    z = Input((16,))
    stack = Model(z, D(G(z)))
    stack.compile(optimizer=optimizers.Adam(2e-4, 0.5), loss="mse")
    return {"generator": G, "discriminator": D, "combined": stack, **OPTIONS, "loss": "least-squares"}


def _without_stack(folder: Path) -> dict[str, Any]:
    made = _classic(folder)
    del made["combined"]
    return made


def _sequential(folder: Path) -> dict[str, Any]:
    from keras import Sequential, optimizers

    G, D, optimizer = keras_generator(), keras_discriminator(), optimizers.RMSprop(5e-5)
    D.compile(optimizer=optimizer, loss="mse")
    for layer in D.layers:
        layer.trainable = False
    stack = Sequential([G, D])
    stack.compile(optimizer=optimizer, loss="mse")
    return {"generator": G, "discriminator": D, "combined": stack, **OPTIONS, "loss": "least-squares"}


def _free(folder: Path) -> dict[str, Any]:
    D = keras_discriminator("sigmoid")
    D.compile(optimizer="adam", loss="mse")
    return {"generator": keras_generator(), "discriminator": D, **OPTIONS, "loss": "least-squares"}
