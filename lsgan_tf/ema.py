"""An exponential moving average (EMA) of a network's weights, which makes steadier samples.

After n updates the decay is at most (1 + n) / (10 + n): the average looks back over about n / 9 of
them, until `decay` sets its length. So it is of use from the first hundred steps, and the initial
weights are forgotten at once. The moving statistics of batch normalisation are averaged in the same
way: averaged weights go with the statistics of all the weights in the average, and not with those
of the last one alone.
"""

from __future__ import annotations

import keras
import tensorflow as tf


def begin(network: keras.Model) -> keras.Model:
    """A second network of the same kind with the same values, in the current strategy's scope."""
    average = type(network).from_config(network.get_config())
    restart(average, network)
    return average


def restart(average: keras.Model, network: keras.Model) -> None:
    """Makes the average what the network is now."""
    for mine, theirs in zip(average.variables, network.variables, strict=True):
        mine.assign(theirs)


def update(
    average: keras.Model, network: keras.Model, decay: float, updates: tf.Tensor | int
) -> None:
    """Moves the average towards the network's values; call in replica context.

    Each replica moves its own copy; as their networks are alike, so are the averages.

    Args:
      average: what `begin` returned.
      network: just updated.
      decay: share of the average that stays, in (0, 1).
      updates: how often this was done before. The share that stays is at most (1 + updates) / (10 +
        updates).
    """
    rate = tf.maximum(tf.cast(1.0 - decay, tf.float32), 9.0 / (10.0 + tf.cast(updates, tf.float32)))
    pairs = [
        (mine.value, theirs.value)
        for mine, theirs in zip(average.variables, network.variables, strict=True)
    ]

    def move(mine: tf.Variable, theirs: tf.Tensor, rate: tf.Tensor) -> None:
        difference = theirs - mine
        # In float16 a step that overflows may leave bad moving statistics for a moment.
        sound = tf.where(tf.math.is_finite(difference), difference, tf.zeros_like(difference))
        mine.assign_add(tf.cast(rate, mine.dtype) * sound)

    def move_all(strategy: tf.distribute.Strategy, rate: tf.Tensor) -> None:
        for mine, theirs in pairs:
            strategy.extended.update(mine, move, args=(theirs, rate), group=False)

    context = tf.distribute.get_replica_context()
    context.merge_call(move_all, args=(rate,))
