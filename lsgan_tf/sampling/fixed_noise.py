"""Fixed noise and labels of sample grids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lsgan_tf.config import Config
from lsgan_tf.noise import GRID_STREAM, noise
from lsgan_tf.sampling import image_grid

POINTS = 5120
"""Number of points of the mixture: ten batches of 512, as in the authors' code."""

_SIDE = 12
_UNCONDITIONAL_SIDE = 8


class SampleGrid(NamedTuple):
    """Inputs of the generator for a sample grid, and the grid's layout.

    A conditional grid has a row for each class, or for classes evenly spaced in label order.
    The noise vector is the same for all images of a column.

    Attributes:
      z: float32, `(n, z_dim)`.
      labels: int32, `(n,)`; None if unconditional.
      names: names of the rows; empty if unconditional.
      columns: number of columns.
    """

    z: tf.Tensor
    labels: np.ndarray | None
    names: list[str]
    columns: int

    def image(self, images: np.ndarray, title: str) -> np.ndarray:
        """Arrange images, uint8 `(n, h, w, channels)`, as a grid, uint8 `(height, width, 3)`."""
        shaped = images.reshape(-1, self.columns, *images.shape[1:])
        scale = image_grid.display_scale(images.shape[1])
        return image_grid.grid(shaped, rows=self.names, title=title, scale=scale)


def sample_grid(
    config: Config, classes: Sequence[str], *, rows: int = _SIDE, columns: int = _SIDE
) -> SampleGrid:
    """Make the sample grid of a run: 5,120 points of the mixture, 64 images if unconditional.

    Args:
      config: config of the run.
      classes: names of the classes in label order.
      rows: maximum number of classes of a conditional grid.
      columns: number of noise vectors of a conditional grid, at most 12.
    """

    def draw(count: int) -> tf.Tensor:
        return noise(config.seed, GRID_STREAM, 0, count, config.z_dim, config.z_distribution)

    if config.dataset == "mixture":
        return SampleGrid(draw(POINTS), None, [], 1)
    if not config.conditional:
        return SampleGrid(draw(_UNCONDITIONAL_SIDE**2), None, [], _UNCONDITIONAL_SIDE)
    rows = min(rows, len(classes))
    chosen = np.linspace(0, len(classes) - 1, rows).astype(np.int32)
    return SampleGrid(
        z=tf.tile(draw(_SIDE)[:columns], (rows, 1)),
        labels=np.repeat(chosen, columns),
        names=[classes[label] for label in chosen.tolist()],
        columns=columns,
    )
