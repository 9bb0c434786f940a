from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.data.hwdb.resize import square
from lsgan_tf.data.pipeline import Batches
from lsgan_tf.data.synthetic import handwriting as standin
from lsgan_tf.data.synthetic import strokes
from lsgan_tf.data.synthetic.handwriting_endless import FreshStandin

FEW = "宽安峰"


@pytest.fixture(scope="module")
def source() -> FreshStandin:
    return FreshStandin(FEW)


def epochs(source: FreshStandin, indices: list[int], numbers: list[int]) -> np.ndarray:
    return source.read_epochs(np.array(indices), np.array(numbers))


def test_a_source_of_labelled_images(source):
    assert (source.name, source.shape, source.classes) == ("hwdb", (28, 28, 1), tuple(FEW))
    assert source.standin and source.fresh
    assert len(source) == 3 * standin.SAMPLES_PER_CLASS
    labels = source.labels(np.arange(len(source)))
    assert labels.dtype == np.int32
    assert np.bincount(labels).tolist() == 3 * [standin.SAMPLES_PER_CLASS]
    pictures = source.read(np.arange(0, len(source), 20))
    assert (pictures.dtype, pictures.shape) == (np.uint8, (9, 28, 28, 1))
    assert (pictures.min(axis=(1, 2, 3)) < 150).all() and (pictures == 255).any()
    assert "new images in every epoch" in source.description


def test_an_image_is_of_its_class(source):
    labels = source.labels(np.arange(len(source)))
    means = np.stack(
        [
            bitmaps.mean(axis=0)
            for bitmaps in source.read(np.arange(len(source))).reshape(3, -1, 784).astype(float)
        ]
    )
    others = epochs(source, range(0, len(source), 3), 60 * [7]).reshape(60, 784).astype(float)
    nearest = ((others[:, None] - means) ** 2).sum(-1).argmin(1)
    assert (nearest == labels[::3]).mean() > 0.7


def test_no_image_comes_twice(source):
    found = [epochs(source, range(60), 60 * [epoch]) for epoch in (0, 1, 2, 10**9)]
    found.append(FreshStandin(FEW, seed=1).read(np.arange(60)))
    digests = {picture.tobytes() for pictures in found for picture in pictures}
    assert len(digests) == 300


def test_images_are_none_of_those_that_are_kept():
    kept = {
        square(Image.fromarray(bitmap), 28).tobytes()
        for _, bitmap in standin.draw("安", writers=range(180), seed=0)
    }
    fresh = {picture.tobytes() for picture in FreshStandin("安").read(np.arange(60))}
    assert (len(kept), len(fresh), len(kept | fresh)) == (180, 60, 240)


def test_an_image_does_not_depend_on_what_is_read_with_it(source):
    indices, numbers = [5, 150, 5, 7, 61], [3, 0, 4, 3, 3]
    whole = epochs(source, indices, numbers)
    for row, (index, number) in enumerate(zip(indices, numbers, strict=True)):
        np.testing.assert_array_equal(epochs(source, [index], [number])[0], whole[row])
    np.testing.assert_array_equal(source.read(np.array([150])), whole[1:2])
    assert source.read(np.array([], np.int64)).shape == (0, 28, 28, 1)


def test_an_epoch_of_many_classes_or_large_images_fits_into_memory():
    classes = strokes.load().characters
    for count, size, per_class in ((1000, 28, 60), (3755, 28, 22), (3755, 112, 1), (67, 64, 60)):
        source = FreshStandin(classes[:count], image_size=size)
        assert len(source) == count * per_class
        assert source.labels(np.array([0, len(source) - 1])).tolist() == [0, count - 1]
    # Even few images per class are new in each epoch.
    source = FreshStandin(classes, image_size=112)
    one, two = epochs(source, [0, 0], [0, 1])
    assert (one != two).any()


def test_size_and_aspect():
    wide = FreshStandin("一", image_size=40, keep_aspect=True).read(np.arange(3))
    assert wide.shape == (3, 40, 40, 1)
    assert (wide[:, :5] == 255).all()
    squashed = FreshStandin("一", image_size=40).read(np.arange(3))
    assert (squashed[:, :5].min(axis=(1, 2, 3)) < 255).all()


def test_the_fingerprint_tells_what_is_drawn():
    made = [
        FreshStandin(FEW),
        FreshStandin(FEW[::-1]),
        FreshStandin(FEW, seed=1),
        FreshStandin(FEW, image_size=32),
        FreshStandin(FEW, keep_aspect=True),
    ]
    assert len({source.fingerprint for source in made}) == 5
    assert FreshStandin(FEW).fingerprint == made[0].fingerprint


def batches(seed: int = 5) -> Batches:
    return Batches(FreshStandin(FEW, seed=seed), batch_size=24, draws=2, seed=seed)


@pytest.mark.parametrize("replicas", [2, 4])
def test_slices_of_replicas_are_the_global_batch(replicas):
    for step in (0, 3, 4, 1000):
        whole, labels = batches().slice(step, 0, 1)
        parts = [batches().slice(step, replica, replicas) for replica in range(replicas)]
        np.testing.assert_array_equal(np.concatenate([part[0] for part in parts], 1), whole)
        np.testing.assert_array_equal(np.concatenate([part[1] for part in parts], 1), labels)


def test_starting_late_is_skipping():
    workers = {"replicas": 1, "first_replica": 0, "local_replicas": 1}
    whole = list(batches().dataset(0, **workers).take(9).as_numpy_iterator())
    late = list(batches().dataset(6, **workers).take(3).as_numpy_iterator())
    for (images, labels), (again, labels_again) in zip(whole[6:], late, strict=True):
        np.testing.assert_array_equal(images, again)
        np.testing.assert_array_equal(labels, labels_again)
    # Eleven epochs without a repeated image.
    pictures = np.concatenate([images.reshape(-1, 784) for images, _ in whole])
    assert len({hashlib.sha256(picture).digest() for picture in pictures}) == 9 * 48
