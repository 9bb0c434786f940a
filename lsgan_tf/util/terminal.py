"""Standard output and standard error that may be lost without ending the work.

A window is closed, a pipe's reader ends, the disk that takes the output is full: Python
raises at the next line. Through an `Outlet` that line is dropped and the loss is noted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class Outlet:
    """A text stream on which writing does not fail; otherwise the stream it is given.

    Args:
      stream: the stream; None is one that was closed before the process began.

    Attributes:
      lost: why nothing can be written any more; None while it can.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.lost: OSError | None = None
        if stream is None:
            self.lost = OSError(errno.EBADF, os.strerror(errno.EBADF))
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes a text, or drops it if the stream is lost."""
        with self._losing():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes the stream, if it is not lost."""
        with self._losing():
            self._stream.flush()

    def isatty(self) -> bool:
        """Whether the stream is a terminal that is still there."""
        return self.lost is None and self._stream.isatty()

    @property
    def controls(self) -> Outlet:
        """The same for whoever means to move the cursor: see `PrintableStream`."""
        return Outlet(getattr(self._stream, "controls", self._stream))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except UnicodeError:
            raise
        except BlockingIOError:
            pass  # a full pipe that does not wait: this line is lost, the reader is not
        except (OSError, ValueError) as error:  # ValueError: closed by this process
            if self.lost is None:
                self.lost = error if isinstance(error, OSError) else OSError(0, str(error))
            with contextlib.suppress(OSError, ValueError):
                # What is buffered has to go somewhere, and what libraries write themselves.
                if (number := self._stream.fileno()) in (1, 2):
                    _open_null_at(number)


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """Under it, standard output and standard error are `Outlet`s."""
    former = sys.stdout, sys.stderr
    outlets = [s if isinstance(s, Outlet) else Outlet(s) for s in former]
    sys.stdout, sys.stderr = outlets
    try:
        yield
    finally:
        for outlet in outlets:
            outlet.flush()
        sys.stdout, sys.stderr = former


def occupy_descriptors() -> None:
    """Opens those of the descriptors 0, 1 and 2 that are closed on the null device.

    Otherwise files opened later get these numbers, and libraries' messages go into them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            _open_null_at(number)


def loss() -> OSError | None:
    """Why standard output is lost; None if it is not, or not an `Outlet`."""
    return getattr(sys.stdout, "lost", None)


def is_terminal() -> bool:
    """Whether a person watches standard output."""
    return sys.stdout is not None and sys.stdout.isatty()


def _open_null_at(number: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)
