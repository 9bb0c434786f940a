"""Data augmentation of the judge."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_ROTATION = np.deg2rad(10)
_SHEAR = 0.15
_SCALE = 0.15
_SHIFT = 0.08  # fraction of the size


def distort(
    images: np.ndarray, generator: np.random.Generator, *, mirror: bool = False
) -> tf.Tensor:
    """Randomly rotate, shear, scale and shift each image; borders repeat the edge.

    Args:
      images: uint8 or float32, `(n, height, width, channels)`.
      generator: random generator.
      mirror: whether to flip half of the images left to right.

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
    """Projective transforms from output to input pixels: float32, `(count, 8)`."""
    random = generator.uniform(-1, 1, (6, count))
    angle, shear = _ROTATION * random[0], _SHEAR * random[1]
    scale_x, scale_y = 1 + _SCALE * random[2], 1 + _SCALE * random[3]
    if mirror:
        scale_x = scale_x * np.where(generator.random(count) < 0.5, -1, 1)
    cosine, sine = np.cos(angle), np.sin(angle)
    a, b = cosine * scale_x, (shear * cosine - sine) * scale_y
    c, d = sine * scale_x, (shear * sine + cosine) * scale_y
    # About the centre of the image.
    x, y = (width - 1) / 2, (height - 1) / 2
    shift_x = x - a * x - b * y + _SHIFT * width * random[4]
    shift_y = y - c * x - d * y + _SHIFT * height * random[5]
    zeros = np.zeros(count)
    return np.stack([a, b, shift_x, c, d, shift_y, zeros, zeros], 1).astype(np.float32)
