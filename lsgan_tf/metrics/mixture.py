"""Mode coverage of a mixture of Gaussians (Mao et al. 2017, figure 7)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FOUND_FROM = 0.25
"""A mode is found if its fraction of good points is at least this multiple of its weight."""

_DEVIATIONS = 3.0  # maximum distance of a good point from its mode


class Modes(NamedTuple):
    """Mode coverage; points within three standard deviations of a mode are good.

    Attributes:
      overlap: sum over the modes of the smaller of the fraction of good points and the weight of
        the mode. At most 1; slightly less than 0.989 for the mixture itself.
      found: number of modes whose fraction of good points is at least a quarter of their weight.
      touched: number of modes with any good point, the usual count in the literature.
      within_3std: fraction of good points.
      weights: fraction of points nearest to each mode: float64, `(modes,)`.
      kl: KL divergence of `weights` from the weights of the mixture, in nats.
    """

    overlap: float
    found: int
    touched: int
    within_3std: float
    weights: np.ndarray
    kl: float


def modes(
    points: np.ndarray, means: np.ndarray, deviation: float, target: np.ndarray | None = None
) -> Modes:
    """Compute the mode coverage of points.

    For the mixture itself a fraction of 1 - exp(-4.5), about 0.989, is within three standard
    deviations. `touched` and `kl` alone are not conclusive: a shapeless cloud has some points near
    most modes, and a centred one has equal fractions nearest to each mode.

    Args:
      points: `(n, 2)`, n at least 1.
      means: means of the Gaussians, `(modes, 2)`.
      deviation: standard deviation of each, on both axes.
      target: weights of the mixture, `(modes,)`, greater than 0; equal by default.
    """
    points, means = np.asarray(points, np.float64), np.asarray(means, np.float64)
    distances = np.linalg.norm(points[:, None] - means, axis=2)
    nearest = distances.argmin(axis=1)
    close = distances.min(axis=1) <= _DEVIATIONS * deviation
    weights = np.bincount(nearest, minlength=len(means)) / len(points)
    good = np.bincount(nearest[close], minlength=len(means)) / len(points)
    target = np.full(len(means), 1 / len(means)) if target is None else np.asarray(target)
    there = weights > 0
    return Modes(
        overlap=float(np.minimum(good, target).sum()),
        found=int((good >= FOUND_FROM * target).sum()),
        touched=int((good > 0).sum()),
        within_3std=float(close.mean()),
        weights=weights,
        kl=float((weights[there] * np.log(weights[there] / target[there])).sum()),
    )
