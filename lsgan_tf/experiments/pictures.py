"""Grids of samples, alone or several side by side under their headings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lsgan_tf.sampling import image_grid

_GAP = 8


def block(images: np.ndarray, columns: int, *, title: str = "", scale: int = 1) -> np.ndarray:
    """Images in rows of `columns`, what is over is left out: uint8, `(height, width, 3)`."""
    rows = len(images) // columns
    shaped = images[: rows * columns].reshape(rows, columns, *images.shape[1:])
    return image_grid.grid(shaped, title=title, scale=scale)


def side_by_side(blocks: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Pictures in rows and columns, each as large as the largest.

    Args:
      blocks: rows of pictures, uint8 `(height, width, 3)`; rows may differ in length.

    Returns:
      uint8, `(height, width, 3)`.
    """
    every = [picture for row in blocks for picture in row]
    height, width = (max(picture.shape[axis] for picture in every) for axis in (0, 1))
    columns = max(len(row) for row in blocks)
    canvas = np.full(
        (len(blocks) * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), 255, np.uint8
    )
    for i, row in enumerate(blocks):
        for j, picture in enumerate(row):
            y, x = i * (height + _GAP), j * (width + _GAP)
            canvas[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return canvas


def enlargement(side: int) -> int:
    """How many times an image of so many pixels is enlarged, to be seen."""
    return 2 if side < 48 else 1
