"""Inter-process file locks, also on file systems without locks."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from filelock import SoftFileLock, Timeout, lock_descriptor

from lsgan_tf.errors import UserError
from lsgan_tf.util.in_place import opener

SOFT = ".soft"
"""Suffix of the lock file used where the file system has no locks."""

_PAUSE = 0.05
_SECONDS_OF_READERS = 0.2  # `is_held` takes the lock for an instant
_SILENT_SECONDS = 5.0


def take(path: Path, *, wait: bool = False, sign: bool = True) -> contextlib.ExitStack:
    """Acquire a lock; closing the result, or the end of the process, releases it.

    Where the file system has no locks, the file `<path>.soft` is used instead: it contains
    the process id and host name, and is ignored once that process is gone.

    Args:
      path: the file to lock, created if missing.
      wait: whether to wait while another process holds it.
      sign: whether to write this process's id into the file.

    Raises:
      BlockingIOError: if another process holds it.
      UserError: if `path` is a link.
      OSError: if it cannot be written.
    """
    with contextlib.ExitStack() as stack:
        mode = "a+" if sign else "r"
        stream = stack.enter_context(open(path, mode, encoding="utf-8", opener=opener))
        try:
            _attempt(lambda: lock_descriptor(stream.fileno(), blocking=False), path, wait)
        except BlockingIOError:
            raise
        except OSError:
            soft = SoftFileLock(f"{path}{SOFT}", thread_local=False)
            _attempt(lambda: _take_soft(soft), path, wait)
            stack.callback(soft.release)
        if sign:
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
        return stack.pop_all()


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock; False if that cannot be determined."""
    # Network file systems lock only writable files.
    mode = "r+b" if os.access(path, os.W_OK) else "rb"
    with contextlib.suppress(OSError, UserError), open(path, mode, opener=opener) as stream:
        try:
            # Released at once, as the file is closed.
            return not lock_descriptor(stream.fileno(), blocking=False)
        except OSError:
            if not os.path.lexists(f"{path}{SOFT}"):
                return False
            # A stale one is acquired, and removed by the release.
            soft = SoftFileLock(f"{path}{SOFT}", thread_local=False)
            held = not _take_soft(soft)
            soft.release()
            return held
    return False


def holder(path: Path) -> str:
    """Return the id of the process that holds the lock, for messages."""
    with contextlib.suppress(OSError):
        text = Path(path).read_text(encoding="utf-8", errors="replace").strip()
        if text.isdecimal():
            return text
    return "unknown"


def _attempt(attempt: Callable[[], bool], path: Path, wait: bool) -> None:
    start, reported = time.monotonic(), False
    while not attempt():
        passed = time.monotonic() - start
        if not wait and passed > _SECONDS_OF_READERS:
            raise BlockingIOError(f"{path} is locked")
        if passed > _SILENT_SECONDS and not reported:
            reported = True
            message = f"waiting for another process (id {holder(path)}) that holds {path}"
            print(message, file=sys.stderr, flush=True)
        time.sleep(_PAUSE)


def _take_soft(soft: SoftFileLock) -> bool:
    try:
        soft.acquire(blocking=False)
    except Timeout:
        return False
    return True
