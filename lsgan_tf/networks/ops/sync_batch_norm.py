"""Batch normalisation synchronised over the replicas of a TensorFlow strategy, in two passes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="lsgan_tf")
class SynchronizedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's `BatchNormalization(synchronized=True)` with an accurate variance.

    Keras computes E[x^2] - E[x]^2, which loses precision where the mean is larger than the standard
    deviation, so a run on two replicas drifts from the same run on one. Here the mean is computed
    first, then the mean squared deviation from it.
    """

    def _moments(self, inputs: Any, mask: Any) -> tuple[tf.Tensor, tf.Tensor]:
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1 or mask is not None:
            return super()._moments(inputs, mask)
        x = tf.cast(inputs, self.variable_dtype)
        axes = self._reduction_axes
        sizes = tf.cast(tf.shape(x), x.dtype)
        local = tf.reduce_prod(tf.gather(sizes, np.array(axes)))
        count = local * context.num_replicas_in_sync  # all replicas have equal slices
        mean = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.reduce_sum(x, axes)) / count
        distances = tf.reduce_sum(tf.square(x - mean), axes)
        variance = context.all_reduce(tf.distribute.ReduceOp.SUM, distances) / count
        return tf.cast(mean, inputs.dtype), tf.cast(variance, inputs.dtype)
