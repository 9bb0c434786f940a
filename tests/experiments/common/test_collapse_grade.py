from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsgan_tf.experiments.common.collapse_grade import COLLAPSE, GOOD, SOME, judge, label, small


@pytest.fixture(scope="module")
def images():
    """Smooth images of many kinds, uint8 `(600, 16, 16, 3)`."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (600, 2, 2, 3))
    return coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)


def test_real_images_are_good(images):
    verdict = judge(images[:300], images[300:])
    assert verdict.label == GOOD
    assert verdict.diversity == pytest.approx(1, abs=0.05) and verdict.coverage > 0.9


def test_one_image_over_and_over_is_a_collapse(images):
    random = np.random.default_rng(1)
    same = np.clip(images[:1] + random.normal(0, 3, images[:300].shape), 0, 255).astype(np.uint8)
    assert judge(same, images[300:]).label == COLLAPSE


def test_noise_is_a_collapse(images):
    noise = np.random.default_rng(1).integers(0, 256, images[:300].shape, dtype=np.uint8)
    assert judge(noise, images[300:]).label == COLLAPSE


def test_a_few_images_are_some_collapse(images):
    few = images[np.arange(300) % 40]
    assert judge(few, images[300:]).label == SOME


@pytest.mark.parametrize(
    ("diversity", "coverage", "expected"),
    [(1.0, 0.5, GOOD), (0.7, 0.9, GOOD), (1.31, 0.9, SOME), (1.0, 0.49, SOME), (0.5, 0.9, SOME),
     (0.34, 0.9, COLLAPSE), (1.0, 0.09, COLLAPSE)],
)  # fmt: skip
def test_the_rule(diversity, coverage, expected):
    assert label(diversity, coverage) == expected


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]))
def test_small_keeps_means(height, width, channels):
    random = np.random.default_rng(height * width)
    images = random.integers(0, 256, (3, height, width, channels), dtype=np.uint8)
    found = small(images)
    assert found.shape == (3, 64 * channels)
    expected = images.mean(axis=(1, 2)) / 255
    np.testing.assert_allclose(found.reshape(3, 64, channels).mean(axis=1), expected, atol=1e-5)


def test_small_by_hand():
    image = np.zeros((1, 16, 8, 1), np.uint8)
    image[0, 0, 0], image[0, 1, 0] = 255, 51
    found = small(image).reshape(8, 8)
    assert found[0, 0] == pytest.approx(0.6) and np.count_nonzero(found) == 1
