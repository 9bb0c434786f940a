"""Encoded images as a source."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from lsgan_tf.data.images import decode
from lsgan_tf.data.images.image_source import ImageSource
from lsgan_tf.data.images.records import Records
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast


class Listed(Records):
    kind = "list"

    def __init__(self, contents):
        self.contents = contents

    def __len__(self):
        return len(self.contents)

    def content(self, index):
        return self.contents[index]

    def name_of(self, index):
        return f"number {index}"

    def fingerprint(self):
        return str(hash(tuple(self.contents)))


@pytest.fixture
def contents(encode, noise):
    return [encode(noise(number)) for number in range(6)]


def test_reading_is_decoding_to_size(contents):
    source = ImageSource(Listed(contents), name="lsun", size=8)
    assert (len(source), source.shape, source.classes) == (6, (8, 8, 3), ())
    found = source.read(np.array([4, 0, 4]))
    assert found.dtype == np.uint8
    for row, index in zip(found, [4, 0, 4], strict=True):
        expected = decode.to_size(decode.decode(contents[index]), 8, crop=False)
        np.testing.assert_array_equal(row, expected)
    assert source.labels(np.arange(3)).tolist() == [0, 0, 0]
    assert source.read(np.array([], int)).shape == (0, 8, 8, 3)


def test_grey_and_crop(contents):
    source = ImageSource(Listed(contents), name="images", size=8, crop=True, channels=1)
    assert source.shape == (8, 8, 1)
    expected = decode.to_size(decode.decode(contents[2]), 8, crop=True, channels=1)
    np.testing.assert_array_equal(source.read(np.array([2]))[0], expected)


def test_labels(contents):
    labels = np.array([0, 0, 1, 1, 2, 2], np.int32)
    source = ImageSource(Listed(contents), name="images", size=8, classes=("a", "b"), labels=labels)
    assert source.labels(np.array([5, 0, 2])).tolist() == [2, 0, 1]


def test_the_fingerprint_depends_on_content_and_preprocessing(contents):
    def fingerprint(contents, **options):
        return ImageSource(Listed(contents), **{"name": "x", "size": 8, **options}).fingerprint

    all_of_them = {
        fingerprint(contents),
        fingerprint(contents[:5]),
        fingerprint(contents, size=9),
        fingerprint(contents, crop=True),
        fingerprint(contents, channels=1),
        fingerprint(contents, classes=("a",)),
    }
    assert len(all_of_them) == 6
    assert fingerprint(contents) in all_of_them


def test_a_damaged_image_is_replaced_by_the_next_sound_one(contents, caplog):
    contents[2], contents[3], contents[5] = b"", contents[3][:50], b"x"
    source = ImageSource(Listed(contents), name="lsun", size=8)
    with caplog.at_level(logging.WARNING):
        found = source.read(np.arange(6))
    np.testing.assert_array_equal(found[2], found[4])
    np.testing.assert_array_equal(found[3], found[4])
    np.testing.assert_array_equal(found[5], found[0])  # After the last comes the first.
    np.testing.assert_array_equal(source.read(np.array([2])), found[2:3])
    assert list(source.damaged) == ["number 2", "number 3", "number 5"]
    assert source.damaged["number 2"] == "empty"
    assert len(caplog.records) == 3  # Each is named once.


def test_nothing_but_damage(encode):
    source = ImageSource(Listed([b""] * 5), name="lsun", size=8, description="LSUN x")
    with pytest.raises(UserError, match="number 3 and all following ones cannot be decoded"):
        source.read(np.array([3]))
    far = ImageSource(Listed([b""] * 150 + [encode()]), name="lsun", size=8)
    with pytest.raises(UserError, match="number 0 and"):
        far.read(np.array([0]))
    assert far.read(np.array([100])).shape == (1, 8, 8, 3)
