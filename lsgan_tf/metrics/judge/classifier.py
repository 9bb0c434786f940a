"""The judge as a feature extractor, and its predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import keras
import numpy as np
import tensorflow as tf

from lsgan_tf.metrics.judge.network import FEATURES, LARGEST_SIDE, SIDE

_CHUNK = 256


class Judge:
    """A trained classifier as a feature extractor.

    Args:
      network: the result of `judge_network`.
      digest: hex digest of its weights.
      metadata: values that are included in results.

    Attributes:
      dim: feature dimension.
      name: name of the judge, for results.
      resizer: description of the resizing.
    """

    dim = FEATURES

    def __init__(self, network: keras.Model, *, digest: str, metadata: dict[str, object]) -> None:
        self.digest, self.metadata = digest, metadata
        self.name = f"judge {digest[:12]}"
        side = network.input_shape[1:3]
        self.resizer = (
            "none"
            if max(side) <= LARGEST_SIDE
            else f"antialiased bilinear from {side[0]}x{side[1]} to {SIDE}x{SIDE}"
        )
        self._apply = tf.function(
            lambda images: network(images, training=False),
            input_signature=[tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)],
            autograph=False,
        )

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Apply the judge to images, uint8 `(n, height, width, channels)`.

        Returns:
          Features, float32 `(n, dim)`, and logits, float32 `(n, classes)`.
        """
        chunks = [
            self._apply(tf.constant(images[start : start + _CHUNK], tf.float32))
            for start in range(0, len(images), _CHUNK)
        ]
        features, logits = zip(*chunks, strict=True)
        return np.concatenate(features), np.concatenate(logits)


@dataclasses.dataclass
class Reading:
    """Predictions for images of known or requested classes.

    Attributes:
      classes: names in label order.
      counts: confusion matrix, requested by predicted class: int64, `(classes, classes)`.
      in_top5: number of images per class with the class among the top five: int64.
    """

    classes: Sequence[str]
    counts: np.ndarray
    in_top5: np.ndarray

    @classmethod
    def empty(cls, classes: Sequence[str]) -> Reading:
        """Create empty counts."""
        count = len(classes)
        return cls(classes, np.zeros((count, count), np.int64), np.zeros(count, np.int64))

    def add(self, logits: np.ndarray, labels: np.ndarray) -> None:
        """Add predictions, given logits `(n, classes)` and requested labels `(n,)`."""
        np.add.at(self.counts, (labels, logits.argmax(axis=1)), 1)
        own = logits[np.arange(len(labels)), labels][:, None]
        # Ties are broken by the lower class, like `argmax`, so that constant logits do not count
        # as correct; NaN ranks first.
        earlier = np.arange(logits.shape[1]) < labels[:, None]
        rank = (~(logits <= own) | ((logits == own) & earlier)).sum(axis=1)
        np.add.at(self.in_top5, labels[rank < 5], 1)

    @property
    def top1(self) -> float:
        """Fraction of images classified as the requested class."""
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def top5(self) -> float:
        """Fraction of images with the requested class among the top five."""
        return float(self.in_top5.sum() / self.counts.sum())

    def per_class(self) -> dict[str, float]:
        """Return the top-1 accuracy of each class that occurs."""
        totals = self.counts.sum(axis=1)
        return {
            name: float(self.counts[label, label] / totals[label])
            for label, name in enumerate(self.classes)
            if totals[label]
        }

    def confusions(self, most: int = 20) -> list[tuple[str, str, float]]:
        """List the most frequent errors: requested and predicted class, fraction of the former."""
        fractions = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        np.fill_diagonal(fractions, 0)
        order = np.argsort(-fractions, axis=None, kind="stable")[:most]
        pairs = zip(*np.unravel_index(order, fractions.shape), strict=True)
        return [
            (
                self.classes[requested],
                self.classes[predicted],
                float(fractions[requested, predicted]),
            )
            for requested, predicted in pairs
            if fractions[requested, predicted] > 0
        ]


def classify(
    judge: Judge, batches: Iterable[tuple[np.ndarray, np.ndarray]], classes: Sequence[str]
) -> Reading:
    """Classify labelled images.

    Args:
      judge: the judge.
      batches: uint8 images and int labels.
      classes: names in label order.
    """
    reading = Reading.empty(classes)
    for images, labels in batches:
        reading.add(judge(images)[1], labels)
    return reading
