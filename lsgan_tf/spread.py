"""How far apart examples lie: the cheapest sign that a generator makes one thing only."""

from __future__ import annotations

import numpy as np


def spread(examples: np.ndarray, groups: np.ndarray | None = None) -> float:
    """Mean distance between two examples of one group.

    Args:
      examples: float, `(n, ...)`; pictures with values in [0, 1], or points.
      groups: int, `(n,)`, the group of each; None is one group for all.

    Returns:
      The mean over all pairs within a group of the root of the mean squared
      difference; 0 if there are no pairs or a value is not finite.
    """
    rows = np.asarray(examples, np.float64).reshape(len(examples), -1)
    if not np.isfinite(rows).all():
        return 0.0
    groups = np.zeros(len(rows), np.int64) if groups is None else np.asarray(groups)
    total, pairs = 0.0, 0
    for group in np.unique(groups):
        members = rows[groups == group]
        for number, row in enumerate(members[1:], 1):
            distances = np.sqrt(np.mean((members[:number] - row) ** 2, axis=1))
            total, pairs = total + float(distances.sum()), pairs + number
    return total / pairs if pairs else 0.0
