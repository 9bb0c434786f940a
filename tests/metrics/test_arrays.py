"""Metrics of plain arrays: values worked out by hand, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from lsgan_tf import metrics

pytestmark = pytest.mark.fast

FUNCTIONS = (
    metrics.frechet_distance,
    metrics.kernel_distance,
    metrics.precision_recall_density_coverage,
)


def with_moments(mean, deviations, seed=0, count=60):
    """Rows whose sample mean and covariance are exactly those of a Gaussian."""
    x = np.random.default_rng(seed).normal(size=(count, len(mean)))
    x -= x.mean(axis=0)
    whitened = x @ scipy.linalg.inv(scipy.linalg.sqrtm(np.cov(x, rowvar=False)))
    return whitened * deviations + mean


def test_frechet_distance_of_known_gaussians():
    x = with_moments([0.0, 0.0], [1.0, 3.0])
    y = with_moments([1.0, 2.0], [2.0, 1.0], seed=1)
    # |m|^2 = 1 + 4; deviations differ by 1 and 2, squared 1 + 4.
    assert metrics.frechet_distance(x, y) == pytest.approx(10)
    assert metrics.frechet_distance(y, x) == pytest.approx(10)
    assert metrics.frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert metrics.frechet_distance(x.astype(np.float32), y.tolist()) == pytest.approx(10, rel=1e-5)


def test_frechet_distance_in_one_dimension_and_of_integers():
    # Means 1 and 4, variances 1 and 4 (over n - 1): 9 + (2 - 1)^2.
    x, y = [[0], [1], [2]], [[2], [4], [6]]
    assert metrics.frechet_distance(x, y) == pytest.approx(10)


def test_kernel_distance_by_hand():
    # Kernels: within x (1*0+1)^3 = 1; within y (2*3+1)^3 = 343; between with mean 93 / 4.
    found = metrics.kernel_distance([[0.0], [1.0]], [[2.0], [3.0]])
    assert found.mean == pytest.approx(1 + 343 - 2 * 93 / 4)
    assert found.deviation == 0


def test_kernel_distance_takes_subsets_of_the_seed():
    x, y = (np.random.default_rng(seed).normal(size=(40, 3)) for seed in (0, 1))
    found = metrics.kernel_distance(x, y + 1, subsets=5, subset_size=10)
    assert found.deviation > 0
    assert metrics.kernel_distance(x, y + 1, subsets=5, subset_size=10) == found
    assert metrics.kernel_distance(x, y + 1, subsets=5, subset_size=10, seed=1) != found


def test_precision_recall_density_coverage_by_hand():
    # Balls to the nearest neighbour have radius 1, open: 0.5 lies in two of them, 9 in none.
    real, fake = [[0.0], [1.0], [2.0], [3.0]], [[0.5], [9.0], [9.5]]
    found = metrics.precision_recall_density_coverage(real, fake, neighbours=1)
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == pytest.approx(1)
    assert found.density == pytest.approx(2 / 3)
    assert found.coverage == pytest.approx(1 / 2)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (np.zeros(9), r"floats of shape \(n, d\)"),
        (np.zeros((9, 2, 2)), r"float64 of shape \(9, 2, 2\)"),
        (np.zeros((9, 0)), r"of shape \(9, 0\)"),
        (np.zeros((9, 2), complex), "complex128"),
        (np.full((9, 2), "x"), "<U1"),
        (np.zeros((9, 3)), "same number of features. Received: 3 and 2"),
        (np.full((9, 2), np.nan), "Expected finite values"),
        (np.zeros((1, 2)), "at least .* rows for .* Received: (x|real) with 1$"),
        (np.zeros((0, 2)), "at least .* rows"),
    ],
)
def test_arrays_that_are_no_features_are_refused(function, wrong, reason):
    sound = np.random.default_rng(0).normal(size=(9, 2))
    with pytest.raises(ValueError, match=reason):
        function(wrong, sound)


def test_too_few_rows_for_what_is_asked_are_refused():
    x, y = np.zeros((4, 4)), np.zeros((9, 4))
    with pytest.raises(ValueError, match=r"at least 5 rows for a covariance .* x with 4"):
        metrics.frechet_distance(x, y)
    with pytest.raises(ValueError, match=r"at least 5 rows for subsets of 5.* y with 4"):
        metrics.kernel_distance(y, x, subset_size=5)
    with pytest.raises(ValueError, match=r"at least 6 rows for 5 neighbours.* fake with 4"):
        metrics.precision_recall_density_coverage(y, x)
    with pytest.raises(ValueError, match="subset_size=1"):
        metrics.kernel_distance(y, y, subset_size=1)
    with pytest.raises(ValueError, match="neighbours=0"):
        metrics.precision_recall_density_coverage(y, y, neighbours=0)
