"""What a generator made of a mixture of Gaussians (Mao et al. 2017, figure 7)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Modes(NamedTuple):
    """How points lie to the modes of a mixture."""

    found: int
    """Modes within whose three standard deviations at least one point lies."""
    within_3std: float
    """Share of the points within three standard deviations of a mode."""
    weights: np.ndarray
    """Share of the points that lie nearest to each mode: float64, `(modes,)`."""
    kl: float
    """KL divergence of `weights` from those of the mixture, in nats: 0 if they are the same."""


def modes(
    points: np.ndarray, means: np.ndarray, deviation: float, target: np.ndarray | None = None
) -> Modes:
    """Counts modes among points.

    Of the mixture itself 1 - exp(-4.5), about 0.989, lie within three standard deviations.

    Args:
      points: `(n, 2)`, n at least 1.
      means: of the Gaussians, `(modes, 2)`.
      deviation: standard deviation of each, on both axes.
      target: the share of each in the mixture, `(modes,)`, none of them 0; equal by default.
    """
    points, means = np.asarray(points, np.float64), np.asarray(means, np.float64)
    distances = np.linalg.norm(points[:, None] - means, axis=2)
    nearest = distances.argmin(axis=1)
    close = distances.min(axis=1) <= 3 * deviation
    weights = np.bincount(nearest, minlength=len(means)) / len(points)
    target = np.full(len(means), 1 / len(means)) if target is None else np.asarray(target)
    there = weights > 0
    return Modes(
        found=len(np.unique(nearest[close])),
        within_3std=float(close.mean()),
        weights=weights,
        kl=float((weights[there] * np.log(weights[there] / target[there])).sum()),
    )
