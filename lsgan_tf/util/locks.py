"""Locks between processes, on file systems without such locks too."""

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
"""Suffix of the file that stands for a lock where the file system has none."""

_PAUSE = 0.05
_SECONDS_OF_READERS = 0.2  # `is_held` has the lock for an instant
_SILENT_SECONDS = 5.0


def take(path: Path, *, wait: bool = False, sign: bool = True) -> contextlib.ExitStack:
    """Takes a lock; closing the result, or the end of the process, gives it back.

    Where the file system has no locks, the file `<path>.soft` stands for one: it holds the
    process's number and its host's name, and is passed over when that process is gone.

    Args:
      path: the file to lock; made if it does not exist.
      wait: for as long as another process has it.
      sign: write this process's number into the file.

    Raises:
      BlockingIOError: if another process has it.
      UserError: if it is a link.
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
    """Whether a living process has the lock; False if that cannot be found out."""
    # Network file systems lock only what may be written.
    mode = "r+b" if os.access(path, os.W_OK) else "rb"
    with contextlib.suppress(OSError, UserError), open(path, mode, opener=opener) as stream:
        try:
            # Given back at once: the file is closed.
            return not lock_descriptor(stream.fileno(), blocking=False)
        except OSError:
            if not os.path.lexists(f"{path}{SOFT}"):
                return False
            # That of a process that is gone can be had, and is removed.
            soft = SoftFileLock(f"{path}{SOFT}", thread_local=False)
            held = not _take_soft(soft)
            soft.release()
            return held
    return False


def holder(path: Path) -> str:
    """The number of the process that has the lock, for a message."""
    with contextlib.suppress(OSError):
        text = Path(path).read_text(encoding="utf-8", errors="replace").strip()
        if text.isdecimal():
            return text
    return "unknown"


def _attempt(attempt: Callable[[], bool], path: Path, wait: bool) -> None:
    begun, told = time.monotonic(), False
    while not attempt():
        passed = time.monotonic() - begun
        if not wait and passed > _SECONDS_OF_READERS:
            raise BlockingIOError(f"{path} is locked")
        if passed > _SILENT_SECONDS and not told:
            told = True
            words = f"waiting for another process (number {holder(path)}), which has {path}"
            print(words, file=sys.stderr, flush=True)
        time.sleep(_PAUSE)


def _take_soft(soft: SoftFileLock) -> bool:
    try:
        soft.acquire(blocking=False)
    except Timeout:
        return False
    return True
