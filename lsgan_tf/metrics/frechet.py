"""Fréchet distance of Gaussians fitted to features (FID: Heusel et al. 2017)."""

from __future__ import annotations

import numpy as np


class Moments:
    """Running mean and covariance of batches of features, in float64.

    Args:
      dim: number of features.

    Attributes:
      count: number of examples added.
      mean: float64, `(dim,)`.
    """

    def __init__(self, dim: int) -> None:
        self.count = 0
        self.mean = np.zeros(dim)
        self._scatter = np.zeros((dim, dim))

    def add(self, features: np.ndarray) -> None:
        """Add a batch of features, `(n, dim)`, any float dtype."""
        features = np.asarray(features, np.float64)
        count = len(features)
        if not count:
            return
        mean = features.mean(axis=0)
        centred = features - mean
        # Chan et al.: sums of squares of both groups plus a term for the distance of the means.
        step = mean - self.mean
        total = self.count + count
        self._scatter += centred.T @ centred
        self._scatter += np.outer(step, step) * (self.count * count / total)
        self.mean = self.mean + step * (count / total)
        self.count = total

    def covariance(self) -> np.ndarray:
        """Return the sample covariance, over `count` - 1: float64, `(dim, dim)`."""
        if self.count < 2:
            raise ValueError(f"a covariance requires two examples, there are {self.count}")
        return self._scatter / (self.count - 1)


def moments_of(features: np.ndarray, block: int = 4096) -> Moments:
    """Compute the moments of features, `(n, dim)`."""
    moments = Moments(features.shape[1])
    for start in range(0, len(features), block):
        moments.add(features[start : start + block])
    return moments


def gaussian_distance(
    mean1: np.ndarray, covariance1: np.ndarray, mean2: np.ndarray, covariance2: np.ndarray
) -> float:
    """Compute |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)).

    The eigenvalues of C1 C2 are those of the symmetric S C2 S with S = C1^(1/2), so two symmetric
    decompositions give the trace, without complex numbers and for singular covariances too.

    Args:
      mean1: `(dim,)`.
      covariance1: symmetric, `(dim, dim)`.
      mean2: `(dim,)`.
      covariance2: symmetric, `(dim, dim)`.

    Returns:
      The squared distance, as reported for FID, at least 0; NaN if an input is not finite.
    """
    if not all(np.isfinite(x).all() for x in (mean1, covariance1, mean2, covariance2)):
        return float("nan")
    values, vectors = np.linalg.eigh(covariance1)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    product = root @ covariance2 @ root
    roots = np.sqrt(np.clip(np.linalg.eigvalsh((product + product.T) / 2), 0, None))
    distance = np.sum((mean1 - mean2) ** 2)
    distance += np.trace(covariance1) + np.trace(covariance2) - 2 * roots.sum()
    return max(float(distance), 0.0)


def frechet(features1: Moments, features2: Moments) -> float:
    """Compute the Fréchet distance of two sets of features from their moments."""
    return gaussian_distance(
        features1.mean, features1.covariance(), features2.mean, features2.covariance()
    )
