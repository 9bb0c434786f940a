"""A `Source` over arrays in memory: your own data, or examples that were just made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from lsgan_tf.data.source import Source


class ArraySource(Source):
    """Examples that lie in memory.

    Args:
      examples: pictures, uint8, `(n, height, width, channels)` with 1 or 3 channels; or
        points, float32, `(n, dimensions)`. Not copied.
      labels: ints from 0 to `len(classes)` - 1, `(n,)`; None if there are no classes.
      classes: names of the classes in label order.
      name: see `Source`.
      fingerprint: see `Source`; None is computed from all of the content.
      description: see `Source`.
      notices: see `Source`.

    Raises:
      ValueError: if the arrays are of another kind, or do not fit together.
    """

    def __init__(
        self,
        examples: np.ndarray,
        labels: np.ndarray | None = None,
        classes: Sequence[str] = (),
        *,
        name: str = "arrays",
        fingerprint: str | None = None,
        description: str = "",
        notices: Sequence[str] = (),
    ) -> None:
        self._examples = _checked(np.asarray(examples))
        count = len(self._examples)
        self.name, self.classes, self.notices = name, tuple(classes), tuple(notices)
        self.shape = self._examples.shape[1:]
        self._labels = None
        if self.classes:
            self._labels = _checked_labels(labels, count, len(self.classes))
        elif labels is not None:
            raise ValueError("Expected names of the classes beside their labels. Received none")
        self.fingerprint = self._digest() if fingerprint is None else fingerprint
        self.description = description or f"{count:,} examples in memory"

    def __len__(self) -> int:
        return len(self._examples)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        return self._examples[indices]

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        return super().labels(indices) if self._labels is None else self._labels[indices]

    def _digest(self) -> str:
        digest = hashlib.sha256(repr((self._examples.shape, self.classes)).encode())
        for array in (self._examples, self._labels):
            if array is not None:
                digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()


def _checked(examples: np.ndarray) -> np.ndarray:
    pictures = examples.ndim == 4 and examples.dtype == np.uint8 and examples.shape[-1] in (1, 3)
    points = examples.ndim == 2 and examples.dtype == np.float32
    if not examples.size or not (pictures or points):
        raise ValueError(
            "Expected uint8 pictures (n, height, width, 1 or 3) or float32 points (n, dimensions). "
            f"Received: {examples.dtype} {examples.shape}"
        )
    return examples


def _checked_labels(labels: np.ndarray | None, count: int, classes: int) -> np.ndarray:
    found = np.empty(0) if labels is None else np.asarray(labels)
    if found.shape != (count,) or found.dtype.kind not in "iu":
        raise ValueError(
            f"Expected {count:,} whole numbers as labels. Received: {found.dtype} {found.shape}"
        )
    if found.min() < 0 or found.max() >= classes:
        raise ValueError(
            f"Expected labels from 0 to {classes - 1}. Received: {found.min()} to {found.max()}"
        )
    return found.astype(np.int32)
