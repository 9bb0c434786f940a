"""Values per replica and over all replicas, inside `tf.distribute`'s replica context."""

from __future__ import annotations

import tensorflow as tf


def replica_count() -> int:
    """Return the number of replicas in sync; 1 outside a replica context."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def local_slice(values: tf.Tensor, count: int | tf.Tensor) -> tf.Tensor:
    """Return this replica's rows of a tensor that every replica computes in full.

    Args:
      values: `(count * replica_count(), length)`.
      count: rows per replica.

    Returns:
      `(count, length)`.
    """
    if replica_count() == 1:
        return values
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    start = tf.cast(replica, tf.int32) * count
    rows = count if isinstance(count, int) else None
    return tf.ensure_shape(values[start : start + count], (rows, values.shape[-1]))


def replica_mean(*values: tf.Tensor) -> list[tf.Tensor]:
    """Average scalars over the replicas, in one all-reduce."""
    if replica_count() == 1:
        return list(values)
    context = tf.distribute.get_replica_context()
    return tf.unstack(context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.stack(values)))
