"""The second unseen set of healthy pairs, in Keras 3. Measure with it, tune nothing."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from . import Built, Healthy, gather

PAIRS: list[Healthy] = []
pair = gather(PAIRS)


def photos(*shape: int, batch: int = 8) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (batch, *shape)).astype("float32")


def plain_critic(*shape: int) -> keras.Model:
    return keras.Sequential(
        [
            layers.Input(shape), layers.Conv2D(16, 4, 2, "same"), layers.LeakyReLU(0.2),
            layers.Conv2D(32, 4, 2, "same"), layers.LeakyReLU(0.2), layers.Dropout(0.3), layers.Flatten(),
            layers.Dense(1),
        ]
    )  # fmt: skip


@pair
def upsampling_with_layer_norm() -> Built:
    z = keras.Input((64,))
    x = layers.Dense(4 * 4 * 32)(z)
    x = layers.Reshape((4, 4, 32))(x)
    for f in (32, 16):
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        x = layers.Conv2D(f, 3, padding="same")(x)
        x = layers.LayerNormalization()(x)
        x = layers.Activation("swish")(x)
    out = layers.Conv2D(3, 3, padding="same", activation="tanh")(x)
    return keras.Model(z, out), plain_critic(16, 16, 3), {"latent": 64, "data": photos(16, 16, 3), "loss": "bce-logits"}


@pair
def subclassed_models_with_training_flag() -> Built:
    class Gen(keras.Model):
        def __init__(self):
            super().__init__()
            self.fc = layers.Dense(7 * 7 * 16)
            self.bn1, self.bn2 = layers.BatchNormalization(), layers.BatchNormalization()
            self.up1 = layers.Conv2DTranspose(16, 4, strides=2, padding="same", use_bias=False)
            self.up2 = layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh")

        def call(self, inputs, training=None):
            x = ops.reshape(self.fc(inputs), (-1, 7, 7, 16))
            x = ops.leaky_relu(self.bn1(x, training=training), 0.2)
            x = ops.leaky_relu(self.bn2(self.up1(x), training=training), 0.2)
            return self.up2(x)

    class Disc(keras.Model):
        def __init__(self):
            super().__init__()
            self.c1, self.c2 = layers.Conv2D(16, 5, 2, "same"), layers.Conv2D(32, 5, 2, "same")
            self.drop, self.flat, self.out = layers.Dropout(0.3), layers.Flatten(), layers.Dense(1)

        def call(self, inputs, training=None):
            x = self.drop(ops.leaky_relu(self.c1(inputs), 0.2), training=training)
            return self.out(self.flat(ops.leaky_relu(self.c2(x), 0.2)))

    G, D = Gen(), Disc()
    D(G(np.zeros((2, 100), "float32")))
    return G, D, {"data": photos(28, 28, 1), "loss": "bce-logits"}


@pair
def class_embedding_as_a_plane() -> Built:
    z, label = keras.Input((50,)), keras.Input((1,), dtype="int32")
    e = layers.Dense(49)(layers.Flatten()(layers.Embedding(10, 20)(label)))
    x = layers.LeakyReLU(0.2)(layers.Dense(7 * 7 * 24)(z))
    x = layers.Concatenate()([layers.Reshape((7, 7, 24))(x), layers.Reshape((7, 7, 1))(e)])
    x = layers.LeakyReLU(0.2)(layers.Conv2DTranspose(24, 4, strides=2, padding="same")(x))
    x = layers.LeakyReLU(0.2)(layers.Conv2DTranspose(24, 4, strides=2, padding="same")(x))
    G = keras.Model([z, label], layers.Conv2D(1, 7, padding="same", activation="tanh")(x))

    picture, label = keras.Input((28, 28, 1)), keras.Input((1,), dtype="int32")
    e = layers.Reshape((28, 28, 1))(layers.Dense(28 * 28)(layers.Flatten()(layers.Embedding(10, 20)(label))))
    x = layers.Concatenate()([picture, e])
    for _ in range(2):
        x = layers.LeakyReLU(0.2)(layers.Conv2D(24, 3, strides=2, padding="same")(x))
    D = keras.Model([picture, label], layers.Dense(1)(layers.Dropout(0.4)(layers.Flatten()(x))))
    return G, D, {"latent": 50, "condition": "class:10", "data": photos(28, 28, 1), "loss": "bce-logits"}


@pair
def text_vector_in_both() -> Built:
    def squeeze(text):
        return layers.LeakyReLU(0.2)(layers.Dense(32)(text))

    z, text = keras.Input((100,), name="noise"), keras.Input((384,), name="text")
    x = layers.Dense(4 * 4 * 48, activation="relu")(layers.concatenate([z, squeeze(text)]))
    x = layers.Reshape((4, 4, 48))(x)
    for f in (32, 16):
        x = layers.UpSampling2D()(x)
        x = layers.Conv2D(f, 3, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
    G = keras.Model([z, text], layers.Conv2D(3, 3, padding="same", activation="tanh")(x))
    image, text = keras.Input((16, 16, 3), name="image"), keras.Input((384,), name="text")
    x = layers.LeakyReLU(0.2)(layers.Conv2D(32, 4, 2, "same")(image))
    x = layers.LeakyReLU(0.2)(layers.Conv2D(32, 4, 2, "same")(x))
    t = layers.UpSampling2D(4)(layers.Reshape((1, 1, 32))(squeeze(text)))
    x = layers.LeakyReLU(0.2)(layers.Conv2D(32, 1)(layers.concatenate([x, t])))
    D = keras.Model([image, text], layers.Dense(1)(layers.Flatten()(x)))
    return G, D, {"condition": "vector:384", "data": photos(16, 16, 3), "loss": "least-squares"}


@pair
def pix2pix_unet_in_functional_style() -> Built:
    source = ops.convert_to_tensor(photos(32, 32, 3))

    inputs = layers.Input((32, 32, 3))
    skips, x = [], inputs
    for f in (12, 24, 48):
        x = layers.LeakyReLU(0.2)(layers.Conv2D(f, 4, 2, "same")(x))
        skips.append(x)
    for f, skip in zip((24, 12), reversed(skips[:-1]), strict=True):
        x = layers.UpSampling2D()(x)
        x = layers.Conv2D(f, 4, padding="same", activation="relu")(x)
        x = layers.Concatenate()([layers.GroupNormalization(4)(x), skip])
    x = layers.UpSampling2D()(x)
    G = keras.Model(inputs, layers.Conv2D(3, 4, padding="same", activation="tanh")(x))

    a, b = layers.Input((32, 32, 3)), layers.Input((32, 32, 3))
    y = layers.Concatenate()([a, b])
    for f in (16, 32):
        y = layers.LeakyReLU(0.2)(layers.Conv2D(f, 4, 2, "same")(y))
    D = keras.Model([a, b], layers.Conv2D(1, 4, padding="same")(y))
    more = {"g_inputs": (source,), "d_call": lambda D, fake: D([source, fake]), "data": photos(32, 32, 3)}
    return G, D, {**more, "loss": "least-squares"}


@pair
def table_under_a_penalty() -> Built:
    G = keras.Sequential([layers.Input((32,))])
    for units in (64, 64):
        G.add(layers.Dense(units))
        G.add(layers.BatchNormalization())
        G.add(layers.Activation("relu"))
    G.add(layers.Dense(12, activation="sigmoid"))
    D = keras.Sequential([layers.Input((12,))])
    for units in (64, 32):
        D.add(layers.Dense(units))
        D.add(layers.LayerNormalization())
        D.add(layers.LeakyReLU(0.2))
    D.add(layers.Dense(1))
    data = np.random.default_rng(1).uniform(0, 1, (32, 12)).astype("float32")
    return G, D, {"latent": 32, "data": data, "loss": "wasserstein-gp", "batch": 256}


@pair
def one_dimensional_convolutions_for_signals() -> Built:
    G = keras.Sequential(
        [
            layers.Input((40,)), layers.Dense(32 * 16), layers.ELU(), layers.Reshape((32, 16)),
            layers.UpSampling1D(2), layers.Conv1D(16, 7, padding="same"), layers.ELU(),
            layers.UpSampling1D(2), layers.Conv1D(1, 7, padding="same", activation="tanh"),
        ]
    )  # fmt: skip
    D = keras.Sequential(
        [
            layers.Input((128, 1)), layers.Conv1D(16, 9, 4, "same"), layers.LeakyReLU(0.2),
            layers.Conv1D(32, 9, 4, "same"), layers.LeakyReLU(0.2), layers.Flatten(), layers.Dense(1),
        ]
    )  # fmt: skip
    return G, D, {"latent": 40, "data": photos(128, 1), "loss": "wasserstein"}


@pair
def attention_in_a_custom_layer() -> Built:
    class SelfAttention(layers.Layer):
        def build(self, shape):
            c = shape[-1]
            self.f, self.g, self.h = layers.Dense(c // 4), layers.Dense(c // 4), layers.Dense(c)
            for part in (self.f, self.g, self.h):
                part.build(shape)
            self.gamma = self.add_weight(shape=(), initializer="zeros", name="gamma")

        def call(self, x):
            n, h, w, c = (-1, *x.shape[1:])
            flat = ops.reshape(x, (n, h * w, c))
            scores = ops.matmul(self.f(flat), ops.transpose(self.g(flat), (0, 2, 1)))
            y = ops.matmul(ops.softmax(scores, axis=-1), self.h(flat))
            return x + self.gamma * ops.reshape(y, (n, h, w, c))

    z = keras.Input((64,))
    x = layers.Reshape((4, 4, 32))(layers.Dense(512)(z))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2DTranspose(32, 4, 2, "same", use_bias=False)(x)))
    x = SelfAttention()(x)
    G = keras.Model(z, layers.Conv2DTranspose(3, 4, 2, "same", activation="tanh")(x))
    sn = layers.SpectralNormalization
    p = keras.Input((16, 16, 3))
    x = layers.LeakyReLU(0.1)(sn(layers.Conv2D(32, 4, 2, "same"))(p))
    x = SelfAttention()(x)
    x = layers.LeakyReLU(0.1)(sn(layers.Conv2D(32, 4, 2, "same"))(x))
    D = keras.Model(p, sn(layers.Dense(1))(layers.Flatten()(x)))
    return G, D, {"latent": 64, "data": photos(16, 16, 3), "loss": "hinge"}


@pair
def gan_class_in_the_manner_of_keras_gan() -> Built:
    class LSGAN:
        def __init__(self):
            self.img_shape, self.latent_dim = (28, 28, 1), 100
            self.generator, self.discriminator = self.build_generator(), self.build_discriminator()

        def build_generator(self):
            model = keras.Sequential()
            model.add(layers.Input((self.latent_dim,)))
            model.add(layers.Dense(64))
            model.add(layers.LeakyReLU(negative_slope=0.2))
            model.add(layers.BatchNormalization(momentum=0.8))
            model.add(layers.Dense(128))
            model.add(layers.LeakyReLU(negative_slope=0.2))
            model.add(layers.BatchNormalization(momentum=0.8))
            model.add(layers.Dense(int(np.prod(self.img_shape)), activation="tanh"))
            model.add(layers.Reshape(self.img_shape))
            noise = layers.Input(shape=(self.latent_dim,))
            return keras.Model(noise, model(noise))

        def build_discriminator(self):
            model = keras.Sequential()
            model.add(layers.Input(self.img_shape))
            model.add(layers.Flatten())
            model.add(layers.Dense(128))
            model.add(layers.LeakyReLU(negative_slope=0.2))
            model.add(layers.Dense(64))
            model.add(layers.LeakyReLU(negative_slope=0.2))
            model.add(layers.Dense(1))
            img = layers.Input(shape=self.img_shape)
            return keras.Model(img, model(img))

    gan = LSGAN()
    return gan.generator, gan.discriminator, {"data": photos(28, 28, 1), "loss": "least-squares"}


@pair
def residual_blocks_and_film() -> Built:
    def film(x, c, channels):
        scale, shift = layers.Dense(channels, kernel_initializer="zeros")(c), layers.Dense(channels)(c)
        scale, shift = layers.Reshape((1, 1, channels))(scale), layers.Reshape((1, 1, channels))(shift)
        return layers.Add()([x, layers.Multiply()([x, scale]), shift])

    z, label = keras.Input((32,)), keras.Input((10,), name="one_hot")
    c = layers.Dense(32, activation="gelu")(layers.Concatenate()([z, label]))
    x = layers.Reshape((4, 4, 24))(layers.Dense(4 * 4 * 24)(z))
    for _ in range(2):
        x = layers.UpSampling2D()(x)
        h = layers.Conv2D(24, 3, padding="same")(layers.Activation("gelu")(film(x, c, 24)))
        x = layers.Add()([x, h])
    G = keras.Model([z, label], layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x))
    p, label = keras.Input((16, 16, 1)), keras.Input((10,), name="one_hot")
    x = layers.LeakyReLU(0.2)(layers.Conv2D(24, 3, 2, "same")(p))
    x = layers.LeakyReLU(0.2)(layers.Conv2D(24, 3, 2, "same")(x))
    x = layers.GlobalAveragePooling2D()(x)
    match = layers.Dot(1)([x, layers.Dense(24)(label)])
    D = keras.Model([p, label], layers.Add()([layers.Dense(1)(x), match]))
    data = (photos(16, 16, 1) + 1) / 2
    return G, D, {"latent": 32, "condition": "class:10", "data": data, "loss": "bce-logits"}
