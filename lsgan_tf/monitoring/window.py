"""Sums of the metrics between two log lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lsgan_tf.gan import METRICS

WINDOW_FORM = {
    "sums?": [float],
    "count?": int,
    "bad_in_a_row?": int,
    "names?": [str],
    "call?": [float],
}
"""A `Window` in JSON."""


@dataclasses.dataclass
class Window:
    """Sums of the metrics since the last log line.

    A call may be made in pieces. Its own sums go on from piece to piece and are added when
    it ends: so the result is the same to the bit, however it is cut.

    Attributes:
      sums: sum of each metric over the sound steps of ended calls; zeros if not given.
      count: number of sound steps.
      bad_in_a_row: steps at the end whose loss or gradient was not finite.
      names: of the metrics.
      call: sums over the sound steps of the call that goes on; likewise.
    """

    sums: list[float] = dataclasses.field(default_factory=list)
    count: int = 0
    bad_in_a_row: int = 0
    names: Sequence[str] = METRICS
    call: list[float] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.sums = self.sums or [0.0] * len(self.names)
        self.call = self.call or [0.0] * len(self.names)
        self.names = tuple(self.names)

    def add(
        self, sums: np.ndarray, done: int, bad: int, bad_at_end: int, *, ends: bool = True
    ) -> None:
        """Adds a piece of `done` steps, of which `bad` are left out.

        Args:
          sums: the call's over its pieces so far.
          done: steps of this piece.
          bad: how many of them were not finite.
          bad_at_end: how many of those stand at its end.
          ends: whether the call is over.
        """
        self.call = [float(value) for value in sums]
        if ends:
            pairs = zip(self.sums, self.call, strict=True)
            self.sums = [mine + more for mine, more in pairs]
            self.call = [0.0] * len(self.names)
        self.count += done - bad
        self.bad_in_a_row = bad_at_end + (self.bad_in_a_row if bad_at_end == done else 0)

    def pack(self) -> list[float]:
        """The window as numbers."""
        return [*self.sums, *self.call, self.count, self.bad_in_a_row]

    def unpack(self, numbers: Sequence[float]) -> Window:
        """The window of the same metrics that gave these numbers to `pack`."""
        *sums, count, bad_in_a_row = numbers
        half = len(sums) // 2
        return Window(sums[:half], int(count), int(bad_in_a_row), self.names, sums[half:])

    def means(self) -> dict[str, float | None]:
        """Mean of each metric by name; None if no step was sound."""
        if not self.count:
            return dict.fromkeys(self.names)
        return {n: value / self.count for n, value in zip(self.names, self.sums, strict=True)}
