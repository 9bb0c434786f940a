"""The judge: a classifier of real pictures that reads generated ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import keras
import numpy as np
import tensorflow as tf

from lsgan_tf.metrics.judge.network import FEATURES, LARGEST_SIDE, SIDE

_CHUNK = 256


class Judge:
    """A trained classifier as an extractor of features.

    Args:
      network: from `judge_network`.
      digest: hex digest of its weights.
      facts: what is to be said of it with every result.

    Attributes:
      dim: length of a feature vector.
      name: what it is, for results.
      resizer: how pictures are brought to its size.
      digest: see above.
      facts: see above.
    """

    dim = FEATURES

    def __init__(self, network: keras.Model, *, digest: str, facts: dict[str, object]) -> None:
        self._network, self.digest, self.facts = network, digest, facts
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
        """Looks at pictures, uint8 `(n, height, width, channels)`.

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
    """How pictures of given classes were read.

    Attributes:
      classes: names in label order.
      counts: pictures asked for (rows) by what was read (columns): int64, `(classes, classes)`.
      in_top5: pictures of each class that was among the five likeliest: int64.
    """

    classes: Sequence[str]
    counts: np.ndarray
    in_top5: np.ndarray

    @classmethod
    def empty(cls, classes: Sequence[str]) -> Reading:
        """Of no pictures yet."""
        count = len(classes)
        return cls(classes, np.zeros((count, count), np.int64), np.zeros(count, np.int64))

    def add(self, logits: np.ndarray, labels: np.ndarray) -> None:
        """Adds pictures by their logits, `(n, classes)`, and the labels asked for, `(n,)`."""
        np.add.at(self.counts, (labels, logits.argmax(axis=1)), 1)
        own = logits[np.arange(len(labels)), labels][:, None]
        # Of equal logits the first class counts as the likelier, as `argmax` has it, so that a
        # judge which cannot tell is not credited with all; what is no number is ahead.
        earlier = np.arange(logits.shape[1]) < labels[:, None]
        rank = (~(logits <= own) | ((logits == own) & earlier)).sum(axis=1)
        np.add.at(self.in_top5, labels[rank < 5], 1)

    @property
    def top1(self) -> float:
        """Share read as the class that was asked for."""
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def top5(self) -> float:
        """Share with that class among the five likeliest."""
        return float(self.in_top5.sum() / self.counts.sum())

    def per_class(self) -> dict[str, float]:
        """Top-1 of each class that occurs."""
        totals = self.counts.sum(axis=1)
        return {
            name: float(self.counts[label, label] / totals[label])
            for label, name in enumerate(self.classes)
            if totals[label]
        }

    def confusions(self, most: int = 20) -> list[tuple[str, str, float]]:
        """The commonest mistakes: asked for, read as, share of the class's pictures."""
        shares = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        np.fill_diagonal(shares, 0)
        order = np.argsort(-shares, axis=None, kind="stable")[:most]
        pairs = zip(*np.unravel_index(order, shares.shape), strict=True)
        return [
            (self.classes[asked], self.classes[read], float(shares[asked, read]))
            for asked, read in pairs
            if shares[asked, read] > 0
        ]


def read_pictures(
    judge: Judge, batches: Iterable[tuple[np.ndarray, np.ndarray]], classes: Sequence[str]
) -> Reading:
    """Has the judge read labelled pictures.

    Args:
      judge: the judge.
      batches: pictures, uint8, and labels, int.
      classes: names in label order.
    """
    reading = Reading.empty(classes)
    for images, labels in batches:
        reading.add(judge(images)[1], labels)
    return reading
