"""What stands in a grid of samples: noise that never changes, and which classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.noise import GRID_STREAM, noise
from lsgan_tf.sampling import image_grid

POINTS = 5120
"""Of a picture of the mixture: ten batches of 512, as the authors draw it."""

_HANDS = 12
_UNLABELLED = 8
_SMALL = 48  # images below this side are shown at twice their size


class SampleGrid(NamedTuple):
    """What a generator is given for a picture, and how its images are laid out.

    A conditional grid has a row for each class, or for some that are spread evenly over
    the label order; each column shares its noise, so a column is one "hand".
    """

    z: tf.Tensor
    """float32, `(n, z_dim)`."""
    labels: np.ndarray | None
    """int32, `(n,)`; None if unconditional."""
    names: list[str]
    """Of the rows; empty if unconditional."""
    columns: int

    def picture(self, images: np.ndarray, title: str) -> np.ndarray:
        """Images, uint8 `(n, height, width, channels)`, as one, uint8 `(height, width, 3)`."""
        shaped = images.reshape(-1, self.columns, *images.shape[1:])
        scale = 2 if images.shape[1] < _SMALL else 1
        return image_grid.grid(shaped, rows=self.names, title=title, scale=scale)


def sample_grid(
    config: Config, classes: Sequence[str], *, rows: int = _HANDS, columns: int = _HANDS
) -> SampleGrid:
    """The grid of a run: for the mixture 5,120 points, without labels 64 images.

    Args:
      config: the run's.
      classes: names of its classes in label order.
      rows: most classes of a conditional grid.
      columns: its hands, at most 12; fewer are the first of those.
    """

    def draw(count: int) -> tf.Tensor:
        return noise(config.seed, GRID_STREAM, 0, count, config.z_dim, config.z_distribution)

    if config.dataset == "mixture":
        return SampleGrid(draw(POINTS), None, [], 1)
    if not config.conditional:
        return SampleGrid(draw(_UNLABELLED**2), None, [], _UNLABELLED)
    rows = min(rows, len(classes))
    chosen = np.linspace(0, len(classes) - 1, rows).astype(np.int32)
    return SampleGrid(
        z=tf.tile(draw(_HANDS)[:columns], (rows, 1)),
        labels=np.repeat(chosen, columns),
        names=[classes[label] for label in chosen],
        columns=columns,
    )
