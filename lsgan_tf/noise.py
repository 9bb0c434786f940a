"""Noise as a function of (seed, stream, step): the same whoever draws it, and whenever."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from lsgan_tf.errors import UserError

GRID_STREAM = 1 << 20
"""Stream of the fixed noise under the sample grids; training uses 0, 1, ... d_steps - 1."""

MEASURE_STREAM = GRID_STREAM + 1
"""Stream of the noise of samples that are measured; its steps are numbers of chunks."""


def noise(
    seed: int | tf.Tensor,
    stream: int | tf.Tensor,
    step: int | tf.Tensor,
    count: int | tf.Tensor,
    z_dim: int,
    distribution: str,
    generator: str = "philox",
) -> tf.Tensor:
    """Draws noise vectors z with a counter-based generator.

    Args:
      seed: the run's seed.
      stream: which of the independent draws of a step this is.
      step: the step, at least 0.
      count: number of vectors: the global batch, whatever the number of devices.
      z_dim: length of one vector.
      distribution: "uniform" on [-1, 1) or "normal" (standard).
      generator: "philox", or "hash": 23 random bits a number, and a fraction of the work where XLA
        compiles it for a CPU. Both give the same on every device, up to the rounding of the normal
        distribution's inverse.

    Returns:
      float32, shape `(count, z_dim)`.

    Raises:
      ValueError: for another distribution or generator.
    """
    if distribution not in ("uniform", "normal"):
        raise ValueError(f"Expected uniform or normal. Received: {distribution!r}")
    key = tf.stack([tf.cast(seed, tf.int64), tf.cast(stream, tf.int64)])
    key = tf.random.experimental.stateless_fold_in(key, tf.cast(step, tf.int64), alg="philox")
    shape = (count, z_dim)
    if generator == "hash":
        z = hashed(key, shape)
        return math.sqrt(2.0) * tf.math.erfinv(z) if distribution == "normal" else z
    if generator != "philox":
        raise ValueError(f"Expected philox or hash. Received: {generator!r}")
    if distribution == "uniform":
        return tf.random.stateless_uniform(shape, key, -1.0, 1.0, alg="philox")
    return tf.random.stateless_normal(shape, key, alg="philox")


def truncated(z: np.ndarray, limit: float, distribution: str) -> np.ndarray:
    """Noise as if drawn from its distribution cut to [-limit, limit].

    Each value keeps its quantile, so as the limit falls an image moves smoothly towards the one of
    z = 0.

    Args:
      z: float32, any shape, from the whole distribution.
      limit: above 0; for uniform noise at most 1.
      distribution: "uniform" or "normal".

    Returns:
      float32, same shape.

    Raises:
      UserError: if the limit cuts nothing, or leaves nothing.
    """
    if distribution == "uniform":
        if not 0 < limit <= 1:
            raise UserError(
                f"--truncation={limit:g}: the noise of this generator is uniform on -1 to 1; "
                "expected a limit above 0 and at most 1"
            )
        return z * np.float32(limit)
    if not 0 < limit < math.inf:
        raise UserError(f"--truncation={limit:g}: expected a limit above 0")
    # In double precision, where neither end of the distribution is lost.
    quantile = 0.5 * (1 + tf.math.erf(z.astype(np.float64) / math.sqrt(2)).numpy())
    within = math.erf(limit / math.sqrt(2))
    kept = 0.5 + (quantile - 0.5) * within
    return np.clip(tf.math.ndtri(kept).numpy(), -limit, limit).astype(np.float32)


# Hashing places is little work where XLA compiles it for a CPU: 131,072 normal numbers took 0.6 ms
# of one AVX2 core in XLA, where Philox took 4.9, and 1.8 ms without XLA, where Philox took 2.6.
# Each number has two rounds of a hash of 32 bits, keyed by one block of Philox.
def hashed(key: tf.Tensor, shape: tuple[int | tf.Tensor, int]) -> tf.Tensor:
    """Uniform numbers in (-1, 1), odd multiples of 2^-23: a hash of the key and of each place.

    Args:
      key: of the draw, two int64.
      shape: rows and columns.

    Returns:
      float32.
    """
    # One block of Philox: keys of neighbouring steps share no bits, whatever comes after.
    words = tf.random.stateless_uniform((4,), key, None, None, tf.uint32, alg="philox")
    first, second, third, fourth = tf.unstack(words)
    place = tf.cast(tf.range(tf.cast(shape[0] * shape[1], tf.int32)), tf.uint32)
    word = _scatter(place * _constant(0x9E3779B9) + first, second)
    word = _scatter(word + third, fourth)
    # Of 23 bits and a half, centred, a float32 holds every value.
    bits = tf.cast(tf.bitwise.right_shift(word, _constant(9)), tf.int32)
    return tf.reshape((2.0 * tf.cast(bits, tf.float32) + 1.0) * 2.0**-23 - 1.0, shape)


def _scatter(word: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Scatters words over all 32 bits: two rounds of shift and multiply, keyed in between."""
    word = _shift_xor(word, 16) * _constant(0x7FEB352D) + key
    word = _shift_xor(word, 15) * _constant(0x846CA68B)
    return _shift_xor(word, 16)


def _shift_xor(word: tf.Tensor, bits: int) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(word, tf.bitwise.right_shift(word, _constant(bits)))


def _constant(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint32)
