"""Kernel distance (KID: Binkowski et al. 2018)."""

from __future__ import annotations

import numpy as np

SUBSETS = 100
SUBSET_SIZE = 1000


def kernel_distance(
    features1: np.ndarray,
    features2: np.ndarray,
    *,
    subsets: int = SUBSETS,
    subset_size: int = SUBSET_SIZE,
    seed: int = 0,
) -> tuple[float, float]:
    """Unbiased squared MMD with the kernel (x.y / dim + 1)^3, over random subsets.

    Args:
      features1: `(n, dim)`.
      features2: `(m, dim)`.
      subsets: number of pairs of subsets.
      subset_size: number of examples per subset, drawn without replacement.
      seed: seed of the subsets.

    Returns:
      Mean and population standard deviation over the subsets. The estimate is unbiased, so it may
      be negative for equal distributions.

    Raises:
      ValueError: if `subset_size` is less than two or greater than the number of examples.
    """
    fewest = min(len(features1), len(features2))
    if not 2 <= subset_size <= fewest:
        raise ValueError(f"subsets of {subset_size} cannot be drawn from {fewest} examples")
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(subsets):
        chosen = [
            features[generator.choice(len(features), subset_size, replace=False)]
            for features in (features1, features2)
        ]
        found.append(squared_mmd(*chosen))
    return float(np.mean(found)), float(np.std(found))


def squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased estimate on two sets, `(n, dim)` and `(m, dim)` with n, m >= 2, in O(n^2) memory."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    within = sum(_mean_off_diagonal(_kernel(z, z)) for z in (x, y))
    return float(within - 2 * _kernel(x, y).mean())


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    base = x @ y.T / x.shape[1] + 1
    return base * base * base  # many times faster than base**3


def _mean_off_diagonal(kernel: np.ndarray) -> float:
    count = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (count * (count - 1))
