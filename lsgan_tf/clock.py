"""Time spent training, over all the times a run was started."""

from __future__ import annotations

import time


class Clock:
    """Seconds of training and the speed of late.

    Args:
      seconds: seconds trained before, from the checkpoint.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._before = seconds
        self._start = self._mark = time.monotonic()
        self._mark_step: int | None = None
        self._rate = 0.0

    @property
    def seconds(self) -> float:
        """Seconds trained in all."""
        return self._before + time.monotonic() - self._start

    def since_mark(self) -> float:
        """Seconds since `rate` was last called."""
        return time.monotonic() - self._mark

    def rate(self, step: int) -> float:
        """Steps per second since the last call; 0 at the first."""
        now = time.monotonic()
        if self._mark_step is not None and step > self._mark_step:
            self._rate = (step - self._mark_step) / max(now - self._mark, 1e-9)
        self._mark, self._mark_step = now, step
        return self._rate


def spell(seconds: float) -> str:
    """A duration for people: `2 d 03:04:05`, `03:04:05`."""
    days, rest = divmod(max(round(seconds), 0), 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{hours:02d}:{minutes:02d}:{rest:02d}"
    return f"{days} d {text}" if days else text
