"""Graceful shutdown on Ctrl-C, SIGTERM and a closed terminal."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from lsgan_tf.util.terminal import stdout_error

# Windows lacks the last two.
STOPPING = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGPIPE")
    if hasattr(signal, name)
)
"""Signals that end a run. SIGPIPE is never received: Python ignores it and writes fail."""


class Terminated(KeyboardInterrupt):
    """Raised on SIGTERM and SIGHUP, as KeyboardInterrupt is on Ctrl-C.

    Attributes:
      signal: the signal.
    """

    def __init__(self, received: signal.Signals) -> None:
        super().__init__(received.name)
        self.signal = received


@contextlib.contextmanager
def raising() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise `Terminated` inside the context, so that it can clean up.

    An ignored SIGHUP (`nohup`) stays ignored. Outside the main thread the context has no effect.
    """
    former = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            if signal.getsignal(number) is not signal.SIG_IGN:
                former[number] = signal.signal(number, _terminate) or signal.SIG_DFL
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(signal.Signals(number))


class Interruption:
    """Context manager that records the first SIGINT, SIGTERM or SIGHUP.

    A SIGINT after it exits at once. Python runs signal handlers only between calls into
    TensorFlow, and once for any number of signals, so a thread listens as well. An ignored
    SIGHUP (`nohup`) stays ignored. Outside the main thread the context has no effect.
    """

    def __init__(self) -> None:
        self._first: signal.Signals | None = None
        self._former: dict[signal.Signals, Any] = {}

    @property
    def signal(self) -> signal.Signals | None:
        """The first signal received, SIGPIPE if standard output has no reader, or None."""
        if self._first is None and isinstance(stdout_error(), BrokenPipeError):
            return getattr(signal, "SIGPIPE", None)
        return self._first

    def __enter__(self) -> Interruption:
        if threading.current_thread() is not threading.main_thread():
            return self
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        self._pipe = (read_end, write_end)
        self._former_pipe = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        # `or`: TensorFlow's handler for several workers is in C and cannot be restored.
        for number in STOPPING:
            ignored = signal.getsignal(number) is signal.SIG_IGN
            if number.name == "SIGPIPE" or (number.name == "SIGHUP" and ignored):
                continue
            self._former[number] = signal.signal(number, self._receive) or signal.SIG_DFL
        self._thread = threading.Thread(target=self._listen, args=(read_end,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._former:
            return
        for number, handler in self._former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._former_pipe)
        read_end, write_end = self._pipe
        os.close(write_end)  # ends the thread
        self._thread.join()
        os.close(read_end)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._record(number)

    def _record(self, number: int) -> None:
        if self._first is None:
            self._first = signal.Signals(number)

    def _listen(self, pipe: int) -> None:
        count = 0
        while numbers := os.read(pipe, 64):
            for number in numbers:
                if number not in self._former:
                    continue
                count += 1
                self._record(number)
                if number == signal.SIGINT and count > 1:
                    print("stopped at once by a second Ctrl-C", file=sys.stderr, flush=True)
                    os._exit(exit_status(signal.SIGINT))
                if number == signal.SIGINT:
                    print(
                        "Ctrl-C: finishing this call and writing a checkpoint; "
                        "press again to stop at once",
                        file=sys.stderr,
                        flush=True,
                    )


def exit_status(received: signal.Signals) -> int:
    """Return the exit status by shell convention: 130 for SIGINT, 143 for SIGTERM, and so on."""
    return 128 + received
