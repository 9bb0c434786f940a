"""Skeleton of a character: evenly spaced points of its strokes, hooks and joins."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np

# Distance between points of a trace, relative to the box: smaller than the thinnest nib.
SPACING = 1 / 56
# Longest visible pen movement between strokes.
LONGEST_JOIN = 0.65

_FEWEST_POINTS = 4
_SHARP = 1.2  # minimum angle of a hook in radians


class Skeleton:
    """The strokes of a character as evenly spaced points.

    The trace of a pen consists of the points of all strokes and of the joins between consecutive
    strokes. A slot is an index into the trace.

    Attributes:
      count: number of strokes.
      points: complex64 `(n,)`: points of all strokes, in the unit box.
      stroke: `(n,)`: stroke of each point.
      along: float32 `(n,)`: from 0 at the start of the stroke to 1 at its end.
      hook: complex64 `(n,)`: offset from the corner of the stroke's final hook; 0 outside of hooks.
      first: `(count,)`: index in `points` of each stroke's first point.
      last: `(count,)`: index in `points` of each stroke's last point.
      middle: complex64 `(count,)`: mean of the points of each stroke.
      chord: complex64 `(count,)`: vector from the first to the last point of each stroke.
      length: float32 `(count,)`: length of each stroke.
      straight: bool `(count,)`: whether each stroke is nearly straight.
      radical: bool `(count,)`: whether each stroke belongs to the radical.
      size: number of slots.
      stroke_slots: `(n,)`: slot of each point.
      trace_first: `(count,)`: slot of each stroke's first point.
      trace_last: `(count,)`: slot of each stroke's last point.
      join_slots: `(m,)`: slots of all joins.
      join: `(m,)`: index of the stroke before each join.
      join_along: float32 `(m,)`: from near 0 at the start of the join to near 1 at its end.
      trace_stroke: `(size,)`: stroke of each slot; for joins the preceding stroke.
    """

    def __init__(self, medians: Sequence[np.ndarray], radical: np.ndarray) -> None:
        """Resample the strokes and find the hooks.

        Args:
          medians: a float32 array `(n, 2)` per stroke, in the unit box, y downwards.
          radical: whether each stroke belongs to the radical: bool.
        """
        strokes = [_resample(median) for median in medians]
        counts = np.array([len(stroke) for stroke in strokes])
        gaps = np.array([abs(b[0] - a[-1]) for a, b in itertools.pairwise(strokes)])
        # One point more than for a straight line, since joins are curved.
        joins = np.ceil(np.minimum(gaps, LONGEST_JOIN) / SPACING).astype(int) + 2
        self.count = len(strokes)
        self.points = np.concatenate(strokes)
        self.stroke = np.repeat(np.arange(self.count), counts)
        self.along = np.concatenate([_even(len(stroke)) for stroke in strokes]).astype(np.float32)
        self.middle = np.array([stroke.mean() for stroke in strokes])
        self.chord = np.array([stroke[-1] - stroke[0] for stroke in strokes])
        self.length = (counts - 1).astype(np.float32) * SPACING
        self.straight = np.abs(self.chord) > 0.93 * self.length
        self.hook = np.concatenate([_hook(stroke) for stroke in strokes])
        self.radical = radical
        self.first = np.cumsum(counts) - counts
        self.last = np.cumsum(counts) - 1
        # Slots of strokes and joins.
        starts = self.first + np.concatenate([[0], np.cumsum(joins)]).astype(int)
        self.trace_first = starts
        self.trace_last = starts + counts - 1
        self.size = int(self.trace_last[-1]) + 1
        self.stroke_slots = np.arange(len(self.points)) + np.repeat(starts - self.first, counts)
        self.join = np.repeat(np.arange(self.count - 1), joins)
        in_join = np.ones(self.size, bool)
        in_join[self.stroke_slots] = False
        self.join_slots = np.flatnonzero(in_join)
        self.join_along = np.concatenate(
            [[], *(np.arange(1, n + 1) / (n + 1) for n in joins)]
        ).astype(np.float32)
        self.trace_stroke = np.empty(self.size, int)
        self.trace_stroke[self.stroke_slots] = self.stroke
        self.trace_stroke[self.join_slots] = self.join


@functools.cache
def _even(count: int) -> np.ndarray:
    """Return `count` evenly spaced numbers from 0 to 1."""
    return np.linspace(0, 1, count)


def _resample(median: np.ndarray) -> np.ndarray:
    """Resample a polyline to complex64 points about `SPACING` apart."""
    corners = median[:, 0] + 1j * median[:, 1]
    length = np.concatenate([[0], np.cumsum(np.abs(np.diff(corners)))])
    count = max(_FEWEST_POINTS, round(length[-1] / SPACING) + 1)
    return np.interp(length[-1] * _even(count), length, corners).astype(np.complex64)


def _hook(stroke: np.ndarray) -> np.ndarray:
    """Return the offset of each point of a final hook from its corner; 0 for others."""
    out = np.zeros_like(stroke)
    start = max(3, int(0.6 * len(stroke)))
    stop = len(stroke) - 2
    if start >= stop:
        return out
    before = stroke[start:stop] - stroke[start - 3 : stop - 3]
    after = stroke[-1] - stroke[start:stop]
    turn = np.abs(np.angle(after * before.conj()))
    corner = start + int(turn.argmax())
    if turn[corner - start] > _SHARP:
        out[corner:] = stroke[corner:] - stroke[corner]
    return out
