"""Scores of D for a batch of reals and fakes, computed without side effects."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from lsgan_tf.data.pipeline import Batches
from lsgan_tf.gan import GAN
from lsgan_tf.networks.ops import augmentation
from lsgan_tf.util.pixels import to_range

_AN_OCTAVE = 100


class BatchScores:
    """Scores of D in the next step, before its update, per example.

    They take one forward pass of G and two of D on the step's own batch and noise, with batch
    statistics as in training. Moving averages are restored afterwards, and the batch is read
    again rather than taken from the training iterator.

    Args:
      gan: the model.
      strategy: distribution strategy.
      batches: training batches.
    """

    def __init__(self, gan: GAN, strategy: tf.distribute.Strategy, batches: Batches) -> None:
        self._gan, self._strategy, self._batches = gan, strategy, batches
        self._moved = [v.value for v in gan.non_trainable_variables if v.shape.rank]
        self._run = tf.function(self._score, autograph=False)

    def at(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores in the first update of D after `step`.

        Every worker must call this, since batch normalisation is synchronised.

        Returns:
          Scores of reals and of fakes, float32 `(n,)` each, for the n examples of this
          process's replicas.
        """

        def share(context: tf.distribute.ValueContext) -> tuple[tf.Tensor, tf.Tensor]:
            replica, replicas = context.replica_id_in_sync_group, context.num_replicas_in_sync
            examples, labels = self._batches.slice(step, replica, replicas)
            return tf.constant(examples[0]), tf.constant(labels[0])

        data = self._strategy.experimental_distribute_values_from_function(share)
        real, fake = (
            np.concatenate([each.numpy() for each in self._strategy.experimental_local_results(x)])
            for x in self._run(data)
        )
        return real, fake

    def _score(self, data: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        before = [tf.identity(variable) for variable in self._moved]
        scores = self._strategy.run(self._score_replica, args=(data,))
        for variable, value in zip(self._moved, before, strict=True):
            variable.assign(value)
        return scores

    def _score_replica(self, data: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        gan, (examples, labels) = self._gan, data
        label = labels if gan.conditional else None
        noises, _, shifts = gan.draw_noise(examples.shape[1:])
        of_reals, of_fakes = augmentation.split(shifts, 0)
        fake = gan.augmented(gan.generator(noises[0], label, training=True), of_fakes)
        real = gan.augmented(to_range(examples, gan.pixel_range), of_reals)
        scores = [gan.discriminator(images, label, training=True) for images in (real, fake)]
        return scores[0], scores[1]


def histogram_due(step: int, log_every: int) -> bool:
    """Whether to write histograms at a multiple of `log_every`; depends on the step alone.

    They are written at each of the first 200 log points, then at 100 per doubling of the steps,
    which limits their time and disk space in long runs.
    """
    number = step // log_every
    spacing = 1
    while number >= 2 * spacing * _AN_OCTAVE:
        spacing *= 2
    return number % spacing == 0
