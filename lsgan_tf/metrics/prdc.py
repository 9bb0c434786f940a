"""Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

NEIGHBOURS = 5
_BLOCK = 1 << 22  # distances per block: 32 MiB


class Prdc(NamedTuple):
    """Precision, recall, density and coverage.

    Attributes:
      precision: fraction of samples inside the ball of a real example.
      recall: fraction of real examples inside the ball of a sample.
      density: mean number of real balls that contain a sample, divided by the number of neighbours;
        may exceed 1.
      coverage: fraction of real examples whose ball contains a sample.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: np.ndarray, fake: np.ndarray, *, neighbours: int = NEIGHBOURS) -> Prdc:
    """Compare two sets by balls around each example that reach to its k-th neighbour.

    Distances are computed in blocks to bound memory.

    Args:
      real: features, `(n, dim)`.
      fake: features, `(m, dim)`.
      neighbours: number of neighbours, k.

    Raises:
      ValueError: if a set has too few examples.
    """
    if min(len(real), len(fake)) <= neighbours:
        raise ValueError(
            f"{len(real)} real examples and {len(fake)} samples: more than {neighbours} "
            "of each are needed"
        )
    # Distances are differences of squares, which are most accurate for centred data.
    centre = np.mean(real, axis=0, dtype=np.float64)
    # In float32 at least: squares of float16 overflow, and integers would be truncated.
    real, fake = (
        x - centre.astype(np.result_type(x.dtype, np.float32))
        for x in map(np.asarray, (real, fake))
    )
    real_radius = _radii(real, neighbours)
    fake_radius = _radii(fake, neighbours)
    inside, covered = np.zeros(len(fake), np.int64), np.zeros(len(real), bool)
    recalled = np.zeros(len(real), bool)
    for rows, distances in squared_distances(real, fake):
        in_real = distances < real_radius[rows, None]
        inside += in_real.sum(axis=0)
        covered[rows] = in_real.any(axis=1)
        recalled[rows] = (distances < fake_radius).any(axis=1)
    return Prdc(
        precision=float((inside > 0).mean()),
        recall=float(recalled.mean()),
        density=float(inside.mean() / neighbours),
        coverage=float(covered.mean()),
    )


def _radii(x: np.ndarray, neighbours: int) -> np.ndarray:
    """Squared distance of each example to its k-th neighbour, excluding itself."""
    radii = np.empty(len(x))
    for rows, distances in squared_distances(x, x):
        distances[np.arange(len(distances)), np.arange(rows.start, rows.stop)] = np.inf
        radii[rows] = np.partition(distances, neighbours - 1, axis=1)[:, neighbours - 1]
    return radii


def squared_distances(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield blocks of rows of `x` and their squared distances to all rows of `y`."""
    squares = (y * y).sum(axis=1)
    step = max(1, _BLOCK // len(y))
    for start in range(0, len(x), step):
        rows = slice(start, min(start + step, len(x)))
        block = x[rows]
        distances = (block * block).sum(axis=1)[:, None] + squares - 2 * (block @ y.T)
        yield rows, np.maximum(distances, 0, out=distances)
