"""Renders pen traces to greyscale bitmaps.

The pen deposits Gaussian spots whose optical density adds up, so slow, heavy and crossing strokes
are darker. Density is modulated by paper grain, and the grey level decreases exponentially with it.
As in the bitmaps of CASIA's HWDB, almost white pixels become background, 255, and the image is
cropped to the ink.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from lsgan_tf.data.synthetic import hand
from lsgan_tf.data.synthetic.skeleton import Skeleton
from lsgan_tf.data.synthetic.style import Style

# Grey levels of at least this value are background.
_WHITE = 247
# Densities below this leave no ink, for edges sharper than a Gaussian.
_FLOOR = 0.22
# The spot is truncated where its density is exp(-2.6**2 / 2) = 3%.
_SPOT_RADIUS = 2.6
# Pressure below _LIGHTEST leaves no ink; below _NARROWEST the spot does not get narrower.
_LIGHTEST, _NARROWEST, _HEAVIEST = 0.02, 0.35, 2.5
_TILE = 512
_GRAIN_SEED = 20170227


def draw(
    skeleton: Skeleton,
    styles: Sequence[Style],
    generators: Sequence[np.random.Generator],
) -> list[np.ndarray]:
    """Draw a character once in each style.

    Args:
      skeleton: the character.
      styles: the writer of each sample.
      generators: random generator of each sample. Up to rounding, a sample does not depend on the
        others in the call.

    Returns:
      A uint8 array `(height, width)` per sample: background 255, ink 0 to 254, cropped to the ink.
    """
    trace = hand.trace(skeleton, styles, generators)
    nib = np.array([style.nib for style in styles], np.float32)
    ink = np.array([style.ink for style in styles], np.float32)
    sheet = _deposit(trace, nib, ink)
    for density, style, generator in zip(sheet.blocks(), styles, generators, strict=True):
        density *= 1 + np.float32(style.grain) * _grain(density.shape, generator)
    return [_crop(image) for image in _scan(sheet).blocks()]


class _Sheet:
    """Images of different sizes in a flat array, for vectorised operations.

    Attributes:
      values: `(sum of height * width,)`.
      first: int64 `(batch,)`: index in `values` of each image.
      height: int64 `(batch,)`.
      width: int64 `(batch,)`.
    """

    def __init__(self, values: np.ndarray, height: np.ndarray, width: np.ndarray) -> None:
        self.values, self.height, self.width = values, height, width
        self.first = np.cumsum(height * width) - height * width

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield views of the images, `(height, width)`."""
        for first, height, width in zip(self.first, self.height, self.width, strict=True):
            yield self.values[first : first + height * width].reshape(height, width)


def _deposit(trace: hand.Trace, nib: np.ndarray, ink: np.ndarray) -> _Sheet:
    """Compute the ink density of each sample, float32.

    Args:
      trace: the pen traces.
      nib: float32 `(batch,)`: standard deviation of the spot in pixels.
      ink: float32 `(batch,)`: density at the centre of a line at pressure 1.
    """
    pressure = np.clip(trace.pressure, 0, _HEAVIEST)
    drawn = pressure > _LIGHTEST
    step = np.abs(np.gradient(trace.points, axis=1))
    # Higher pressure makes the line both wider and darker.
    spot = nib[:, None] * np.sqrt(np.maximum(pressure, _NARROWEST))
    amount = ink[:, None] * pressure * step / (math.sqrt(2 * math.pi) * spot)
    reach = np.ceil(_SPOT_RADIUS * spot.max(axis=1)).astype(np.int64)[:, None]
    x, left, width = _axis(trace.points.real, drawn, reach)
    y, top, height = _axis(trace.points.imag, drawn, reach)
    sheet = _Sheet(np.zeros((height * width).sum(), np.float32), height, width)
    corner = sheet.first[:, None] + (top - reach) * width[:, None] + (left - reach)
    lines = np.broadcast_to(width[:, None], drawn.shape)
    for radius in np.unique(reach):
        # Points are grouped by the size of their spots.
        mask = drawn & (reach == radius)
        _stamp(
            sheet.values,
            corner[mask],
            lines[mask],
            x[mask],
            y[mask],
            -0.5 / spot[mask] ** 2,
            amount[mask],
            int(radius),
        )
    return sheet


def _axis(
    position: np.ndarray, drawn: np.ndarray, reach: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the pixels of points along an axis.

    Args:
      position: float32 `(batch, n)`: a coordinate of the points.
      drawn: bool `(batch, n)`: whether each point is drawn.
      reach: int64 `(batch, 1)`: radius of the spots in pixels.

    Returns:
      Position of each point within its pixel (-0.5 to 0.5), index of the pixel, and size of each
      image `(batch,)`.
    """
    pixel = np.rint(position).astype(np.int64)
    least = np.min(pixel, axis=1, where=drawn, initial=pixel.max(), keepdims=True)
    most = np.max(pixel, axis=1, where=drawn, initial=pixel.min(), keepdims=True)
    inside = position - pixel.astype(np.float32)
    return inside, pixel - least + reach, (most - least + 2 * reach + 1)[:, 0]


def _stamp(
    values: np.ndarray,
    corner: np.ndarray,
    line: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    fall: np.ndarray,
    amount: np.ndarray,
    radius: int,
) -> None:
    """Add Gaussian spots of `2 * radius + 1` pixels square.

    Args:
      values: the flat sheet.
      corner: index in `values` of each spot's upper left pixel.
      line: stride between rows.
      x: horizontal offset of the spot from the centre of its pixel.
      y: vertical offset, downwards.
      fall: -1 / (2 * deviation**2).
      amount: density at the centre.
      radius: radius in pixels.
    """
    offsets = np.arange(-radius, radius + 1, dtype=np.float32)[:, None]
    across = np.exp(fall * (offsets - x) ** 2)
    down = np.exp(fall * (offsets - y) ** 2) * amount
    # One pixel of all spots at a time, for operations on long arrays.
    for row in range(2 * radius + 1):
        for column in range(2 * radius + 1):
            np.add.at(values[column:], corner, down[row] * across[column])
        corner = corner + line


def _scan(density: _Sheet) -> _Sheet:
    """Convert densities to grey levels, uint8, overwriting `density`."""
    values = density.values
    np.subtract(_FLOOR, values, out=values)
    np.minimum(values, 0, out=values)
    np.exp(values, out=values)
    values *= 255
    grey = values.astype(np.uint8)
    grey[grey >= _WHITE] = 255
    return _Sheet(grey, density.height, density.width)


def _crop(image: np.ndarray) -> np.ndarray:
    """Crop an image to the ink."""
    inked = image < 255
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        # No visible ink: a single pixel.
        return np.full((1, 1), _WHITE - 1, np.uint8)
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _grain(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """Return a random crop of the paper grain: float32 `(height, width)`."""
    top, left = generator.integers(0, _TILE // 2, 2)
    height, width = shape
    tile = _paper()
    if max(shape) > _TILE // 2:
        tile = np.tile(tile, (2 + height // _TILE, 2 + width // _TILE))
    return tile[top : top + height, left : left + width]


@functools.cache
def _paper() -> np.ndarray:
    """Make paper grain: float32 `(_TILE, _TILE)`, mean 0, deviation 1, grains of one pixel."""
    noise = np.random.default_rng(_GRAIN_SEED).standard_normal((_TILE, _TILE), dtype=np.float32)
    for axis in (0, 1):
        noise = 0.7 * noise + 0.15 * (np.roll(noise, 1, axis) + np.roll(noise, -1, axis))
    return (noise - noise.mean()) / noise.std()
