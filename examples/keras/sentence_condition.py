"""A model asked about in a public question: a picture from z and the 384 numbers of a sentence, and only garbage came.

The discriminator as it was printed takes the picture anew in each convolution (`(inp1)`), so that all but the last one
hang in the air, and the sentence with them. The repaired one takes what came before. The generator was not printed;
this one was written for it.
"""

from tensorflow.keras.layers import (
    BatchNormalization,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Flatten,
    Input,
    LeakyReLU,
    Reshape,
    concatenate,
)
from tensorflow.keras.models import Model


# fmt: off
def discriminator_as_printed(size_px=128):
    """At 128 px, as it was printed, a layer that leads nowhere takes 3.2 GB; at smaller sizes it is smaller."""
    inp1 = Input(shape=(size_px,size_px,3),name='inp1')
    inp2 = Input(shape=(384,),name='inp2')
    d2=Reshape(target_shape=(1,128,3))(inp2)
    d1 = Conv2D(16, kernel_size=5, strides=2, padding="same")(inp1)
    d1=LeakyReLU(alpha=0.2)(d1)
    d1=Dropout(0.25)(d1)
    d1 = Conv2D(32, kernel_size=5, strides=2, padding="same")(inp1)
    d1=BatchNormalization(momentum=0.8)(d1)
    d1=LeakyReLU(alpha=0.2)(d1)
    d1=Dropout(0.25)(d1)
    d1 = Conv2D(64, kernel_size=5, strides=2, padding="same")(inp1)
    d1=BatchNormalization(momentum=0.8)(d1)
    d1=LeakyReLU(alpha=0.2)(d1)
    d1=Dropout(0.25)(d1)
    d1 = Conv2D(128, kernel_size=5, strides=2, padding="same")(inp1)
    d1=BatchNormalization(momentum=0.8)(d1)
    d1=LeakyReLU(alpha=0.2)(d1)
    d1=Dropout(0.25)(d1)
    d1 = Conv2D(256, kernel_size=5, strides=2, padding="same")(inp1)
    d1=BatchNormalization(momentum=0.8)(d1)
    d1=LeakyReLU(alpha=0.2)(d1)
    d1=Dropout(0.25)(d1)
    d1=Flatten()(d1)
    d1=Dense(768, activation="relu")(d1)
    d1=Reshape(target_shape=(2,128,3))(d1)
    output=concatenate(
    [
    d1,
    d2,
    ]
    ,axis=1
    )
    d1 = Conv2D(64, kernel_size=5, strides=2, padding="same")(output)
    d1=BatchNormalization(momentum=0.8)(d1)
    d1=LeakyReLU(alpha=0.2)(d1)
    d1=Dropout(0.25)(d1)
    d1 = Conv2D(128, kernel_size=5, strides=2, padding="same")(inp1)
    d1=BatchNormalization(momentum=0.8)(d1)
    d1=LeakyReLU(alpha=0.2)(d1)
    d1=Dropout(0.25)(d1)
    d1 = Conv2D(256, kernel_size=5, strides=2, padding="same")(inp1)
    d1=BatchNormalization(momentum=0.8)(d1)
    d1=LeakyReLU(alpha=0.2)(d1)
    d1=Dropout(0.25)(d1)
    d1=Flatten()(d1)
    output=Dense(1,activation='sigmoid')(d1)
    model=Model(
    inputs=[
    inp1,
    inp2
    ],
    outputs=[
    output
    ]
    )
    model.summary()
    img = Input(shape=(size_px,size_px,3))
    text=Input(shape=(384,))
    validity = model([img,text])
    return Model([img,text], validity)
# fmt: on


def discriminator_repaired(size_px=128):
    inp1 = Input(shape=(size_px, size_px, 3), name="inp1")
    inp2 = Input(shape=(384,), name="inp2")
    d1 = Dropout(0.25)(LeakyReLU(alpha=0.2)(Conv2D(16, kernel_size=5, strides=2, padding="same")(inp1)))
    for maps in (32, 64, 128, 256):
        d1 = _block(d1, maps)
    d1 = Dense(768, activation="relu")(Flatten()(d1))
    d1 = Reshape(target_shape=(2, 128, 3))(d1)
    d2 = Reshape(target_shape=(1, 128, 3))(inp2)
    d1 = concatenate([d1, d2], axis=1)
    for maps in (64, 128, 256):
        d1 = _block(d1, maps)
    output = Dense(1, activation="sigmoid")(Flatten()(d1))
    return Model(inputs=[inp1, inp2], outputs=[output])


def _block(d1, maps):
    d1 = Conv2D(maps, kernel_size=5, strides=2, padding="same")(d1)
    d1 = BatchNormalization(momentum=0.8)(d1)
    d1 = LeakyReLU(alpha=0.2)(d1)
    return Dropout(0.25)(d1)


def generator(size_px=128):
    z = Input(shape=(100,), name="z")
    temp = Input(shape=(384,), name="temp")
    sentence = LeakyReLU(alpha=0.2)(Dense(128)(temp))
    x = Concatenate()([z, sentence])
    first_px = size_px // 16
    x = Reshape((first_px, first_px, 256))(Dense(first_px * first_px * 256)(x))
    for maps in (128, 64, 32):
        x = Conv2DTranspose(maps, kernel_size=4, strides=2, padding="same")(x)
        x = LeakyReLU(alpha=0.2)(BatchNormalization(momentum=0.8)(x))
    img = Conv2DTranspose(3, kernel_size=4, strides=2, padding="same", activation="tanh")(x)
    return Model([z, temp], img)
