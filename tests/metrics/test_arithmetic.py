"""Metrics of arrays compared with independent implementations and values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
from hypothesis import given, settings
from hypothesis import strategies as st

from lsgan_tf.metrics.diversity import mean_distance, within_class
from lsgan_tf.metrics.features import Features
from lsgan_tf.metrics.frechet import Moments, frechet, gaussian_distance, moments_of
from lsgan_tf.metrics.from_features import FEATURE_METRICS, FeatureSets
from lsgan_tf.metrics.inception_score import inception_score
from lsgan_tf.metrics.kid import kernel_distance, squared_mmd
from lsgan_tf.metrics.mixture import modes
from lsgan_tf.metrics.prdc import prdc

pytestmark = pytest.mark.fast


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


# Inception Score


def test_score_is_the_number_of_classes_for_sure_and_even_predictions():
    logits = np.tile(1000.0 * np.eye(4), (10, 1))
    assert inception_score(logits) == pytest.approx((4, 0))


def test_score_is_one_when_all_are_read_alike():
    assert inception_score(np.tile([3.0, 1.0, -2.0], (20, 1))) == pytest.approx((1, 0))


def test_score_is_over_contiguous_parts():
    # One class only in each part: nothing varies within a part.
    logits = np.repeat(1000.0 * np.eye(2), 5, axis=0)
    assert inception_score(logits, splits=2)[0] == pytest.approx(1)
    assert inception_score(logits, splits=1)[0] == pytest.approx(2)


def test_score_needs_a_sample_a_part():
    with pytest.raises(ValueError, match="too few"):
        inception_score(np.zeros((9, 3)))


# Fréchet distance


def test_frechet_of_known_gaussians():
    # |m|^2 + (1 - 2)^2 + (3 - 1)^2 with standard deviations on the axes.
    one, two = np.diag([1.0, 9.0]), np.diag([4.0, 1.0])
    assert gaussian_distance(np.zeros(2), one, np.array([1.0, 2.0]), two) == pytest.approx(10)


@pytest.mark.parametrize("count", [40, 8])  # the latter with singular covariances
def test_frechet_agrees_with_the_root_of_the_product(count):
    x, y = normal(0, count, 12), 1.5 * normal(1, count, 12) + 0.3
    cx, cy = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    # scipy's root of a singular product is poor: a tiny ridge, as the reference codes add.
    ridge = 1e-9 * np.eye(12)
    root = scipy.linalg.sqrtm((cx + ridge) @ (cy + ridge)).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(cx + cy - 2 * root)
    assert frechet(moments_of(x), moments_of(y)) == pytest.approx(expected, rel=1e-3)


def test_frechet_of_a_set_with_itself_is_nought():
    moments = moments_of(normal(0, 50, 20).astype(np.float32))
    assert frechet(moments, moments) == pytest.approx(0, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=8).filter(lambda sizes: sum(sizes) > 1))
def test_moments_do_not_depend_on_the_batches(sizes):
    x = 1e4 + normal(sum(sizes), sum(sizes), 3)
    moments = Moments(3)
    for part in np.split(x, np.cumsum(sizes)[:-1]):
        moments.add(part)
    assert moments.count == len(x)
    np.testing.assert_allclose(moments.mean, x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance(), np.cov(x, rowvar=False), atol=1e-8)


def test_frechet_of_what_is_no_number_is_none():
    x = normal(0, 50, 3)
    x[7, 1] = np.nan
    assert np.isnan(frechet(moments_of(x), moments_of(normal(1, 50, 3))))


def test_a_covariance_needs_two_examples():
    with pytest.raises(ValueError, match="two examples"):
        moments_of(np.zeros((1, 3))).covariance()


# Kernel distance


def test_mmd_by_hand():
    # Kernels: within x (1*0+1)^3 = 1; within y (2*3+1)^3 = 343; between
    # (0+1)^3, (0+1)^3, (2+1)^3, (3+1)^3 with mean 93 / 4.
    x, y = np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]])
    assert squared_mmd(x, y) == pytest.approx(1 + 343 - 2 * 93 / 4)


def test_mmd_agrees_with_sums_over_pairs():
    x, y = normal(0, 7, 4), normal(1, 5, 4) + 0.5

    def k(a, b):
        return (a @ b / 4 + 1) ** 3

    within = [
        np.mean([k(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j])
        for z in (x, y)
    ]
    between = np.mean([k(a, b) for a in x for b in y])
    assert squared_mmd(x, y) == pytest.approx(sum(within) - 2 * between)


def test_kernel_distance_is_unbiased_and_finds_a_difference():
    x, y = normal(0, 600, 8), normal(1, 700, 8)
    same, spread = kernel_distance(x, y, subsets=40, subset_size=100)
    other, _ = kernel_distance(x, y + 0.5, subsets=40, subset_size=100)
    assert abs(same) < 3 * spread / np.sqrt(40) + 0.02
    assert other > 10 * abs(same)
    assert kernel_distance(x, y, subsets=3, subset_size=50) == kernel_distance(
        x, y, subsets=3, subset_size=50
    )


def test_subsets_larger_than_a_set_are_refused():
    with pytest.raises(ValueError, match="cannot be drawn"):
        kernel_distance(normal(0, 10, 2), normal(1, 20, 2), subset_size=11)


# Precision, recall, density, coverage


def slow_prdc(real, fake, k):
    between = scipy.spatial.distance.cdist(real, fake)
    rr, ff = (np.sort(scipy.spatial.distance.cdist(x, x), axis=1)[:, k] for x in (real, fake))
    inside = between < rr[:, None]
    return (
        inside.any(0).mean(),
        (between < ff).any(1).mean(),
        inside.sum(0).mean() / k,
        (between.min(1) < rr).mean(),
    )


@pytest.mark.parametrize("shape", [(30, 25), (25, 40)])
def test_prdc_agrees_with_all_distances(shape, monkeypatch):
    monkeypatch.setattr("lsgan_tf.metrics.prdc._BLOCK", 100)  # many blocks, the last one short
    real, fake = 3 + normal(0, shape[0], 5), 3.4 + normal(1, shape[1], 5)
    assert prdc(real, fake, neighbours=3) == pytest.approx(slow_prdc(real, fake, 3))


def test_prdc_of_points_on_a_line():
    # Balls to the nearest neighbour have radius 1, open: 0.5 lies in two of them, 9 in none.
    real, fake = np.arange(4.0)[:, None], np.array([[0.5], [9.0], [9.5]])
    found = prdc(real, fake, neighbours=1)
    assert found.precision == pytest.approx(1 / 3)
    assert found.density == pytest.approx(2 / 3)
    assert found.coverage == pytest.approx(2 / 4)
    # The sample at 0.5 has its neighbour 8.5 away: all four real points lie in its ball.
    assert found.recall == pytest.approx(1)


@pytest.mark.parametrize("dtype", [np.float16, np.int16])
def test_prdc_of_halves_and_whole_numbers(dtype):
    # Squares of such numbers do not fit into halves.
    real, fake = ((900 * normal(seed, 30, 4)).astype(dtype) for seed in (0, 1))
    expected = slow_prdc(real.astype(np.float64), fake.astype(np.float64), 3)
    assert prdc(real, fake, neighbours=3) == pytest.approx(expected)


def test_prdc_needs_neighbours():
    with pytest.raises(ValueError, match="more than 5"):
        prdc(np.zeros((5, 2)), np.zeros((9, 2)))


# Diversity


def test_mean_distance_by_hand_and_by_blocks(monkeypatch):
    square = np.array([[0.0, 0], [0, 3], [4, 0], [4, 3]])
    # Two pairs each of 3, 4 and 5.
    assert mean_distance(square) == pytest.approx(4)
    x = normal(0, 30, 6)
    expected = scipy.spatial.distance.pdist(x).mean()
    monkeypatch.setattr("lsgan_tf.metrics.prdc._BLOCK", 7 * len(x))
    assert mean_distance(x) == pytest.approx(expected)


def test_diversity_is_by_class():
    features = np.array([[0.0], [10.0], [2.0], [11.0], [99.0]])
    found = within_class(features, np.array([0, 2, 0, 2, 1]), 4)
    np.testing.assert_allclose(found, [2, np.nan, 1, np.nan])


# Mixture


MEANS = np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1]])


def test_modes_by_hand():
    points = np.array([[1.0, 0.0], [1.02, 0.0], [0.0, 1.04], [-0.9, 0.0]])
    found = modes(points, MEANS, 0.01)
    # The second mode's only point is four deviations away.
    assert (found.found, found.touched) == (1, 1)
    assert found.within_3std == pytest.approx(0.5)
    assert found.overlap == pytest.approx(0.25)  # of the good half, a quarter is too much
    np.testing.assert_allclose(found.weights, [0.5, 0.25, 0.25, 0])
    assert found.kl == pytest.approx(0.5 * np.log(2))
    as_meant = modes(points, MEANS, 0.01, np.array([0.5, 0.25, 0.2, 0.05]))
    assert as_meant.kl == pytest.approx(0.25 * np.log(0.25 / 0.2))
    assert as_meant.overlap == pytest.approx(0.5)


def test_a_mode_is_found_from_a_quarter_of_its_share_on():
    # 16 good points of 256 are a quarter of one of four equal modes, 4 of a mode of 1/16.
    points = MEANS[np.repeat([0, 1, 2, 3], [204, 16, 15, 4])]
    points = np.concatenate([points, np.full((17, 2), 7.0)])
    found = modes(points, MEANS, 0.01)
    assert (found.found, found.touched) == (2, 4)
    assert modes(points, MEANS, 0.01, np.array([0.7, 0.2, 0.0375, 0.0625])).found == 4


def test_a_cloud_without_modes_finds_none():
    cloud = np.random.default_rng(0).normal(0, 0.7, (5120, 2))
    ring = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4])
    found = modes(cloud, ring, 0.01)
    assert found.touched >= 5 and found.kl < 0.01  # which alone look like success
    assert found.found == 0 and found.overlap < 0.01


def test_modes_of_the_mixture_itself_and_of_a_collapse():
    rng = np.random.default_rng(0)
    points = MEANS[rng.integers(0, 4, 20_000)] + rng.normal(0, 0.01, (20_000, 2))
    found = modes(points, MEANS, 0.01)
    assert found.found == found.touched == 4
    assert found.overlap == pytest.approx(0.98, abs=0.01)
    assert found.within_3std == pytest.approx(1 - np.exp(-4.5), abs=0.003)
    assert found.kl == pytest.approx(0, abs=1e-3)
    lost = modes(points * 0 + MEANS[2], MEANS, 0.01)
    assert (lost.found, lost.overlap) == (1, 0.25)
    assert lost.kl == pytest.approx(np.log(4))


def test_classes_that_are_found_for_sure():
    # 40 images of 4 classes: fair is ten of each, and a class is found with one sure image.
    sure, unsure = 10.0 * np.eye(4), np.zeros((1, 4))
    logits = np.concatenate([np.tile(sure[0], (30, 1)), np.tile(sure[1], (1, 1)),
                             np.tile(unsure, (9, 1))])  # fmt: skip
    sets = FeatureSets(Features(np.zeros((40, 2)), logits, np.zeros(40, int)), None, None, 0)
    assert FEATURE_METRICS["judge_classes"](sets) == (2.0, 31 / 40)
    doubled = Features(np.zeros((80, 2)), np.concatenate([logits, np.tile(unsure, (40, 1))]), None)
    assert FEATURE_METRICS["judge_classes"](sets._replace(own=doubled)) == (1.0, 31 / 80)
