"""How much the examples of a class differ from one another."""

from __future__ import annotations

import numpy as np


def within_class(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Mean Euclidean distance of two examples of the same class.

    Args:
      features: `(n, dim)`.
      labels: ints, `(n,)`, 0 to `classes` - 1.
      classes: number of classes.

    Returns:
      float64, `(classes,)`; NaN for a class of fewer than two examples.
    """
    result = np.full(classes, np.nan)
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(classes + 1))
    for label in range(classes):
        chosen = features[order[bounds[label] : bounds[label + 1]]]
        if len(chosen) > 1:
            result[label] = mean_distance(chosen)
    return result


def mean_distance(x: np.ndarray, block: int = 512) -> float:
    """Mean Euclidean distance over all pairs of different rows of `(n, dim)`, n at least 2."""
    x = np.asarray(x, np.float64)
    x = x - x.mean(axis=0)
    squares = (x * x).sum(axis=1)
    total = 0.0
    for start in range(0, len(x), block):
        rows = x[start : start + block]
        distances = squares[start : start + block, None] + squares - 2 * (rows @ x.T)
        # Rounding leaves the distance to itself a little off 0.
        distances[np.arange(len(rows)), np.arange(start, start + len(rows))] = 0
        total += np.sqrt(np.maximum(distances, 0)).sum()
    return float(total / (len(x) * (len(x) - 1)))
