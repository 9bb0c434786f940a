from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.config import resolve
from lsgan_tf.data import open_source, with_metadata
from lsgan_tf.data.synthetic import digits
from lsgan_tf.data.synthetic.digit_glyphs import HEIGHT, glyph
from lsgan_tf.errors import UserError
from lsgan_tf.metrics.real import open_splits


@pytest.fixture(scope="module")
def turned():
    return digits.Digits()


@pytest.fixture(scope="module")
def shifted():
    return digits.Digits(rotation=0.0)


def of_class(source, label):
    rows = np.flatnonzero(source.labels(np.arange(len(source))) == label)
    return source.read(rows)[..., 0]


@pytest.mark.parametrize("which", ["turned", "shifted"])
def test_ten_classes_of_a_thousand(which, request):
    source = request.getfixturevalue(which)
    labels = source.labels(np.arange(len(source)))
    assert np.bincount(labels).tolist() == [1000] * 10
    assert labels.dtype == np.int32 and source.classes == tuple("0123456789")
    pictures = source.read(np.array([0, 9999, 5000]))
    assert pictures.shape == (3, 28, 28, 1) and pictures.dtype == np.uint8


@pytest.mark.parametrize("which", ["turned", "shifted"])
def test_a_digit_fills_all_rows_and_the_ground_is_black(which, request):
    source = request.getfixturevalue(which)
    for label in range(10):
        pictures = of_class(source, label)
        assert (pictures.max(axis=2) > 0).all()
        assert pictures.max() == 255 and pictures.min() == 0
        assert np.median(pictures) == 0


def test_shifts_are_over_the_whole_free_margin_and_nothing_else(shifted):
    for label in range(10):
        pictures = of_class(shifted, label)
        inked = pictures.max(axis=1) > 0
        left, right = inked.argmax(axis=1), 27 - inked[:, ::-1].argmax(axis=1)
        (width,) = np.unique(right - left + 1)
        assert set(left) == set(range(28 - width + 1))
        # The authors' have 11 to 18 different images in a class.
        different = np.unique(pictures.reshape(1000, -1), axis=0)
        assert len(different) == 28 - width + 1 and 11 <= len(different) <= 18


def test_turned_ones_differ_more(turned):
    for label in range(10):
        # The authors' have 490 to 501.
        assert 450 < len(np.unique(of_class(turned, label).reshape(1000, -1), axis=0)) < 650


def test_turning_is_anticlockwise_by_the_angle():
    stem = Image.new("L", (60, 600), 255)
    found = digits._rotated(stem, 10.0).astype(float)
    middle = (found * np.arange(found.shape[1])).sum(1) / found.sum(1)
    slope = np.polyfit(np.arange(28), middle, 1)[0]
    assert np.rad2deg(np.arctan(slope)) == pytest.approx(10, abs=1)


def test_glyphs_are_as_high_as_they_say_and_all_different():
    sizes = {digit: glyph(digit).size for digit in range(10)}
    assert all(abs(height - HEIGHT) <= 2 for _, height in sizes.values())
    assert sizes[9] == sizes[6] and sizes[1][0] < sizes[0][0]
    flat = [np.asarray(glyph(digit).resize((20, 28)), float).ravel() for digit in range(10)]
    for one in range(10):
        for other in range(one):
            assert np.abs(flat[one] - flat[other]).mean() > 20, (one, other)


def test_images_are_a_function_of_the_arguments(turned):
    again, held_out = digits.Digits(), digits.Digits(split="test")
    assert again.fingerprint == turned.fingerprint
    assert len({turned.fingerprint, held_out.fingerprint, digits.Digits(5.0).fingerprint}) == 3
    assert "test split" in held_out.description and "0 to 10 degrees" in turned.description


def test_as_training_and_evaluation_open_them():
    config, _ = resolve({"dataset": "digits", "digits_rotation": 0.0, "conditional": True}, {})
    source = open_source(config)
    config = with_metadata(config, source)
    assert (config.data_shape, config.data_classes, config.data_length) == ((28, 28, 1), 10, 10_000)
    splits = open_splits(config, source)
    assert splits.held_out == "test split" and "shifted, test" in splits.test.description


def test_mistakes():
    with pytest.raises(UserError, match=r"--data_dir=/x: the digits are drawn"):
        digits.open_source(Path("/x"))
    with pytest.raises(UserError, match="'train' and 'test', received 'val'"):
        digits.Digits(split="val")
    with pytest.raises(UserError, match=r"--image_size=32: digits has images of 28 pixels"):
        config, _ = resolve({"dataset": "digits", "image_size": 32}, {})
        with_metadata(config, digits.Digits(0.0))
