from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from lsgan_tf.errors import UserError
from lsgan_tf.noise import GRID_STREAM, noise, truncated

# Philox values by (seed, stream, step). Resumed runs depend on them: do not change.
UNIFORM = [[-0.7980461, -0.5780303, -0.2949288], [-0.9309723, -0.5146003, 0.9294865]]
NORMAL = [[2.0774095, 0.5197075], [0.3106979, 1.4102036]]
HASHED = [[0.9689769, -0.9331299, 0.4944819], [-0.8861157, 0.6728059, 0.629826]]


def draw(seed=1, stream=0, step=0, count=4, z_dim=8, distribution="uniform"):
    return noise(seed, stream, step, count, z_dim, distribution).numpy()


def test_values_do_not_change_between_versions():
    np.testing.assert_allclose(draw(7, 1, 3, 2, 3), UNIFORM, atol=1e-6)
    np.testing.assert_allclose(draw(7, 1, 3, 2, 2, "normal"), NORMAL, atol=1e-6)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_is_the_same_whoever_draws_it(distribution):
    eager = draw(5, 2, 9, distribution=distribution)
    again = draw(5, 2, 9, distribution=distribution)
    traced = tf.function(lambda step: noise(5, 2, step, 4, 8, distribution))
    np.testing.assert_array_equal(eager, again)
    np.testing.assert_array_equal(eager, traced(tf.constant(9, tf.int64)).numpy())
    np.testing.assert_array_equal(eager, traced(tf.constant(9, tf.int32)).numpy())
    assert eager.dtype == np.float32 and eager.shape == (4, 8)


def test_differs_by_seed_stream_and_step():
    cases = [
        draw(seed, stream, step)
        for seed in (0, 1, 2**31 - 1)
        for stream in (0, 1, GRID_STREAM)
        for step in (0, 1, 2, 10**6)
    ]
    assert len({case.tobytes() for case in cases}) == len(cases)
    # No two share even a number, as shifted streams would.
    values = np.concatenate([case.ravel() for case in cases])
    assert len(np.unique(values)) > 0.99 * len(values)


def test_vectors_of_a_batch_differ():
    batch = draw(count=64, z_dim=4)
    assert len(np.unique(batch, axis=0)) == 64


def test_uniform_fills_its_range_evenly():
    values = draw(count=500, z_dim=400).ravel()
    assert values.min() >= -1 and values.max() < 1
    assert abs(values.mean()) < 0.005
    assert stats.kstest(values, "uniform", args=(-1, 2)).pvalue > 1e-3


def test_normal_is_standard():
    values = draw(count=500, z_dim=400, distribution="normal").ravel()
    assert abs(values.mean()) < 0.01 and abs(values.std() - 1) < 0.01
    assert stats.kstest(values, "norm").pvalue > 1e-3


def test_steps_are_independent():
    first, second = (draw(step=step, count=200, z_dim=200).ravel() for step in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02


def test_other_distributions_are_refused():
    with pytest.raises(ValueError, match="cauchy"):
        draw(distribution="cauchy")


class TestTruncated:
    def test_uniform_noise_is_scaled(self):
        z = np.array([[-1, 0, 0.5]], np.float32)
        np.testing.assert_allclose(truncated(z, 0.5, "uniform"), [[-0.5, 0, 0.25]])

    @pytest.mark.parametrize("limit", [0.5, 2.0])
    def test_normal_noise_has_the_cut_distribution(self, limit):
        z = draw(count=5000, z_dim=2, distribution="normal").ravel()
        cut = truncated(z, limit, "normal")
        assert cut.dtype == np.float32 and np.abs(cut).max() <= limit
        assert stats.kstest(cut, stats.truncnorm(-limit, limit).cdf).pvalue > 0.01
        assert (np.argsort(cut) == np.argsort(z)).mean() > 0.99

    def test_far_values_stay_within(self):
        z = np.array([-30, 30, 0], np.float32)
        np.testing.assert_allclose(truncated(z, 1, "normal"), [-1, 1, 0], atol=1e-6)

    @pytest.mark.parametrize(
        ("limit", "distribution"),
        [(0, "uniform"), (1.01, "uniform"), (-1, "normal"), (float("nan"), "normal")],
    )
    def test_a_limit_that_makes_no_sense(self, limit, distribution):
        with pytest.raises(UserError, match="--truncation="):
            truncated(np.zeros(2, np.float32), limit, distribution)


class TestHash:
    def test_values_do_not_change_between_versions(self):
        found = noise(7, 1, 3, 2, 3, "uniform", "hash").numpy()
        np.testing.assert_allclose(found, HASHED, atol=1e-6)

    @pytest.mark.parametrize(
        ("distribution", "reference"), [("uniform", stats.uniform(-1, 2)), ("normal", stats.norm())]
    )
    def test_has_its_distribution_and_no_ties_between_rows(self, distribution, reference):
        z = noise(1, 0, 5, 400, 256, distribution, "hash").numpy()
        assert stats.kstest(z.ravel(), reference.cdf).pvalue > 1e-3
        rows = np.corrcoef(z)[np.triu_indices(400, 1)]
        assert rows.std() * 16 == pytest.approx(1, abs=0.05) and np.abs(rows).max() < 0.4
        columns = np.corrcoef(z.T)[np.triu_indices(256, 1)]
        assert columns.std() * 20 == pytest.approx(1, abs=0.05)

    def test_differs_by_seed_stream_and_step(self):
        drawn = [
            noise(seed, stream, step, 300, 300, "uniform", "hash").numpy().ravel()
            for seed, stream, step in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 1 << 40)]
        ]
        together = np.corrcoef(drawn)[np.triu_indices(5, 1)]
        assert np.abs(together).max() < 0.02

    def test_is_the_same_with_xla_up_to_rounding(self):
        plain = noise(5, 2, 9, 64, 64, "normal", "hash")
        compiled = tf.function(lambda: noise(5, 2, 9, 64, 64, "normal", "hash"), jit_compile=True)()
        np.testing.assert_allclose(plain.numpy(), compiled.numpy(), rtol=1e-4, atol=1e-5)

    def test_another_generator(self):
        with pytest.raises(ValueError, match="philox or hash"):
            noise(0, 0, 0, 1, 1, "normal", "dice")
