"""Conversion between a network's range of pixel values and 0..255."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def to_range(examples: tf.Tensor, pixel_range: tuple[float, float] | None) -> tf.Tensor:
    """Scale uint8 images to a network's range.

    Args:
      examples: uint8 images, 0 to 255, or values already in the range.
      pixel_range: (0, 1) or (-1, 1); None for points, which are not scaled.

    Returns:
      float32, same shape.
    """
    values = tf.cast(examples, tf.float32)
    if pixel_range is None or examples.dtype != tf.uint8:
        return values
    low, high = pixel_range
    return values * ((high - low) / 255.0) + low


def to_uint8(images: np.ndarray, pixel_range: tuple[float, float]) -> np.ndarray:
    """Convert a generator's images to 0..255.

    Args:
      images: float, any shape, clipped to `pixel_range`.
      pixel_range: (0, 1) for a sigmoid, (-1, 1) for a tanh generator.

    Returns:
      uint8, same shape, rounded to the nearest level; NaN becomes 0.
    """
    low, high = pixel_range
    scaled = (np.asarray(images, np.float32) - low) * (255.0 / (high - low))
    return np.nan_to_num(np.clip(np.rint(scaled), 0, 255)).astype(np.uint8)
