"""How each character of GB2312 level 1 is written, stroke by stroke.

The strokes ship with the package in `strokes_gb2312/strokes.npz`, which `tools/pack_strokes.py`
made; source and licence are told beside it. The file holds, all uint8: `stroke_counts`, the strokes
of each character; `point_counts`, the points of each stroke; `radical`, one bit a stroke; `x` and
`y`, the differences modulo 256 from each point to the next through the whole file. `characters` is
one string, in the order of the codes.
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

# Of render_glyph: thickness of a stroke and empty margin, in parts of the glyph's size.
_GLYPH_THICKNESS = 0.07
_GLYPH_STROKES = 6  # with more, strokes become thinner
_GLYPH_MARGIN = 0.06
_GLYPH_OVERSAMPLING = 4


class Strokes:
    """The strokes of many characters.

    Attributes:
      characters: every character there is, in the order of their GB2312 codes.
    """

    def __init__(
        self,
        characters: Iterable[str],
        stroke_counts: np.ndarray,
        point_counts: np.ndarray,
        radical: np.ndarray,
        points: np.ndarray,
    ) -> None:
        """Keeps the strokes as flat arrays.

        Args:
          characters: n characters.
          stroke_counts: int64 `(n,)`: the strokes of each.
          point_counts: int64 `(s,)`: the points of each stroke.
          radical: bool `(s,)`: whether the stroke belongs to the radical.
          points: float32 `(p, 2)`: x and y in the unit box, y downwards.
        """
        self.characters = tuple(characters)
        self._index = {character: index for index, character in enumerate(self.characters)}
        self._first_stroke = np.concatenate([[0], np.cumsum(stroke_counts)])
        self._first_point = np.concatenate([[0], np.cumsum(point_counts)])
        self._radical = radical
        self._points = points
        self._points.flags.writeable = False  # medians() hands out views of it

    def __contains__(self, character: str) -> bool:
        return character in self._index

    def medians(self, character: str) -> list[np.ndarray]:
        """The strokes of a character in the order of writing.

        Returns:
          One float32 array `(n, 2)` a stroke, n at least 2: the points the pen goes through, x and
          y in `[0, 1]`, y downwards.

        Raises:
          KeyError: if the character is unknown.
        """
        first, last = self._span(character)
        bounds = self._first_point[first : last + 1]
        return [self._points[start:stop] for start, stop in itertools.pairwise(bounds)]

    def radical(self, character: str) -> np.ndarray:
        """Which strokes belong to the radical: bool, one a stroke; all False if not known.

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
    """The strokes that ship with the package, read once in a process (some 20 milliseconds)."""
    return unpack(packed_file())


def unpack(content: bytes) -> Strokes:
    """The strokes in a packed file.

    Args:
      content: of an npz file as `tools/pack_strokes.py` makes it.
    """
    with np.load(io.BytesIO(content)) as packed:
        stroke_counts = packed["stroke_counts"].astype(np.int64)
        point_counts = packed["point_counts"].astype(np.int64)
        radical = np.unpackbits(packed["radical"], count=len(point_counts)).astype(bool)
        # uint8 arithmetic wraps, which undoes the differences modulo 256.
        levels = np.stack([np.cumsum(packed[axis], dtype=np.uint8) for axis in "xy"], axis=1)
        characters = str(packed["characters"])
    # The middle of each level, so the box is [0, 1] and not [0, 255/256].
    points = (levels.astype(np.float32) + 0.5) / _LEVELS
    return Strokes(characters, stroke_counts, point_counts, radical, points)


def packed_file() -> bytes:
    """The packed strokes as they ship with the package."""
    return (resources.files("lsgan_tf.data.synthetic") / FOLDER / FILE).read_bytes()


def licence() -> bytes:
    """The licence of the strokes, to go with every copy of them."""
    return (resources.files("lsgan_tf.data.synthetic") / FOLDER / LICENCE).read_bytes()


def render_glyph(character: str, size: int) -> np.ndarray | None:
    """A clean drawing of a character, for captions.

    Args:
      character: one character.
      size: height and width in pixels, at least 1.

    Returns:
      uint8 `(size, size)`, black (0) on white (255), antialiased; None if the character's strokes
      are not known.
    """
    strokes = load()
    if character not in strokes:
        return None
    side = size * _GLYPH_OVERSAMPLING
    medians = strokes.medians(character)
    # Crowded characters get thinner strokes, but never thinner than a pixel.
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
