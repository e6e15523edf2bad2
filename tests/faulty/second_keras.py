"""The second unseen set of programs, in Keras 3. One planted fault each; tune nothing on them."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from . import Built, Faulty, gather

PROGRAMS: list[Faulty] = []
fault = gather(PROGRAMS)


def photos(*shape: int, batch: int = 8) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (batch, *shape)).astype("float32")


def critic(*shape: int, last: str | None = None) -> keras.Model:
    picture = layers.Input(shape)
    x = layers.LeakyReLU(0.2)(layers.Conv2D(16, 4, 2, "same")(picture))
    x = layers.LeakyReLU(0.2)(layers.Conv2D(32, 4, 2, "same")(x))
    return keras.Model(picture, layers.Dense(1, activation=last)(layers.Flatten()(x)))


def painter(z: int = 100, channels: int = 3, last: str = "tanh") -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((z,)), layers.Dense(4 * 4 * 24), layers.LeakyReLU(0.2), layers.Reshape((4, 4, 24)),
            layers.UpSampling2D(), layers.Conv2D(24, 3, padding="same"), layers.LeakyReLU(0.2), layers.UpSampling2D(),
            layers.Conv2D(channels, 3, padding="same", activation=last),
        ]
    )  # fmt: skip


@fault("SP101")
def text_input_named_in_the_model_and_used_nowhere() -> Built:
    z, text = layers.Input((100,), name="noise"), layers.Input((384,), name="text")
    t = layers.Dense(32, activation="relu")(text)
    x = layers.Concatenate()([z, t])
    x = layers.Lambda(lambda v: v[:, :100])(x)
    G = keras.Model([z, text], painter(100)(x))
    picture, text = layers.Input((16, 16, 3), name="picture"), layers.Input((384,), name="text")
    h = layers.Flatten()(layers.LeakyReLU(0.2)(layers.Conv2D(16, 4, 4, "same")(picture)))
    h = layers.Concatenate()([h, layers.Dense(32, activation="relu")(text)])
    D = keras.Model([picture, text], layers.Dense(1)(layers.LeakyReLU(0.2)(layers.Dense(64)(h))))
    return G, D, {"condition": "vector:384", "data": photos(16, 16, 3), "loss": "bce-logits"}


@fault("SP102")
def blocks_called_on_the_same_tensor() -> Built:
    z = layers.Input((64,))
    x = layers.Reshape((8, 8, 16))(layers.Dense(8 * 8 * 16, activation="relu")(z))
    for f in (48, 32, 16):
        h = layers.Conv2D(f, 3, padding="same", activation="relu")(x)
    h = layers.UpSampling2D()(h)
    G = keras.Model(z, layers.Conv2D(3, 3, padding="same", activation="tanh")(h))
    return G, critic(16, 16, 3), {"latent": 64, "data": photos(16, 16, 3), "loss": "bce-logits"}


@fault("SP102")
def subclassed_critic_with_a_branch_of_no_use() -> Built:
    class Critic(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2 = layers.Conv2D(16, 4, 2, "same"), layers.Conv2D(32, 4, 2, "same")
            self.side = layers.Conv2D(32, 4, 4, "same")
            self.flat, self.out = layers.Flatten(), layers.Dense(1)

        def call(self, x):
            a = ops.leaky_relu(self.conv2(ops.leaky_relu(self.conv1(x), 0.2)), 0.2)
            b = self.side(x)  # noqa: F841
            return self.out(self.flat(a))

    D = Critic()
    D(np.zeros((2, 16, 16, 3), "float32"))
    return painter(), D, {"data": photos(16, 16, 3), "loss": "hinge"}


@fault("SP103")
def picture_size_of_another_dataset() -> Built:
    return painter(channels=1), critic(28, 28, 1), {"data": photos(28, 28, 1), "loss": "bce-logits"}


@fault("SP104")
def generator_not_trainable_since_it_was_loaded() -> Built:
    G = painter()
    G.trainable = False
    return G, critic(16, 16, 3), {"data": photos(16, 16, 3), "loss": "least-squares"}


@fault("SP106")
def generator_rounds_to_grey_levels() -> Built:
    z = layers.Input((100,))
    G = keras.Model(z, ops.round(painter()(z) * 127.5) / 127.5)
    return G, critic(16, 16, 3), {"data": photos(16, 16, 3), "loss": "least-squares"}


@fault("SP108")
def the_stack_of_the_classic_recipe() -> Built:
    class DCGAN:
        def __init__(self):
            optimizer = keras.optimizers.Adam(2e-4, 0.5)
            self.discriminator = critic(16, 16, 3, last="sigmoid")
            self.discriminator.compile(loss="binary_crossentropy", optimizer=optimizer, metrics=["accuracy"])
            self.generator = painter()
            z = layers.Input((100,))
            self.discriminator.trainable = False
            self.combined = keras.Model(z, self.discriminator(self.generator(z)))
            self.combined.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(2e-4, 0.5))

    gan = DCGAN()
    more = {"combined": gan.combined, "data": photos(16, 16, 3), "loss": "bce"}
    return gan.generator, gan.discriminator, more


@fault("SP111")
def batch_norm_called_with_training_false() -> Built:
    z = layers.Input((100,))
    x = layers.Reshape((4, 4, 24))(layers.Dense(4 * 4 * 24, use_bias=False)(z))
    for f in (24, 12):
        x = layers.Conv2DTranspose(f, 4, 2, "same", use_bias=False)(x)
        x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(x, training=False))
    G = keras.Model(z, layers.Conv2D(3, 3, padding="same", activation="tanh")(x))
    return G, critic(16, 16, 3), {"data": photos(16, 16, 3), "loss": "bce-logits"}


@fault("SP201")
def sigmoid_generator_for_signed_pictures() -> Built:
    return painter(last="sigmoid"), critic(16, 16, 3), {"data": photos(16, 16, 3), "loss": "bce-logits"}


@fault("SP202")
def sigmoid_layer_under_from_logits() -> Built:
    D = keras.Sequential([critic(16, 16, 3), layers.Activation("sigmoid")])
    D.build((None, 16, 16, 3))
    return painter(), D, {"data": photos(16, 16, 3), "loss": "bce-logits"}


@fault("SP205")
def sigmoid_critic_under_wasserstein() -> Built:
    return painter(), critic(16, 16, 3, last="sigmoid"), {"data": photos(16, 16, 3), "loss": "wasserstein"}


@fault("SP207")
def batch_norm_critic_under_a_penalty() -> Built:
    D = keras.Sequential(
        [
            layers.Input((16, 16, 3)), layers.Conv2D(16, 4, 2, "same"), layers.BatchNormalization(),
            layers.LeakyReLU(0.2), layers.Conv2D(32, 4, 2, "same"), layers.LeakyReLU(0.2), layers.Flatten(),
            layers.Dense(1),
        ]
    )  # fmt: skip
    return painter(), D, {"data": photos(16, 16, 3), "loss": "wasserstein-gp"}


@fault("SP211")
def transposed_five_by_five_at_stride_two() -> Built:
    G = keras.Sequential(
        [
            layers.Input((100,)), layers.Dense(4 * 4 * 32), layers.BatchNormalization(), layers.LeakyReLU(0.2),
            layers.Reshape((4, 4, 32)), layers.Conv2DTranspose(16, 5, 2, "same", use_bias=False),
            layers.BatchNormalization(), layers.LeakyReLU(0.2),
            layers.Conv2DTranspose(3, 5, 2, "same", use_bias=False, activation="tanh"),
        ]
    )  # fmt: skip
    return G, critic(16, 16, 3), {"data": photos(16, 16, 3), "loss": "bce-logits"}
