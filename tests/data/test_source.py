from __future__ import annotations

import numpy as np
import pytest

from lsgan_tf.data.pipeline import Batches
from lsgan_tf.data.source import ArraySource

pytestmark = pytest.mark.fast

PICTURES = np.arange(5 * 4 * 4 * 3, dtype=np.uint8).reshape(5, 4, 4, 3)
LABELS = np.array([0, 1, 0, 1, 1], np.uint8)


def test_reads_by_index_with_labels():
    source = ArraySource(PICTURES, LABELS, ["a", "b"])
    assert (len(source), source.shape, source.classes) == (5, (4, 4, 3), ("a", "b"))
    indices = np.array([3, 0, 3])
    np.testing.assert_array_equal(source.read(indices), PICTURES[indices])
    labels = source.labels(indices)
    assert labels.dtype == np.int32 and labels.tolist() == [1, 0, 1]
    assert source.description == "5 examples in memory" and source.name == "arrays"


def test_without_classes_labels_are_noughts():
    points = np.zeros((3, 2), np.float32)
    source = ArraySource(points)
    assert source.classes == () and source.labels(np.arange(3)).tolist() == [0, 0, 0]
    examples, _ = Batches(source, batch_size=2, draws=1, seed=0).slice(0, 0, 1)
    assert examples.shape == (1, 2, 2)


def test_the_fingerprint_is_of_the_content():
    same = [ArraySource(PICTURES, LABELS, ["a", "b"], description=text) for text in "xy"]
    assert same[0].fingerprint == same[1].fingerprint
    others = [
        ArraySource(PICTURES + 1, LABELS, ["a", "b"]),
        ArraySource(PICTURES, 1 - LABELS, ["a", "b"]),
        ArraySource(PICTURES, LABELS, ["a", "c"]),
        ArraySource(PICTURES),
        ArraySource(PICTURES.reshape(5, 2, 8, 3)),
        ArraySource(PICTURES[::-1]),
    ]
    assert len({source.fingerprint for source in (same[0], *others)}) == 7
    assert ArraySource(PICTURES, fingerprint="given").fingerprint == "given"


@pytest.mark.parametrize(
    ("examples", "labels", "classes", "said"),
    [
        (PICTURES / 255, None, (), "Expected uint8 images.*float64"),
        (PICTURES[..., 0], None, (), r"Received: uint8 \(5, 4, 4\)"),
        (PICTURES[..., :2], None, (), r"1 or 3"),
        (PICTURES[:0], None, (), r"Received: uint8 \(0, 4, 4, 3\)"),
        (np.zeros((3, 2)), None, (), "float32 points"),
        (PICTURES, LABELS[:4], ["a", "b"], r"Expected 5 integers.*\(4,\)"),
        (PICTURES, None, ["a", "b"], "Expected 5 integers"),
        (PICTURES, LABELS * 0.5, ["a", "b"], "integers.*float64"),
        (PICTURES, LABELS, ["a"], "Expected labels from 0 to 0. Received: 0 to 1"),
        (PICTURES, LABELS.astype(np.int8) - 1, ["a", "b"], "Received: -1 to 0"),
        (PICTURES, LABELS, (), "Expected names of the classes"),
    ],
)
def test_what_does_not_fit_is_refused(examples, labels, classes, said):
    with pytest.raises(ValueError, match=said):
        ArraySource(examples, labels, classes)
