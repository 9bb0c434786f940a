"""Ctrl-C, SIGTERM and a terminal that goes away: finish the call, keep the work, then leave."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

from lsgan_tf.util.terminal import loss

# Windows has neither of the last two.
STOPPING = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGPIPE")
    if hasattr(signal, name)
)
"""What ends a run. SIGPIPE is never received: Python ignores it, and a write fails."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, where Ctrl-C is a KeyboardInterrupt."""


class Interruption:
    """Notes the first SIGINT, SIGTERM or SIGHUP; a SIGINT after it stops the process at once.

    Python runs its handlers only between calls into TensorFlow, and once for any
    number of signals; so a thread listens beside them. Use as a context; the former
    handlers come back at its end. SIGHUP stays ignored where it is (`nohup`). Outside the
    main thread signals cannot be handled and are left alone.
    """

    def __init__(self) -> None:
        self._first: signal.Signals | None = None
        self._former: dict[signal.Signals, Any] = {}

    @property
    def signal(self) -> signal.Signals | None:
        """The first signal received; SIGPIPE once nobody reads standard output; else None."""
        if self._first is None and isinstance(loss(), BrokenPipeError):
            return getattr(signal, "SIGPIPE", None)
        return self._first

    def __enter__(self) -> Interruption:
        if threading.current_thread() is not threading.main_thread():
            return self
        listening, telling = os.pipe()
        os.set_blocking(telling, False)
        self._pipe = (listening, telling)
        self._former_pipe = signal.set_wakeup_fd(telling, warn_on_full_buffer=False)
        # TensorFlow's own handler for several workers is none that Python could put back.
        for number in STOPPING:
            ignored = signal.getsignal(number) is signal.SIG_IGN
            if number.name == "SIGPIPE" or (number.name == "SIGHUP" and ignored):
                continue
            self._former[number] = signal.signal(number, self._receive) or signal.SIG_DFL
        self._thread = threading.Thread(target=self._listen, args=(listening,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._former:
            return
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
        if self._first is None:
            self._first = signal.Signals(number)

    def _listen(self, pipe: int) -> None:
        count = 0
        while numbers := os.read(pipe, 64):
            for number in numbers:
                if number not in self._former:
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
    """The exit status that shells expect: 130 for SIGINT, 143 for SIGTERM, and so on."""
    return 128 + received
