"""Ctrl-C and SIGTERM: finish the current call, keep the work, then leave."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM, where Ctrl-C is a KeyboardInterrupt."""


class Interruption:
    """Notes the first SIGINT or SIGTERM; a SIGINT after it stops the process at once.

    Python runs its handlers only between calls into TensorFlow, and once for any
    number of signals; so a thread listens beside them. Use as a context; the former
    handlers come back at its end.

    Attributes:
      signal: the first signal received, None so far.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def __enter__(self) -> Interruption:
        listening, telling = os.pipe()
        os.set_blocking(telling, False)
        self._pipe = (listening, telling)
        self._former_pipe = signal.set_wakeup_fd(telling, warn_on_full_buffer=False)
        # TensorFlow's own handler for several workers is none that Python could put back.
        self._former = {
            number: signal.signal(number, self._receive) or signal.SIG_DFL for number in _SIGNALS
        }
        self._thread = threading.Thread(target=self._listen, args=(listening,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._former_pipe)
        listening, telling = self._pipe
        os.close(telling)  # ends the thread
        self._thread.join()
        os.close(listening)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._note(number)

    def _note(self, number: int) -> None:
        if self.signal is None:
            self.signal = signal.Signals(number)

    def _listen(self, pipe: int) -> None:
        count = 0
        while numbers := os.read(pipe, 64):
            for number in numbers:
                if number not in _SIGNALS:
                    continue
                count += 1
                self._note(number)
                if number == signal.SIGINT and count > 1:
                    print("stopped at once by a second Ctrl-C", file=sys.stderr, flush=True)
                    os._exit(exit_status(signal.SIGINT))
                if number == signal.SIGINT:
                    print(
                        "Ctrl-C: finishing this call and writing a checkpoint; "
                        "once more stops at once",
                        file=sys.stderr,
                        flush=True,
                    )


def exit_status(received: signal.Signals) -> int:
    """The exit status that shells expect: 130 for SIGINT, 143 for SIGTERM."""
    return 128 + received
