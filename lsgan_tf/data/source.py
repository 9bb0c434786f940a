"""What every dataset looks like to the rest of the package."""

from __future__ import annotations

import abc

import numpy as np


class Source(abc.ABC):
    """A set of examples that can be read at random by index.

    Reading is a pure function of the indices: nothing is shuffled, cut into
    batches or put on a device here (that is `lsgan_tf.data.pipeline`), so
    several threads may read at once.

    Attributes:
      name: the dataset's name as `--dataset` spells it, "hwdb".
      shape: shape of one example: `(height, width, channels)`, uint8 with values
        0 to 255, for pictures; `(2,)`, float32, for points of the mixture.
      classes: names of the classes in the order of their labels; empty when the
        set has no labels.
      fingerprint: hex digest of the content (not of where it lies): equal for
        equal data and preprocessing, so a run can tell that its data changed.
      standin: whether this is drawn in place of real data that is absent.
      description: one line for logs and reports: what was found and where.
      notices: further lines a user should read at start (records skipped, files
        left out, how to get the real data).
    """

    name: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    fingerprint: str
    standin: bool = False
    description: str = ""
    notices: tuple[str, ...] = ()

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

    def labels(self, indices: np.ndarray) -> np.ndarray:
        """Labels at `indices`: int32, shape `(n,)`; zeros when there are no classes."""
        return np.zeros(len(indices), np.int32)
