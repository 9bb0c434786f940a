"""The kernel distance (KID: Binkowski et al. 2018)."""

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
      subsets: how many pairs of subsets.
      subset_size: examples of each set in one, drawn without repeats.
      seed: of the choice.

    Returns:
      Mean and standard deviation (of the population) over the subsets. Unbiased, so the mean of
      equal distributions is about 0 and may lie below it.

    Raises:
      ValueError: if a set has fewer examples than a subset, or a subset fewer than two.
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
    """The unbiased estimate on two whole sets, `(n, dim)` and `(m, dim)`, two examples each.

    It holds n x n numbers at a time.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    within = sum(_mean_off_diagonal(_kernel(z, z)) for z in (x, y))
    return float(within - 2 * _kernel(x, y).mean())


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    base = x @ y.T / x.shape[1] + 1
    return base * base * base  # NumPy's power is many times slower


def _mean_off_diagonal(kernel: np.ndarray) -> float:
    count = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (count * (count - 1))
