"""Safe opening of files that are modified in place.

Other files are written under a temporary name and renamed (`lsgan_tf.util.files`), which
replaces links. Appending, truncating and locking would follow them.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from lsgan_tf.errors import UserError

# Absent on Windows. O_NONBLOCK: opening a pipe would wait for its other end.
_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"))
# Errors of a link that was not followed, and of a pipe without a reader.
_NOT_A_FILE = (errno.ELOOP, errno.EMLINK, errno.ENXIO)


def opener(path: str, flags: int) -> int:
    """Open a regular file without other hard links: `open(path, "a", opener=opener)`.

    Raises:
      UserError: if `path` is a link or not a regular file, or is opened for writing and has
        another hard link.
      OSError: if it cannot be opened.
    """
    refuse_link(Path(path))
    try:
        descriptor = os.open(path, flags | _FLAGS, 0o666)
    except OSError as error:
        if error.errno in _NOT_A_FILE:
            raise _refused(path) from error
        raise
    status = os.fstat(descriptor)
    reads = flags & (os.O_WRONLY | os.O_RDWR) == 0
    if stat.S_ISREG(status.st_mode) and (reads or status.st_nlink <= 1):
        return descriptor
    os.close(descriptor)
    if stat.S_ISREG(status.st_mode):
        raise UserError(
            f"{path}: this file has another hard link, which would change too; copy the folder "
            "(cp -r) and give the copy"
        )
    raise _refused(path)


def refuse_link(path: Path) -> None:
    """Check that a file or folder is not a symbolic link.

    Raises:
      UserError: if it is one.
    """
    if Path(path).is_symlink():
        raise UserError(
            f"{path}: is a link, and its target would be changed; remove the link (--run_dir "
            "itself may be a link)"
        )


def refuse_special(path: Path) -> None:
    """Check that a path is not a device or pipe, which a new file would replace.

    Raises:
      UserError: if it is one.
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
        raise _refused(path)


def _refused(path: str | Path) -> UserError:
    return UserError(f"{path}: is a link, a device or a pipe; expected a file or an unused name")
