"""Shifts and stretches that D sees: by hand, linear, with an exact gradient."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lsgan_tf.networks.ops.augmentation import NUMBERS, augment, split

pytestmark = pytest.mark.fast
RAMP = np.arange(8, dtype=np.float32).reshape(1, 8, 1, 1) * np.ones((1, 8, 5, 2), np.float32)


def noise(shift_y=0.0, shift_x=0.0, stretch_y=0.0, stretch_x=0.0):
    return np.array([[shift_y, shift_x, stretch_y, stretch_x]], np.float32)


def test_without_noise_images_stay_as_they_are():
    images = np.random.default_rng(0).normal(size=(2, 7, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(augment(images, np.zeros((2, 4), np.float32), 0.3), images)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0.5, [1, 2, 3, 4, 5, 6, 7, 6]),
        (-1.0, [2, 1, 0, 1, 2, 3, 4, 5]),
        (0.25, [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 6.5]),
    ],
)
def test_shifts(amount, expected):
    """A quarter of 8 pixels is 2; borders are reflected."""
    found = augment(RAMP, noise(shift_y=amount), 0.25).numpy()
    np.testing.assert_allclose(found, np.reshape(expected, (1, 8, 1, 1)) * np.ones_like(RAMP))
    sideways = augment(RAMP.swapaxes(1, 2), noise(shift_x=amount), 0.25).numpy()
    # Five columns are eight rows there.
    np.testing.assert_allclose(sideways, found.swapaxes(1, 2))


def test_stretches_about_the_centre():
    found = augment(RAMP, noise(stretch_y=-0.5), 1.0).numpy()[0, :, 0, 0]
    np.testing.assert_allclose(found, 3.5 + 0.5 * (np.arange(8) - 3.5))


@given(st.integers(0, 2**31 - 1), st.integers(1, 4), st.floats(0.0, 0.3))
def test_values_stay_in_range_and_the_gradient_is_the_transpose(seed, count, strength):
    rng = np.random.default_rng(seed)
    images, weights = (
        tf.constant(rng.uniform(-1, 1, (count, 9, 6, 1)), tf.float32) for _ in range(2)
    )
    drawn = tf.constant(rng.uniform(-1, 1, (count, NUMBERS)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        made = augment(images, drawn, strength)
        total = tf.reduce_sum(made * weights)
    assert np.abs(made).max() <= 1 + 1e-6
    gradient = tape.gradient(total, images)
    assert float(tf.reduce_sum(gradient * images)) == pytest.approx(float(total), abs=1e-4)
    # Every image by its own numbers, whatever else is in the batch.
    alone = augment(images[-1:], drawn[-1:], strength)
    np.testing.assert_allclose(alone[0], made[-1], atol=1e-6)


def test_noise_of_reals_and_of_fakes():
    drawn = [np.full((3, 8), 1.0), np.arange(24.0).reshape(3, 8)]
    of_reals, of_fakes = split(drawn, 1)
    np.testing.assert_array_equal(of_reals, drawn[1][:, :4])
    np.testing.assert_array_equal(of_fakes, drawn[1][:, 4:])
    assert list(split([], 0)) == [None, None]
