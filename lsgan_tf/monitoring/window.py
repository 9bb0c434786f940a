"""Sums of the metrics between two log lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lsgan_tf.gan import METRICS

WINDOW_FORM = {"sums?": [float], "count?": int, "bad_in_a_row?": int, "names?": [str]}
"""A `Window` in JSON."""


@dataclasses.dataclass
class Window:
    """Sums of the metrics since the last log line.

    Attributes:
      sums: sum of each metric over the sound steps; zeros if not given.
      count: number of sound steps.
      bad_in_a_row: steps at the end whose loss or gradient was not finite.
      names: of the metrics.
    """

    sums: list[float] = dataclasses.field(default_factory=list)
    count: int = 0
    bad_in_a_row: int = 0
    names: Sequence[str] = METRICS

    def __post_init__(self) -> None:
        self.sums = self.sums or [0.0] * len(self.names)
        self.names = tuple(self.names)

    def add(self, sums: np.ndarray, done: int, bad: int, bad_at_end: int) -> None:
        """Adds one call's sums over `done` steps, of which `bad` are left out."""
        self.sums = [mine + float(more) for mine, more in zip(self.sums, sums, strict=True)]
        self.count += done - bad
        self.bad_in_a_row = bad_at_end + (self.bad_in_a_row if bad_at_end == done else 0)

    def pack(self) -> list[float]:
        """The window as numbers."""
        return [*self.sums, self.count, self.bad_in_a_row]

    def unpack(self, numbers: Sequence[float]) -> Window:
        """The window of the same metrics that gave these numbers to `pack`."""
        *sums, count, bad_in_a_row = numbers
        return Window(sums, int(count), int(bad_in_a_row), self.names)

    def means(self) -> dict[str, float | None]:
        """Mean of each metric by name; None if no step was sound."""
        if not self.count:
            return dict.fromkeys(self.names)
        return {n: value / self.count for n, value in zip(self.names, self.sums, strict=True)}
