"""Ranges of pixels: what networks make, and what files hold."""

from __future__ import annotations

import numpy as np


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
