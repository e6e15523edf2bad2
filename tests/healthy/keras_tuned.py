"""Pairs in Keras 3 (on torch) that rules may be tuned on."""

from __future__ import annotations

from typing import Any

import torch

from . import Built, Healthy, gather

PAIRS: list[Healthy] = []
pair = gather(PAIRS)


def plain_g(latent: int = 100, channels: int = 3, c: int = 16) -> Any:
    """z -> 32 px in [-1, 1], sequential."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((latent,)),
            layers.Dense(4 * 4 * c * 2, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((4, 4, c * 2)),
            layers.Conv2DTranspose(c * 2, 4, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(c, 4, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(channels, 4, strides=2, padding="same", activation="tanh"),
        ]
    )


def plain_d(channels: int = 3, c: int = 16) -> Any:
    """32 px -> a logit, sequential."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((32, 32, channels)),
            layers.Conv2D(c, 5, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dropout(0.3),
            layers.Conv2D(c * 2, 5, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )


@pair
def tutorial_mnist_with_logits() -> Built:
    """The well-known tutorial: 28 px, no bias before batch norm, dropout in D, logits."""
    import keras
    from keras import layers

    G = keras.Sequential()
    G.add(keras.Input((100,)))
    G.add(layers.Dense(7 * 7 * 32, use_bias=False))
    G.add(layers.BatchNormalization())
    G.add(layers.LeakyReLU())
    G.add(layers.Reshape((7, 7, 32)))
    for filters, strides in ((16, 1), (8, 2)):
        G.add(layers.Conv2DTranspose(filters, 4, strides=strides, padding="same", use_bias=False))
        G.add(layers.BatchNormalization())
        G.add(layers.LeakyReLU())
    G.add(layers.Conv2DTranspose(1, 4, strides=2, padding="same", use_bias=False, activation="tanh"))
    D = keras.Sequential()
    D.add(keras.Input((28, 28, 1)))
    for filters in (16, 32):
        D.add(layers.Conv2D(filters, 5, strides=2, padding="same"))
        D.add(layers.LeakyReLU())
        D.add(layers.Dropout(0.3))
    D.add(layers.Flatten())
    D.add(layers.Dense(1))
    return G, D, {"size": 28, "channels": 1}


@pair
def keras_wgan_gp_residual() -> Built:
    """Functional, layer norm in D, upsampling and convolution in G."""
    import keras
    from keras import layers as L

    x = z = keras.Input((64,))
    x = L.Reshape((4, 4, 16))(L.Dense(256)(x))
    for _ in range(3):
        x = L.ReLU()(L.BatchNormalization()(L.Conv2D(16, 3, padding="same", use_bias=False)(L.UpSampling2D()(x))))
    G = keras.Model(z, L.Conv2D(3, 3, padding="same", activation="tanh")(x))

    x = picture = keras.Input((32, 32, 3))
    for filters in (16, 24, 32):
        h = L.LeakyReLU(negative_slope=0.2)(L.LayerNormalization()(L.Conv2D(filters, 3, padding="same")(x)))
        h = L.AveragePooling2D(2)(L.Conv2D(filters, 3, padding="same")(h))
        x = L.Add()([h, L.AveragePooling2D(2)(L.Conv2D(filters, 1)(x))])
    D = keras.Model(picture, L.Dense(1)(L.GlobalAveragePooling2D()(L.LeakyReLU(negative_slope=0.2)(x))))
    return G, D, {"loss": "wasserstein-gp", "latent": 64, "size": 32}


@pair
def keras_conditional_planes() -> Built:
    """The label becomes an embedding, a plane, and one channel more; once in G, once in D."""
    from keras.layers import (
        Concatenate,
        Conv2D,
        Conv2DTranspose,
        Dense,
        Dropout,
        Embedding,
        Flatten,
        Input,
        LeakyReLU,
        Reshape,
    )
    from keras.models import Model

    def define_discriminator(in_shape: tuple[int, ...] = (32, 32, 3), n_classes: int = 10) -> Any:
        in_label = Input(shape=(1,))
        li = Embedding(n_classes, 50)(in_label)
        li = Dense(in_shape[0] * in_shape[1])(li)
        li = Reshape((in_shape[0], in_shape[1], 1))(li)
        in_image = Input(shape=in_shape)
        fe = Concatenate()([in_image, li])
        for _ in range(2):
            fe = Conv2D(16, (4, 4), strides=(2, 2), padding="same")(fe)
            fe = LeakyReLU(negative_slope=0.2)(fe)
        fe = Dropout(0.4)(Flatten()(fe))
        return Model([in_image, in_label], Dense(1)(fe))

    def define_generator(latent_dim: int, n_classes: int = 10) -> Any:
        in_label = Input(shape=(1,))
        li = Reshape((8, 8, 1))(Dense(64)(Embedding(n_classes, 50)(in_label)))
        in_lat = Input(shape=(latent_dim,))
        gen = LeakyReLU(negative_slope=0.2)(Dense(16 * 64)(in_lat))
        merge = Concatenate()([Reshape((8, 8, 16))(gen), li])
        gen = LeakyReLU(negative_slope=0.2)(Conv2DTranspose(16, (4, 4), strides=(2, 2), padding="same")(merge))
        gen = LeakyReLU(negative_slope=0.2)(Conv2DTranspose(16, (4, 4), strides=(2, 2), padding="same")(gen))
        return Model([in_lat, in_label], Conv2D(3, (7, 7), activation="tanh", padding="same")(gen))

    return define_generator(100), define_discriminator(), {"condition": "class:10", "size": 32}


@pair
def keras_acgan_two_heads() -> Built:
    import keras
    from keras import layers

    noise, label = keras.Input((100,)), keras.Input((1,), dtype="int32")
    embedded = layers.Flatten()(layers.Embedding(10, 100)(label))
    G = keras.Model([noise, label], plain_g()(layers.Multiply()([noise, embedded])))
    img = keras.Input((32, 32, 3))
    h = img
    for filters in (16, 32, 32):
        h = layers.Dropout(0.25)(
            layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(filters, 3, strides=2, padding="same")(h))
        )
    h = layers.Flatten()(h)
    D = keras.Model(img, [layers.Dense(1, name="validity")(h), layers.Dense(10, name="label")(h)])
    return G, D, {"condition": "class:10", "size": 32}


@pair
def keras_text_conditioned() -> Built:
    import keras
    from keras import layers

    z, text = keras.Input((64,)), keras.Input((384,))
    x = layers.Concatenate()([z, layers.Dense(32, activation="leaky_relu")(text)])
    G = keras.Model([z, text], plain_g(96)(x))
    picture, text = keras.Input((32, 32, 3)), keras.Input((384,))
    h = layers.LeakyReLU()(layers.Conv2D(16, 4, strides=4)(picture))
    h = layers.LeakyReLU()(layers.Conv2D(16, 4, strides=2, padding="same")(h))
    t = layers.RepeatVector(16)(layers.Dense(16)(text))
    h = layers.Concatenate()([h, layers.Reshape((4, 4, 16))(t)])
    h = layers.LeakyReLU()(layers.Conv2D(16, 1)(h))
    D = keras.Model([picture, text], layers.Dense(1)(layers.Flatten()(h)))
    return G, D, {"latent": 64, "condition": "vector:384", "size": 32, "loss": "hinge"}


@pair
def keras_subclassed() -> Built:
    import keras
    from keras import layers, ops

    class Generator(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense, self.norm0 = layers.Dense(256), layers.BatchNormalization()
            self.ups = [layers.Conv2DTranspose(16, 4, 2, "same") for _ in range(3)]
            self.norms = [layers.BatchNormalization() for _ in range(3)]
            self.out = layers.Conv2D(3, 3, padding="same")

        def call(self, z: Any, training: bool | None = None) -> Any:
            x = ops.relu(self.norm0(self.dense(z), training=training))
            x = ops.reshape(x, (-1, 4, 4, 16))
            for up, norm in zip(self.ups, self.norms, strict=True):
                x = ops.relu(norm(up(x), training=training))
            return ops.tanh(self.out(x))

    class Discriminator(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = layers.Conv2D(16, 4, 2, "same"), layers.Conv2D(32, 4, 2, "same")
            self.drop, self.flat, self.top = layers.Dropout(0.2), layers.Flatten(), layers.Dense(1)

        def call(self, x: Any, training: bool | None = None) -> Any:
            x = ops.leaky_relu(self.a(x), 0.2)
            x = self.drop(ops.leaky_relu(self.b(x), 0.2), training=training)
            return self.top(self.flat(x))

    G, D = Generator(), Discriminator()
    D(G(ops.zeros((1, 100))))
    return G, D, {"size": 32}


@pair
def keras_spectral_norm_hinge() -> Built:
    import keras
    from keras import layers

    sn = layers.SpectralNormalization
    D = keras.Sequential([keras.Input((32, 32, 3))])
    for filters in (16, 24, 32):
        D.add(sn(layers.Conv2D(filters, 4, strides=2, padding="same")))
        D.add(layers.LeakyReLU(negative_slope=0.1))
    D.add(layers.Flatten())
    D.add(sn(layers.Dense(1)))
    return plain_g(), D, {"loss": "hinge", "size": 32}


@pair
def keras_own_layers_pixel_norm_and_minibatch_std() -> Built:
    import keras
    from keras import layers, ops

    class PixelNorm(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + 1e-8)

    class MinibatchStdev(layers.Layer):
        def call(self, x: Any) -> Any:
            s = ops.mean(ops.sqrt(ops.var(x, axis=0, keepdims=True) + 1e-8))
            return ops.concatenate([x, ops.ones_like(x[..., :1]) * s], axis=-1)

    class AddNoise(layers.Layer):
        """A learned strength, zero at birth."""

        def build(self, shape: Any) -> None:
            self.strength = self.add_weight(shape=(shape[-1],), initializer="zeros", name="strength")

        def call(self, x: Any) -> Any:
            return x + self.strength * keras.random.normal((*ops.shape(x)[:-1], 1))

    G = keras.Sequential([keras.Input((32,)), PixelNorm(), layers.Dense(256), layers.Reshape((4, 4, 16))])
    for _ in range(3):
        for layer in (
            layers.UpSampling2D(),
            layers.Conv2D(16, 3, padding="same"),
            AddNoise(),
            layers.LeakyReLU(),
            PixelNorm(),
        ):
            G.add(layer)
    G.add(layers.Conv2D(3, 1))
    D = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(16, 1), layers.LeakyReLU()])
    for _ in range(3):
        for layer in (layers.Conv2D(16, 3, padding="same"), layers.LeakyReLU(), layers.AveragePooling2D(2)):
            D.add(layer)
    for layer in (
        MinibatchStdev(),
        layers.Conv2D(16, 3, padding="same"),
        layers.LeakyReLU(),
        layers.Flatten(),
        layers.Dense(1),
    ):
        D.add(layer)
    return G, D, {"loss": "wasserstein-gp", "latent": 32, "size": 32}


@pair
def keras_pix2pix_dropout_as_noise() -> Built:
    import keras
    from keras import layers

    def down(x: Any, filters: int, norm: bool = True) -> Any:
        x = layers.Conv2D(filters, 4, strides=2, padding="same", use_bias=not norm)(x)
        return layers.LeakyReLU()(layers.BatchNormalization()(x) if norm else x)

    def up(x: Any, skip: Any, filters: int, dropout: bool = False) -> Any:
        x = layers.BatchNormalization()(
            layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)(x)
        )
        x = layers.Dropout(0.5)(x) if dropout else x
        return layers.Concatenate()([layers.ReLU()(x), skip])

    source = keras.Input((32, 32, 3))
    d1 = down(source, 8, norm=False)
    d2 = down(d1, 16)
    d3 = down(d2, 32)
    x = up(up(d3, d2, 16, dropout=True), d1, 8)
    G = keras.Model(source, layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")(x))
    a, b = keras.Input((32, 32, 3)), keras.Input((32, 32, 3))
    D = keras.Model(
        [a, b], layers.Conv2D(1, 4, padding="same")(down(down(layers.Concatenate()([a, b]), 8, norm=False), 16))
    )
    sources = torch.rand(8, 32, 32, 3) * 2 - 1

    def judge(model: Any, images: Any) -> Any:
        return model([sources[torch.arange(len(images)) % 8], images])

    return G, D, {"g_inputs": (sources,), "d_call": judge, "data": torch.rand(8, 32, 32, 3) * 2 - 1, "size": 32}


@pair
def keras_frozen_features_in_discriminator() -> Built:
    """A pretrained trunk is frozen and kept in inference mode; a head of two layers learns."""
    import keras
    from keras import layers

    trunk = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(max_value=6.0),
            layers.Conv2D(24, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(max_value=6.0),
        ],
        name="features",
    )
    trunk.trainable = False
    picture = keras.Input((32, 32, 3))
    h = layers.LeakyReLU()(layers.Conv2D(32, 3, strides=2, padding="same")(trunk(picture, training=False)))
    return plain_g(), keras.Model(picture, layers.Dense(1)(layers.Flatten()(h))), {"size": 32, "loss": "hinge"}


@pair
def keras_table() -> Built:
    import keras
    from keras import layers

    z = keras.Input((16,))
    h = z
    for _ in range(2):
        h = layers.Concatenate()([layers.ReLU()(layers.BatchNormalization()(layers.Dense(32)(h))), h])
    numbers = layers.Dense(3, activation="tanh")(h)
    G = keras.Model(z, layers.Concatenate()([numbers, layers.Dense(4, activation="softmax")(h)]))
    D = keras.Sequential(
        [
            keras.Input((7,)),
            layers.Dense(32),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Dense(32),
            layers.LeakyReLU(),
            layers.Dense(1),
        ]
    )
    kinds = torch.nn.functional.one_hot(torch.randint(0, 4, (64,)), 4).float()
    return G, D, {"latent": 16, "data": torch.cat([torch.rand(64, 3) * 2 - 1, kinds], 1), "loss": "wasserstein-gp"}


@pair
def keras_recurrent_series() -> Built:
    import keras
    from keras import layers

    G = keras.Sequential(
        [
            keras.Input((12, 8)),
            layers.GRU(16, return_sequences=True),
            layers.GRU(16, return_sequences=True),
            layers.Dense(4, activation="sigmoid"),
        ]
    )
    D = keras.Sequential([keras.Input((12, 4)), layers.Bidirectional(layers.LSTM(12)), layers.Dense(1)])
    return G, D, {"g_inputs": (torch.randn(16, 12, 8),), "data": torch.rand(16, 12, 4), "range": (0, 1)}


@pair
def keras_least_squares_gray_in_unit_range() -> Built:
    import keras
    from keras import layers

    z = keras.Input((50,))
    h = layers.Dense(128)(z)
    h = layers.LeakyReLU(negative_slope=0.2)(h)
    h = layers.BatchNormalization(momentum=0.8)(h)
    h = layers.Dense(784, activation="sigmoid")(h)
    G = keras.Model(z, layers.Reshape((28, 28, 1))(h))
    D = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(128), layers.LeakyReLU(),
    layers.Dense(64), layers.LeakyReLU(), layers.Dense(1)])  # fmt: skip
    return (
        G,
        D,
        {
            "loss": "least-squares",
            "latent": 50,
            "data": torch.rand(32, 28, 28, 1),
            "range": (0, 1),
            "size": 28,
            "channels": 1,
        },
    )
