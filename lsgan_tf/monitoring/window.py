"""Running sums of the training metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from lsgan_tf.gan import METRICS
from lsgan_tf.util.forms import fields_of

WINDOW_FORM = {
    "sums?": [float],
    "count?": int,
    "bad_in_a_row?": int,
    "names?": [str],
    "call?": [float],
}
"""Form of a `Window` in JSON."""


@dataclasses.dataclass
class Window:
    """Sums of the training metrics since the last log line or check.

    A call of several steps may be split into pieces. Its sums are carried from piece to piece
    and added at its end, so the result is bit-identical however the call is split.

    Attributes:
      sums: sum of each metric over the finite steps of completed calls; zeros by default.
      count: number of finite steps.
      bad_in_a_row: number of consecutive non-finite steps at the end.
      names: names of the metrics.
      call: sums over the finite steps of the current call; zeros by default.
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
        """Add a piece of a call.

        Args:
          sums: sums of the metrics over the call's pieces so far.
          done: number of steps of this piece.
          bad: number of non-finite steps of this piece, which are not counted.
          bad_at_end: number of consecutive non-finite steps at the end of this piece.
          ends: whether this piece ends the call.
        """
        self.call = [float(value) for value in sums]
        if ends:
            pairs = zip(self.sums, self.call, strict=True)
            self.sums = [mine + more for mine, more in pairs]
            self.call = [0.0] * len(self.names)
        self.count += done - bad
        self.bad_in_a_row = bad_at_end + (self.bad_in_a_row if bad_at_end == done else 0)

    def reset(self) -> None:
        """Reset the sums and the count, but not `bad_in_a_row`."""
        self.sums, self.count = [0.0] * len(self.names), 0
        self.call = [0.0] * len(self.names)

    def state(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return dataclasses.asdict(self)

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a result of `state`."""
        for name, value in fields_of(Window, state).items():
            setattr(self, name, value)
        self.__post_init__()

    def pack(self) -> list[float]:
        """Return the window as numbers, to broadcast them to other workers."""
        return [*self.sums, *self.call, self.count, self.bad_in_a_row]

    def unpack(self, numbers: Sequence[float]) -> None:
        """Restore a result of `pack` for the same metrics."""
        *sums, count, bad_in_a_row = numbers
        half = len(sums) // 2
        self.sums, self.call = list(sums[:half]), list(sums[half:])
        self.count, self.bad_in_a_row = int(count), int(bad_in_a_row)

    def means(self) -> dict[str, float | None]:
        """Return the mean of each metric by name; None if no step was finite."""
        if not self.count:
            return dict.fromkeys(self.names)
        return {n: value / self.count for n, value in zip(self.names, self.sums, strict=True)}
