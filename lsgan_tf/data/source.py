"""The interface of all datasets, and datasets in memory."""

from __future__ import annotations

import abc
import hashlib
from collections.abc import Sequence

import numpy as np

from lsgan_tf.util.text import counted


class Source(abc.ABC):
    """A random-access dataset.

    Reading is a pure function of the indices and thread-safe; `lsgan_tf.data.pipeline` shuffles and
    batches.

    Attributes:
      name: value of `--dataset`, such as "hwdb".
      shape: shape of an example: `(height, width, channels)` for images, uint8; `(2,)` for points
        of the mixture, float32.
      classes: class names in label order; empty if the data is unlabelled.
      fingerprint: digest of content and preprocessing, independent of the location. Compare with
        `lsgan_tf.settings.fingerprints.same`.
      standin: whether this is synthetic data in place of missing real data.
      description: one-line description for logs and reports.
      warnings: messages to log at start, such as skipped records and files.
      fresh: whether every epoch has new examples, with the same labels at the same indices; `read`
        returns those of the first epoch.
    """

    name: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    fingerprint: str
    standin: bool = False
    description: str = ""
    warnings: tuple[str, ...] = ()
    fresh: bool = False

    @abc.abstractmethod
    def __len__(self) -> int:
        """Return the number of examples."""

    @abc.abstractmethod
    def read(self, indices: np.ndarray) -> np.ndarray:
        """Read examples.

        Args:
          indices: int64, shape `(n,)`, each in `[0, len(self))`.

        Returns:
          Shape `(n, *shape)`; uint8 for images, float32 for points.
        """

    def read_epochs(self, indices: np.ndarray, epochs: np.ndarray) -> np.ndarray:
        """Read examples of given epochs.

        Args:
          indices: as for `read`.
          epochs: int64, shape `(n,)`, from 0; ignored unless `fresh`.

        Returns:
          As `read`; a pure function of index and epoch.
        """
        del epochs
        return self.read(indices)

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """Return the labels at `indices`: int32, shape `(n,)`; zeros if there are no classes."""
        return np.zeros(len(indices), np.int32)

    def new_warnings(self) -> list[str]:
        """Return log lines about problems found by reading since the last call."""
        return []


class ArraySource(Source):
    """A dataset in memory.

    Args:
      examples: images, uint8, `(n, height, width, channels)` with 1 or 3 channels; or points,
        float32, `(n, dimensions)`. Not copied.
      labels: ints from 0 to `len(classes)` - 1, `(n,)`; None if there are no classes.
      classes: class names in label order.
      name: see `Source`.
      fingerprint: see `Source`; computed from the content if None.
      description: see `Source`.
      warnings: see `Source`.

    Raises:
      ValueError: if a shape or dtype is wrong, or the arrays do not match.
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
        warnings: Sequence[str] = (),
    ) -> None:
        self._examples = _checked(np.asarray(examples))
        count = len(self._examples)
        self.name, self.classes, self.warnings = name, tuple(classes), tuple(warnings)
        self.shape = self._examples.shape[1:]
        self._labels = None
        if self.classes:
            self._labels = _checked_labels(labels, count, len(self.classes))
        elif labels is not None:
            raise ValueError("Expected names of the classes beside their labels. Received none")
        self.fingerprint = self._digest() if fingerprint is None else fingerprint
        self.description = description or f"{counted(count, 'example')} in memory"

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
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def _checked(examples: np.ndarray) -> np.ndarray:
    images = examples.ndim == 4 and examples.dtype == np.uint8 and examples.shape[-1] in (1, 3)
    points = examples.ndim == 2 and examples.dtype == np.float32
    if not examples.size or not (images or points):
        raise ValueError(
            "Expected uint8 images (n, height, width, 1 or 3) or float32 points (n, dimensions). "
            f"Received: {examples.dtype} {examples.shape}"
        )
    return examples


def _checked_labels(labels: np.ndarray | None, count: int, classes: int) -> np.ndarray:
    found = np.empty(0) if labels is None else np.asarray(labels)
    if found.shape != (count,) or found.dtype.kind not in "iu":
        raise ValueError(
            f"Expected {count:,} integers as labels. Received: {found.dtype} {found.shape}"
        )
    if found.min() < 0 or found.max() >= classes:
        raise ValueError(
            f"Expected labels from 0 to {classes - 1}. Received: {found.min()} to {found.max()}"
        )
    return found.astype(np.int32)


class Rows(Source):
    """A subset of another source.

    Args:
      source: the other source.
      rows: indices of the subset: int64, `(n,)`.
      kind: description of the subset, part of its fingerprint.
    """

    def __init__(self, source: Source, rows: np.ndarray, kind: str) -> None:
        self._source, self._rows = source, rows
        self.name, self.shape, self.classes = source.name, source.shape, source.classes
        self.standin = source.standin
        self.fingerprint = f"{source.fingerprint} {kind}"
        self.description = f"{source.description}: {kind}"

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        return self._source.read(self._rows[indices])

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """See `Source`."""
        return self._source.labels(self._rows[indices])

    def new_warnings(self) -> list[str]:
        """See `Source`."""
        return self._source.new_warnings()
