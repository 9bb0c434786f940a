"""The pen that inks a trace: from points and pressure to a scanned grey bitmap.

The pen's spot is a Gaussian; density of ink adds up along the way, so slow, heavy and crossing
strokes are darker, and light falls off exponentially with density, as it does in ink. Grain of the
paper roughens it. What is almost white becomes background, 255, and the picture is cut to the ink:
so do the bitmaps of CASIA's HWDB.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from lsgan_tf.data.synthetic import hand
from lsgan_tf.data.synthetic.skeleton import Skeleton
from lsgan_tf.data.synthetic.style import Style

# Greys from here on are background.
_WHITE = 247
# Paper takes no ink below this density: edges are crisper than the spot's tail.
_FLOOR = 0.22
# The spot is cut off where its density has fallen to exp(-2.6**2 / 2) = 3%.
_SPOT_RADIUS = 2.6
# Bounds of the pressure; lighter is no ink at all, and no spot gets narrower than at _NARROWEST.
_LIGHTEST, _NARROWEST, _HEAVIEST = 0.02, 0.35, 2.5
_TILE = 512
_GRAIN_SEED = 20170227


def draw(
    skeleton: Skeleton,
    styles: Sequence[Style],
    generators: Sequence[np.random.Generator],
) -> list[np.ndarray]:
    """Draws a character once in each style.

    Args:
      skeleton: the character.
      styles: the writer of each sample.
      generators: one a sample; a sample depends on its own generator alone, and but for rounding
        not on what else is drawn in the same call.

    Returns:
      One uint8 array `(height, width)` a sample: background 255, ink 0 to 254, ink in every outer
      row and column.
    """
    trace = hand.trace(skeleton, styles, generators)
    nib = np.array([style.nib for style in styles], np.float32)
    ink = np.array([style.ink for style in styles], np.float32)
    sheet = _deposit(trace, nib, ink)
    for density, style, generator in zip(sheet.blocks(), styles, generators, strict=True):
        density *= 1 + np.float32(style.grain) * _grain(density.shape, generator)
    return [_cut(picture) for picture in _scan(sheet).blocks()]


class _Sheet:
    """Pictures of different sizes, one after another in one flat array.

    What is done to every pixel is done to all pictures at once.

    Attributes:
      values: `(sum of height * width,)`.
      first: int64 `(batch,)`: where in `values` each picture starts.
      height: int64 `(batch,)`.
      width: int64 `(batch,)`.
    """

    def __init__(self, values: np.ndarray, height: np.ndarray, width: np.ndarray) -> None:
        self.values, self.height, self.width = values, height, width
        self.first = np.cumsum(height * width) - height * width

    def blocks(self) -> Iterator[np.ndarray]:
        """Each picture as an array `(height, width)`, a view of `values`."""
        for first, height, width in zip(self.first, self.height, self.width, strict=True):
            yield self.values[first : first + height * width].reshape(height, width)


def _deposit(trace: hand.Trace, nib: np.ndarray, ink: np.ndarray) -> _Sheet:
    """Density of the ink of every sample, float32.

    Args:
      trace: where the pens went.
      nib: float32 `(batch,)`: deviation of the spot, pixels.
      ink: float32 `(batch,)`: density at the middle of a line at pressure 1.
    """
    pressure = np.clip(trace.pressure, 0, _HEAVIEST)
    drawn = pressure > _LIGHTEST
    step = np.abs(np.gradient(trace.points, axis=1))
    # A heavier hand makes the line wider and darker at once.
    spot = nib[:, None] * np.sqrt(np.maximum(pressure, _NARROWEST))
    amount = ink[:, None] * pressure * step / (math.sqrt(2 * math.pi) * spot)
    reach = np.ceil(_SPOT_RADIUS * spot.max(axis=1)).astype(np.int64)[:, None]
    x, left, width = _axis(trace.points.real, drawn, reach)
    y, top, height = _axis(trace.points.imag, drawn, reach)
    sheet = _Sheet(np.zeros((height * width).sum(), np.float32), height, width)
    corner = sheet.first[:, None] + (top - reach) * width[:, None] + (left - reach)
    lines = np.broadcast_to(width[:, None], drawn.shape)
    for radius in np.unique(reach):
        # Points of the thin pens first, so they need not pay for the thick ones' spots.
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
    way: np.ndarray, drawn: np.ndarray, reach: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels along one axis.

    Args:
      way: float32 `(batch, n)`: a coordinate of the points.
      drawn: bool `(batch, n)`: which points count.
      reach: int64 `(batch, 1)`: pixels that a spot reaches around its own.

    Returns:
      For each point where in its pixel it is (-0.5 to 0.5) and which pixel that is, counted from
      the picture's first; then the picture's size `(batch,)`.
    """
    pixel = np.rint(way).astype(np.int64)
    least = np.min(pixel, axis=1, where=drawn, initial=pixel.max(), keepdims=True)
    most = np.max(pixel, axis=1, where=drawn, initial=pixel.min(), keepdims=True)
    inside = way - pixel.astype(np.float32)
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
    """Adds Gaussian spots of `2 * radius + 1` pixels square.

    Args:
      values: the flat sheet.
      corner: index in `values` of each spot's upper left pixel.
      line: how far it is from a pixel to the one below it.
      x: the middle of the spot against the middle of its pixel.
      y: the same, downwards.
      fall: -1 / (2 * deviation**2).
      amount: density in the middle.
      radius: pixels around the middle one.
    """
    offsets = np.arange(-radius, radius + 1, dtype=np.float32)[:, None]
    across = np.exp(fall * (offsets - x) ** 2)
    down = np.exp(fall * (offsets - y) ** 2) * amount
    # One pixel of all spots at a time: long loops over short arrays are what NumPy is slow at.
    for row in range(2 * radius + 1):
        for column in range(2 * radius + 1):
            np.add.at(values[column:], corner, down[row] * across[column])
        corner = corner + line


def _scan(density: _Sheet) -> _Sheet:
    """Greys, uint8, of densities, which are spoilt: the work is done in place."""
    values = density.values
    np.subtract(_FLOOR, values, out=values)
    np.minimum(values, 0, out=values)
    np.exp(values, out=values)
    values *= 255
    grey = values.astype(np.uint8)
    grey[grey >= _WHITE] = 255
    return _Sheet(grey, density.height, density.width)


def _cut(picture: np.ndarray) -> np.ndarray:
    """The smallest rectangle that has all ink."""
    inked = picture < 255
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        # Too faint to see: one speck, for an empty picture has no size.
        return np.full((1, 1), _WHITE - 1, np.uint8)
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _grain(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """Roughness of a piece of paper: float32 `(height, width)`, mean 0, deviation 1."""
    top, left = generator.integers(0, _TILE // 2, 2)
    height, width = shape
    tile = _paper()
    if max(shape) > _TILE // 2:
        tile = np.tile(tile, (2 + height // _TILE, 2 + width // _TILE))
    return tile[top : top + height, left : left + width]


@functools.cache
def _paper() -> np.ndarray:
    """The paper that all pieces are of: float32 `(_TILE, _TILE)`, each grain about a pixel."""
    noise = np.random.default_rng(_GRAIN_SEED).standard_normal((_TILE, _TILE), dtype=np.float32)
    for axis in (0, 1):
        noise = 0.7 * noise + 0.15 * (np.roll(noise, 1, axis) + np.roll(noise, -1, axis))
    return (noise - noise.mean()) / noise.std()
