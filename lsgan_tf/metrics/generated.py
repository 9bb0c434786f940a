"""Samples for metrics, drawn from a generator or a SavedModel without side effects."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.noise import METRICS_STREAM, noise, truncated
from lsgan_tf.sampling.sampler import Sampler
from lsgan_tf.sampling.saved_model import chunk_size
from lsgan_tf.util.pixels import to_uint8

Batch = tuple[np.ndarray, np.ndarray | None]
"""Examples and their requested labels, None if unconditional."""


class Draws:
    """Samples from a generator with its current weights.

    The noise is a function of seed and sample index; no random state is used.

    Args:
      generator: called as `(z, label, training=False)`.
      config: the config of its run, with the dataset's metadata.
      truncation: limit of the noise, see `lsgan_tf.noise.truncated`; None for none.
    """

    def __init__(
        self, generator: keras.Model, config: Config, truncation: float | None = None
    ) -> None:
        self._config, self._range, self._truncation = config, generator.output_range, truncation
        self.chunk = chunk_size(config.data_shape)
        self._generate = tf.function(
            lambda z, label: generator(z, label, training=False), autograph=False
        )

    def batches(self, count: int, seed: int) -> Iterator[Batch]:
        """Draw `count` samples, cycling through the classes if conditional.

        Args:
          count: number of samples.
          seed: seed of the noise.

        Yields:
          uint8 images `(n, height, width, channels)` or float32 points `(n, 2)`, and labels, int32
          `(n,)`, or None.
        """
        config = self._config
        for number, start in enumerate(range(0, count, self.chunk)):
            # Always a whole chunk, so that samples do not depend on their number.
            index = np.arange(start, start + self.chunk)
            labels = (index % config.data_classes).astype(np.int32) if config.conditional else None
            z = noise(seed, METRICS_STREAM, number, self.chunk, config.z_dim, config.z_distribution)
            if self._truncation is not None:
                z = tf.constant(truncated(z.numpy(), self._truncation, config.z_distribution))
            samples = self._generate(z, None if labels is None else tf.constant(labels)).numpy()
            wanted = min(self.chunk, count - start)
            if self._range is not None:
                samples = to_uint8(samples, self._range)
            yield samples[:wanted], None if labels is None else labels[:wanted]


def draws_of_saved_model(
    sampler: Sampler, count: int, seed: int, *, truncation: float | None = None
) -> Iterator[Batch]:
    """Draw `count` samples from a SavedModel, cycling through the classes; see `Draws`."""
    start = 0
    for images in sampler.stream(count, seed, truncation=truncation):
        index = np.arange(start, start + len(images))
        start += len(images)
        yield images, (index % len(sampler.classes)).astype(np.int32) if sampler.classes else None
