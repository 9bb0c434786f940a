"""Within-class diversity."""

from __future__ import annotations

import numpy as np

from lsgan_tf.metrics.prdc import squared_distances


def within_class(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Mean Euclidean distance between examples of the same class.

    Args:
      features: `(n, dim)`.
      labels: ints, `(n,)`, 0 to `classes` - 1.
      classes: number of classes.

    Returns:
      float64, `(classes,)`; NaN for classes with fewer than two examples.
    """
    result = np.full(classes, np.nan)
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(classes + 1))
    for label in range(classes):
        chosen = features[order[bounds[label] : bounds[label + 1]]]
        if len(chosen) > 1:
            result[label] = mean_distance(chosen)
    return result


def mean_distance(x: np.ndarray) -> float:
    """Mean Euclidean distance over all pairs of different rows of `(n, dim)`, n at least 2."""
    x = np.asarray(x, np.float64)
    x = x - x.mean(axis=0)
    total = 0.0
    for rows, squares in squared_distances(x, x):
        # The distance to itself may differ from 0 by rounding.
        squares[np.arange(len(squares)), np.arange(rows.start, rows.stop)] = 0
        total += np.sqrt(squares).sum()
    return float(total / (len(x) * (len(x) - 1)))
