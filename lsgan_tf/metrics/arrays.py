"""Metrics of plain feature arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lsgan_tf.metrics import frechet, kid, prdc


class KernelDistance(NamedTuple):
    """Kernel distance over random subsets.

    Attributes:
      mean: unbiased estimate, which may be negative for equal distributions.
      deviation: standard deviation over the subsets.
    """

    mean: float
    deviation: float


def frechet_distance(x: ArrayLike, y: ArrayLike) -> float:
    """Fréchet distance of the Gaussians fitted to two sets of features.

    With features of the Inception network this is FID.

    Args:
      x: floats, `(n, d)`, with n > d.
      y: floats, `(m, d)`, with m > d.

    Returns:
      The squared distance, at least 0.

    Raises:
      ValueError: if a shape or dtype is wrong, values are not finite, or there are too few rows.
    """
    x, y = _pair(x, y, ("x", "y"))
    _check_rows(x, y, ("x", "y"), x.shape[1] + 1, "a covariance of full rank")
    return frechet.frechet(frechet.moments_of(x), frechet.moments_of(y))


def kernel_distance(
    x: ArrayLike,
    y: ArrayLike,
    *,
    subsets: int = kid.SUBSETS,
    subset_size: int | None = None,
    seed: int = 0,
) -> KernelDistance:
    """Squared maximum mean discrepancy with the kernel (x.y / d + 1)^3.

    With features of the Inception network this is KID.

    Args:
      x: floats, `(n, d)`.
      y: floats, `(m, d)`.
      subsets: number of random subsets of each set.
      subset_size: rows per subset; by default 1,000, or all if there are fewer.
      seed: seed of the subsets.

    Raises:
      ValueError: if a shape or dtype is wrong, values are not finite, or there are too few rows.
    """
    x, y = _pair(x, y, ("x", "y"))
    size = max(2, min(kid.SUBSET_SIZE, len(x), len(y))) if subset_size is None else subset_size
    if size < 2 or subsets < 1:
        raise ValueError(
            "Expected at least one subset, of at least two rows. Received: "
            f"subsets={subsets}, subset_size={size}"
        )
    _check_rows(x, y, ("x", "y"), size, f"subsets of {size}")
    if size == len(x) == len(y):
        subsets = 1  # all subsets are equal
    return KernelDistance(*kid.kernel_distance(x, y, subsets=subsets, subset_size=size, seed=seed))


def precision_recall_density_coverage(
    real: ArrayLike, fake: ArrayLike, *, neighbours: int = prdc.NEIGHBOURS
) -> prdc.Prdc:
    """Precision, recall, density and coverage by nearest neighbours.

    Args:
      real: features of real examples, floats, `(n, d)`.
      fake: features of generated examples, floats, `(m, d)`.
      neighbours: number of neighbours, k.

    Returns:
      A named tuple of the four metrics.

    Raises:
      ValueError: if a shape or dtype is wrong, values are not finite, or there are too few rows.
    """
    real, fake = _pair(real, fake, ("real", "fake"))
    if neighbours < 1:
        raise ValueError(f"Expected at least one neighbour. Received: neighbours={neighbours}")
    _check_rows(real, fake, ("real", "fake"), neighbours + 1, f"{neighbours} neighbours")
    return prdc.prdc(real, fake, neighbours=neighbours)


def _pair(
    first: ArrayLike, second: ArrayLike, names: tuple[str, str]
) -> tuple[np.ndarray, np.ndarray]:
    one, other = _features(first, names[0]), _features(second, names[1])
    if one.shape[1] != other.shape[1]:
        raise ValueError(
            f"Expected {names[0]} and {names[1]} with the same number of features. Received: "
            f"{one.shape[1]} and {other.shape[1]}"
        )
    return one, other


def _features(array: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(array)
    if array.ndim != 2 or not array.shape[1] or array.dtype.kind not in "fiu":
        raise ValueError(
            f"Expected {name} to be floats of shape (n, d). Received: {array.dtype} of shape "
            f"{array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"Expected finite values. Received: {name} with infinity or NaN")
    # Integers would overflow in products.
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _check_rows(
    first: np.ndarray, second: np.ndarray, names: tuple[str, str], least: int, purpose: str
) -> None:
    for array, name in zip((first, second), names, strict=True):
        if len(array) < least:
            raise ValueError(
                f"Expected at least {least} rows for {purpose}. Received: {name} with {len(array)}"
            )
