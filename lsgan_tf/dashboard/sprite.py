"""One picture of each class, all in one image: how the Projector draws its points."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from lsgan_tf.data.source import Source

LARGEST = 8192
"""Side of the largest image that every browser's WebGL takes, in pixels."""

_CANDIDATES = 8
_LARGEST_TILE = 128
_NOTHING = 128


class Sprite(NamedTuple):
    """A square arrangement of square tiles, row by row in the order of labels."""

    image: np.ndarray
    """uint8, `(side, side)` or `(side, side, 3)`."""
    tile: int
    """Side of a tile in pixels."""


def make_sprite(source: Source) -> Sprite:
    """A real example of each class, shrunk where all would not fit otherwise.

    Args:
      source: square pictures with classes.
    """
    count, (size, _, channels) = len(source.classes), source.shape
    columns = math.isqrt(count - 1) + 1
    tile = tile_size(size, count)
    image = np.full((columns * tile, columns * tile, channels), 255, np.uint8)
    for label, picture in enumerate(_portraits(source)):
        top, left = (place * tile for place in divmod(label, columns))
        image[top : top + tile, left : left + tile] = _resized(picture, tile)
    return Sprite(image[..., 0] if channels == 1 else image, tile)


def tile_size(size: int, count: int) -> int:
    """Side of a tile: the pictures' own if `count` of them fit into the largest sprite."""
    columns = math.isqrt(count - 1) + 1
    return max(1, min(size, _LARGEST_TILE, LARGEST // columns))


def _portraits(source: Source) -> list[np.ndarray]:
    """Of each class, of its first few examples, the one nearest to their mean: uint8."""
    labels = source.labels(np.arange(len(source)))
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(len(source.classes) + 1))
    found = []
    for start, stop in itertools.pairwise(starts):
        indices = order[start : min(stop, start + _CANDIDATES)]
        if not len(indices):
            found.append(np.full(source.shape, _NOTHING, np.uint8))
            continue
        pictures = source.read(indices)
        far = np.square(pictures - pictures.mean(axis=0)).sum(axis=(1, 2, 3))
        found.append(pictures[far.argmin()])
    return found


def _resized(picture: np.ndarray, tile: int) -> np.ndarray:
    """A picture as a tile: `(tile, tile, channels)`."""
    if len(picture) == tile:
        return picture
    plain = picture[..., 0] if picture.shape[-1] == 1 else picture
    small = Image.fromarray(plain).resize((tile, tile), Image.Resampling.BOX)
    return np.asarray(small).reshape(tile, tile, -1)
