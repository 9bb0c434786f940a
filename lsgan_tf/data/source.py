"""What every dataset looks like to the rest of the package."""

from __future__ import annotations

import abc
import hashlib
from collections.abc import Sequence

import numpy as np


class Source(abc.ABC):
    """A set of examples that can be read at random by index.

    Reading is a pure function of the indices: nothing is shuffled, cut into batches or put on a
    device here (that is `lsgan_tf.data.pipeline`), so several threads may read at once.

    Attributes:
      name: the dataset's name as `--dataset` spells it, "hwdb".
      shape: shape of one example: `(height, width, channels)`, uint8 with values 0 to 255, for
        pictures; `(2,)`, float32, for points of the mixture.
      classes: names of the classes in the order of their labels; empty when the set has no labels.
      fingerprint: digest of the content (not of where it lies): the same for the same data and
        preprocessing, so a run can tell that its data changed. Compare two with
        `lsgan_tf.settings.fingerprints.same`.
      standin: whether this is drawn in place of real data that is absent.
      description: one line for logs and reports: what was found and where.
      notices: further lines a user should read at start (records skipped, files left out, how to
        get the real data).
      fresh: whether every epoch has new examples, with the same labels at the same indices; `read`
        then gives those of the first.
    """

    name: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    fingerprint: str
    standin: bool = False
    description: str = ""
    notices: tuple[str, ...] = ()
    fresh: bool = False

    @abc.abstractmethod
    def __len__(self) -> int:
        """Number of examples."""

    @abc.abstractmethod
    def read(self, indices: np.ndarray) -> np.ndarray:
        """Examples at `indices`.

        Args:
          indices: int64, shape `(n,)`, each in `[0, len(self))`.

        Returns:
          Shape `(n, *shape)`; uint8 for pictures, float32 for points.
        """

    def read_epochs(self, indices: np.ndarray, epochs: np.ndarray) -> np.ndarray:
        """Examples at `indices` as training sees them in given epochs.

        Args:
          indices: as for `read`.
          epochs: int64, shape `(n,)`, from 0; without effect unless `fresh`.

        Returns:
          As `read`; a pure function of both arguments, example by example.
        """
        del epochs
        return self.read(indices)

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """Labels at `indices`: int32, shape `(n,)`; zeros when there are no classes."""
        return np.zeros(len(indices), np.int32)

    def news(self) -> list[str]:
        """Lines on what reading has met since the last call, for the log of a run."""
        return []


class ArraySource(Source):
    """Examples that lie in memory.

    Args:
      examples: pictures, uint8, `(n, height, width, channels)` with 1 or 3 channels; or points,
        float32, `(n, dimensions)`. Not copied.
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


class Rows(Source):
    """Some of the examples of another source.

    Args:
      source: the other one.
      rows: which: int64, `(n,)`.
      kind: what they are, for fingerprint and description.
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

    def news(self) -> list[str]:
        """See `Source`."""
        return self._source.news()
