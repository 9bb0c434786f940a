"""Samples to be measured, drawn from a generator or a SavedModel without disturbing anything."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.noise import METRICS_STREAM, noise
from lsgan_tf.sampling.sampler import Sampler, chunk_size
from lsgan_tf.util.pixels import to_uint8

Batch = tuple[np.ndarray, np.ndarray | None]
"""Examples, and the labels they were asked for by; None if unconditional."""


class Draws:
    """Draws from a generator as it is at the time of drawing.

    The noise is a function of the seed and of the sample's number alone: no random state is read or
    moved.

    Args:
      generator: called as `(z, label, training=False)`, with the moving averages of its batch
        normalisation.
      config: of the run it belongs to, with the dataset's facts.
    """

    def __init__(self, generator: keras.Model, config: Config) -> None:
        self._config, self._range = config, generator.output_range
        self.chunk = chunk_size(config.data_shape)
        self._generate = tf.function(
            lambda z, label: generator(z, label, training=False), autograph=False
        )

    def batches(self, count: int, seed: int) -> Iterator[Batch]:
        """Draws `count` samples, the classes in turn if there are classes.

        Args:
          count: how many in all.
          seed: of the noise.

        Yields:
          uint8 images `(n, height, width, channels)` or float32 points `(n, 2)`, and labels, int32
          `(n,)`, or None.
        """
        config = self._config
        for number, start in enumerate(range(0, count, self.chunk)):
            # Always a whole chunk, so that a sample does not depend on how many are drawn.
            turn = np.arange(start, start + self.chunk)
            labels = (turn % config.data_classes).astype(np.int32) if config.conditional else None
            z = noise(seed, METRICS_STREAM, number, self.chunk, config.z_dim, config.z_distribution)
            made = self._generate(z, None if labels is None else tf.constant(labels)).numpy()
            wanted = min(self.chunk, count - start)
            if self._range is not None:
                made = to_uint8(made, self._range)
            yield made[:wanted], None if labels is None else labels[:wanted]


def draws_of_saved_model(sampler: Sampler, count: int, seed: int) -> Iterator[Batch]:
    """Draws `count` samples from a SavedModel, the classes in turn; as `Draws.batches`."""
    start = 0
    for images in sampler.stream(count, seed):
        turn = np.arange(start, start + len(images))
        start += len(images)
        yield images, (turn % len(sampler.classes)).astype(np.int32) if sampler.classes else None
