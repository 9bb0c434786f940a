"""Reading of untrusted files: regular files only, with limits of size, depth and type."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from lsgan_tf.errors import UserError
from lsgan_tf.util.files import explained
from lsgan_tf.util.forms import check_form, parse_json

if TYPE_CHECKING:
    import numpy as np

_MEGABYTE = 1 << 20
_LARGEST_JSON = 256 * _MEGABYTE


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
      UserError: if it is a FIFO or a device, reading which may never end.
      OSError: if it cannot be opened.
    """
    return open(path, "rb", opener=open_descriptor)


def open_descriptor(path: str | Path, flags: int = os.O_RDONLY) -> int:
    """Return a descriptor of a regular file, to be closed by the caller; see `open_regular`."""
    # Without O_NONBLOCK, opening a FIFO waits for a writer.
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise UserError(
        f"{path}: expected a regular file, found a FIFO or a device; give the file itself"
    )


def read_bytes(path: Path, largest: int | None = None) -> bytes:
    """Read a regular file.

    Args:
      path: the file.
      largest: maximum size in bytes; None for any size.

    Raises:
      UserError: if it is larger, or not a regular file.
      OSError: if it cannot be read.
    """
    with open_regular(path) as stream:
        content = stream.read(-1 if largest is None else largest + 1)
    if largest is not None and len(content) > largest:
        raise UserError(f"{path}: larger than the {largest:,} bytes allowed")
    return content


def read_beginning(path: Path, count: int) -> bytes:
    """Read the first `count` bytes of a regular file; see `open_regular`."""
    with open_regular(path) as stream:
        return stream.read(count)


def read_json(path: Path, form: Any = None, *, largest: int = _LARGEST_JSON) -> Any:
    """Read JSON and check it against a schema.

    Args:
      path: the file.
      form: the schema, see `lsgan_tf.util.forms.check_form`; None accepts anything.
      largest: maximum size in bytes.

    Raises:
      UserError: if the file is missing, is not JSON, or does not match the schema.
    """
    with explained(path, "reading it"):
        text = read_bytes(path, largest).decode("utf-8-sig", errors="replace")
    try:
        value = parse_json(text)
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON ({error})") from error
    if form is not None:
        try:
            check_form(value, form)
        except ValueError as error:
            raise UserError(f"{path}: damaged, or of another program ({error})") from error
    return value


def read_array(path: Path, dtype: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """Memory-map an `.npy` array and check its dtype and shape.

    Args:
      path: the file.
      dtype: the expected dtype.
      shape: the expected shape; None for any length.

    Raises:
      ValueError: if it is damaged, or dtype or shape differ.
      UserError: if it is not a regular file.
      OSError: if it cannot be read.
    """
    import numpy as np

    open_regular(path).close()
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    # For damaged files NumPy raises many kinds of exceptions.
    except Exception as error:
        raise ValueError(f"{path.name}: {str(error) or type(error).__name__}") from error
    fits = len(array.shape) == len(shape) and all(
        expected in (None, length) for expected, length in zip(shape, array.shape, strict=True)
    )
    if array.dtype != dtype or not fits:
        raise ValueError(f"{path.name} holds {array.dtype} {array.shape}")
    return array


def sha256(path: Path) -> str:
    """Return the hex SHA-256 digest of a file's content."""
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while block := stream.read(4 * _MEGABYTE):
            digest.update(block)
    return digest.hexdigest()
