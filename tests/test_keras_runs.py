"""Keras code as people have it, from the command line to samples and back to a file that Keras loads."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import sparring
from sparring.errors import SparringError
from sparring.methods import RECIPES
from sparring.networks.keras import import_keras
from sparring.players import read_state
from test_conditional_runs import call, letters, shades  # noqa: F401
from test_run import same

EXAMPLES = Path(__file__).parents[1] / "examples" / "keras"

# What most people's code looks like: tensorflow.keras, a stacked model, p in place of logits.
OWN = """
import tensorflow as tf
from tensorflow.keras.layers import BatchNormalization, Concatenate, Dense, Flatten, Input, LeakyReLU, Reshape
from tensorflow.keras.models import Model, Sequential
from tensorflow.keras.optimizers import Adam


class GAN():
    def __init__(self):
        optimizer = Adam(0.0002, 0.5)
        self.discriminator = self.build_discriminator()
        self.discriminator.compile(loss="binary_crossentropy", optimizer=optimizer, metrics=["accuracy"])
        self.generator = self.build_generator()
        z = Input(shape=(16,))
        self.discriminator.trainable = False
        self.combined = Model(z, self.discriminator(self.generator(z)))
        self.combined.compile(loss="binary_crossentropy", optimizer=optimizer)

    def build_generator(self):
        model = Sequential()
        model.add(Dense(32, input_dim=16))
        model.add(LeakyReLU(alpha=0.2))
        model.add(BatchNormalization(momentum=0.8))
        model.add(Dense(256, activation="tanh"))
        model.add(Reshape((16, 16, 1)))
        return model

    def build_discriminator(self):
        model = Sequential()
        model.add(Flatten(input_shape=(16, 16, 1)))
        model.add(Dense(32))
        model.add(LeakyReLU(alpha=0.2))
        model.add(Dense(1, activation="sigmoid"))
        return model


def generator():
    z, text = Input(shape=(16,)), Input(shape=(26,))
    x = LeakyReLU(alpha=0.2)(Dense(64)(Concatenate()([z, text])))
    return Model([z, text], Reshape((16, 16, 1))(Dense(256, activation="tanh")(x)))


def discriminator():
    picture, text = Input(shape=(16, 16, 1)), Input(shape=(26,))
    x = LeakyReLU(alpha=0.2)(Dense(64)(Concatenate()([Flatten()(picture), text])))
    return Model([picture, text], Dense(1, activation="sigmoid")(x))
"""
PAIR = ["--generator", "gan.py:GAN().generator", "--discriminator", "gan.py:GAN().discriminator"]
SMALL = ["--set", "latent=16", "--set", "threads=1", "--batch", "8", "--size", "16", "--channels", "1"]


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gan.py").write_text(OWN)


@pytest.mark.usefixtures("code")
def test_from_code_to_samples_to_a_keras_file(shades: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    for out, budgets in (("straight", (6,)), ("halted", (3, 6))):
        for steps in budgets:
            assert call("train", str(shades), "--steps", str(steps), "--out", out, *PAIR, *SMALL) == 0
    said = capsys.readouterr().err
    assert "trained on the logits before it" in said
    states = [read_state(sorted(Path(out, "checkpoints").glob("*.pt"))[-1]) for out in ("straight", "halted")]
    assert same(*states)
    assert "tensorflow" not in sys.modules
    assert call("sample", "straight", "-n", "4", "--trust", "--npz", "-o", "fakes.npz") == 0
    assert call("export", "straight", "G.keras", "--trust") == 0
    model = import_keras().saving.load_model("G.keras")
    z = torch.stack([torch.randn(16, generator=torch.Generator().manual_seed(i)) for i in range(4)])
    sampler = sparring.load("straight", trust=True)
    with torch.no_grad():
        torch.testing.assert_close(
            torch.as_tensor(model(z.numpy(), training=False)).permute(0, 3, 1, 2), sampler.generator.eval()(z)
        )
    # And the saved file can be trained on: it is a network like any other.
    saved = ["--generator", "G.keras", "--discriminator", "gan.py:GAN().discriminator"]
    assert call("train", str(shades), "--steps", "2", "--out", "again", *saved, *SMALL) == 0
    settings = json.loads(Path("again/recipe.json").read_text())
    assert settings["networks"]["files"][0] == {"network": "G.keras"}


@pytest.mark.usefixtures("code")
def test_two_inputs_with_captions(shades: Path) -> None:  # noqa: F811
    recipe = RECIPES["dcgan"].but(latent=16, batch=6, precision="fp32", threads=1)
    run = sparring.train(
        shades,
        recipe,
        generator="gan.py:generator()",
        discriminator="gan.py:discriminator()",
        condition="text",
        embed=letters,
        size=16,
        channels=1,
        steps=4,
        out="run",
        say=lambda _: None,
    )
    two = run.sampler.sample(2, condition=["a dark disc", "a light disc"])
    assert two.shape == (4, 1, 16, 16)
    assert not np.array_equal(two[:2], two[2:])


@pytest.mark.usefixtures("code")
def test_a_torch_generator_is_no_keras_file(shades: Path, tmp_path: Path) -> None:  # noqa: F811
    recipe = RECIPES["dcgan"].but(latent=16, width=4, batch=6, precision="fp32", threads=1)
    sparring.train(shades, recipe, size=16, channels=1, steps=1, out="run", say=lambda _: None)
    with pytest.raises(SparringError, match=r"no \.keras file can hold"):
        sparring.export("run", "G.keras")
    with pytest.raises(SparringError, match=r"ends in \.onxx"):
        sparring.export("run", "G.onxx")
    sparring.export("run", "G.pt")
    weights = torch.load("G.pt", weights_only=True)
    G, _ = sparring.networks.build("dcgan", 16, 1, 4, 16)
    G.load_state_dict(weights)
    z = torch.stack([torch.randn(16, generator=torch.Generator().manual_seed(i)) for i in range(2)])
    with torch.no_grad():
        assert torch.equal(G.eval()(z), sparring.load("run").generator.eval()(z))


def test_the_examples_are_there() -> None:
    names = {path.name for path in EXAMPLES.glob("*.py")}
    assert names == {"mnist_gan.py", "sentence_condition.py", "trading_cards.py"}
