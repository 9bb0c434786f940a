"""Differentiable augmentation: D sees reals and fakes through the same random transformation.

With few examples D learns them by heart. Augmenting the reals alone would teach G the augmentation;
Zhao et al. (2020), "Differentiable Augmentation for Data-Efficient GAN Training", pass both through
it, D(T(x)) and D(T(G(z))), and G's gradient back through T. Here T shifts and stretches an image by
amounts drawn for every example of every update.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

STREAM = 1 << 17
"""Stream of the noise for the first draw of a step (`lsgan_tf.noise`)."""

NUMBERS = 4
"""Random numbers per image: vertical and horizontal shift, vertical and horizontal stretch."""


def augment(images: tf.Tensor, noise: tf.Tensor, strength: float) -> tf.Tensor:
    """Shift and stretch images, with bilinear interpolation and reflection at the borders.

    Args:
      images: float32, `(n, height, width, channels)`.
      noise: float32 in [-1, 1), `(n, NUMBERS)`.
      strength: maximum shift and stretch, as a fraction of the size; at most 0.3.

    Returns:
      Images of the same shape, linear in `images`.
    """
    height, width = images.shape[1:3]
    rows = _interpolation(noise[:, 0], noise[:, 2], height, strength)
    columns = _interpolation(noise[:, 1], noise[:, 3], width, strength)
    return tf.einsum("nlk,nikc->nilc", columns, tf.einsum("nij,njkc->nikc", rows, images))


def split(noises: Sequence[tf.Tensor], draw: int) -> Sequence[tf.Tensor | None]:
    """Return the noise of reals and of fakes in an update; None twice without augmentation.

    Args:
      noises: `(n, 2 * NUMBERS)` per update, or empty.
      draw: index of the update.
    """
    return tf.split(noises[draw], 2, axis=1) if noises else (None, None)


def _interpolation(shift: tf.Tensor, stretch: tf.Tensor, size: int, strength: float) -> tf.Tensor:
    """Return the matrices of linear interpolation along one axis: `(n, size, size)`."""
    centre, last = (size - 1) / 2, size - 1.0
    positions = tf.range(size, dtype=tf.float32)
    factor, offset = 1.0 + strength * stretch[:, None], strength * size * shift[:, None]
    source = centre + offset + factor * (positions - centre)
    source = last - tf.abs(last - tf.abs(source))
    return tf.nn.relu(1.0 - tf.abs(source[:, :, None] - positions))
