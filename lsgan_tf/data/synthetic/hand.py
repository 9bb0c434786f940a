"""Computes the pen traces of synthetic handwriting from strokes.

A writer is a `Style`: slant, proportions, roundness, joining, pressure. Each sample adds random
variation of each stroke, of the two parts of the character (radical and rest), and of the plane.
All samples of a character are computed as a batch. Points are complex numbers, x + iy with y
downwards, so rotation and scaling are multiplications.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from lsgan_tf.data.synthetic.skeleton import LONGEST_JOIN, SPACING, Skeleton
from lsgan_tf.data.synthetic.style import Style, waves

# Average height of a printed character relative to the box.
_USUAL_HEIGHT = 0.84
_WAVES = 3  # number of warping waves of a sample
_NUMBERS_PER_STROKE = 12
_NUMBERS_PER_SAMPLE = 40


@dataclasses.dataclass(frozen=True)
class Trace:
    """Pen traces of a batch of samples of a character.

    Attributes:
      points: complex64 `(batch, n)`, pixels.
      pressure: float32 `(batch, n)`, 1 on average; 0 where the pen is lifted.
    """

    points: np.ndarray
    pressure: np.ndarray


class _Numbers:
    """Standard normal numbers of each sample, consumed in a fixed order."""

    def __init__(self, generators: Sequence[np.random.Generator], count: int) -> None:
        rows = [generator.standard_normal(count, dtype=np.float32) for generator in generators]
        self._rows = np.stack(rows)
        self._next = 0

    def real(self, *shape: int) -> np.ndarray:
        """Return the next numbers: float32 `(batch, *shape)`."""
        count = math.prod(shape)
        part = self._rows[:, self._next : self._next + count]
        assert part.shape[1] == count, "more random numbers used than drawn"
        self._next += count
        return part.reshape(len(part), *shape)

    def plane(self, *shape: int) -> np.ndarray:
        """Return the next numbers: complex64 `(batch, *shape)`, normal on both axes."""
        pairs = self.real(*shape, 2)
        return pairs[..., 0] + 1j * pairs[..., 1]


def trace(
    skeleton: Skeleton, styles: Sequence[Style], generators: Sequence[np.random.Generator]
) -> Trace:
    """Write a character once in each style.

    Args:
      skeleton: the character.
      styles: style of each sample.
      generators: random generator of each sample.
    """
    numbers = _Numbers(generators, _NUMBERS_PER_SAMPLE + _NUMBERS_PER_STROKE * skeleton.count)
    style = Style.stack(styles)
    points = _strokes(skeleton, style, numbers)
    points = _parts(points, skeleton, style, numbers)
    points = _bend(points, style, numbers)
    whole, joined = _joined(points, skeleton, style, numbers)
    whole = _rounded(whole, joined, skeleton, style)
    pressure = _pressure(whole, joined, skeleton, style, numbers)
    return Trace(_placed(whole, style, numbers), pressure)


def _strokes(skeleton: Skeleton, style: Style, numbers: _Numbers) -> np.ndarray:
    """Vary each stroke: hook, bow, length, direction, position, ends.

    Returns:
      complex64 `(batch, points of all strokes)`, in the unit box.
    """
    strokes, loose = skeleton.count, style.looseness
    own, along = skeleton.stroke, skeleton.along
    turn = 0.08 * loose * numbers.real(strokes)
    stretch = 0.09 * loose * numbers.real(strokes)
    stretch = stretch + style.reach * np.tanh(4 * (skeleton.length - 0.35))
    change = np.exp(stretch + 1j * turn).astype(np.complex64)
    place = 0.018 * loose * numbers.plane(strokes)
    begin = 0.02 * loose * numbers.plane(strokes)
    end = 0.027 * loose * numbers.plane(strokes)
    bendable = np.where(skeleton.straight, 1, 0.4).astype(np.float32)
    bow = (style.bow + 0.022 * loose * numbers.real(strokes)) * bendable
    arc = 4 * along * (1 - along)
    points = skeleton.points + (style.hook - 1) * skeleton.hook
    middle = skeleton.middle[own]
    points = middle + (points - middle) * change[:, own] + place[:, own]
    points += begin[:, own] * (1 - along) + end[:, own] * along
    return points + 1j * (bow * skeleton.chord)[:, own] * arc


def _parts(points: np.ndarray, skeleton: Skeleton, style: Style, numbers: _Numbers) -> np.ndarray:
    """Vary size and position of radical and rest."""
    shift = 0.022 * style.looseness * numbers.plane(2)
    size = 0.09 * style.looseness * numbers.real(2)
    stretch = 0.05 * style.looseness * numbers.real(2)
    in_radical = skeleton.radical[skeleton.stroke]
    if in_radical.all() or not in_radical.any():
        return points
    out = points.copy()
    for part, mask in enumerate((in_radical, ~in_radical)):
        scale = np.exp(size[:, part : part + 1]) * (style.radical if part == 0 else 1)
        wide = np.exp(stretch[:, part : part + 1])
        away = points[:, mask] - points[:, mask].mean(axis=1, keepdims=True)
        moved = scale * (away.real * wide + 1j * away.imag / wide)
        out[:, mask] += moved - away + shift[:, part : part + 1]
    return out


def _bend(points: np.ndarray, style: Style, numbers: _Numbers) -> np.ndarray:
    """Warp the plane by the waves of the writer and of the sample."""
    own = waves(numbers.real(3, _WAVES, 2))
    moved = points
    for bends, strength in ((style.habits, 0.024), (own, 0.023)):
        for index in range(bends.shape[-1]):
            vector, phase, shift = (bends[:, row, index : index + 1] for row in range(3))
            angle = (points * vector.conj()).real + phase.real
            moved = moved + strength * style.warp * shift * np.sin(angle)
    return moved


def _joined(
    points: np.ndarray, skeleton: Skeleton, style: Style, numbers: _Numbers
) -> tuple[np.ndarray, np.ndarray]:
    """Add joins to the trace, and select those that are drawn.

    Returns:
      Points complex64 `(batch, size)`; joined bool `(batch, strokes - 1)`.
    """
    whole = np.empty((len(points), skeleton.size), np.complex64)
    whole[:, skeleton.stroke_slots] = points
    ends, starts = points[:, skeleton.last[:-1]], points[:, skeleton.first[1:]]
    gap = starts - ends
    distance = np.abs(gap)
    leaving = _unit(ends - points[:, skeleton.last[:-1] - 2]) * distance
    arriving = _unit(points[:, skeleton.first[1:] + 2] - starts) * distance
    # Cubic Hermite curves with short tangents, to avoid wide loops.
    t = skeleton.join_along
    own = skeleton.join
    curve = ends[:, own] + gap[:, own] * (t * t * (3 - 2 * t))
    curve += 0.6 * leaving[:, own] * (t * (1 - t) ** 2) - 0.6 * arriving[:, own] * (t * t * (1 - t))
    whole[:, skeleton.join_slots] = curve
    # A normal times 1.7 is nearly logistic, so a join has the odds exp(odds).
    odds = 6 * (style.joining - 0.5) - distance / 0.2
    joined = 1.7 * numbers.real(skeleton.count - 1) < odds
    return whole, joined & (distance < LONGEST_JOIN)


def _rounded(whole: np.ndarray, joined: np.ndarray, skeleton: Skeleton, style: Style) -> np.ndarray:
    """Round corners by a moving average that does not extend over lifted pens."""
    lifted = np.ones((len(whole), 1), bool)
    begins = np.where(np.hstack([lifted, ~joined]), skeleton.trace_first, 0)
    ends = np.where(np.hstack([~joined, lifted]), skeleton.trace_last, skeleton.size)
    first = np.maximum.accumulate(begins, axis=1)[:, skeleton.trace_stroke]
    last = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1][:, skeleton.trace_stroke]
    slots = np.arange(skeleton.size)
    reach = np.rint(style.roundness / SPACING).astype(int)
    # Windows shrink to zero at the ends of connected strokes, so these are fixed; they exclude
    # joins that are not drawn.
    half = np.clip(np.minimum(slots - first, last - slots), 0, reach)
    rows = np.arange(len(whole))[:, None]
    for _ in range(2):
        sums = np.zeros((len(whole), skeleton.size + 1), np.complex64)
        np.cumsum(whole, axis=1, out=sums[:, 1:])
        whole = (sums[rows, slots + half + 1] - sums[rows, slots - half]) / (2 * half + 1)
    return whole


def _pressure(
    whole: np.ndarray,
    joined: np.ndarray,
    skeleton: Skeleton,
    style: Style,
    numbers: _Numbers,
) -> np.ndarray:
    """Return the pressure along the trace: float32 `(batch, size)`."""
    length, along = skeleton.length[skeleton.stroke], skeleton.along
    free_end = np.ones((len(whole), skeleton.count), np.float32)
    free_end[:, :-1] -= 0.8 * joined
    stroke = np.exp(0.13 * numbers.real(skeleton.count))
    profile = 1 + style.entry * np.exp(-along * length / 0.04)
    fading = np.exp((along - 1) * length / style.exit_length)
    profile *= 1 - style.exit * free_end[:, skeleton.stroke] * fading
    pressure = np.empty(whole.shape, np.float32)
    pressure[:, skeleton.stroke_slots] = profile * stroke[:, skeleton.stroke]
    t = skeleton.join_along
    light = style.join_pressure * np.exp(0.3 * numbers.real(skeleton.count - 1))
    pressure[:, skeleton.join_slots] = np.where(
        joined[:, skeleton.join],
        light[:, skeleton.join] + (0.7 - light)[:, skeleton.join] * (2 * t - 1) ** 4,
        0,
    )
    direction = _unit(np.gradient(whole, axis=1)) ** 2 * np.exp(-2j * style.nib_angle)
    wave = np.sin(np.arange(skeleton.size) / 9 + 6 * numbers.real(1))
    pressure *= 1 + style.contrast * direction.real + 0.1 * wave
    return pressure


def _placed(points: np.ndarray, style: Style, numbers: _Numbers) -> np.ndarray:
    """Map the unit box to pixels: slant, rise, proportions, rotation, size."""
    slant = style.slant + 0.05 * numbers.real(1)
    rise = style.rise + 0.03 * numbers.real(1)
    aspect = style.aspect * np.exp(0.075 * numbers.real(1))
    turn = 0.03 * numbers.real(1)
    size = style.size * np.exp(0.08 * numbers.real(1)) / _USUAL_HEIGHT
    x, y = points.real, points.imag
    leaning = aspect * (x - slant * y) + 1j * (y - rise * x)
    return (leaning * size * np.exp(1j * turn)).astype(np.complex64)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Normalise vectors to length 1 (0 stays 0)."""
    return vectors / np.maximum(np.abs(vectors), 1e-6)
