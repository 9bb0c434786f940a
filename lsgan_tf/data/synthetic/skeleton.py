"""A character's strokes as a hand sees them: evenly spaced points, hooks, the ways between."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np

# Distance between points of a trace, in parts of the character's box: finer
# than the nib of the thinnest pen at the usual sizes.
SPACING = 1 / 56
# A pen is never seen to travel further than this from stroke to stroke.
LONGEST_JOIN = 0.65

_FEWEST_POINTS = 4
_SHARP = 1.2  # radians: a hook's turn is at least that


class Skeleton:
    """A character's strokes as evenly spaced points, with what a hand needs to know of them.

    The points of all strokes lie in one array. The trace of a pen has more: between any two strokes
    it has room for the way from one to the next, the join. A slot is a place in the trace.

    Attributes:
      count: number of strokes.
      points: complex64 `(n,)`: points of all strokes, in the unit box.
      stroke: `(n,)`: to which stroke each belongs.
      along: float32 `(n,)`: from 0 at the stroke's start to 1 at its end.
      hook: complex64 `(n,)`: way from the corner of the stroke's final hook; 0 outside of hooks.
      first: `(count,)`: index in `points` of each stroke's first point.
      last: `(count,)`: and of its last.
      middle: complex64 `(count,)`: mean of its points.
      chord: complex64 `(count,)`: from its first point to its last.
      length: float32 `(count,)`.
      straight: bool `(count,)`: whether it is nearly straight.
      radical: bool `(count,)`: whether it is of the radical.
      size: number of slots.
      stroke_slots: `(n,)`: the slot of each point.
      trace_first: `(count,)`: the slot of each stroke's first point.
      trace_last: `(count,)`: and of its last.
      join_slots: `(m,)`: the slots of all joins.
      join: `(m,)`: the number of the stroke before the join.
      join_along: float32 `(m,)`: from near 0 at its start to near 1 at its end.
      trace_stroke: `(size,)`: the stroke of each slot; for joins the stroke before.
    """

    def __init__(self, medians: Sequence[np.ndarray], radical: np.ndarray) -> None:
        """Spaces the points and finds the hooks.

        Args:
          medians: float32 `(n, 2)` a stroke, in the unit box, y downwards.
          radical: bool, one a stroke.
        """
        strokes = [_resample(median) for median in medians]
        counts = np.array([len(stroke) for stroke in strokes])
        gaps = np.array([abs(b[0] - a[-1]) for a, b in itertools.pairwise(strokes)])
        # One more point than the gap needs: joins are curved.
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
        # Where strokes and the joins between them lie in the trace.
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
    """`count` numbers from 0 to 1."""
    return np.linspace(0, 1, count)


def _resample(median: np.ndarray) -> np.ndarray:
    """A polyline as complex64 points, about `SPACING` apart."""
    corners = median[:, 0] + 1j * median[:, 1]
    way = np.concatenate([[0], np.cumsum(np.abs(np.diff(corners)))])
    count = max(_FEWEST_POINTS, round(way[-1] / SPACING) + 1)
    return np.interp(way[-1] * _even(count), way, corners).astype(np.complex64)


def _hook(stroke: np.ndarray) -> np.ndarray:
    """For each point of a final hook, the way from its corner; 0 for points before it."""
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
