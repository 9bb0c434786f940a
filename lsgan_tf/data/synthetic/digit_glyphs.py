"""Large glyphs of the ten digits in a serif font similar to Times.

Most strokes are drawn with a nib three times as wide as high, so vertical strokes are thick and
horizontal ones thin; serifs and bars are polygons. Coordinates are relative to the height of a
digit, x from its left edge and y downwards from its top.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

HEIGHT = 448
"""Height of a digit in pixels, sixteen times that of the images."""

_NIB = (0.055, 0.018)  # half of its width and height
_HAIRLINE = (0.02, 0.02)
_STEPS = 120  # points along a curve
_MARGIN = 32

Point = tuple[float, float]


def glyph(digit: int) -> Image.Image:
    """Draw a digit on black: mode "L", cropped to the ink.

    Args:
      digit: 0 to 9.
    """
    if digit == 9:
        return glyph(6).rotate(180)
    side = HEIGHT + 2 * _MARGIN
    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)
    for polygon in _POLYGONS.get(digit, ()):
        draw.polygon([_place(point) for point in polygon], fill=255)
    for points, nib in _STROKES.get(digit, ()):
        for x, y in points:
            across, down = nib
            draw.ellipse([_place((x - across, y - down)), _place((x + across, y + down))], fill=255)
    return image.crop(image.getbbox())


def _place(point: Point) -> Point:
    return (_MARGIN + HEIGHT * point[0], _MARGIN + HEIGHT * point[1])


def _curve(*points: Point) -> list[Point]:
    """Sample connected cubic Béziers: a start, then two control points and an end for each."""
    t = np.linspace(0, 1, _STEPS)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    pieces = [weights @ np.array(points[i : i + 4]) for i in range(0, len(points) - 1, 3)]
    return [(float(x), float(y)) for x, y in np.concatenate(pieces)]


def _line(start: Point, end: Point) -> list[Point]:
    return _curve(start, start, end, end)


def _ring(x: float, y: float, across: float, down: float) -> list[Point]:
    """Return an ellipse centred at (x, y)."""
    angles = np.linspace(0, 2 * math.pi, 3 * _STEPS)
    return [(x + across * math.cos(angle), y + down * math.sin(angle)) for angle in angles]


_BALL = (0.05, 0.05)
# The end of the lower bowl of 3 and 5.
_TAIL = ((0.5, 0.7), (0.5, 0.88), (0.37, 0.982), (0.2, 0.982), (0.13, 0.982), (0.1, 0.95),
         (0.07, 0.92))  # fmt: skip

_STROKES: dict[int, list[tuple[list[Point], tuple[float, float]]]] = {
    0: [(_ring(0.3, 0.5, 0.245, 0.482), _NIB)],
    2: [
        (
            _curve(
                (0.06, 0.25), (0.08, 0.1), (0.16, 0.018), (0.28, 0.018), (0.42, 0.018),
                (0.49, 0.13), (0.49, 0.26), (0.49, 0.46), (0.3, 0.63), (0.06, 0.94),
            ),
            _NIB,
        )
    ],
    3: [
        (
            _curve(
                (0.06, 0.2), (0.09, 0.08), (0.16, 0.018), (0.26, 0.018), (0.38, 0.018),
                (0.44, 0.1), (0.44, 0.2), (0.44, 0.33), (0.33, 0.42), (0.19, 0.46),
            ),
            _NIB,
        ),
        (_curve((0.19, 0.46), (0.4, 0.44), (0.5, 0.57), *_TAIL), _NIB),
        ([(0.09, 0.92)], _BALL),
    ],
    4: [(_line((0.42, 0.02), (0.02, 0.68)), _HAIRLINE)],
    5: [
        (_line((0.16, 0.02), (0.08, 0.42)), _HAIRLINE),
        (_curve((0.09, 0.42), (0.34, 0.35), (0.5, 0.52), *_TAIL), _NIB),
        ([(0.09, 0.92)], _BALL),
    ],
    6: [
        (_curve((0.54, 0.018), (0.3, 0.06), (0.055, 0.32), (0.055, 0.66)), _NIB),
        (_ring(0.3, 0.69, 0.245, 0.292), _NIB),
    ],
    8: [(_ring(0.3, 0.25, 0.195, 0.232), _NIB), (_ring(0.3, 0.72, 0.245, 0.262), _NIB)],
}  # fmt: skip
_POLYGONS: dict[int, list[list[Point]]] = {
    1: [
        [(0.26, 0), (0.02, 0.115), (0.035, 0.145), (0.145, 0.12), (0.145, 0.9), (0.26, 0.9)],
        [
            (0.145, 0.84), (0.26, 0.84), (0.285, 0.945), (0.4, 0.965), (0.4, 1), (0.02, 1),
            (0.02, 0.965), (0.12, 0.945),
        ],
    ],
    2: [
        [
            (0, 0.965), (0.11, 0.88), (0.49, 0.88), (0.56, 0.76), (0.59, 0.76), (0.54, 1), (0, 1),
        ]
    ],
    4: [
        [(0.365, 0.09), (0.42, 0), (0.475, 0), (0.475, 1), (0.365, 1)],
        [(0, 0.66), (0.6, 0.66), (0.6, 0.74), (0, 0.74)],
    ],
    5: [[(0.15, 0), (0.57, 0), (0.53, 0.1), (0.135, 0.1)]],
    7: [
        [(0, 0.24), (0.04, 0), (0.59, 0), (0.59, 0.03), (0.5, 0.1), (0.1, 0.1), (0.03, 0.24)],
        [(0.48, 0.08), (0.59, 0.03), (0.29, 1), (0.18, 1)],
    ],
}  # fmt: skip
