"""Network of the judge: a small convolutional classifier that trains on two CPU cores."""

from __future__ import annotations

import keras
from keras import layers

from lsgan_tf.metrics import registry as names
from lsgan_tf.util.keras_state import neutral

FEATURES = names.FEATURES["judge"]
"""Feature dimension."""

LARGEST_SIDE = 40
"""Larger images are resized to `SIDE`."""

SIDE = 32


@neutral()
def judge_network(shape: tuple[int, ...], classes: int, seed: int) -> keras.Model:
    """Build the classifier: three convolutions and two dense layers, float32.

    Args:
      shape: shape of an image, `(height, width, channels)`.
      classes: number of classes.
      seed: seed of the initial weights and of dropout.

    Returns:
      A model from float32 images in 0..255, `(n, *shape)`, to features `(n, FEATURES)` and logits
      `(n, classes)`.
    """
    seeds = iter(range(seed * 100, seed * 100 + 100))

    def norm(x: keras.KerasTensor) -> keras.KerasTensor:
        x = layers.BatchNormalization(momentum=0.95, epsilon=1e-5, dtype="float32")(x)
        return layers.ReLU(dtype="float32")(x)

    def conv(x: keras.KerasTensor, filters: int, size: int, strides: int) -> keras.KerasTensor:
        layer = layers.Conv2D(
            filters,
            size,
            strides,
            padding="same",
            use_bias=False,
            kernel_initializer=keras.initializers.HeNormal(next(seeds)),
            dtype="float32",
        )
        return norm(layer(x))

    def dense(units: int, bias: bool) -> keras.Layer:
        initializer = keras.initializers.GlorotUniform(next(seeds))
        return layers.Dense(units, use_bias=bias, kernel_initializer=initializer, dtype="float32")

    images = keras.Input(shape, dtype="float32")
    x = layers.Rescaling(1 / 127.5, -1.0, dtype="float32")(images)
    if max(shape[:2]) > LARGEST_SIDE:
        x = layers.Resizing(SIDE, SIDE, antialias=True, dtype="float32")(x)
    x = conv(x, 32, 5, 2)
    x = conv(x, 64, 3, 1)
    x = layers.MaxPooling2D(2, padding="same", dtype="float32")(x)
    x = conv(x, 128, 3, 1)
    x = layers.Flatten(dtype="float32")(x)
    x = layers.Dropout(0.3, seed=next(seeds), dtype="float32")(x)
    features = norm(dense(FEATURES, bias=False)(x))
    x = layers.Dropout(0.3, seed=next(seeds), dtype="float32")(features)
    return keras.Model(images, [features, dense(classes, bias=True)(x)], name="judge")
