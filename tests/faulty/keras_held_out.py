"""Programs in Keras 3 (on torch), one planted fault each."""

from __future__ import annotations

from typing import Any

import torch

from . import Built, Faulty, gather

PROGRAMS: list[Faulty] = []
fault = gather(PROGRAMS)

SMALL: dict[str, Any] = {"size": 32, "latent": 64}


def make_generator(latent: int = 64, channels: int = 3, end: str | None = "tanh") -> Any:
    import keras
    from keras import layers

    model = keras.Sequential(
        [keras.Input((latent,)), layers.Dense(512), layers.LeakyReLU(negative_slope=0.2), layers.Reshape((4, 4, 32))]
    )
    for filters in (32, 16, 16):
        model.add(layers.Conv2DTranspose(filters, 4, strides=2, padding="same"))
        model.add(layers.BatchNormalization())
        model.add(layers.LeakyReLU(negative_slope=0.2))
    model.add(layers.Conv2D(channels, 3, padding="same", activation=end))
    return model


def make_discriminator(end: str | None = None, channels: int = 3, norm: bool = False, units: int = 1) -> Any:
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input((32, 32, channels))])
    for filters in (16, 32):
        model.add(layers.Conv2D(filters, 4, strides=2, padding="same"))
        if norm and filters > 16:
            model.add(layers.BatchNormalization())
        model.add(layers.LeakyReLU(negative_slope=0.2))
    model.add(layers.Flatten())
    model.add(layers.Dense(units, activation=end))
    return model


@fault("SP101")
def keras_condition_that_ends_in_an_unused_variable() -> Built:
    """The label's branch is built up to its last layer, and the merge takes z twice."""
    import keras
    from keras import layers

    z, label = keras.Input((64,)), keras.Input((1,), dtype="int32")
    # The fault is the name that nobody reads.
    label_features = layers.Dense(64)(layers.Flatten()(layers.Embedding(10, 50)(label)))  # noqa: F841
    z_features = layers.Dense(64)(z)
    merged = layers.Concatenate()([z_features, z_features])
    G = keras.Model([z, label], make_generator(128)(merged))
    picture, label = keras.Input((32, 32, 3)), keras.Input((1,), dtype="int32")
    plane = layers.Reshape((32, 32, 1))(layers.Dense(1024)(layers.Embedding(10, 50)(label)))
    D = keras.Model([picture, label], make_discriminator(channels=4)(layers.Concatenate()([picture, plane])))
    return G, D, SMALL | {"condition": "class:10"}


@fault("SP101")
def keras_subclassed_discriminator_unpacks_and_ignores_the_text() -> Built:
    import keras
    from keras import layers, ops

    z, text = keras.Input((64,)), keras.Input((384,))
    G = keras.Model([z, text], make_generator(96)(layers.Concatenate()([z, layers.Dense(32)(text)])))

    class Discriminator(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.text = make_discriminator(units=16), layers.Dense(16)
            self.end = layers.Dense(1)

        def call(self, inputs: Any, training: bool | None = None) -> Any:
            image, text = inputs
            x = self.body(image, training=training)
            t = self.text(text)  # noqa: F841
            merged = ops.concatenate([x, x], axis=-1)
            return self.end(ops.leaky_relu(merged))

    D = Discriminator()
    D([ops.zeros((1, 32, 32, 3)), ops.zeros((1, 384))])
    return G, D, SMALL | {"condition": "vector:384"}


@fault("SP102")
def keras_every_layer_takes_the_input_again() -> Built:
    """Four convolutions are made, and each is given the picture instead of what the last one made."""
    import keras
    from keras.layers import Conv2D, Dense, Flatten, LeakyReLU

    image = keras.Input((32, 32, 3))
    x = LeakyReLU()(Conv2D(16, 3, strides=2, padding="same")(image))
    x = LeakyReLU()(Conv2D(32, 3, strides=2, padding="same")(image))
    x = LeakyReLU()(Conv2D(64, 3, strides=2, padding="same")(image))
    D = keras.Model(image, Dense(1)(Flatten()(x)))
    return make_generator(), D, SMALL


@fault("SP102")
def keras_upsampling_branch_not_in_the_model() -> Built:
    """The model is closed over `x`, while the later layers wrote to `y`."""
    import keras
    from keras import layers

    z = keras.Input((64,))
    x = layers.Reshape((8, 8, 16))(layers.Dense(1024, activation="relu")(z))
    x = layers.Conv2DTranspose(16, 4, strides=4, padding="same", activation="relu")(x)
    y = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    y = layers.Conv2D(3, 3, padding="same", activation="tanh")(y)
    x = layers.Conv2D(3, 3, padding="same", activation="tanh")(x)
    return keras.Model(z, x), make_discriminator(), SMALL


@fault("SP102")
def keras_subclassed_block_never_called() -> Built:
    import keras
    from keras import layers, ops

    class Generator(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense, self.reshape = layers.Dense(1024, activation="relu"), layers.Reshape((8, 8, 16))
            self.up1, self.up2 = (
                layers.Conv2DTranspose(16, 4, strides=2, padding="same", activation="relu") for _ in range(2)
            )
            self.refine = make_discriminator()
            self.rgb = layers.Conv2D(3, 3, padding="same", activation="tanh")

        def call(self, z: Any, training: bool | None = None) -> Any:
            return self.rgb(self.up2(self.up1(self.reshape(self.dense(z)))))

    G = Generator()
    G(ops.zeros((1, 64)))
    return G, make_discriminator(), SMALL


@fault("SP103")
def keras_gray_data_for_colour_networks() -> Built:
    return make_generator(), make_discriminator(), SMALL | {"data": torch.rand(16, 32, 32, 1) * 2 - 1}


@fault("SP104")
def keras_discriminator_frozen_and_never_thawed() -> Built:
    D = make_discriminator()
    D.trainable = False
    return make_generator(), D, SMALL


@fault("SP106")
def keras_stop_gradient_after_the_generator() -> Built:
    import keras
    from keras import ops

    z = keras.Input((64,))
    return keras.Model(z, ops.stop_gradient(make_generator()(z))), make_discriminator(), SMALL


@fault("SP106")
def keras_layer_that_goes_through_numpy() -> Built:
    import keras
    from keras import layers, ops

    class Equalise(layers.Layer):
        def call(self, x: Any) -> Any:
            pixels = ops.convert_to_numpy(x)
            return ops.convert_to_tensor(pixels / (abs(pixels).max() + 1e-6))

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

        def compute_output_spec(self, x: Any) -> Any:
            return keras.KerasTensor(x.shape, x.dtype)

    D = make_discriminator()
    picture = keras.Input((32, 32, 3))
    return make_generator(), keras.Model(picture, D(Equalise()(picture))), SMALL


@fault("SP108")
def keras_compile_then_freeze_sequential() -> Built:
    """The recipe of a hundred tutorials: right in Keras 2."""
    import keras

    G, D = make_generator(), make_discriminator()
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    D.compile(loss=loss, optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5))
    D.trainable = False
    gan = keras.Sequential([keras.Input((64,)), G, D])
    gan.compile(loss=loss, optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5))
    return G, D, SMALL | {"combined": gan}


@fault("SP108")
def keras_compile_then_freeze_functional_least_squares() -> Built:
    """The layers are frozen one by one, which is the same."""
    import keras

    D = make_discriminator(norm=True)
    D.compile(loss="mse", optimizer="adam", metrics=["accuracy"])
    G = make_generator()
    z = keras.Input((64,))
    img = G(z)
    for layer in D.layers:
        layer.trainable = False
    combined = keras.Model(z, D(img))
    combined.compile(loss="mse", optimizer="adam")
    return G, D, SMALL | {"combined": combined, "loss": "least-squares"}


@fault("SP110")
def keras_label_map_of_bands() -> Built:
    import keras
    from keras import layers, ops

    z, label = keras.Input((64,)), keras.Input((1,), dtype="int32")
    G = keras.Model(
        [z, label], make_generator(80)(layers.Concatenate()([z, layers.Flatten()(layers.Embedding(10, 16)(label))]))
    )
    picture, label = keras.Input((32, 32, 3)), keras.Input((1,), dtype="int32")
    rows = ops.repeat(ops.one_hot(ops.squeeze(label, 1), 16), 2, axis=1)  # two rows a class
    maps = ops.reshape(rows, (-1, 32, 1, 1)) * ops.ones_like(picture)
    D = keras.Model([picture, label], make_discriminator(channels=6)(layers.Concatenate()([picture, maps])))
    return G, D, SMALL | {"condition": "class:10"}


@fault("SP111")
def keras_batch_norm_told_not_to_train() -> Built:
    import keras
    from keras import layers

    z = keras.Input((64,))
    x = layers.Reshape((8, 8, 16))(layers.Dense(1024)(z))
    for _ in range(2):
        x = layers.Conv2DTranspose(16, 4, strides=2, padding="same")(x)
        x = layers.LeakyReLU()(layers.BatchNormalization()(x, training=False))
    return keras.Model(z, layers.Conv2D(3, 3, padding="same", activation="tanh")(x)), make_discriminator(), SMALL


@fault("SP201")
def keras_tanh_for_bytes_of_load_data() -> Built:
    return (
        make_generator(),
        make_discriminator(),
        SMALL | {"data": torch.randint(0, 256, (32, 32, 32, 3)).float(), "range": (0, 255)},
    )


@fault("SP202")
def keras_sigmoid_and_from_logits() -> Built:
    return make_generator(), make_discriminator("sigmoid"), SMALL | {"loss": "bce-logits"}


@fault("SP203")
def keras_linear_end_and_binary_crossentropy() -> Built:
    return make_generator(), make_discriminator(), SMALL | {"loss": "bce"}


@fault("SP205")
def keras_critic_with_a_sigmoid() -> Built:
    import keras
    from keras import layers

    D = keras.Sequential([*make_discriminator().layers, layers.Activation("sigmoid")])
    D.build((None, 32, 32, 3))
    return make_generator(), D, SMALL | {"loss": "wasserstein"}


@fault("SP206")
def keras_softmax_over_one_unit() -> Built:
    return make_generator(), make_discriminator("softmax"), SMALL | {"loss": "softmax"}


@fault("SP207")
def keras_batch_norm_under_gradient_penalty() -> Built:
    return make_generator(), make_discriminator(norm=True), SMALL | {"loss": "wasserstein-gp"}


@fault("SP210")
def keras_use_bias_false_without_batch_norm() -> Built:
    import keras
    from keras import layers

    G = keras.Sequential(
        [keras.Input((64,)), layers.Dense(512, use_bias=False), layers.LeakyReLU(), layers.Reshape((4, 4, 32))]
    )
    for filters in (32, 16, 16):
        G.add(layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False))
        G.add(layers.LeakyReLU())
    G.add(layers.Conv2D(3, 3, padding="same", activation="tanh"))
    return G, make_discriminator(), SMALL


@fault("SP211")
def keras_kernel_five_stride_two() -> Built:
    import keras
    from keras import layers

    G = keras.Sequential([keras.Input((64,)), layers.Dense(4 * 4 * 32), layers.Reshape((4, 4, 32)), layers.LeakyReLU()])
    for filters in (16, 16):
        G.add(layers.Conv2DTranspose(filters, 5, strides=2, padding="same"))
        G.add(layers.LeakyReLU())
    G.add(layers.Conv2DTranspose(3, 5, strides=2, padding="same", activation="tanh"))
    return G, make_discriminator(), SMALL


@fault("SP213")
def keras_dense_layers_without_activation() -> Built:
    import keras
    from keras import layers

    G = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(128),
            layers.Dense(256),
            layers.Dense(784, activation="tanh"),
            layers.Reshape((28, 28, 1)),
        ]
    )
    D = keras.Sequential(
        [keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(128), layers.LeakyReLU(), layers.Dense(1)]
    )
    return G, D, {"latent": 64, "size": 28, "channels": 1}
