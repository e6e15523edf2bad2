"""Pairs in Keras 3 (on torch) by which the doctor is measured. Tune nothing on them."""

from __future__ import annotations

from typing import Any

import torch

from . import Built, Healthy, gather

PAIRS: list[Healthy] = []
pair = gather(PAIRS)


def build_generator(latent_dim: int, out: int = 3) -> Any:
    from keras.layers import Activation, BatchNormalization, Conv2D, Dense, Input, Reshape, UpSampling2D
    from keras.models import Sequential

    model = Sequential([Input((latent_dim,)), Dense(24 * 16, activation="relu"), Reshape((4, 4, 24))])
    for width in (24, 16, 12):
        model.add(UpSampling2D(interpolation="bilinear"))
        model.add(Conv2D(width, kernel_size=3, padding="same"))
        model.add(BatchNormalization(momentum=0.8))
        model.add(Activation("relu"))
    model.add(Conv2D(out, kernel_size=3, padding="same"))
    model.add(Activation("tanh"))
    return model


def build_critic(shape: tuple[int, ...] = (32, 32, 3)) -> Any:
    from keras.layers import Conv2D, Dense, Flatten, Input, LeakyReLU
    from keras.models import Sequential

    layers = [Conv2D(12, 5, 2, "same"), LeakyReLU(0.2), Conv2D(24, 5, 2, "same"), LeakyReLU(0.2), Flatten(), Dense(1)]
    return Sequential([Input(shape), *layers])


@pair
def keras_clipped_critic_with_constraint() -> Built:
    """Weights clipped by a constraint of each layer, as Keras has it."""
    import keras
    from keras import layers, ops

    class ClipConstraint(keras.constraints.Constraint):
        def __call__(self, w: Any) -> Any:
            return ops.clip(w, -0.01, 0.01)

    init, const = keras.initializers.RandomNormal(stddev=0.02), ClipConstraint()
    D = keras.Sequential([keras.Input((28, 28, 1))])
    for _ in range(2):
        D.add(layers.Conv2D(16, 4, strides=2, padding="same", kernel_initializer=init, kernel_constraint=const))
        D.add(layers.BatchNormalization())
        D.add(layers.LeakyReLU(negative_slope=0.2))
    D.add(layers.Flatten())
    D.add(layers.Dense(1))
    G = keras.Sequential(
        [
            keras.Input((50,)),
            layers.Dense(16 * 49, kernel_initializer=init),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Reshape((7, 7, 16)),
        ]
    )
    for _ in range(2):
        G.add(layers.Conv2DTranspose(16, 4, strides=2, padding="same", kernel_initializer=init))
        G.add(layers.BatchNormalization())
        G.add(layers.LeakyReLU(negative_slope=0.2))
    G.add(layers.Conv2D(1, 7, activation="tanh", padding="same", kernel_initializer=init))
    return G, D, {"loss": "wasserstein", "latent": 50, "size": 28, "channels": 1, "d_lr": 5e-5, "g_lr": 5e-5}


@pair
def keras_style_modulation() -> Built:
    """Mapping network, adaptive instance norm with biases at one, a learned constant."""
    import keras
    from keras import layers, ops

    class Constant(layers.Layer):
        def build(self, shape: Any) -> None:
            self.value = self.add_weight(shape=(1, 4, 4, 16), initializer="random_normal", name="value")

        def call(self, like: Any) -> Any:
            return ops.repeat(self.value, ops.shape(like)[0], axis=0)

    class AdaIN(layers.Layer):
        def build(self, shapes: Any) -> None:
            c = shapes[0][-1]
            self.scale, self.shift = layers.Dense(c, bias_initializer="ones"), layers.Dense(c)
            self.scale.build(shapes[1])
            self.shift.build(shapes[1])

        def call(self, inputs: Any) -> Any:
            x, w = inputs
            mean, var = ops.moments(x, axes=(1, 2), keepdims=True)
            return (x - mean) * ops.rsqrt(var + 1e-5) * self.scale(w)[:, None, None] + self.shift(w)[:, None, None]

    z = keras.Input((32,))
    w = z
    for _ in range(3):
        w = layers.LeakyReLU(negative_slope=0.2)(layers.Dense(32)(w))
    x = Constant()(z)
    for _ in range(3):
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        x = AdaIN()([layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(16, 3, padding="same")(x)), w])
    return keras.Model(z, layers.Conv2D(3, 1)(x)), build_critic(), {"latent": 32, "size": 32}


@pair
def keras_self_attention_gate_at_zero() -> Built:
    import keras
    from keras import layers, ops

    class Attention(layers.Layer):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.q, self.k, self.v = layers.Conv2D(c // 4, 1), layers.Conv2D(c // 4, 1), layers.Conv2D(c, 1)

        def build(self, shape: Any) -> None:
            for conv in (self.q, self.k, self.v):
                conv.build(shape)
            self.gamma = self.add_weight(shape=(), initializer="zeros", name="gamma")

        def call(self, x: Any) -> Any:
            n, h, w, c = ops.shape(x)
            q, k, v = (ops.reshape(f(x), (n, h * w, -1)) for f in (self.q, self.k, self.v))
            beta = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 2, 1))), axis=-1)
            return x + self.gamma * ops.reshape(ops.matmul(beta, v), (n, h, w, c))

    picture = keras.Input((32, 32, 3))
    x = layers.LeakyReLU()(layers.Conv2D(16, 4, 2, "same")(picture))
    x = Attention(16)(layers.LeakyReLU()(layers.Conv2D(16, 4, 2, "same")(x)))
    D = keras.Model(picture, layers.Dense(1)(layers.Flatten()(x)))
    return build_generator(64), D, {"latent": 64, "loss": "hinge", "size": 32}


@pair
def keras_film_zero_initialised() -> Built:
    """The text scales and shifts what z made, by layers whose kernels begin at zero."""
    import keras
    from keras import layers

    z, text = keras.Input((64,), name="noise"), keras.Input((384,), name="caption")
    x = layers.Reshape((8, 8, 16))(layers.Dense(1024)(z))
    for _ in range(2):
        x = layers.Conv2D(16, 3, padding="same")(layers.UpSampling2D()(x))
        scale = layers.Reshape((1, 1, 16))(layers.Dense(16, kernel_initializer="zeros", bias_initializer="ones")(text))
        shift = layers.Reshape((1, 1, 16))(layers.Dense(16, kernel_initializer="zeros")(text))
        x = layers.Activation("swish")(layers.Add()([layers.Multiply()([x, scale]), shift]))
    G = keras.Model([z, text], layers.Conv2D(3, 3, padding="same", activation="tanh")(x))
    picture, text = keras.Input((32, 32, 3), name="picture"), keras.Input((384,), name="caption")
    h = layers.Flatten()(layers.LeakyReLU()(layers.Conv2D(16, 8, strides=8)(picture)))
    h = layers.LeakyReLU()(layers.Dense(32)(h))
    logit = layers.Dense(1)(h) + layers.Dot(axes=1)([h, layers.Dense(32)(text)])
    return G, keras.Model([picture, text], logit), {"latent": 64, "condition": "vector:384", "size": 32}


@pair
def keras_one_hot_condition() -> Built:
    """The one-hot is made inside: joined with z, and as planes beside the picture."""
    import keras
    from keras import layers, ops

    noise, label = keras.Input((64,)), keras.Input((1,), dtype="int32")
    code = ops.one_hot(ops.squeeze(label, 1), 10)
    G = keras.Model([noise, label], build_generator(74, 1)(ops.concatenate([noise, code], axis=1)))
    picture, label = keras.Input((32, 32, 1)), keras.Input((1,), dtype="int32")
    planes = ops.reshape(ops.one_hot(label, 10), (-1, 1, 1, 10)) * ops.ones_like(picture)
    D = keras.Model([picture, label], build_critic((32, 32, 11))(layers.Concatenate()([picture, planes])))
    return G, D, {"latent": 64, "condition": "class:10", "size": 32, "channels": 1}


@pair
def keras_channels_first() -> Built:
    import keras
    from keras import layers

    first = {"data_format": "channels_first"}
    G = keras.Sequential([keras.Input((64,)), layers.Dense(256), layers.LeakyReLU(), layers.Reshape((16, 4, 4))])
    for _ in range(3):
        G.add(layers.Conv2DTranspose(16, 4, strides=2, padding="same", **first))
        G.add(layers.BatchNormalization(axis=1))
        G.add(layers.LeakyReLU())
    G.add(layers.Conv2D(3, 3, padding="same", activation="tanh", **first))
    D = keras.Sequential([keras.Input((3, 32, 32))])
    for filters in (16, 32):
        D.add(layers.Conv2D(filters, 4, strides=2, padding="same", **first))
        D.add(layers.LeakyReLU(negative_slope=0.2))
    D.add(layers.GlobalAveragePooling2D(**first))
    D.add(layers.Dense(1))
    return G, D, {"latent": 64, "size": 32, "data": torch.rand(16, 3, 32, 32) * 2 - 1}


@pair
def keras_group_norm_and_noise() -> Built:
    """Gaussian noise before D's layers, group norm within, separable convolutions; relativistic."""
    import keras
    from keras import layers

    D = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.GaussianNoise(0.1),
            layers.Conv2D(16, 4, strides=2, padding="same"),
            layers.GroupNormalization(groups=4),
            layers.LeakyReLU(),
            layers.GaussianNoise(0.1),
            layers.SeparableConv2D(32, 3, padding="same"),
            layers.GroupNormalization(groups=4),
            layers.LeakyReLU(),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    return build_generator(100), D, {"loss": "relativistic", "size": 32}


@pair
def keras_voxels() -> Built:
    import keras
    from keras import layers

    G = keras.Sequential([keras.Input((20,)), layers.Dense(64 * 8), layers.ReLU(), layers.Reshape((4, 4, 4, 8))])
    for filters in (8, 4):
        G.add(layers.Conv3DTranspose(filters, 4, strides=2, padding="same"))
        G.add(layers.BatchNormalization())
        G.add(layers.ReLU())
    G.add(layers.Conv3D(1, 3, padding="same", activation="sigmoid"))
    D = keras.Sequential([keras.Input((16, 16, 16, 1))])
    for filters in (8, 16):
        D.add(layers.Conv3D(filters, 4, strides=2, padding="same"))
        D.add(layers.LeakyReLU())
    D.add(layers.Flatten())
    D.add(layers.Dense(1))
    return G, D, {"latent": 20, "data": (torch.rand(16, 16, 16, 16, 1) > 0.6).float(), "range": (0, 1)}


@pair
def keras_waveform() -> Built:
    import keras
    from keras import layers

    G = keras.Sequential([keras.Input((100,)), layers.Dense(16 * 16), layers.ReLU(), layers.Reshape((16, 16))])
    for filters in (16, 8):
        G.add(layers.Conv1DTranspose(filters, 24, strides=4, padding="same"))
        G.add(layers.ReLU())
    G.add(layers.Conv1DTranspose(1, 24, strides=4, padding="same", activation="tanh"))
    D = keras.Sequential([keras.Input((1024, 1))])
    for filters in (8, 16, 32):
        D.add(layers.Conv1D(filters, 25, strides=4, padding="same"))
        D.add(layers.LeakyReLU(negative_slope=0.2))
    D.add(layers.Flatten())
    D.add(layers.Dense(1))
    return G, D, {"loss": "wasserstein-gp", "data": torch.rand(8, 1024, 1) * 2 - 1}


@pair
def keras_transformer_series() -> Built:
    import keras
    from keras import layers

    def block(x: Any, dim: int) -> Any:
        h = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(2, dim // 2)(h, h)])
        h = layers.Dense(dim * 2, activation="gelu")(layers.LayerNormalization()(x))
        return layers.Add()([x, layers.Dense(dim)(h)])

    z = keras.Input((32,))
    x = layers.Reshape((16, 16))(layers.Dense(256)(z))
    G = keras.Model(z, layers.Dense(2, activation="tanh")(block(block(x, 16), 16)))
    series = keras.Input((16, 2))
    h = block(layers.Dense(16)(series), 16)
    D = keras.Model(series, layers.Dense(1)(layers.GlobalAveragePooling1D()(h)))
    return G, D, {"latent": 32, "data": torch.rand(32, 16, 2) * 2 - 1}


@pair
def keras_factory_with_nested_models() -> Built:
    """Blocks are models of their own within a subclassed model; D returns patches."""
    import keras
    from keras import layers

    def downsample(filters: int, norm: bool = True) -> Any:
        block = keras.Sequential([layers.Conv2D(filters, 4, strides=2, padding="same", use_bias=not norm)])
        if norm:
            block.add(layers.BatchNormalization())
        block.add(layers.LeakyReLU())
        return block

    class PatchJudge(keras.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.blocks = [downsample(8, norm=False), downsample(16)]
            self.head = layers.Conv2D(1, 4, padding="same")

        def call(self, inputs: Any, training: bool | None = None) -> Any:
            x = inputs
            for block in self.blocks:
                x = block(x, training=training)
            return self.head(x)

    D = PatchJudge(name="judge")
    D(keras.ops.zeros((1, 32, 32, 3)))
    return build_generator(100), D, {"size": 32, "loss": "least-squares"}


@pair
def keras_two_units_and_softmax() -> Built:
    import keras
    from keras import layers

    D = keras.Sequential([*build_critic().layers[:-1], layers.Dense(2)])
    D.build((None, 32, 32, 3))
    return build_generator(100), D, {"loss": "softmax", "size": 32}


@pair
def keras_conditional_batch_norm_and_projection() -> Built:
    """Gains from an embedding that begins at one, shifts from one that begins at zero."""
    import keras
    from keras import layers, ops

    z, label = keras.Input((64,)), keras.Input((1,), dtype="int32")
    x = layers.Reshape((4, 4, 16))(layers.Dense(256)(z))
    for _ in range(3):
        gain = layers.Embedding(10, 16, embeddings_initializer="ones")(label)
        shift = layers.Embedding(10, 16, embeddings_initializer="zeros")(label)
        x = layers.BatchNormalization(center=False, scale=False)(x)
        x = ops.relu(x * ops.expand_dims(gain, 1) + ops.expand_dims(shift, 1))
        x = layers.Conv2D(16, 3, padding="same")(layers.UpSampling2D()(x))
    x = layers.ReLU()(layers.BatchNormalization()(x))
    G = keras.Model([z, label], layers.Conv2D(3, 3, padding="same", activation="tanh")(x))
    picture, label = keras.Input((32, 32, 3)), keras.Input((1,), dtype="int32")
    h = picture
    for filters in (16, 24, 32):
        h = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(filters, 4, strides=2, padding="same")(h))
    h = layers.Flatten()(ops.sum(h, axis=(1, 2)))
    inner = layers.Dot(axes=1)([h, layers.Flatten()(layers.Embedding(10, 32)(label))])
    D = keras.Model([picture, label], layers.Add()([layers.Dense(1)(h), inner]))
    return G, D, {"latent": 64, "condition": "class:10", "loss": "hinge", "size": 32}


@pair
def keras_siamese_generator_with_shared_layer() -> Built:
    """One convolution stands at two places of the graph."""
    import keras
    from keras import layers

    shared = layers.Conv2D(16, 3, padding="same", name="shared")
    z = keras.Input((100,))
    x = layers.Reshape((8, 8, 16))(layers.Dense(1024, activation="elu")(z))
    for _ in range(2):
        x = layers.ELU()(layers.BatchNormalization()(shared(layers.UpSampling2D()(x))))
    G = keras.Model(z, layers.Conv2D(3, 3, padding="same", activation="tanh")(x))
    return G, build_critic(), {"size": 32}
