"""User-facing messages for TensorFlow's errors.

Errors are recognised by class name, so that TensorFlow need not be imported.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator

# Errors of file operations. TensorFlow keeps only their text, and raises the same class for a
# full disk as for exhausted memory.
_ON_FILES = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EFBIG,
    errno.EIO,
    errno.ESTALE,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOENT,
    errno.ENOTDIR,
)
_LESS_MEMORY = (
    "end other programs that use memory, or give a smaller --batch_size, narrower networks or "
    "more --devices; checkpoints written so far are kept"
)
_LONGEST = 200  # characters of TensorFlow's text that are shown
# TensorFlow passes on Python errors of a data source as text.
_FROM_PYTHON = re.compile(r"(?P<kind>[A-Z]\w*Error): (?P<text>.*?)\s*Traceback \(most recent")


def one_line(error: BaseException) -> str | None:
    """Return a one-line message with a remedy for an error of TensorFlow, or out of memory.

    Args:
      error: any error.

    Returns:
      The message; None for errors that deserve a traceback.
    """
    if isinstance(error, MemoryError):
        return f"out of memory; {_LESS_MEMORY}"
    names = _names(error)
    if "OpError" not in names:
        return None
    text = " ".join(str(error).split())
    if match := _FROM_PYTHON.search(text):
        if match["kind"] == "UserError":
            return match["text"]
        if match["kind"] == "MemoryError":
            return f"out of memory; {_LESS_MEMORY}"
        return None
    words = text[:_LONGEST]
    if on_disk := os_error(error):
        return f"{on_disk.strerror} ({words}); check the disk and run the same command again"
    if "ResourceExhaustedError" in names or "out of memory" in text.lower():
        return f"out of memory in TensorFlow ({words}); {_LESS_MEMORY}"
    if "XLA" in text:
        return f"XLA cannot compile this ({words}); use --jit_compile=off"
    if names & {"InternalError", "UnknownError", "UnavailableError"}:
        return (
            f"TensorFlow failed ({words}); run the same command again: with the same --run_dir "
            "training resumes from the newest checkpoint; if it fails again, try "
            "--jit_compile=off or --devices=cpu"
        )
    return None


def os_error(error: BaseException) -> OSError | None:
    """Return the operating-system error behind a TensorFlow error, None if there is none."""
    if "OpError" not in _names(error):
        return None
    text = str(error)
    found = (number for number in _ON_FILES if os.strerror(number) in text)
    number = next(found, None)
    return None if number is None else OSError(number, os.strerror(number))


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Convert TensorFlow's file errors inside the context to OSError."""
    try:
        yield
    except Exception as error:
        if on_disk := os_error(error):
            raise on_disk from error
        raise


def _names(error: BaseException) -> set[str]:
    return {
        kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("tensorflow")
    }
