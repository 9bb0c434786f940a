"""Commands on a pseudo-terminal that can be closed, as a window or a connection is."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Sequence


class OnTerminal:
    """`python -m lsgan_tf.main` in a session of its own, on a terminal of its own.

    Args:
      flags: the flags, `--name=value` each.
    """

    def __init__(self, flags: Sequence[str]) -> None:
        self._master, terminal = os.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lsgan_tf.main", *flags],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=_control,
        )
        os.close(terminal)
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def exitcode(self) -> int | None:
        """The exit status; None while the process runs."""
        return self._process.poll()

    def close(self) -> None:
        """Close the terminal: the kernel sends SIGHUP, and output fails from then on."""
        self._closing.set()
        self._reader.join()
        os.close(self._master)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the process to end."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()

    def _read(self) -> None:
        """Read the output, since a process blocks once the terminal's buffer is full."""
        os.set_blocking(self._master, False)
        while not self._closing.wait(0.01):
            try:
                while os.read(self._master, 1 << 16):
                    pass
            except BlockingIOError:
                continue
            except OSError:  # the process has ended
                return


def _control() -> None:
    """Make standard input the session's controlling terminal, whose end the process notices.

    Under `nohup` the parent ignores SIGHUP, which the process would inherit.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
