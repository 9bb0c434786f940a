"""Stroke data of the characters of GB2312 level 1.

It is in `strokes_gb2312/strokes.npz`, written by `tools/pack_strokes.py`, next to its source and
licence. The file contains, as uint8: `stroke_counts`, the number of strokes of each character;
`point_counts`, the number of points of each stroke; `radical`, one bit per stroke; `x` and `y`, the
differences modulo 256 between consecutive points of the whole file; and the string `characters`, in
code order.
"""

from __future__ import annotations

import functools
import io
import itertools
import math
from collections.abc import Iterable
from importlib import resources

import numpy as np
from PIL import Image, ImageDraw

FOLDER = "strokes_gb2312"
FILE = "strokes.npz"
LICENCE = "ARPHICPL.TXT"

_LEVELS = 256

# Stroke thickness and margin of `render_glyph`, relative to the glyph's size.
_GLYPH_THICKNESS = 0.07
_GLYPH_STROKES = 6  # with more strokes they become thinner
_GLYPH_MARGIN = 0.06
_GLYPH_OVERSAMPLING = 4


class Strokes:
    """The strokes of characters.

    Attributes:
      characters: all characters, in the order of their GB2312 codes.
    """

    def __init__(
        self,
        characters: Iterable[str],
        stroke_counts: np.ndarray,
        point_counts: np.ndarray,
        radical: np.ndarray,
        points: np.ndarray,
    ) -> None:
        """Store the strokes as flat arrays.

        Args:
          characters: n characters.
          stroke_counts: int64 `(n,)`: number of strokes of each character.
          point_counts: int64 `(s,)`: number of points of each stroke.
          radical: bool `(s,)`: whether the stroke belongs to the radical.
          points: float32 `(p, 2)`: x and y in the unit box, y downwards.
        """
        self.characters = tuple(characters)
        self._index = {character: index for index, character in enumerate(self.characters)}
        self._first_stroke = np.concatenate([[0], np.cumsum(stroke_counts)])
        self._first_point = np.concatenate([[0], np.cumsum(point_counts)])
        self._radical = radical
        self._points = points
        self._points.flags.writeable = False  # medians() returns views

    def __contains__(self, character: str) -> bool:
        return character in self._index

    def medians(self, character: str) -> list[np.ndarray]:
        """Return the strokes of a character in writing order.

        Returns:
          A float32 array `(n, 2)` per stroke, n at least 2: its points, x and y in `[0, 1]`, y
          downwards.

        Raises:
          KeyError: if the character is unknown.
        """
        first, last = self._span(character)
        bounds = self._first_point[first : last + 1]
        return [self._points[start:stop] for start, stop in itertools.pairwise(bounds)]

    def radical(self, character: str) -> np.ndarray:
        """Return whether each stroke belongs to the radical: bool; all False if unknown.

        Raises:
          KeyError: if the character is unknown.
        """
        first, last = self._span(character)
        return self._radical[first:last]

    def _span(self, character: str) -> tuple[int, int]:
        index = self._index[character]
        return int(self._first_stroke[index]), int(self._first_stroke[index + 1])


@functools.cache
def load() -> Strokes:
    """Load the strokes of the package, once per process (about 20 ms)."""
    return unpack(packed_file())


def unpack(content: bytes) -> Strokes:
    """Unpack a stroke file.

    Args:
      content: content of an npz file written by `tools/pack_strokes.py`.
    """
    with np.load(io.BytesIO(content)) as packed:
        stroke_counts = packed["stroke_counts"].astype(np.int64)
        point_counts = packed["point_counts"].astype(np.int64)
        radical = np.unpackbits(packed["radical"], count=len(point_counts)).astype(bool)
        # uint8 arithmetic wraps around, which inverts the differences modulo 256.
        levels = np.stack([np.cumsum(packed[axis], dtype=np.uint8) for axis in "xy"], axis=1)
        characters = str(packed["characters"])
    # The middle of each level, for a box of [0, 1] instead of [0, 255/256].
    points = (levels.astype(np.float32) + 0.5) / _LEVELS
    return Strokes(characters, stroke_counts, point_counts, radical, points)


def packed_file() -> bytes:
    """Read the package's stroke file."""
    return (resources.files("lsgan_tf.data.synthetic") / FOLDER / FILE).read_bytes()


def licence() -> bytes:
    """Read the licence of the strokes, which must accompany every copy."""
    return (resources.files("lsgan_tf.data.synthetic") / FOLDER / LICENCE).read_bytes()


def render_glyph(character: str, size: int) -> np.ndarray | None:
    """Draw a clean glyph of a character, for captions.

    Args:
      character: one character.
      size: height and width in pixels, at least 1.

    Returns:
      uint8 `(size, size)`, black (0) on white (255), antialiased; None if the character is unknown.
    """
    strokes = load()
    if character not in strokes:
        return None
    side = size * _GLYPH_OVERSAMPLING
    medians = strokes.medians(character)
    # Complex characters have thinner strokes, of at least one pixel.
    thinner = min(1.0, math.sqrt(_GLYPH_STROKES / len(medians)))
    thickness = max(_GLYPH_THICKNESS * thinner * side, _GLYPH_OVERSAMPLING)
    image = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(image)
    scale = side * (1 - 2 * _GLYPH_MARGIN)
    for median in medians:
        path = [tuple(point) for point in (median * scale + side * _GLYPH_MARGIN).tolist()]
        draw.line(path, fill=0, width=round(thickness), joint="curve")
        for x, y in (path[0], path[-1]):
            half = thickness / 2
            draw.ellipse((x - half, y - half, x + half, y + half), fill=0)
    return np.asarray(image.resize((size, size), Image.Resampling.BOX))
