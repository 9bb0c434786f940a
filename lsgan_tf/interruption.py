"""Ctrl-C and SIGTERM: finish the current call, keep the work, then leave."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class Interruption:
    """Notes the first SIGINT or SIGTERM; a second SIGINT stops at once.

    Use as a context; the former handlers come back at its end.

    Attributes:
      signal: the signal received, None so far.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def __enter__(self) -> Interruption:
        self._former = {
            number: signal.signal(number, self._receive)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    @property
    def status(self) -> int:
        """The exit status that shells expect: 130 for SIGINT, 143 for SIGTERM."""
        return 0 if self.signal is None else 128 + self.signal

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)
