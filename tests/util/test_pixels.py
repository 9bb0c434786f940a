"""Conversion of pixel ranges."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lsgan_tf.util.pixels import to_range, to_uint8


class TestRanges:
    def test_sigmoid(self):
        images = np.array([0.0, 0.5, 1.0, 0.25, -0.1, 1.1, 1 / 255])
        expected = [0, 128, 255, 64, 0, 255, 1]  # 127.5 and 63.75 to the nearest (even) level
        assert to_uint8(images, (0, 1)).tolist() == expected

    def test_tanh(self):
        images = np.array([-1.0, 0.0, 1.0, -0.5, -2.0, 2.0])
        assert to_uint8(images, (-1, 1)).tolist() == [0, 128, 255, 64, 0, 255]

    @pytest.mark.parametrize("pixel_range", [(0, 1), (-1, 1)])
    def test_every_level_comes_back(self, pixel_range):
        low, high = pixel_range
        levels = np.arange(256)
        floats = (levels * ((high - low) / 255) + low).astype(np.float32)
        found = to_uint8(floats, pixel_range)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, levels)

    def test_what_is_no_number_is_black(self):
        images = np.array([np.nan, np.inf, -np.inf], np.float32)
        assert to_uint8(images, (0, 1)).tolist() == [0, 255, 0]

    def test_uint8_is_scaled_and_floats_are_not(self):
        levels = tf.constant([0, 51, 255], tf.uint8)
        np.testing.assert_allclose(to_range(levels, (-1, 1)), [-1.0, -0.6, 1.0], atol=1e-7)
        np.testing.assert_array_equal(to_range(tf.constant([0.25]), (-1, 1)), [0.25])
        np.testing.assert_array_equal(to_range(tf.constant([3], tf.uint8), None), [3.0])
