"""Small distortions of pictures, so that a classifier learns what matters."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_ROTATION = np.deg2rad(10)
_SHEAR = 0.15
_SCALE = 0.15
_SHIFT = 0.08  # of the side


def distort(
    images: np.ndarray, generator: np.random.Generator, *, mirror: bool = False
) -> tf.Tensor:
    """Turns, shears, stretches and shifts each picture a little, at random.

    What comes in at the border repeats the picture's edge.

    Args:
      images: uint8 or float32, `(n, height, width, channels)`.
      generator: of the randomness.
      mirror: also mirror half of them left to right.

    Returns:
      float32 in the same range, same shape.
    """
    height, width = images.shape[1:3]
    transforms = _transforms(len(images), height, width, generator, mirror)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=transforms,
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def _transforms(
    count: int, height: int, width: int, generator: np.random.Generator, mirror: bool
) -> np.ndarray:
    """Where each pixel of a result comes from: float32, `(count, 8)`, as TensorFlow has it."""
    spread = generator.uniform(-1, 1, (6, count))
    angle, shear = _ROTATION * spread[0], _SHEAR * spread[1]
    across, down = 1 + _SCALE * spread[2], 1 + _SCALE * spread[3]
    if mirror:
        across = across * np.where(generator.random(count) < 0.5, -1, 1)
    cosine, sine = np.cos(angle), np.sin(angle)
    a, b = cosine * across, (shear * cosine - sine) * down
    c, d = sine * across, (shear * sine + cosine) * down
    # About the middle of the picture, not its corner.
    x, y = (width - 1) / 2, (height - 1) / 2
    right = x - a * x - b * y + _SHIFT * width * spread[4]
    below = y - c * x - d * y + _SHIFT * height * spread[5]
    nothing = np.zeros(count)
    return np.stack([a, b, right, c, d, below, nothing, nothing], 1).astype(np.float32)
