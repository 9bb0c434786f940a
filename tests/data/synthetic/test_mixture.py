from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lsgan_tf.data.synthetic.mixture import Ring

pytestmark = pytest.mark.fast

# The first points, on which runs depend.
FIRST = [[0.7198931, -0.7049634], [-0.7002272, 0.7203745], [-0.7096019, 0.7090057]]


@pytest.fixture(scope="module")
def points():
    return Ring().read(np.arange(80_000))


def nearest(points, ring):
    distance = np.linalg.norm(points[:, None] - ring.means[None], axis=2)
    return distance.argmin(1), distance.min(1)


def test_values_do_not_change_between_versions():
    np.testing.assert_allclose(Ring().read(np.arange(3)), FIRST, atol=1e-6)


def test_the_eight_means_lie_on_the_unit_circle():
    means = Ring().means
    assert means.shape == (8, 2)
    np.testing.assert_allclose(np.linalg.norm(means, axis=1), 1, atol=1e-6)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(means[:3], [[1, 0], [half, half], [0, 1]], atol=1e-6)


def test_every_mode_has_an_eighth(points):
    modes, distance = nearest(points, Ring())
    assert distance.max() < 0.01 * 6
    counts = np.bincount(modes, minlength=8)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_every_mode_is_a_round_gaussian(points):
    ring = Ring()
    modes, _ = nearest(points, ring)
    offset = (points - ring.means[modes]) / 0.01
    for mode in range(8):
        mine = offset[modes == mode]
        np.testing.assert_allclose(mine.mean(0), 0, atol=0.05)
        np.testing.assert_allclose(np.cov(mine.T), np.eye(2), atol=0.07)
    for axis in (0, 1):
        assert stats.kstest(offset[:, axis], "norm").pvalue > 1e-3


def test_a_point_is_a_function_of_its_index():
    ring, order = Ring(), np.random.default_rng(0).permutation(1000)
    whole = ring.read(np.arange(1000))
    np.testing.assert_array_equal(ring.read(order), whole[order])
    np.testing.assert_array_equal(Ring().read(np.array([5, 5])), whole[[5, 5]])
    assert len(np.unique(whole, axis=0)) == 1000
    assert whole.dtype == np.float32 and whole.shape == (1000, 2)


def test_is_a_source_without_classes():
    ring = Ring(length=100)
    assert (len(ring), ring.shape, ring.classes, ring.standin) == (100, (2,), (), False)
    np.testing.assert_array_equal(ring.labels(np.arange(3)), [0, 0, 0])
    assert "8 Gaussians" in ring.description


def test_fingerprint_tells_rings_apart():
    rings = [Ring(), Ring(modes=9), Ring(radius=2), Ring(deviation=0.02), Ring(length=8)]
    rings.append(Ring(doubled=True))
    assert len({ring.fingerprint for ring in rings}) == len(rings)
    assert Ring().fingerprint == Ring().fingerprint


def test_other_rings():
    ring = Ring(modes=3, radius=2.0, deviation=0.1)
    points = ring.read(np.arange(3000))
    modes, distance = nearest(points, ring)
    assert set(modes) == {0, 1, 2}
    assert np.sqrt((distance**2).mean() / 2) == pytest.approx(0.1, rel=0.05)


def test_the_authors_doubled_mode_weighs_two_ninths():
    ring = Ring(doubled=True)
    assert ring.means.shape == (8, 2) and "doubled" in ring.description
    modes, _ = nearest(ring.read(np.arange(90_000)), ring)
    expected = np.full(8, 10_000)
    expected[2] = 20_000  # the mean (0, 1)
    assert stats.chisquare(np.bincount(modes, minlength=8), expected).pvalue > 1e-3


def test_weights_are_the_shares_of_the_modes():
    np.testing.assert_allclose(Ring().weights, [1 / 8] * 8)
    np.testing.assert_allclose(Ring(doubled=True).weights, np.array([1, 1, 2, 1, 1, 1, 1, 1]) / 9)
