"""What TensorFlow's own errors mean to the person at the keyboard.

TensorFlow is not imported here, so that every command can ask: its errors are known by
their names.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator

# What an operation on a file can fail with. TensorFlow keeps only the words, and gives a
# full disk the same class of error as memory that has run out.
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
    "end what else uses memory, or give a smaller --batch_size, narrower networks or more "
    "--devices; checkpoints written so far stay"
)
_LONGEST = 200  # characters of TensorFlow's text that are shown
# A Python error in a data source reaches us through TensorFlow as text.
_FROM_PYTHON = re.compile(r"(?P<kind>[A-Z]\w*Error): (?P<text>.*?)\s*Traceback \(most recent")


def one_line(error: BaseException) -> str | None:
    """A line with the remedy for an error that TensorFlow or Python's memory raised.

    Args:
      error: any error.

    Returns:
      None for what only a developer can put right: that deserves its traceback.
    """
    if isinstance(error, MemoryError):
        return f"out of memory; {_LESS_MEMORY}"
    names = _names(error)
    if "OpError" not in names:
        return None
    text = " ".join(str(error).split())
    if told := _FROM_PYTHON.search(text):
        if told["kind"] == "UserError":
            return told["text"]
        if told["kind"] == "MemoryError":
            return f"out of memory; {_LESS_MEMORY}"
        return None
    words = text[:_LONGEST]
    if on_disk := os_error(error):
        return f"{on_disk.strerror} ({words}); see to the disk and run the same command again"
    if "ResourceExhaustedError" in names or "out of memory" in text.lower():
        return f"out of memory in TensorFlow ({words}); {_LESS_MEMORY}"
    if "XLA" in text:
        return f"XLA cannot compile this ({words}); use --jit_compile=off"
    if names & {"InternalError", "UnknownError", "UnavailableError"}:
        return (
            f"TensorFlow failed ({words}); run the same command again, with the same --run_dir a "
            "run goes on from its newest checkpoint; should it fail again, try --jit_compile=off "
            "or --devices=cpu"
        )
    return None


def os_error(error: BaseException) -> OSError | None:
    """The operating system's error that a TensorFlow error tells of; None if it is another."""
    if "OpError" not in _names(error):
        return None
    text = str(error)
    found = (number for number in _ON_FILES if os.strerror(number) in text)
    number = next(found, None)
    return None if number is None else OSError(number, os.strerror(number))


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Turns what TensorFlow says of a disk into the operating system's error; others pass."""
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
