"""Standard output and standard error whose failure does not end the program.

Python raises on output after a terminal was closed, a pipe's reader ended or the disk became
full. A `SafeStream` drops such output and records the error.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class SafeStream:
    """Wrapper of a text stream on which writing does not fail.

    Args:
      stream: the stream; None if it was closed before the process started.

    Attributes:
      lost: the error after which output is dropped; None while the stream works.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.lost: OSError | None = None
        if stream is None:
            self.lost = OSError(errno.EBADF, os.strerror(errno.EBADF))
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, or drop it if the stream is lost."""
        with self._losing():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream unless it is lost."""
        with self._losing():
            self._stream.flush()

    def isatty(self) -> bool:
        """Whether the stream is a working terminal."""
        return self.lost is None and self._stream.isatty()

    @property
    def controls(self) -> SafeStream:
        """A stream that passes control characters; see `PrintableStream`."""
        return SafeStream(getattr(self._stream, "controls", self._stream))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except UnicodeError:
            raise
        except BlockingIOError:
            pass  # a full non-blocking pipe: only this line is lost
        except (OSError, ValueError) as error:  # ValueError: closed by this process
            if self.lost is None:
                self.lost = error if isinstance(error, OSError) else OSError(0, str(error))
            with contextlib.suppress(OSError, ValueError):
                # Takes the buffered output, and that of C libraries.
                if (number := self._stream.fileno()) in (1, 2):
                    _open_null_at(number)


@contextlib.contextmanager
def safe_output() -> Iterator[None]:
    """Make standard output and standard error `SafeStream`s inside the context."""
    former = sys.stdout, sys.stderr
    streams = [s if isinstance(s, SafeStream) else SafeStream(s) for s in former]
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        for stream in streams:
            stream.flush()
        sys.stdout, sys.stderr = former


def occupy_descriptors() -> None:
    """Open the null device on those of the descriptors 0, 1 and 2 that are closed.

    Otherwise files opened later get these numbers, and libraries write messages into them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            _open_null_at(number)


def stdout_error() -> OSError | None:
    """Return the error by which standard output was lost, or None."""
    return getattr(sys.stdout, "lost", None)


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def _open_null_at(number: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)
