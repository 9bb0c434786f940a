"""Labelled images that a judge learns to classify in a few steps."""

from __future__ import annotations

import numpy as np
import pytest

from lsgan_tf.data.source import ArraySource

CLASSES = ("left", "right", "top", "bottom")


class Halves(ArraySource):
    """8x8 images with one half brighter: which one is the class."""

    def __init__(self, count: int, seed: int, classes: tuple[str, ...] = CLASSES) -> None:
        rng = np.random.default_rng(seed)
        labels = np.arange(count) % 4
        images = rng.integers(0, 90, (count, 8, 8, 1))
        for image, label in zip(images, labels, strict=True):
            half = [image[:, :4], image[:, 4:], image[:4], image[4:]][label]
            half += rng.integers(70, 160)
        super().__init__(images.astype(np.uint8), labels if classes else None, classes)


@pytest.fixture(scope="session")
def halves():
    """`halves(count, seed)` creates such images."""
    return Halves


@pytest.fixture
def quick_judges(monkeypatch):
    """Trains judges for sixty steps only."""
    monkeypatch.setattr("lsgan_tf.metrics.judge.training._FEWEST_STEPS", 60)
    monkeypatch.setattr("lsgan_tf.metrics.judge.training._FEWEST_EPOCHS", 0)
