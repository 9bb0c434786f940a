"""What a generator made of a mixture of Gaussians (Mao et al. 2017, figure 7)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FOUND_FROM = 0.25
"""Good points that make a mode count as found, over its share of the mixture."""

_DEVIATIONS = 3.0  # from a mode, within which a point is good


class Modes(NamedTuple):
    """How points lie to the modes of a mixture; a point is good within three deviations."""

    overlap: float
    """What good points and mixture have in common: the sum over the modes of the smaller of
    its share of good points and its share of the mixture. 1 at most; the mixture itself has
    a little less than 0.989."""
    found: int
    """Modes that have a quarter at least of their share of the mixture in good points."""
    touched: int
    """Modes that have a good point at all: the count that is usual elsewhere."""
    within_3std: float
    """Share of the points that are good."""
    weights: np.ndarray
    """Share of the points that lie nearest to each mode: float64, `(modes,)`."""
    kl: float
    """KL divergence of `weights` from those of the mixture, in nats: 0 if they are the same."""


def modes(
    points: np.ndarray, means: np.ndarray, deviation: float, target: np.ndarray | None = None
) -> Modes:
    """Counts modes among points.

    Of the mixture itself 1 - exp(-4.5), about 0.989, lie within three standard deviations.
    `touched` and `kl` alone say little: among thousands of points of a shapeless cloud some lie
    near most modes, and a cloud about the middle has each mode's share nearest to it.

    Args:
      points: `(n, 2)`, n at least 1.
      means: of the Gaussians, `(modes, 2)`.
      deviation: standard deviation of each, on both axes.
      target: the share of each in the mixture, `(modes,)`, none of them 0; equal by default.
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
