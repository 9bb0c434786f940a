"""Conversion between a network's range of pixel values and 0..255."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def to_range(examples: tf.Tensor, pixel_range: tuple[float, float] | None) -> tf.Tensor:
    """Scales uint8 images into a network's range.

    Args:
      examples: uint8 images, 0 to 255, or values that lie in the range already.
      pixel_range: (0, 1) or (-1, 1); None for points, which are not scaled.

    Returns:
      float32, same shape.
    """
    scaled = pixel_range is not None and examples.dtype == tf.uint8
    examples = tf.cast(examples, tf.float32)
    if not scaled:
        return examples
    low, high = pixel_range
    return examples * ((high - low) / 255.0) + low


def to_uint8(images: np.ndarray, pixel_range: tuple[float, float]) -> np.ndarray:
    """Brings a generator's images from its range to 0..255.

    Args:
      images: float, any shape, values in `pixel_range` (others are clipped).
      pixel_range: (0, 1) for a sigmoid, (-1, 1) for a tanh generator.

    Returns:
      uint8, same shape, rounded to the nearest level; 0 where a value is not a number.
    """
    low, high = pixel_range
    scaled = (np.asarray(images, np.float32) - low) * (255.0 / (high - low))
    return np.nan_to_num(np.clip(np.rint(scaled), 0, 255)).astype(np.uint8)
