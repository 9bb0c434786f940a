"""Labelled pictures that a judge learns to tell apart in a few steps."""

from __future__ import annotations

import numpy as np
import pytest

from lsgan_tf.data.source import Source

CLASSES = ("left", "right", "top", "bottom")


class Halves(Source):
    """8x8 pictures, one half brighter: which one is the class."""

    name = "halves"
    shape = (8, 8, 1)
    classes = CLASSES

    def __init__(self, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._labels = (np.arange(count) % 4).astype(np.int32)
        images = rng.integers(0, 90, (count, 8, 8, 1))
        for image, label in zip(images, self._labels, strict=True):
            half = [image[:, :4], image[:, 4:], image[:4], image[4:]][label]
            half += rng.integers(70, 160)
        self._images = images.astype(np.uint8)
        self.fingerprint = f"halves {count} {seed}"
        self.description = f"{count} halves"

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: np.ndarray) -> np.ndarray:
        return self._images[indices]

    def labels(self, indices: np.ndarray) -> np.ndarray:
        return self._labels[indices]


@pytest.fixture(scope="session")
def halves():
    """`halves(count, seed)` makes such pictures."""
    return Halves


@pytest.fixture
def quick_judges(monkeypatch):
    """Judges are trained for sixty steps."""
    monkeypatch.setattr("lsgan_tf.metrics.judge_training._FEWEST_STEPS", 60)
    monkeypatch.setattr("lsgan_tf.metrics.judge_training._FEWEST_EPOCHS", 0)
