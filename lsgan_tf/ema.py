"""Exponential moving average (EMA) of the weights of a network.

After n updates the decay is at most (1 + n) / (10 + n), so the average covers about n / 9 updates
until `decay` limits its length: it is useful from the first hundred steps on and quickly forgets
the initial weights. The moving statistics of batch normalisation are averaged too.
"""

from __future__ import annotations

import keras
import tensorflow as tf


def begin(network: keras.Model, *inputs: tf.Tensor | None) -> keras.Model:
    """Clone a network with its values, in the scope of the current strategy.

    Args:
      network: the network.
      inputs: arguments to call the clone with if that is what creates its weights.
    """
    average = type(network).from_config(network.get_config())
    if network.built and not average.built:
        average(*inputs, training=False)
    restart(average, network)
    return average


def restart(average: keras.Model, network: keras.Model) -> None:
    """Set the average to the current values of the network."""
    for mine, theirs in zip(average.variables, network.variables, strict=True):
        mine.assign(theirs)


def update(
    average: keras.Model, network: keras.Model, decay: float, updates: tf.Tensor | int
) -> None:
    """Update the average; call in replica context.

    Each replica updates its own copy; the copies stay equal because the networks are.

    Args:
      average: the result of `begin`.
      network: the network, after its own update.
      decay: decay of the average, in (0, 1), limited to (1 + updates) / (10 + updates).
      updates: number of previous updates of the average.
    """
    rate = tf.maximum(tf.cast(1.0 - decay, tf.float32), 9.0 / (10.0 + tf.cast(updates, tf.float32)))
    pairs = [
        (mine.value, theirs.value)
        for mine, theirs in zip(average.variables, network.variables, strict=True)
    ]

    def move(mine: tf.Variable, theirs: tf.Tensor, rate: tf.Tensor) -> None:
        difference = theirs - mine
        # In float16, moving statistics may be non-finite for a moment after an overflow.
        finite = tf.where(tf.math.is_finite(difference), difference, tf.zeros_like(difference))
        mine.assign_add(tf.cast(rate, mine.dtype) * finite)

    def move_all(strategy: tf.distribute.Strategy, rate: tf.Tensor) -> None:
        for mine, theirs in pairs:
            strategy.extended.update(mine, move, args=(theirs, rate), group=False)

    context = tf.distribute.get_replica_context()
    context.merge_call(move_all, args=(rate,))
