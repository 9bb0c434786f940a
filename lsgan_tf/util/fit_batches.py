"""Conversion of batches from `keras.Model.fit` to arguments of `GAN.update`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class Draws(NamedTuple):
    """The data of one training step.

    Attributes:
      examples: one batch, `(n, ...)`, per update of D.
      labels: int, `(n,)`, per update of D; None throughout without labels.
      batch_size: n if `examples` came as one batch for all updates, else None.
    """

    examples: Sequence[tf.Tensor]
    labels: Sequence[tf.Tensor | None]
    batch_size: int | tf.Tensor | None


def split_draws(
    data: tf.Tensor | tuple[tf.Tensor, ...], *, draws: int, rank: int, labelled: bool
) -> Draws:
    """Split the data of one training step by update of D.

    Args:
      data: examples alone or `(examples, labels)`, either with a leading axis of updates or,
        from `fit`, one batch for all updates.
      draws: updates of D per step.
      rank: rank of one example.
      labelled: whether labels are required.

    Raises:
      ValueError: if required labels are missing, or there are sample weights.
    """
    if isinstance(data, tuple | list) and len(data) > 2:
        raise ValueError(
            "Expected examples, alone or with labels. Received: sample_weight or class_weight too, "
            "which a GAN does not use"
        )
    examples, labels = (*data, None)[:2] if isinstance(data, tuple | list) else (data, None)
    if labelled and labels is None:
        raise ValueError("Expected (examples, labels), since the model is conditional.")
    if examples.shape.rank == rank + 2:
        return Draws(examples, labels, None)
    count = examples.shape[0] or tf.shape(examples)[0]
    return Draws([examples] * draws, [labels] * draws, count)
